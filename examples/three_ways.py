"""One job done with callbacks of ctypes, cffi and pytramp: what each costs.

python examples/three_ways.py          (pip install cffi; Debian: libgsl27)

For each it says how many lines it takes, how long a call takes (as a part of the whole job, the
best of five runs), and what happens where memory that is writable and executable is forbidden
(PR_SET_MDWE, as systemd's MemoryDenyWriteExecute= does).
"""

from __future__ import annotations

import ctypes
import importlib
import inspect
import math
import subprocess
import sys
import time
from collections.abc import Callable
from ctypes.util import find_library
from typing import Any

import pytramp

Job = Callable[[], int]  # does it, checks the result, and returns how often C called


def new_ffi() -> Any:
    return importlib.import_module("cffi").FFI()


# ---- qsort_r ----

NUMBERS = [(n * 7919) % 10007 for n in range(3000)]


def sort_with_ctypes() -> int:
    calls = 0

    pointer = ctypes.POINTER(ctypes.c_int)

    @ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, ctypes.c_void_p)  # type: ignore[untyped-decorator]
    def compare(a: Any, b: Any, _: Any) -> Any:
        nonlocal calls
        calls += 1
        return a[0] - b[0]

    array = (ctypes.c_int * len(NUMBERS))(*NUMBERS)
    n, size = ctypes.c_size_t(len(array)), ctypes.c_size_t(4)
    ctypes.CDLL(None).qsort_r(array, n, size, compare, None)
    assert list(array) == sorted(NUMBERS)
    return calls


def sort_with_cffi() -> int:
    ffi, calls = new_ffi(), 0
    ffi.cdef("typedef int comparison(const int *, const int *, void *);")
    ffi.cdef("void qsort_r(void *, size_t, size_t, comparison *, void *);")

    @ffi.callback("comparison *")  # type: ignore[untyped-decorator]
    def compare(a: Any, b: Any, _: Any) -> Any:
        nonlocal calls
        calls += 1
        return a[0] - b[0]

    array = ffi.new("int[]", NUMBERS)
    ffi.dlopen(None).qsort_r(array, len(array), 4, compare, ffi.NULL)
    assert list(array) == sorted(NUMBERS)
    return calls


def sort_with_pytramp() -> int:
    calls = 0

    @pytramp.callback("int (const int *a, const int *b, void *)")
    def compare(a: Any, b: Any, _: Any) -> Any:
        nonlocal calls
        calls += 1
        return a[0] - b[0]

    array = (ctypes.c_int * len(NUMBERS))(*NUMBERS)
    n, size = ctypes.c_size_t(len(array)), ctypes.c_size_t(4)
    ctypes.CDLL(None).qsort_r(array, n, size, compare, None)
    assert list(array) == sorted(NUMBERS)
    return calls


# ---- A thread of C ----


def thread_with_ctypes() -> int:
    libc, result, thread = ctypes.CDLL(None), ctypes.c_void_p(), ctypes.c_ulong()
    square = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda n: n * n)
    for n in range(1, 200):
        libc.pthread_create(ctypes.byref(thread), None, square, ctypes.c_void_p(n))
        libc.pthread_join(thread, ctypes.byref(result))
        assert result.value == n * n
    return 199


def thread_with_cffi() -> int:
    ffi = new_ffi()
    ffi.cdef("""
        int pthread_create(unsigned long *, void *, void *(*)(void *), void *);
        int pthread_join(unsigned long, void **);
    """)
    libc, result, thread = ffi.dlopen(None), ffi.new("void **"), ffi.new("unsigned long *")

    @ffi.callback("void *(void *)")  # type: ignore[untyped-decorator]
    def square(n: Any) -> Any:
        return ffi.cast("void *", int(ffi.cast("long", n)) ** 2)

    for n in range(1, 200):
        libc.pthread_create(thread, ffi.NULL, square, ffi.cast("void *", n))
        libc.pthread_join(thread[0], result)
        assert int(ffi.cast("long", result[0])) == n * n
    return 199


def thread_with_pytramp() -> int:
    libc, result, thread = ctypes.CDLL(None), ctypes.c_void_p(), ctypes.c_ulong()
    square = pytramp.callback("void *(void *)", lambda n: n * n)
    for n in range(1, 200):
        libc.pthread_create(ctypes.byref(thread), None, square, ctypes.c_void_p(n))
        libc.pthread_join(thread, ctypes.byref(result))
        assert result.value == n * n
    return 199


