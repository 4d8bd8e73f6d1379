"""``ffi.callback`` as in cffi, whose callbacks are pytramp's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from pytramp._cffi import function_type
from pytramp._core import CffiMaker, cffi_makers
from pytramp._core import cffi_callback as callback

__all__ = ["callback", "install", "uninstall"]

# ---- For callback(), where it is cold ----

_MANY = 256


def new_maker(ffi: Any, cdecl: Any) -> CffiMaker:
    """What makes callbacks of a type; callback() finds it from now on.

    An FFI object has its own, by text or ctype: cffi, too, reads a text once for each. Those of
    compiled modules take no attributes: theirs are in cffi_makers, forgotten when they are many.
    """
    maker = CffiMaker(function_type(ffi, cdecl))
    try:
        makers = ffi.__dict__.setdefault("_pytramp_makers_", {})
    except AttributeError:
        if len(cffi_makers) >= _MANY:
            cffi_makers.clear()
        makers = cffi_makers.setdefault(ffi, {})
    makers[cdecl] = maker
    return maker


def with_one_parameter(onerror: Callable[..., Any]) -> Callable[[BaseException], Any]:
    """pytramp's onerror, of one of cffi's, which has three parameters. TypeError."""
    if not callable(onerror):
        name = type(onerror).__name__
        raise TypeError(f"expected a callable object for 'onerror', not {name}")
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
    if self._backend.__name__ != "_cffi_backend":  # the one for tests, made of ctypes
        return _theirs(self, cdecl, python_callable, error, onerror)
    return callback(self, cdecl, python_callable, error, onerror, 1)


def uninstall() -> None:
    """Undo install()."""
    FFI = getattr(sys.modules.get("cffi"), "FFI", None)
    if FFI is not None and FFI.callback is _method:
        FFI.callback = _theirs
