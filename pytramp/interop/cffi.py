"""``ffi.callback`` as in cffi, whose callbacks are pytramp's."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any

from pytramp._cffi import as_function, function_type
from pytramp._core import Signature

_CFFI = 2  # enum pt_manner

# A library has few types of callbacks, and makes many of each.
_signature_of = functools.lru_cache(maxsize=256)(Signature)


def callback(
    ffi: Any,
    cdecl: Any,
    python_callable: Callable[..., Any] | None = None,
    error: Any = None,
    onerror: Callable[..., Any] | None = None,
) -> Any:
    """ffi.callback(cdecl, python_callable=None, error=None, onerror=None), with any FFI object.

    cdecl: a C type, or a ctype object, of a function or a pointer to one. Without python_callable
    it is a decorator. The result is a cdata function pointer; the callback lives as long as it is
    referenced. onerror(exception, exc_value, traceback): what it returns, unless None, is the
    result. cffi's errors for what is no type; TypeError; UnsupportedTypeError names what cannot be
    passed. Any thread.
    """
    ctype = function_type(ffi, cdecl)

    def decorate(function: Callable[..., Any]) -> Any:
        return _make(ffi, ctype, function, error, onerror)

    return decorate if python_callable is None else decorate(python_callable)


def _make(ffi: Any, ctype: Any, function: Any, error: Any, onerror: Any) -> Any:
    if not callable(function):
        raise TypeError("the 'python_callable' argument is not callable")
    if onerror is not None:
        if not callable(onerror):
            name = type(onerror).__name__
            raise TypeError(f"expected a callable object for 'onerror', not {name}")
        onerror = _with_three_arguments(onerror)
    closure = _signature_of(ctype)(function, error=error, onerror=onerror, _manner=_CFFI, _depth=3)
    return as_function(closure, ffi, ctype)


def _with_three_arguments(onerror: Callable[..., Any]) -> Callable[[BaseException], Any]:
    return lambda error: onerror(type(error), error, error.__traceback__)


# ---- For the whole process ----

_theirs: Any = None  # the method that was replaced


def install() -> None:
    """Make it the method of cffi.FFI; see pytramp.interop.install()."""
    global _theirs
    FFI = importlib.import_module("cffi").FFI
    if FFI.callback is not _method:
        _theirs, FFI.callback = FFI.callback, _method


def _method(
    self: Any, cdecl: Any, python_callable: Any = None, error: Any = None, onerror: Any = None
) -> Any:
    """As in cffi; the callback is one of pytramp's (pytramp.interop.install())."""
    is_in_c = self._backend.__name__ == "_cffi_backend"  # not the one for tests, made of ctypes
    make = callback if is_in_c else _theirs
    return make(self, cdecl, python_callable, error, onerror)


def uninstall() -> None:
    """Undo install()."""
    FFI = getattr(sys.modules.get("cffi"), "FFI", None)
    if FFI is not None and FFI.callback is _method:
        FFI.callback = _theirs
