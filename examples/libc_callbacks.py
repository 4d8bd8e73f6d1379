"""The C library calls Python: qsort_r, fopencookie, timer_create with SIGEV_THREAD, pthread_create.

python examples/libc_callbacks.py          (glibc)

Sorting and threads with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways libc_callbacks
"""

from __future__ import annotations

import ctypes
import errno
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytramp

libc = ctypes.CDLL(None, use_errno=True)


def sort_by_key() -> None:
    """qsort_r hands a pointer through to the comparison: here the id of the key function."""
    numbers = [random.randrange(1000) for _ in range(500)]
    keys: dict[int, Callable[[int], Any]] = {
        1: lambda n: n,
        2: lambda n: -n,
        3: lambda n: (n % 10, n),
    }

    @pytramp.callback("int (const int *a, const int *b, void *key)")
    def compare(a: Any, b: Any, key: int) -> int:
        left, right = keys[key](a[0]), keys[key](b[0])
        return int(left > right) - int(left < right)

    for key, function in keys.items():
        array = (ctypes.c_int * len(numbers))(*numbers)
        libc.qsort_r(
            array, ctypes.c_size_t(len(array)), ctypes.c_size_t(4), compare, ctypes.c_void_p(key)
        )
        assert list(array) == sorted(numbers, key=function)
    print("qsort_r: 500 numbers in three orders")


types = pytramp.cdef("""
    typedef struct {
        ssize_t (*read)(void *cookie, char *buffer, size_t size);
        ssize_t (*write)(void *cookie, const char buffer[size], size_t size);
        int (*seek)(void *cookie, void *offset, int whence);
        int (*close)(void *cookie);
    } cookie_io_functions_t;
""")


def a_stream_in_python() -> None:
    """A FILE * whose writes are Python's. The struct's fields keep the callbacks."""
    written = bytearray()

    @pytramp.callback("ssize_t (void *cookie, const char buffer[size], size_t size)")
    def write(_: int | None, buffer: Any, size: int) -> int:
        if len(written) + size > 1000:
            pytramp.set_errno(errno.ENOSPC)
            return 0
        written.extend(bytes(buffer))
        return size

    @pytramp.callback("int (void *cookie)")
    def close(_: int | None) -> int:
        written.extend(b"closed")
        return 0

    functions = types.cookie_io_functions_t()
    functions.write = write.as_ctypes(type(functions.write))
    functions.close = close.as_ctypes(type(functions.close))
    libc.fopencookie.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(libc.fopencookie(None, b"w", functions))
    assert libc.fprintf(stream, b"%s has %d letters\n", b"trampoline", 10) == 26
    assert libc.fflush(stream) == 0
    libc.fwrite(bytes(2000), ctypes.c_size_t(1), ctypes.c_size_t(2000), stream)
    assert libc.fflush(stream) == -1
    assert ctypes.get_errno() == errno.ENOSPC  # as write() said
    libc.fclose(stream)
    print("fopencookie:", bytes(written))
    assert bytes(written) == b"trampoline has 10 letters\nclosed"


class SigEvent(ctypes.Structure):
    """struct sigevent of 64-bit Linux (bits/types/sigevent_t.h); SIGEV_THREAD is 2."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    )


class TimerSpec(ctypes.Structure):
    """struct itimerspec"""

    _fields_ = tuple(
        (name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns")
    )


def a_timer() -> None:
    """Each expiry runs in a thread of its own, which Python did not make."""
    expired: list[tuple[int, str]] = []

    # timer_delete() does not wait for the thread of an expiry, which may call after this function.
    @pytramp.callback("void (void *)", immortal=True)
    def tick(value: int) -> None:
        expired.append((value, threading.current_thread().name))

    event = SigEvent(value=42, notify=2, function=tick.address)
    timer = ctypes.c_void_p()
    assert libc.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) == 0
    every = TimerSpec(every_ns=5_000_000, first_ns=5_000_000)
    libc.timer_settime(timer, 0, ctypes.byref(every), None)
    until = time.monotonic() + 30
    while len(expired) < 3 and time.monotonic() < until:
        time.sleep(0.005)
    libc.timer_delete(timer)
    print("timer_create:", expired[:3])
    assert [value for value, _ in expired[:3]] == [42, 42, 42]


def threads() -> None:
    """The start routine of threads, and their results."""
    local = threading.local()

    @pytramp.callback("void *(void *)")
    def work(n: int | None) -> int:
        local.n = n or 0
        time.sleep(0.01)
        n_of_this_thread: int = local.n
        return n_of_this_thread * n_of_this_thread

    ids = (ctypes.c_ulong * 5)()
    for n, _ in enumerate(ids):
        at = ctypes.byref(ids, n * ctypes.sizeof(ctypes.c_ulong))
        assert libc.pthread_create(at, None, work, ctypes.c_void_p(n)) == 0
    results = []
    for thread in ids:
        result = ctypes.c_void_p()
        libc.pthread_join(ctypes.c_ulong(thread), ctypes.byref(result))
        results.append(result.value or 0)
    print("pthread_create:", results)
    assert results == [0, 1, 4, 9, 16]


if __name__ == "__main__":
    sort_by_key()
    a_stream_in_python()
    a_timer()
    threads()
    print("right")
