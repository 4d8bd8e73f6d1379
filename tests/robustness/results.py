"""What C gets: of callables that fail, and of types that are hard to pass."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

from robustness.lifetime import reports, silent_stderr
from robustness.peers import Peer, Point
from robustness.rows import compare, row, shown

CHAPTER = "Results"


def fails(value: Any) -> Any:
    raise ValueError(value)


def _failing(peer: Peer, got: Any, error: Any) -> str:
    if got == peer.failed(error):
        return "right"
    return f"lost: the result is {shown(got)}, which nobody wrote"


@row(CHAPTER, "the callable raises; an `int` result", "the error value that was named, or zero")
def raises_int(peer: Peer, lib: Any) -> str:
    callback = peer.make("int (int)", fails, -7)
    with reports(), silent_stderr():
        return _failing(peer, lib.call_int(callback.pointer, 1), -7)


@row(CHAPTER, "the callable raises; a `double` result", "the same")
def raises_double(peer: Peer, lib: Any) -> str:
    callback = peer.make("double (double)", fails, -0.5)
    with reports(), silent_stderr():
        return _failing(peer, lib.call_double(callback.pointer, 1.0), -0.5)


@row(CHAPTER, "the callable raises; a struct result", "the same")
def raises_struct(peer: Peer, lib: Any) -> str:
    callback = peer.make("struct point (struct point)", fails, (-0.5, -7.0))
    p = Point(1, 2)
    with reports(), silent_stderr():
        lib.call_point(callback.pointer, ctypes.byref(p))
    return _failing(peer, (p.x, p.y), (-0.5, -7.0))


@row(CHAPTER, "the callable raises; a `PyObject *` result", "NULL, with the exception set")
def raises_object(peer: Peer, lib: Any) -> str:
    callback = peer.make("PyObject *(int)", fails)
    call = ctypes.PyDLL(lib._name).call_object
    call.restype = ctypes.py_object
    with reports(), silent_stderr():
        try:
            got = call(callback.pointer, 1)
        except ValueError:
            return "right"
    return f"wrong answer: {shown(got)}"


@row(CHAPTER, "an exception of the callable, and who called C", "it is raised there")
def reaches(peer: Peer, lib: Any) -> str:
    return _reaching(peer, lib, fails, ValueError)


@row(CHAPTER, "`sys.exit()` in the callable", "SystemExit is raised where C was called")
def exits(peer: Peer, lib: Any) -> str:
    def function(n: int) -> int:
        raise SystemExit(3)

    return _reaching(peer, lib, function, SystemExit)


def _reaching(peer: Peer, lib: Any, function: Any, expected: type[BaseException]) -> str:
    with reports(), silent_stderr():
        try:
            with peer.reaching(function, -7) as callback:
                lib.call_int(callback.pointer, 1)
        except expected:
            return "right"
    return "lost: the exception is only printed"


@row(
    CHAPTER,
    "Ctrl-C in a callback that C calls in a loop",
    "KeyboardInterrupt is raised where C was called; until then the callable is not entered again",
)
def interrupted(peer: Peer, lib: Any) -> str:
    entered = 0

    def function(n: int) -> int:
        nonlocal entered
        entered += 1
        if entered == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return n + 1

    # What was started in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    got = 0
    with reports(), silent_stderr():
        try:
            with peer.reaching(function, -7) as callback:
                got = lib.call_loop(callback.pointer, 1000)
        except KeyboardInterrupt:
            again = entered - 3
            return "right" if again < 2 else f"wrong answer: entered {again} more times"
    assert got
    return "lost: the exception is only printed"


@row(CHAPTER, "an `int` result that is out of range", "OverflowError, and the error value")
def out_of_range(peer: Peer, lib: Any) -> str:
    callback = peer.make("int (int)", lambda n: (1 << 40) + 5, -7)
    with reports(), silent_stderr():
        return compare(lib.call_int(callback.pointer, 1), peer.failed(-7), "cut off silently")


@row(CHAPTER, "errno, when the callable does input and output", "as C left it")
def errno(peer: Peer, lib: Any) -> str:
    def function(n: int) -> int:
        try:
            os.stat("/nowhere")
        except OSError:
            pass
        return n + 1

    callback = peer.make("int (int)", function, -7)
    got = lib.call_errno(callback.pointer, 4711)
    return "right" if got == 4711 else f"wrong answer: errno is {got}"


@row(CHAPTER, "a packed struct as an argument", "its members arrive")
def packed(peer: Peer, lib: Any) -> str:
    seen = []

    def function(value: Any) -> float:
        seen.append((value.tag, value.x))
        return float(value.x)

    callback = peer.make("double (struct packed)", function, -7.0)
    got = lib.call_packed(callback.pointer, b"t", 1.5)
    return compare((*seen, got), ((b"t", 1.5), 1.5), "other bytes arrive")


@row(CHAPTER, "a struct as the result", "its members arrive")
def struct_result(peer: Peer, lib: Any) -> str:
    def function(p: Any) -> Any:
        p.x, p.y = p.y, p.x
        return p

    callback = peer.make("struct point (struct point)", function)
    p = Point(1, 2)
    lib.call_point(callback.pointer, ctypes.byref(p))
    return compare((p.x, p.y), (2, 1))


@row(CHAPTER, "a pointer as the result", "it arrives")
def pointer_result(peer: Peer, lib: Any) -> str:
    memory = (ctypes.c_int * 3)(4, 5, 6)
    callback = peer.make("int *(int)", lambda n: peer.pointer_to(memory))
    return compare(lib.call_pointer(callback.pointer, 1)[2], 6)


@row(CHAPTER, "a variadic callback, `int (int n, ...)`", "its arguments can be read")
def variadic(peer: Peer, lib: Any) -> str:
    def function(n: int, va: Any) -> int:
        return int(va.arg("double") * 2 + va.arg("int") + va.arg("long"))

    callback = peer.make("int (int, ...)", function, -7)
    return compare(lib.call_variadic(callback.pointer, 7), 50)


@row(
    CHAPTER,
    "an array argument that is read after C has freed it",
    "an exception says that it has ended",
)
def array_kept(peer: Peer, lib: Any) -> str:
    seen = []

    def function(n: int, x: Any) -> int:
        seen.append(peer.array(n, x))
        return int(seen[0][n - 1])

    callback = peer.make("int (unsigned n, double x[n])", function, -7)
    assert lib.call_array(callback.pointer, 100_000) == 99_999
    try:
        return f"wrong answer: {shown(seen[0][5])}"
    except ValueError:
        return "right"
