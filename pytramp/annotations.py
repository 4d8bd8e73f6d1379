"""Python objects that mean C types -> types: `to_type` for one, `of_callable` for annotations.

Every function here may be called from any thread. ctypes is used where the caller has imported it,
and never imported for others.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

from pytramp import declare
from pytramp._core import DeclarationError, Pointer, Type, UnsupportedTypeError, VarArgs
from pytramp._errors import prefixed
from pytramp._specification import is_cffi
from pytramp.c import CType
from pytramp.prototype import Prototype

_PYTHON_TYPES: dict[object, str] = {
    None: "void",
    type(None): "void",
    int: "int",
    float: "double",
    bool: "_Bool",
    complex: "double _Complex",
}

_POINTED: dict[object, tuple[str, str]] = {
    int: ("int_p", "int"),
    float: ("double_p", "double"),
    bool: ("bool_p", "_Bool"),
    complex: ("complex_double_p", "double _Complex"),
    bytes: ("char_p", "char"),
    str: ("wchar_p", "wchar_t"),
}

_EXPECTED = (
    "expected a ctypes class, a pytramp.c type, a C type as text, a cffi type, int, float, bool, "
    "complex or None"
)
_MORE = CType("...")


def to_type(spec: object, where: str, types: Any = None) -> Type:
    """The C type that spec means; where begins the message of every error.

    types: names that a C spelling may use, from pytramp.cdef(); None for those of C alone.

    spec is a ctypes class, an alias of pytramp.c, a C spelling, a cffi type, a Type, or one of int,
    float, bool, complex, None for int, double, _Bool, double _Complex, void. void is accepted where
    where is "result". Raises TypeError for anything else, UnsupportedTypeError for a type that
    cannot be passed, DeclarationError for a text that is no C type.
    """
    try:
        result = _plain(_unalias(spec), is_result=where == "result", types=types)
    except (DeclarationError, UnsupportedTypeError) as error:
        raise prefixed(where, error) from None
    if result is None:
        raise TypeError(f"{where}: {_complaint(spec)}")
    if result.spelling == "void" and where != "result":
        raise TypeError(f"{where}: 'void' can only be a result")
    return result


def of_callable(function: Callable[..., object], types: Any = None) -> Prototype:
    """The C function type that the annotations of function mean, parameter by parameter.

    types: names that a CType may use, from pytramp.cdef(); None for those of C alone.

    Annotations that are text are evaluated, as typing.get_type_hints does. Raises TypeError naming
    the parameter where one has no annotation or cannot be passed by position, and as to_type.
    """
    try:
        signature = _signature(function)
    except ValueError as error:
        raise TypeError(f"{_called(function)} has no readable signature: {error}") from None
    hints = _hints(function)
    names = [name for name in map(_positional, signature.parameters.values()) if name is not None]
    variadic = bool(names) and _unalias(hints.get(names[-1])) == _MORE
    if variadic:
        names.pop()
    arguments = tuple(_annotated(hints, name, f"parameter {name!r}", types) for name in names)
    result = _annotated(hints, "return", "result", types)
    _check_lengths(names, arguments)
    if variadic and not names:
        raise TypeError("'...' (pytramp.c.varargs) needs a parameter before it")
    name = getattr(function, "__name__", None)
    return Prototype(result, arguments, tuple(names), name, variadic)


def _check_lengths(names: list[str], types: tuple[Type, ...]) -> None:
    """What an array's length is computed from are other parameters."""
    for name, type_ in zip(names, types, strict=True):
        for token in itertools.chain.from_iterable(type_.dimensions):
            if isinstance(token, str) and token.isidentifier() and token not in names:
                raise TypeError(
                    f"parameter {name!r}: there is no parameter {token!r} for the length of "
                    f"'{type_.spelling}'"
                )


def pointer_type(spec: object, types: Any = None) -> Type:
    """The pointer type that spec means, for Pointer(spec, address) and p.cast(spec).

    spec is text ("const double *"), a pytramp.c alias (c.double_p), a ctypes pointer class, a cffi
    pointer type, or a Type; types as for to_type. Values are those of what it points at:
    POINTER(c_int) gives int. TypeError for what is no pointer, or one to void; errors of the text
    as pytramp.declare.parse.
    """
    plain = _unalias(spec)
    if is_cffi(plain) or _is_ctypes(plain):
        result = _foreign_pointer(plain)
    else:
        result = _plain(plain, is_result=False, types=types)
    if result is not None and result.kind == "pointer" and result.target is not None:
        return result
    raise TypeError(
        f"{_named(spec)} is no type of pointers to values: expected text such as 'const double *', "
        "an alias such as pytramp.c.double_p, or a ctypes.POINTER class"
    )


def _is_ctypes(spec: object) -> bool:
    return "_ctypes" in sys.modules and _is_class(spec) and hasattr(spec, "from_buffer_copy")


def _foreign_pointer(spec: Any) -> Type | None:
    """The type of a pytramp.Pointer to what a pointer of ctypes or cffi points at."""
    module: Any
    if is_cffi(spec):
        from pytramp import _cffi_types as module
    else:
        from pytramp import _ctypes_types as module
    found = module.pointer_target(spec)
    if found is None:
        return None
    spelling, target = found
    return Type.pointer(spelling, to_type(target, f"the target of {spelling!r}"))


