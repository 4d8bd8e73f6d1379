"""ctypes objects for closures; imported by the first who asks for one."""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr
from typing import Any

from pytramp._core import Closure, Signature, Type, UnsupportedTypeError, function_at


class _Holder(ctypes.c_void_p):
    """An address that keeps its closure alive: ctypes.cast keeps its source in ``_objects``."""

    closure: Closure


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


def _hold(closure: Closure) -> _Holder:
    holder = _Holder(closure.address)
    holder.closure = closure
    return holder


def as_parameter(closure: Closure) -> ctypes.c_void_p:
    """For ``_as_parameter_``: not an int, which ctypes would cut to 32 bits."""
    return _hold(closure)


def as_function(closure: Closure, prototype: Any) -> Any:
    """A function pointer of the prototype, or of the closure's own signature for None."""
    if prototype is None:
        prototype = prototype_of(closure.signature)
    if issubclass(prototype, CFuncPtr):
        return function_at(prototype, closure)
    return ctypes.cast(_hold(closure), prototype)


def prototype_of(signature: Signature) -> Any:
    """The CFUNCTYPE class of a signature. UnsupportedTypeError names what ctypes cannot say."""
    arguments = [
        _ctype_of(type_, f"argument {i}") for i, type_ in enumerate(signature.arguments, start=1)
    ]
    return ctypes.CFUNCTYPE(_ctype_of(signature.result, "result"), *arguments)


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
