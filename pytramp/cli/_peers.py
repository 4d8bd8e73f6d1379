"""The other ways to give C a Python function, behind one face."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from pytramp import Signature

Function = Callable[..., Any]


class Peer(NamedTuple):
    """One way to make callbacks of one C type."""

    make: Callable[[Function], Any]  # the callback, alive while it is referenced
    address: Callable[[Any], int]  # of a callback


_CTYPES: dict[str, Any] = {
    "int": ctypes.c_int,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
}


def _pytramp(declaration: str) -> Peer:
    return Peer(Signature(declaration), lambda closure: int(closure))


def _ctypes(declaration: str) -> Peer:
    result, _, arguments = declaration.rstrip(")").partition(" (")
    types = [_CTYPES[name] for name in arguments.split(", ")]
    return Peer(
        ctypes.CFUNCTYPE(_CTYPES[result], *types),
        lambda callback: ctypes.cast(callback, ctypes.c_void_p).value or 0,
    )


def _cffi(declaration: str) -> Peer:
    ffi = importlib.import_module("cffi").FFI()
    type_ = ffi.typeof(declaration.replace(" (", "(*)("))
    return Peer(
        lambda function: ffi.callback(type_, function),
        lambda callback: int(ffi.cast("intptr_t", callback)),
    )


_KNOWN: dict[str, Callable[[str], Peer]] = {"pytramp": _pytramp, "ctypes": _ctypes, "cffi": _cffi}


def peer(name: str, declaration: str) -> Peer:
    """For functions of int, double and size_t. ImportError where the library is not installed."""
    return _KNOWN[name](declaration)


def peers(declaration: str) -> dict[str, Peer]:
    """Those that are installed and allowed to make callbacks here; pytramp is the first."""
    found = {"pytramp": peer("pytramp", declaration)}
    for name in ("ctypes", "cffi"):
        try:
            other = peer(name, declaration)
            other.make(abs)
        except (ImportError, MemoryError, OSError):
            continue
        found[name] = other
    return found
