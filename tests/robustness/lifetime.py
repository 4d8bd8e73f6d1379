"""Callbacks that are freed: too early, too late, inside themselves, and while they are called."""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from robustness.peers import Callback, Peer
from robustness.rows import compare, row

CHAPTER = "Lifetime"
ERROR = -7


def add_one(n: int) -> int:
    return n + 1


@contextmanager
def reports() -> Iterator[list[Any]]:
    """What Python reports without anybody to raise it to."""
    seen: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda args: seen.append(args.exc_type)
    try:
        yield seen
    finally:
        sys.unraisablehook = before


def late(peer: Peer, lib: Any, callback: Callback) -> str:
    """The outcome of a call that comes after the end of the callback."""
    with reports() as seen:
        got = lib.call_int(callback.pointer, 1)
    if got == 2:
        return "wrong answer: it still runs"
    if got != peer.failed(ERROR):
        return f"wrong answer: {got}"
    return "right" if seen else "wrong answer: nothing is reported"


@row(CHAPTER, "C calls a callback after it was freed", "the error value, and a report")
def freed(peer: Peer, lib: Any) -> str:
    callback = peer.make("int (int)", add_one, ERROR)
    assert lib.call_int(callback.pointer, 1) == 2
    callback.free()
    gc.collect()
    return late(peer, lib, callback)


@row(
    CHAPTER,
    "the same, when others of another type were made since",
    "the error value: no other callback runs",
)
def freed_and_reused(peer: Peer, lib: Any) -> str:
    entered = []

    def other(x: float) -> float:
        entered.append(x)
        return x

    callback = peer.make("int (int)", add_one, ERROR)
    callback.free()
    kept = [peer.make("double (double)", other, 0.5) for _ in range(300)]
    outcome = late(peer, lib, callback)
    assert len(kept) == 300
    return "wrong answer: another callback runs" if entered else outcome


@row(CHAPTER, "the last reference goes inside the call", "the call ends as usual")
def dropped_inside(peer: Peer, lib: Any) -> str:
    def function(n: int) -> int:
        callback.drop()
        gc.collect()
        others.extend(peer.make("double (double)", float) for _ in range(50))
        return n + 1

    others: list[Any] = []
    callback = peer.make("int (int)", function, ERROR)
    return compare(lib.call_int(callback.pointer, 1), 2)


@row(CHAPTER, "a callback frees itself and raises", "the error value, and the exception")
def freed_inside(peer: Peer, lib: Any) -> str:
    def function(n: int) -> int:
        callback.free()
        others.extend(peer.make("double (double)", float) for _ in range(50))
        raise KeyError(n)

    others: list[Any] = []
    with reports() as seen, silent_stderr():
        callback = peer.make("int (int)", function, ERROR)
        got = lib.call_int(callback.pointer, 1)
    if got != peer.failed(ERROR):
        return f"lost: the result is {got}"
    return "right" if seen == [KeyError] else "lost: the exception was only printed"


@contextmanager
def silent_stderr() -> Iterator[None]:
    """cffi prints exceptions to sys.stderr."""
    before = sys.stderr
    with open("/dev/null", "w") as sys.stderr:
        try:
            yield
        finally:
            sys.stderr = before


@row(CHAPTER, "a callback makes and frees 5000 others", "each answers as it should")
def thousands_inside(peer: Peer, lib: Any) -> str:
    def function(n: int) -> int:
        wrong = 0
        for k in range(5000):
            other = peer.make("int (int)", lambda m, k=k: m + k, ERROR)
            wrong += lib.call_int(other.pointer, 1) != k + 1
            other.free()
        return n + 1 + wrong

    callback = peer.make("int (int)", function, ERROR)
    return compare(lib.call_int(callback.pointer, 1), 2)


@row(CHAPTER, "a callback that is part of a reference cycle", "the garbage collector frees it")
def cycle(peer: Peer, lib: Any) -> str:
    class Owner:
        def method(self, n: int) -> int:
            return n + 1

    owner = Owner()
    owner.callback = peer.make("int (int)", owner.method, ERROR)  # type: ignore[attr-defined]
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    return "right" if gone() is None else "wrong answer: it is never freed"


@row(
    CHAPTER,
    "C calls it while the garbage collector clears its callable, a `functools.partial`",
    "the error value",
)
def cleared_callable(peer: Peer, lib: Any) -> str:
    function: Any = functools.partial(lambda kept, n: n + 1, [])
    callback = peer.make("int (int)", function, ERROR)
    lib.set_current(callback.pointer)
    function.last, function.callback = _calling_when_it_goes(lib), callback.thing
    callback.drop()
    del function
    with reports(), silent_stderr():
        gc.collect()
    return compare(lib.current_result(), peer.failed(ERROR))


def _calling_when_it_goes(lib: Any) -> Any:
    """An object that the garbage collector does not know, as those of most extensions."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    return new(1, None, ctypes.cast(lib.call_current, ctypes.c_void_p))


def _race(peer: Peer, lib: Any, make: Any, end: Any) -> str:
    """Four threads of C call, and go on calling, while the callback ends; then the next one."""
    sys.setswitchinterval(1e-5)
    with reports():
        for _ in range(10):
            callback = make()
            lib.callers_start(callback.pointer, 4, peer.failed(ERROR))
            while lib.callers_calls() < 100:
                time.sleep(0.0005)
            end(callback)
            others = [peer.make("double (double)", float, 0.5) for _ in range(20)]
            time.sleep(0.002)
            if lib.callers_stop():
                return "wrong answer"
            del others
    return "right"


@row(
    CHAPTER,
    "freed while four threads of C call it",
    "each call gets its answer or the error value",
    repeat=20,
)
def freed_while_called(peer: Peer, lib: Any) -> str:
    return _race(peer, lib, lambda: peer.make("int (int)", add_one, ERROR), Callback.free)


@row(
    CHAPTER,
    "the garbage collector frees it while four threads of C call it",
    "each call gets its answer or the error value",
    repeat=20,
)
def collected_while_called(peer: Peer, lib: Any) -> str:
    class Owner:
        def method(self, n: int) -> int:
            return n + 1

    def make() -> Callback:
        owner = Owner()
        callback = peer.make("int (int)", owner.method, ERROR)
        owner.itself, owner.thing = owner, callback.thing  # type: ignore[attr-defined]
        callback.drop()
        return callback

    gc.disable()
    return _race(peer, lib, make, lambda callback: gc.collect())
