"""Callbacks whose callable wants an array, or an item of one, as each library's users write it."""

from __future__ import annotations

import ctypes
import importlib
from typing import Any

import pytramp

Memory = Any  # what is indexed, and keeps its memory alive

Made = tuple[int, object]  # an address, and what keeps it alive


def callbacks() -> dict[str, Made]:
    """By name. ImportError without NumPy."""
    numpy = importlib.import_module("numpy")
    found = {"pytramp": _pytramp(), "pytramp's ndarray": _ndarray(), "ctypes": _ctypes(numpy)}
    try:
        found["cffi"] = _cffi(numpy)
    except ImportError:
        pass
    return found


def _pytramp() -> Made:
    closure = pytramp.callback("double (unsigned n, const double x[n])", lambda n, x: 1.0)
    return closure.address, closure


def _ndarray() -> Made:
    declaration = "double (unsigned n, const double x[n])"
    closure = pytramp.callback(declaration, lambda n, x: 1.0, arrays="numpy")
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


def items() -> dict[str, Memory]:
    """The same eight ints through each kind of object that a callable may index."""
    memory = (ctypes.c_int * 8)(*range(1000, 1008))
    found: dict[str, Memory] = {"pytramp": pytramp.Pointer("int *", memory)}
    found["memoryview"] = found["pytramp"].view(8)
    found["ctypes"] = ctypes.cast(memory, ctypes.POINTER(ctypes.c_int))
    found["ctypes array"] = memory  # keeps what the others see
    try:
        ffi = importlib.import_module("cffi").FFI()
    except ImportError:
        return found
    return {**found, "cffi": ffi.cast("int *", ctypes.addressof(memory))}


def read(memory: Memory) -> object:
    return memory[3]


def write(memory: Memory) -> None:
    memory[3] = 1003