# ---- GSL ----


def gsl() -> Any:
    ctypes.CDLL(find_library("gslcblas"), ctypes.RTLD_GLOBAL)
    return find_library("gsl")


def integrate(lib: Any, function: Any, parameter: Any) -> float:
    class Function(ctypes.Structure):
        _fields_ = (("function", ctypes.c_void_p), ("params", ctypes.c_void_p))

    result, error, n = ctypes.c_double(), ctypes.c_double(), ctypes.c_size_t()
    limits = [ctypes.c_double(x) for x in (0.0, 1.0, 0.0, 1e-7)]
    described = Function(function, parameter)
    places = [ctypes.byref(each) for each in (result, error, n)]
    assert lib.gsl_integration_qng(ctypes.byref(described), *limits, *places) == 0
    return result.value


def integral_with_ctypes() -> int:
    calls = 0

    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)  # type: ignore[untyped-decorator]
    def function(x: float, _: Any) -> float:
        nonlocal calls
        calls += 1
        return math.exp(x)

    lib = ctypes.CDLL(gsl())
    for _ in range(100):
        address = ctypes.cast(function, ctypes.c_void_p)
        assert math.isclose(integrate(lib, address, None), math.e - 1)
    return calls


def integral_with_cffi() -> int:
    ffi, calls = new_ffi(), 0

    @ffi.callback("double(double, void *)")  # type: ignore[untyped-decorator]
    def function(x: float, _: Any) -> float:
        nonlocal calls
        calls += 1
        return math.exp(x)

    lib = ctypes.CDLL(gsl())
    for _ in range(100):
        address = int(ffi.cast("uintptr_t", function))
        assert math.isclose(integrate(lib, address, None), math.e - 1)
    return calls


def integral_with_pytramp() -> int:
    calls = 0

    @pytramp.callback("double (double, void *)")
    def function(x: float, _: Any) -> float:
        nonlocal calls
        calls += 1
        return math.exp(x)

    lib = ctypes.CDLL(gsl())
    for _ in range(100):
        assert math.isclose(integrate(lib, function.address, None), math.e - 1)
    return calls


# ---- What they cost ----

JOBS: dict[str, tuple[Job, Job, Job]] = {
    "qsort_r of 3000 numbers": (sort_with_ctypes, sort_with_cffi, sort_with_pytramp),
    "200 threads of C": (thread_with_ctypes, thread_with_cffi, thread_with_pytramp),
    "GSL integrates exp": (integral_with_ctypes, integral_with_cffi, integral_with_pytramp),
}


def lines(job: Job) -> int:
    """Of its body, without what counts the calls."""
    body = inspect.getsource(job).splitlines()[1:]
    return sum(1 for line in body if line.strip() and "calls" not in line)


def nanoseconds(job: Job) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter_ns()
        calls = job()
        times.append((time.perf_counter_ns() - begun) / calls)
    return min(times)


def without_executable_memory(job: Job) -> str:
    """In a process of its own, which was never allowed any."""
    done = subprocess.run([sys.executable, __file__, job.__name__], check=False)
    known = {0: "works", 3: "MemoryError", 77: "(this kernel has no PR_SET_MDWE)"}
    return known.get(done.returncode, f"ends with {done.returncode}")


def run_restricted(name: str) -> int:
    if ctypes.CDLL(None).prctl(65, ctypes.c_ulong(1), 0, 0, 0):
        return 77
    try:
        globals()[name]()
    except MemoryError:
        return 3
    return 0


def main() -> None:
    if find_library("gsl") is None:
        print("there is no GSL here")
        sys.exit(77)
    print(f"{'':26}{'':10}lines  ns per call  without executable memory")
    for name, jobs in JOBS.items():
        for job in jobs:
            peer = job.__name__.rpartition("_")[2]
            row = f"{lines(job):5}  {nanoseconds(job):11.0f}  {without_executable_memory(job)}"
            print(f"{name:26}{peer:10}{row}")
            name = ""


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_restricted(sys.argv[1]))
    main()
    print("right")
