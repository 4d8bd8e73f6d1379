"""``callback``: one call for every way to name a C function type."""

from __future__ import annotations

import sys

from pytramp._core import Closure, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _ctypes import CFuncPtr
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, Literal, NoReturn, Protocol, TypeAlias, overload

    class Decorator(Protocol):
        """What ``callback(specification)`` returns."""

        def __call__(self, function: Callable[..., Any], /) -> Closure: ...

    class CffiType(Protocol):
        """What ``ffi.typeof()`` gives, with types for cffi or without."""

        @property
        def cname(self) -> str: ...

        @property
        def kind(self) -> str: ...

    Specification: TypeAlias = str | Signature | type[CFuncPtr] | CffiType
    Arrays: TypeAlias = Literal["memoryview", "numpy"]

else:  # typing takes longer to import than all the rest of the package

    def overload(function):
        return function


_MISSING = object()
_OPTIONS = frozenset({"error", "onerror", "name", "arrays", "loop", "result", "immortal"})
_CO_OPTIMIZED = 1  # inspect takes long to import


@overload
def callback(
    specification: Specification,
    function: Callable[..., Any],
    /,
    *,
    types: object = None,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    arrays: Arrays = "memoryview",
    loop: AbstractEventLoop | None = None,
    result: object = None,
    immortal: bool = False,
) -> Closure: ...


@overload
def callback(
    specification: Specification,
    /,
    *,
    types: object = None,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    arrays: Arrays = "memoryview",
    loop: AbstractEventLoop | None = None,
    result: object = None,
    immortal: bool = False,
) -> Decorator: ...


@overload
def callback(specification: Callable[..., Any], /) -> Closure: ...


@overload
def callback(
    *,
    types: object = None,
    error: object = None,
    onerror: Callable[[BaseException], object] | None = None,
    name: str | None = None,
    arrays: Arrays = "memoryview",
    loop: AbstractEventLoop | None = None,
    result: object = None,
    immortal: bool = False,
) -> Decorator: ...


def callback(
    specification: Any = _MISSING, function: Any = _MISSING, /, *, types: Any = None, **options: Any
) -> Closure | Decorator:
    """Make a C function pointer that calls a Python callable.

    ``callback("int (int, double)", f)`` makes a Closure of f; without f it is a decorator. The
    specification is a C declaration, a Signature, a ctypes prototype such as CFUNCTYPE(c_int), or a
    cffi function type such as ffi.typeof("int(*)(int)"). ``@callback`` on a function with
    annotations of pytramp.c aliases, ctypes types, int, float, bool or None reads the type from
    them.

    types: names that the declaration, or a pytramp.c.CType, may use, from pytramp.cdef().
    error: the result that C gets when the callable raises, or after the closure is freed; converted
    and checked now. Zero by default.
    onerror: called with the exception; what it returns, unless None, is the result. Without it
    sys.unraisablehook gets the exception; when it raises too, both.
    name: for reports; by default the callable's __qualname__, or that of a partial's function.
    arrays: what an array parameter is, "memoryview" or "numpy".
    loop: an event loop. C's call returns at once, in any thread; the loop runs the callable, and a
    coroutine that it returns as a task: an async def needs one. result is what C gets, converted
    and checked now; not for void. Arguments that die with the call are refused: pointers but
    void *, arrays, va_list, "...".
    immortal: the closure lives until close(), referenced or not.

    DeclarationError, UnsupportedTypeError, TypeError and OverflowError name the part that is wrong;
    MemoryError when no more trampolines can be had here, with the reasons. Any thread.
    """
    if not _OPTIONS.issuperset(options):
        _refuse_option(next(name for name in options if name not in _OPTIONS))
    signature = _signature(specification, types, function)
    if function is not _MISSING and signature is not None:
        return _bind(signature, function, types, options)
    if specification is _MISSING or signature is not None:
        return _decorator(signature, types, options)
    return _bind(None, specification, types, options)


def _refuse_option(name: str) -> NoReturn:
    """Says it where the mistake is: a decorator would find it when it is used, or never."""
    message = f"callback() got an unexpected keyword argument {name!r}"
    if name in ("specification", "function"):
        raise TypeError(f"{message}: it takes the type and the callable by position")
    import difflib

    if close := difflib.get_close_matches(name, [*_OPTIONS, "types"], n=1):
        message += f"; did you mean {close[0]!r}?"
    raise TypeError(message)


def _signature(specification: Any, types: Any, function: Any) -> Signature | None:
    """None where it stands in annotations: for a callable that is given alone, or nothing."""
    if isinstance(specification, str):
        return Signature(specification, types=types)
    if specification is _MISSING:
        return None
    if isinstance(specification, Signature):
        if types is not None:
            raise TypeError("types= goes with a declaration as text, not with a Signature")
        return specification
    from pytramp import _specification

    if _specification.is_foreign(specification):
        return Signature(specification, types=types)
    if callable(specification) and not isinstance(specification, type):
        if function is _MISSING:
            return None
        if isinstance(function, (str, Signature)):
            raise TypeError("callback()'s arguments are swapped: the type comes first")
    raise TypeError(
        f"callback() takes {_specification.EXPECTED}, a Signature, or a function with annotations, "
        f"not {_specification.described(specification)}"
    )


def _decorator(signature: Signature | None, types: Any, options: dict[str, Any]) -> Decorator:
    def decorate(function: Callable[..., Any], /) -> Closure:
        return _bind(signature, function, types, options)

    return decorate


def _bind(
    signature: Signature | None, function: Callable[..., Any], types: Any, options: dict[str, Any]
) -> Closure:
    """The frames are: this one, callback() or decorate(), and the user's if there is one."""
    if isinstance(function, staticmethod):
        function = function.__func__  # which needs no self, whatever is being defined
    else:
        _refuse_method(function)
    if signature is None:
        from pytramp.annotations import of_callable

        signature = Signature._from_prototype(of_callable(function, types))
    return signature(function, _depth=2, **options)


def _refuse_method(function: Callable[..., Any]) -> None:
    """A function that is being defined in a class body has no self to be called with."""
    try:
        caller = sys._getframe(3)
    except ValueError:  # C calls, as a thread's start does
        return
    if caller.f_code.co_flags & _CO_OPTIMIZED:  # a function's: to look at f_locals, which before
        return  # 3.13 is a copy that the frame keeps, would keep alive what it deletes later
    scope = caller.f_locals.get("__qualname__") if "__module__" in caller.f_locals else None
    name = getattr(function, "__qualname__", "")
    if scope is not None and scope == name.rpartition(".")[0] and not hasattr(function, "__self__"):
        raise TypeError(
            f"{name} is being defined in a class: C passes no self. Make a callback of the bound "
            "method of an instance instead; of a function that needs no self by @staticmethod "
            "beneath callback(), by callback(..., staticmethod(f)), or outside of the class"
        )
