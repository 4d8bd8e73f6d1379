"""The same lines of ctypes and cffi, with pytramp.interop in their place and without."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from pytramp.cli._peers import Function

Make = Callable[[Function], Any]


def ctypes() -> dict[str, Make]:
    theirs: Any = importlib.import_module("ctypes")
    ours: Any = importlib.import_module("pytramp.interop.ctypes")
    types = (theirs.c_int,) * 3
    return {"pytramp": ours.CFUNCTYPE(*types), "ctypes": theirs.CFUNCTYPE(*types)}


def cffi() -> dict[str, Make]:
    return _by_ffi(importlib.import_module("cffi").FFI())


def compiled_cffi() -> dict[str, Make]:
    """Its FFI objects are of C."""
    return _by_ffi(importlib.import_module("_cffi_backend").FFI())


def _by_ffi(ffi: Any) -> dict[str, Make]:
    ours: Any = importlib.import_module("pytramp.interop.cffi")
    cdecl = "int(*)(int, int)"
    return {
        "pytramp": partial(ours.callback, ffi, cdecl),
        "cffi": partial(ffi.callback, cdecl),
    }