def _plain(spec: object, *, is_result: bool, types: Any) -> Type | None:
    """The type that a spec other than an alias means; None where it means none."""
    if isinstance(spec, Type):
        return spec
    if isinstance(spec, CType):
        return None if spec == _MORE else declare.type_of(spec.spelling, types)
    if isinstance(spec, str):
        return declare.type_of(spec, types)
    if spec is None or _is_class(spec):
        if spec in _PYTHON_TYPES:
            return declare.type_of(_PYTHON_TYPES[spec])
        if "_ctypes" in sys.modules:
            return _from_ctypes(spec, is_result)
    if is_cffi(spec):
        from pytramp import _cffi_types

        return _cffi_types.type_of(spec)
    return None


def _is_class(spec: object) -> bool:
    return isinstance(spec, type) and typing.get_origin(spec) is None  # list[int] is a type in 3.10


def _from_ctypes(spec: object, is_result: bool) -> Type | None:
    from pytramp import _ctypes_types  # imports ctypes

    return _ctypes_types.result(spec) if is_result else _ctypes_types.argument(spec)


def _unalias(spec: object) -> object:
    """What stands behind Annotated (the CType in it, or else the type) and `type X = ...`."""
    alias_type = getattr(typing, "TypeAliasType", ())  # Python 3.12
    while isinstance(spec, alias_type):
        spec = spec.__value__
    if typing.get_origin(spec) is not Annotated:
        return spec
    inner, *metadata = typing.get_args(spec)
    marks = [mark for mark in metadata if isinstance(mark, CType)]
    if len(set(marks)) > 1:
        raise UnsupportedTypeError(f"{spec!r} names more than one C type")
    return marks[0] if marks else _unalias(inner)


def _complaint(spec: object) -> str:
    """Why spec is no type, for people."""
    if _unalias(spec) == _MORE:
        return "'...' (pytramp.c.varargs) can only be the last parameter of an annotated function"
    for part in (spec, *typing.get_args(spec)):  # of Pointer[int] | None
        if part is Pointer or typing.get_origin(part) is Pointer:
            return _pointer_complaint(part)
    if spec is VarArgs:
        return "VarArgs is no C type: use pytramp.c.va_list or, for '...', pytramp.c.varargs"
    if spec is str or spec is bytes:
        return f"{_named(spec)} is not one C type: use pytramp.c.char, wchar or void_p"
    if hasattr(type(spec), "_type_") or hasattr(type(spec), "_fields_"):
        return f"{spec!r} is a ctypes object: give its class"
    return f"{_named(spec)} is not a C type: {_EXPECTED}"


def _pointer_complaint(spec: object) -> str:
    """Pointer[float] says what is read, but not from what: which alias does."""
    (value,) = typing.get_args(spec) or (int,)
    name, spelling = _POINTED[value if isinstance(value, type) and value in _POINTED else int]
    return (
        f"{_shown(spec)} does not say which C type it points at: use pytramp.c.{name} or "
        f"const_{name}, or Annotated[{_shown(spec)}, pytramp.c.CType('{spelling} *')]"
    )


def _shown(spec: object) -> str:
    """Pointer[float]."""
    values = [getattr(value, "__name__", repr(value)) for value in typing.get_args(spec)]
    return f"Pointer[{', '.join(values)}]" if values else "Pointer"


def _named(spec: object) -> str:
    return repr(getattr(spec, "__qualname__", spec)) if _is_class(spec) else repr(spec)


def _called(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))


def _positional(parameter: inspect.Parameter) -> str | None:
    """The parameter's name if C fills it, None if it stays away; TypeError if C cannot fill it."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        raise TypeError(
            f"parameter '*{parameter.name}': a C function has a fixed number of parameters, "
            "each with its type: write them one by one; for '...' annotate the last one with "
            "pytramp.c.varargs"
        )
    if parameter.kind is parameter.KEYWORD_ONLY:
        if parameter.default is parameter.empty:
            raise TypeError(
                f"parameter {parameter.name!r} is keyword-only and has no default: "
                "C passes arguments by position"
            )
        return None
    return None if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def _annotated(hints: dict[str, Any], name: str, where: str, types: Any) -> Type:
    if name not in hints:
        what = "the result" if name == "return" else where
        hint = "None for void" if name == "return" else "pytramp.c.int or ctypes.c_int, for example"
        raise TypeError(f"{what} has no annotation: its C type is needed ({hint})")
    return to_type(hints[name], where, types)


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """The parameters: their annotations are _hints' to evaluate, which PEP 649 leaves to 3.14."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _hints(function: Callable[..., object]) -> dict[str, Any]:
    """The evaluated annotations of what function finally calls."""
    target: Any = inspect.unwrap(function)
    while isinstance(target, functools.partial):
        target = inspect.unwrap(target.func)
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    if sys.version_info < (3, 11):
        target = _without_defaults(target)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise TypeError(
            f"the annotations of {_called(function)} cannot be evaluated: {error} "
            "(a C type as text needs Annotated: Annotated[int, pytramp.c.CType('mode_t')])"
        ) from error


def _without_defaults(target: Any) -> Any:
    """A copy of a function for get_type_hints, which makes `x: T = None` Optional in 3.10."""
    function = getattr(target, "__func__", target)
    if not isinstance(function, types.FunctionType):
        return target
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, function.__closure__
    )
    copy.__annotations__ = function.__annotations__
    return copy
