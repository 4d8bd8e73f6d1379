"""The parts of the demo in which C libraries call back."""

from __future__ import annotations

import ctypes
import importlib
import math
import os
import random
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytramp
from pytramp.cli._demo import Skipped, Wrong, check, say
from pytramp.cli._libc import libc

# ---- qsort_r ----


def sort() -> None:
    if not hasattr(libc, "qsort_r") or sys.platform == "darwin":
        raise Skipped("no qsort_r with the argument order of POSIX in this C library")
    numbers = [random.randrange(-1000, 1000) for _ in range(1000)]
    array = (ctypes.c_int * len(numbers))(*numbers)
    calls = ctypes.c_int(0)

    @pytramp.callback("int (const void *a, const void *b, void *calls)")
    def compare(a: int, b: int, calls: int) -> int:
        ctypes.c_int.from_address(calls).value += 1
        return ctypes.c_int.from_address(a).value - ctypes.c_int.from_address(b).value

    size = ctypes.sizeof(ctypes.c_int)
    count = ctypes.c_size_t(len(array))
    libc.qsort_r(array, count, ctypes.c_size_t(size), compare, ctypes.byref(calls))
    check("the sorted array", list(array), sorted(numbers))
    say(f"{len(array)} numbers are in order after {calls.value} calls of a Python function")


# ---- nftw ----

_FTW_PHYS = 1  # do not follow symbolic links


class _Ftw(ctypes.Structure):
    """struct FTW of <ftw.h>."""

    base: int
    level: int
    _fields_ = (("base", ctypes.c_int), ("level", ctypes.c_int))


def walk() -> None:
    if not hasattr(libc, "nftw"):
        raise Skipped("no nftw in this C library")
    with tempfile.TemporaryDirectory() as root:
        for name in ("apple", "tree/pear", "tree/branch/fig", "tree/branch/plum"):
            file = Path(root, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        seen = _walk(root)
        wanted = {str(path) for path in Path(root).rglob("*")} | {root}
        check("what nftw found", {path for path, _ in seen}, wanted)
    for path, level in seen:
        say("  " * level + os.path.basename(path if level else "the temporary directory"))


def _walk(root: str) -> list[tuple[str, int]]:
    """(path, depth) of each entry, in the order of nftw."""
    seen = []

    @pytramp.callback("int (const void *path, const void *stat, int type, void *ftw)", error=-1)
    def visit(path: int, _stat: int, _type: int, ftw: int) -> int:
        seen.append((os.fsdecode(ctypes.string_at(path)), _Ftw.from_address(ftw).level))
        return 0

    with pytramp.propagate(visit):
        check("what nftw returned", libc.nftw(os.fsencode(root), visit, 8, _FTW_PHYS), 0)
    return seen


# ---- SciPy ----


def integrate() -> None:
    try:
        scipy: Any = importlib.import_module("scipy")
        quad = importlib.import_module("scipy.integrate").quad
    except ImportError:
        raise Skipped("SciPy is not installed") from None
    bell = pytramp.callback("double (double)", lambda x: math.exp(-x * x))
    value, _error = quad(scipy.LowLevelCallable(bell.as_ctypes()), -math.inf, math.inf)
    exact = math.sqrt(math.pi)
    say(f"exp(-x*x) over the whole line  {value:.15f}")
    say(f"the square root of pi          {exact:.15f}")
    if abs(value - exact) > 1e-8:
        raise Wrong(f"the integral is off by {value - exact:.1e}")


# ---- pthreads ----


def threads(count: int = 4) -> None:
    if not hasattr(libc, "pthread_create"):
        raise Skipped("no pthread_create in this C library")
    names: set[str] = set()

    @pytramp.callback("void *(void *number)")
    def work(number: int | None) -> int:
        names.add(threading.current_thread().name)
        return (number or 0) ** 2

    squares = [_join(handle) for handle in [_start(work, n) for n in range(count)]]
    check("what the threads returned", squares, [n * n for n in range(count)])
    say(f"{count} threads of pthread_create returned {squares}; Python saw {len(names)} new ones")


def _start(work: pytramp.Closure, number: int) -> ctypes.c_ulong:
    handle = ctypes.c_ulong()
    failed = libc.pthread_create(ctypes.byref(handle), None, work, ctypes.c_void_p(number))
    check("the status of pthread_create", failed, 0)
    return handle


def _join(handle: ctypes.c_ulong) -> int:
    result = ctypes.c_void_p()
    check("the status of pthread_join", libc.pthread_join(handle, ctypes.byref(result)), 0)
    return result.value or 0


# ---- A freed callback ----


def freed() -> None:
    answer = pytramp.callback("int (int)", lambda x: x + 1, error=-7, name="answer")
    address = answer.address
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(address)
    check("the result while it lived", function(41), 42)
    answer.close()
    reports: list[Any] = []
    hook, sys.unraisablehook = sys.unraisablehook, reports.append
    try:
        results = [function(41) for _ in range(3)]
    finally:
        sys.unraisablehook = hook
    check("the results after it was freed", results, [-7] * 3)
    check("the reports", [report.exc_type for report in reports], [pytramp.FreedCallbackError])
    say(f"C called {address:#x} three times after close(): each time its error value, {results[0]}")
    say(f"  {reports[0].exc_type.__name__}: {reports[0].exc_value}")
