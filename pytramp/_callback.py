"""``callback``: one call for every way to name a C function type."""

from __future__ import annotations

import sys

from pytramp._core import Closure, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, overload

    class Decorator(Protocol):
        """What ``callback(specification)`` returns."""

        def __call__(self, function: Callable[..., Any], /) -> Closure: ...

else:  # typing takes longer to import than all the rest of the package

    def overload(function):
        return function


_MISSING = object()


@overload
def callback(
    specification: str | Signature,
    function: Callable[..., Any],
    /,
    *,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    immortal: bool = False,
) -> Closure: ...


@overload
def callback(
    specification: str | Signature,
    /,
    *,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    immortal: bool = False,
) -> Decorator: ...


@overload
def callback(specification: Callable[..., Any], /) -> Closure: ...


@overload
def callback(
    *,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    immortal: bool = False,
) -> Decorator: ...


def callback(
    specification: Any = _MISSING, function: Any = _MISSING, /, **options: Any
) -> Closure | Decorator:
    """Make a C function pointer that calls a Python callable.

    ``callback("int (int, double)", f)`` makes a Closure of f; without f it is a decorator. The
    specification is a C declaration or a Signature. ``@callback`` on a function with annotations of
    pytramp.c aliases, ctypes types, int, float, bool or None reads the type from them.

    error: the result that C gets when the callable raises, or after the closure is freed; converted
    and checked now. Zero by default.
    onerror: called with the exception; what it returns, unless None, is the result. Without it, or
    when it raises too, sys.unraisablehook gets the exception.
    name: for reports; by default the callable's __qualname__.
    immortal: the closure lives until close(), referenced or not.

    DeclarationError, UnsupportedTypeError, TypeError and OverflowError name the part that is wrong;
    MemoryError when no more trampolines can be had here, with the reasons. Any thread.
    """
    if specification is _MISSING:
        return _decorator(None, options)
    if isinstance(specification, (str, Signature)):
        signature = Signature(specification) if isinstance(specification, str) else specification
        if function is _MISSING:
            return _decorator(signature, options)
        return _bind(signature, function, options)
    if function is _MISSING and callable(specification) and not isinstance(specification, type):
        return _bind(None, specification, options)
    raise TypeError(
        "callback() takes a C declaration or a Signature, not " + type(specification).__name__
    )


def _decorator(signature: Signature | None, options: dict[str, Any]) -> Decorator:
    def decorate(function: Callable[..., Any], /) -> Closure:
        return _bind(signature, function, options)

    return decorate


def _bind(
    signature: Signature | None, function: Callable[..., Any], options: dict[str, Any]
) -> Closure:
    """The frames are: this one, callback() or decorate(), and the user's."""
    _refuse_method(function, sys._getframe(2))
    if signature is None:
        from pytramp.annotations import of_callable

        signature = Signature._from_prototype(of_callable(function))
    return signature(function, _depth=2, **options)


def _refuse_method(function: Callable[..., Any], caller: Any) -> None:
    """A function that is being defined in a class body has no self to be called with."""
    scope = caller.f_locals.get("__qualname__") if "__module__" in caller.f_locals else None
    name = getattr(function, "__qualname__", "")
    if scope is not None and scope == name.rpartition(".")[0] and not hasattr(function, "__self__"):
        raise TypeError(
            f"{name} is being defined in a class: C passes no self. "
            "Make a callback of the bound method of an instance instead"
        )
