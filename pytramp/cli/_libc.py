"""The C library's functions that take callbacks, for the demo and where there is no C compiler."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Any

_NAME = "ucrtbase" if sys.platform == "win32" else None
libc: Any = ctypes.CDLL(_NAME)  # gives up the GIL around each call
libc_held: Any = ctypes.PyDLL(_NAME)  # keeps it
LFIND = "_lfind" if sys.platform == "win32" else "lfind"

_ELEMENTS = 4096
_array = ctypes.create_string_buffer(_ELEMENTS)


def ns_per_call(address: int, *, held: bool, passes: int = 1) -> float:
    """Nanoseconds per call of an `int (size_t, size_t)` that returns 1, called by lfind(3).

    lfind hands each of the 4096 elements to the function until it says 0: equal.
    """
    lfind = getattr(libc_held if held else libc, LFIND)
    function, key = ctypes.c_void_p(address), ctypes.byref(_array)
    count, size = ctypes.byref(ctypes.c_size_t(_ELEMENTS)), ctypes.c_size_t(1)
    found = 0
    start = time.perf_counter_ns()
    for _ in range(passes):
        found |= lfind(key, _array, count, size, function)
    ns = (time.perf_counter_ns() - start) / (passes * _ELEMENTS)
    if found:
        raise ValueError("the callback did not return 1")
    return ns
