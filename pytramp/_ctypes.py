"""ctypes objects for closures; imported by the first who asks for one."""

from __future__ import annotations

import ctypes
import functools
from _ctypes import CFuncPtr
from typing import Any

from pytramp import _libffi
from pytramp._agreement import passed_alike
from pytramp._core import Closure, Signature, Type, UnsupportedTypeError, function_at, taken
from pytramp._lock import LOCK
from pytramp._specification import described


class _Holder(ctypes.c_void_p):
    """An address that keeps its closure alive: ctypes.cast keeps its source in ``_objects``."""

    closure: Closure


class Object(ctypes.py_object):
    """py_object for a result: NULL is a ValueError, where ctypes crashes."""

    _check_retval_ = staticmethod(taken)


_SCALARS: dict[str, Any] = {
    "_Bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "signed char": ctypes.c_byte,
    "unsigned char": ctypes.c_ubyte,
    "short": ctypes.c_short,
    "unsigned short": ctypes.c_ushort,
    "int": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
    "long": ctypes.c_long,
    "unsigned long": ctypes.c_ulong,
    "long long": ctypes.c_longlong,
    "unsigned long long": ctypes.c_ulonglong,
    "wchar_t": ctypes.c_wchar,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "long double": ctypes.c_longdouble,
    "void *": ctypes.c_void_p,
    "void": None,
    # ctypes has no types of these names, but ones that are passed alike
    "char16_t": ctypes.c_uint16,
    "char32_t": ctypes.c_uint32,
}
for _spelling, _name in (
    ("float _Complex", "c_float_complex"),
    ("double _Complex", "c_double_complex"),
    ("long double _Complex", "c_longdouble_complex"),
):
    if hasattr(ctypes, _name):  # 3.14, where libffi has them
        _SCALARS[_spelling] = getattr(ctypes, _name)


def as_address(closure: Closure) -> ctypes.c_void_p:
    """For ``_as_parameter_`` where ctypes has no class for it: not an int, which ctypes would cut
    to 32 bits."""
    holder = _Holder(closure.address)
    holder.closure = closure
    return holder


def parameter_class(signature: Signature) -> Any:
    """The class of ``_as_parameter_``: of the signature's own types, so that argtypes which name
    these accept it. None where ctypes has no such function type."""
    if signature.variadic:
        return None
    try:
        with LOCK:
            return _named(prototype_of(signature))
    except (UnsupportedTypeError, ctypes.ArgumentError):  # from 3.15 on, more than 1024 arguments
        return None


@functools.cache
def _named(prototype: Any) -> Any:
    """A subclass for ctypes' errors: "expected CFunctionType instance instead of ..." """
    body = {name: getattr(prototype, name) for name in ("_flags_", "_restype_", "_argtypes_")}
    name = "a Closure (for a prototype: its as_ctypes(prototype))"
    return type(prototype)(name, (prototype,), body)


def as_function(closure: Closure, prototype: Any) -> Any:
    """A function pointer of the prototype, or of the closure's own signature for None.

    TypeError for what is no prototype, or one of functions that C calls otherwise.
    """
    if prototype is None:
        return function_at(prototype_of(closure.signature), closure)
    if not isinstance(prototype, type) or not issubclass(prototype, CFuncPtr):
        raise TypeError(
            "as_ctypes() takes a prototype, such as ctypes.CFUNCTYPE(ctypes.c_int), "
            f"not {described(prototype)}"
        )
    wanted = Signature(prototype)
    if not passed_alike(closure.signature, wanted):
        raise TypeError(f"'{closure.signature}' is no '{wanted}'")
    return function_at(_libffi.careful(prototype), closure)


def guard(function: Any) -> None:
    """Of a function pointer that returns a py_object: NULL raises instead of crashing."""
    if function.restype is ctypes.py_object:
        function.restype = Object


def prototype_of(signature: Signature) -> Any:
    """The CFUNCTYPE class of a signature. UnsupportedTypeError names what ctypes cannot say."""
    types = (signature.result, *signature.arguments)
    # A list: CPython 3.13 crashes where there is no memory for a generator's function.
    return function_class(
        *[_ctype_of(type_, f"argument {i}" if i else "result") for i, type_ in enumerate(types)]
    )


def function_class(result: Any, *arguments: Any) -> Any:
    """CFUNCTYPE; of functions with objects, whose references need the GIL, PYFUNCTYPE. Called, they
    raise UnsupportedTypeError where libffi passes a struct in another way than C."""
    with LOCK:  # of those who come at once, one makes it
        make = _of_objects if ctypes.py_object in (result, *arguments) else ctypes.CFUNCTYPE
        return _libffi.careful(make(result, *arguments))


@functools.cache
def _of_objects(result: Any, *arguments: Any) -> Any:
    """One class for all who ask, as CFUNCTYPE has."""
    return ctypes.PYFUNCTYPE(Object if result is ctypes.py_object else result, *arguments)


def _ctype_of(type_: Type, where: str) -> Any:
    if type_.kind == "object":
        return ctypes.py_object
    if isinstance(type_.ctype, type):  # not one of cffi's
        return type_.ctype
    try:
        return _SCALARS[type_.canonical]
    except KeyError:
        raise UnsupportedTypeError(
            f"{where}: ctypes has no type for {type_.spelling}; pass a prototype to as_ctypes()"
        ) from None
