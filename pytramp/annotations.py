"""Python objects that mean C types -> types: `to_type` for one, `of_callable` for annotations.

Every function here may be called from any thread. ctypes is used where the caller has imported it,
and never imported for others.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

from pytramp import declare
from pytramp._core import DeclarationError, Type, UnsupportedTypeError
from pytramp._errors import prefixed
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

_EXPECTED = (
    "expected a ctypes class, a pytramp.c type, a C type as text, int, float, bool, complex or None"
)


def to_type(spec: object, where: str) -> Type:
    """The C type that spec means; where begins the message of every error.

    spec is a ctypes class, an alias of pytramp.c, a C spelling, a Type, or one of int, float, bool,
    complex, None for int, double, _Bool, double _Complex, void. void is accepted where where is
    "result". Raises TypeError for anything else, UnsupportedTypeError for a type that cannot be
    passed yet, DeclarationError for a text that is no C type.
    """
    try:
        result = _plain(_unalias(spec))
    except (DeclarationError, UnsupportedTypeError) as error:
        raise prefixed(where, error) from None
    if result is None:
        raise TypeError(f"{where}: {_complaint(spec)}")
    if result.spelling == "void" and where != "result":
        raise TypeError(f"{where}: 'void' can only be a result")
    return result


def of_callable(function: Callable[..., object]) -> Prototype:
    """The C function type that the annotations of function mean, parameter by parameter.

    Annotations that are text are evaluated, as typing.get_type_hints does. Raises TypeError naming
    the parameter where one has no annotation or cannot be passed by position, and as to_type.
    """
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise TypeError(f"{_called(function)} has no readable signature: {error}") from None
    hints = _hints(function)
    names = [name for name in map(_positional, signature.parameters.values()) if name is not None]
    arguments = tuple(_annotated(hints, name, f"parameter {name!r}") for name in names)
    result = _annotated(hints, "return", "result")
    return Prototype(result, arguments, tuple(names), getattr(function, "__name__", None))


def _plain(spec: object) -> Type | None:
    """The type that a spec other than an alias means; None where it means none."""
    if isinstance(spec, Type):
        return spec
    if isinstance(spec, CType):
        return declare.type_of(spec.spelling)
    if isinstance(spec, str):
        return declare.type_of(spec)
    if spec is None or _is_class(spec):
        if spec in _PYTHON_TYPES:
            return declare.type_of(_PYTHON_TYPES[spec])
        if "_ctypes" in sys.modules:
            return _from_ctypes(spec)
    return None


def _is_class(spec: object) -> bool:
    return isinstance(spec, type) and typing.get_origin(spec) is None  # list[int] is a type in 3.10


def _from_ctypes(spec: object) -> Type | None:
    from pytramp import _ctypes_types  # imports ctypes

    return _ctypes_types.argument(spec)


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
    if spec is str or spec is bytes:
        return f"{_named(spec)} is not one C type: use pytramp.c.char, wchar or void_p"
    if hasattr(type(spec), "_type_") or hasattr(type(spec), "_fields_"):
        return f"{spec!r} is a ctypes object: give its class"
    return f"{_named(spec)} is not a C type: {_EXPECTED}"


def _named(spec: object) -> str:
    return repr(getattr(spec, "__qualname__", spec)) if _is_class(spec) else repr(spec)


def _called(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))


def _positional(parameter: inspect.Parameter) -> str | None:
    """The parameter's name if C fills it, None if it stays away; TypeError if C cannot fill it."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        raise TypeError(
            f"parameter '*{parameter.name}': a C function has a fixed number of parameters, "
            "each with its type: write them one by one"
        )
    if parameter.kind is parameter.KEYWORD_ONLY:
        if parameter.default is parameter.empty:
            raise TypeError(
                f"parameter {parameter.name!r} is keyword-only and has no default: "
                "C passes arguments by position"
            )
        return None
    return None if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def _annotated(hints: dict[str, Any], name: str, where: str) -> Type:
    if name not in hints:
        what = "the result" if name == "return" else where
        hint = "None for void" if name == "return" else "pytramp.c.int or ctypes.c_int, for example"
        raise TypeError(f"{what} has no annotation: its C type is needed ({hint})")
    return to_type(hints[name], where)


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
