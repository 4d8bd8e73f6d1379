"""Callbacks whose callable wants an array, as each library's users would write them."""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

import pytramp

Made = tuple[int, object]  # an address, and what keeps it alive


def callbacks() -> dict[str, Made]:
    """By name. ImportError without NumPy, UnsupportedTypeError while pytramp has no arrays."""
    numpy = importlib.import_module("numpy")
    found = {"pytramp": _pytramp(), "ctypes": _ctypes(numpy)}
    try:
        found["cffi"] = _cffi(numpy)
    except ImportError:
        pass
    return found


def _pytramp() -> Made:
    closure = pytramp.callback("double (unsigned n, const double x[n])", lambda n, x: 1.0)
    return closure.address, closure


def _ctypes(numpy: Any) -> Made:
    as_array = numpy.ctypeslib.as_array

    def function(n: int, x: Any) -> float:
        as_array(x, (n,))
        return 1.0

    double = ctypes.c_double
    callback = ctypes.CFUNCTYPE(double, ctypes.c_uint, ctypes.POINTER(double))(function)
    return ctypes.cast(callback, ctypes.c_void_p).value or 0, callback


def _cffi(numpy: Any) -> Made:
    ffi = importlib.import_module("cffi").FFI()

    def function(n: int, x: Any) -> float:
        numpy.frombuffer(ffi.buffer(x, n * 8))
        return 1.0

    callback = ffi.callback("double(unsigned, const double *)", function)
    return int(ffi.cast("intptr_t", callback)), callback
