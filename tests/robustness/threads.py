"""Threads that Python did not make, while Python runs and when it ends."""

from __future__ import annotations

import contextvars
import ctypes
import threading
import time
from typing import Any

from robustness.lifetime import ERROR, add_one
from robustness.peers import Peer
from robustness.rows import compare, row

CHAPTER = "Threads"


def _in_worker(peer: Peer, lib: Any, function: Any) -> list[int]:
    """What two calls give, of one thread of C."""
    callback = peer.make("int (int)", function, ERROR)
    lib.worker_start()
    got = [lib.worker_call(callback.pointer, n) for n in (1, 2)]
    return got


@row(CHAPTER, "`threading.local` in a thread of C", "what one call left the next one finds")
def thread_local(peer: Peer, lib: Any) -> str:
    local = threading.local()

    def function(n: int) -> int:
        local.count = getattr(local, "count", 0) + 1
        return int(local.count)

    return compare(_in_worker(peer, lib, function), [1, 2], "gone at the next call")


@row(CHAPTER, "context variables in a thread of C", "what one call left the next one finds")
def context_variable(peer: Peer, lib: Any) -> str:
    variable = contextvars.ContextVar("count", default=0)

    def function(n: int) -> int:
        variable.set(variable.get() + 1)
        return variable.get()

    return compare(_in_worker(peer, lib, function), [1, 2], "gone at the next call")


@row(CHAPTER, "`threading.current_thread()` in a thread of C", "the same object in each call")
def current_thread(peer: Peer, lib: Any) -> str:
    seen: list[Any] = []

    def function(n: int) -> int:
        seen.append(threading.current_thread())
        return n

    _in_worker(peer, lib, function)
    return compare(seen[0] is seen[1], True, "another object in each call")


@row(CHAPTER, "two threads of C, one after the other", "each has a `Thread` object of its own")
def two_threads(peer: Peer, lib: Any) -> str:
    seen: list[Any] = []

    def function(n: int) -> int:
        seen.append(threading.current_thread())
        return n

    callback = peer.make("int (int)", function, ERROR)
    lib.in_turn(callback.pointer, 2, 1)
    return compare(seen[0] is not seen[1], True, "the second has the dead one's")


@row(CHAPTER, "`threading.setprofile()`", "sees the calls in a thread of C")
def profiled(peer: Peer, lib: Any) -> str:
    seen: list[str] = []

    def function(n: int) -> int:
        return n + 1

    callback = peer.make("int (int)", function, ERROR)
    threading.setprofile(lambda frame, event, arg: seen.append(frame.f_code.co_name))
    lib.in_turn(callback.pointer, 1, 2)
    threading.setprofile(None)
    return compare(seen.count("function") >= 2, True, "sees nothing")


def _states() -> int:
    """Thread states of this interpreter."""
    api = ctypes.pythonapi
    for name in ("PyInterpreterState_Get", "PyInterpreterState_ThreadHead", "PyThreadState_Next"):
        getattr(api, name).restype = ctypes.c_void_p
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(api.PyInterpreterState_Get()))
    count = 0
    while state:
        count += 1
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return count


@row(CHAPTER, "1000 short threads of C", "leave no thread state behind")
def short_threads(peer: Peer, lib: Any) -> str:
    callback = peer.make("int (int)", add_one, ERROR)
    lib.in_turn(callback.pointer, 2, 2)
    before = _states()
    assert lib.in_turn(callback.pointer, 1000, 2) == 3000
    left = _states() - before
    return compare(left <= 0, True, f"{left} are left")


# ---- The end ----

AT_EXIT, IN_THREAD, IN_WORKER, IN_DESTRUCTOR, NO_CALL = range(5)
END = "The end of Python"
kept: list[Any] = []


def _end(peer: Peer, lib: Any, when: int, function: Any = add_one) -> Any:
    callback = peer.make("int (int)", function, ERROR)
    lib.at_exit(callback.pointer, peer.failed(ERROR), when)
    kept.append(callback)
    return callback


@row(END, "C calls from `atexit`", "the error value", repeat=20)
def c_atexit(peer: Peer, lib: Any) -> None:
    _end(peer, lib, AT_EXIT)


@row(END, "C calls from a destructor of a library", "the error value", repeat=20)
def destructor(peer: Peer, lib: Any) -> None:
    _end(peer, lib, IN_DESTRUCTOR)


@row(END, "a new thread of C calls when Python has ended", "the error value", repeat=20)
def new_thread_after(peer: Peer, lib: Any) -> None:
    _end(peer, lib, IN_THREAD)


@row(END, "a thread of C outlives Python, and calls", "the error value", repeat=20)
def outlives(peer: Peer, lib: Any) -> None:
    callback = _end(peer, lib, IN_WORKER)
    lib.worker_start()
    assert lib.worker_call(callback.pointer, 1) == 2


@row(END, "three threads of C call all the time while Python ends", "Python ends", repeat=20)
def callers_at_the_end(peer: Peer, lib: Any) -> None:
    callback = _end(peer, lib, NO_CALL)
    lib.callers_start(callback.pointer, 3, peer.failed(ERROR))
    time.sleep(0.02)


@row(END, "a thread of C is inside the callable, which sleeps", "Python ends", repeat=20)
def inside_at_the_end(peer: Peer, lib: Any) -> None:
    started = threading.Event()

    def function(n: int) -> int:
        started.set()
        time.sleep(3600)
        return n + 1

    callback = _end(peer, lib, NO_CALL, function)
    lib.callers_start(callback.pointer, 1, peer.failed(ERROR))
    started.wait()
