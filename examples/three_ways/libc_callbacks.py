"""qsort_r, and threads that C starts."""

from __future__ import annotations

import ctypes
from typing import Any

import pytramp
from three_ways.job import Job, Pointer, Work, shared_ffi

LIBC = ctypes.CDLL(None)
NUMBERS = [(n * 7919) % 10007 for n in range(3000)]
THREADS = range(1, 200)

# ---- qsort_r ----


def sort(compare: Pointer) -> list[int]:
    array = (ctypes.c_int * len(NUMBERS))(*NUMBERS)
    n, size = ctypes.c_size_t(len(array)), ctypes.c_size_t(4)
    LIBC.qsort_r(array, n, size, compare, None)
    return list(array)


def sort_with_ctypes(work: Work) -> Any:
    number = ctypes.POINTER(ctypes.c_int)

    @ctypes.CFUNCTYPE(ctypes.c_int, number, number, ctypes.c_void_p)
    def compare(a: Any, b: Any, _: Any) -> Any:
        return a[0] - b[0]

    return work(compare)


def sort_with_cffi(work: Work) -> Any:
    ffi = shared_ffi()

    @ffi.callback("int(const int *, const int *, void *)")
    def compare(a: Any, b: Any, _: Any) -> Any:
        return a[0] - b[0]

    return work(compare)


def sort_with_pytramp(work: Work) -> Any:
    @pytramp.callback("int (const int *a, const int *b, void *)")
    def compare(a: Any, b: Any, _: Any) -> Any:
        return a[0] - b[0]

    return work(compare)


# ---- pthread_create ----


def run_threads(square: Pointer) -> list[int | None]:
    """One after the other: each calls once."""
    result, thread, results = ctypes.c_void_p(), ctypes.c_ulong(), []
    for n in THREADS:
        LIBC.pthread_create(ctypes.byref(thread), None, square, ctypes.c_void_p(n))
        LIBC.pthread_join(thread, ctypes.byref(result))
        results.append(result.value)
    return results


def threads_with_ctypes(work: Work) -> Any:
    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    def square(n: int) -> int:
        return n * n

    return work(square)


def threads_with_cffi(work: Work) -> Any:
    # As an integer: `void *` would be a cdata, to be cast both ways.
    @shared_ffi().callback("uintptr_t(uintptr_t)")
    def square(n: int) -> int:
        return n * n

    return work(square)


def threads_with_pytramp(work: Work) -> Any:
    @pytramp.callback("void *(void *n)")
    def square(n: int) -> int:
        return n * n

    return work(square)


JOBS = (
    Job(
        "`qsort_r` of 3000 numbers",
        sort,
        (sort_with_ctypes, sort_with_cffi, sort_with_pytramp),
        lambda numbers: numbers == sorted(NUMBERS),
    ),
    Job(
        "199 threads of C, each of which calls once",
        run_threads,
        (threads_with_ctypes, threads_with_cffi, threads_with_pytramp),
        lambda results: results == [n * n for n in THREADS],
    ),
)
