"""Restrictions of the system, forks, and what runs out: stack and memory."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import signal
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from robustness.lifetime import ERROR, add_one, reports, silent_stderr
from robustness.peers import Callback, Peer
from robustness.rows import NotHere, NotTried, compare, row

CHAPTER = "The system"


# ---- Executable memory ----


@row(CHAPTER, "executable memory", "none can be written, under any address")
def no_writable_code(peer: Peer, lib: Any) -> str:
    callback = peer.make("int (int)", add_one, ERROR)
    assert lib.call_int(callback.pointer, 1) == 2
    writable: set[tuple[str, str]] = set()
    own: set[tuple[str, str]] = set()
    with open("/proc/self/maps") as maps:
        for line in maps:
            addresses, permissions, _, device, inode, *_ = line.split()
            start, end = (int(each, 16) for each in addresses.split("-"))
            if start <= callback.address < end:
                own.add((device, inode))
                if "w" in permissions:
                    return "wrong answer: it is writable"
            elif permissions[1] == "w" and permissions[3] == "s":
                writable.add((device, inode))
    assert own, "nothing is mapped there"
    return compare(writable & own, set(), "it is writable at a second address")


def _restrictions() -> Any:
    sys.path.append(os.path.join(os.path.dirname(os.path.dirname(__file__)), "isolated"))
    return importlib.import_module("common")


@row(CHAPTER, "under `PR_SET_MDWE`, as systemd sets it", "callbacks work")
def mdwe(peer: Peer, lib: Any) -> str:
    _restrictions().refuse_exec_gain()
    callback = peer.make("int (int)", add_one, ERROR)
    return compare(lib.call_int(callback.pointer, 1), 2)


@row(
    CHAPTER,
    "the first callback is made in a chroot, under a filter that forbids new code",
    "callbacks work",
)
def late_sandbox(peer: Peer, lib: Any) -> str:
    common = _restrictions()
    os.chdir(empty := tempfile.mkdtemp())
    os.rmdir(empty)  # nothing could, later
    try:
        os.chroot(".")
    except PermissionError:
        raise NotHere("chroot needs root") from None
    common.no_new_code()
    callback = peer.make("int (int)", add_one, ERROR)
    return compare(lib.call_int(callback.pointer, 1), 2)


# ---- Forks ----


def _in_child(action: Callable[[], str]) -> str:
    """The outcome of the action, in a forked child."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(into, action().encode())
        finally:
            os._exit(0)
    os.close(into)
    text = b""
    while chunk := os.read(out, 1000):
        text += chunk
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return f"crash: {signal.Signals(-code).name} in the child"
    return text.decode() or f"crash: exit code {code} in the child"


def _replace(peer: Peer, lib: Any, callbacks: list[Callback]) -> str:
    """Uses, frees and makes callbacks, as any program does."""
    if lib.call_int(callbacks[0].pointer, 1) != 2:
        return "wrong answer: in the child"
    for callback in callbacks:
        callback.free()
    others = [peer.make("int (int)", lambda n: n + 100, ERROR) for _ in callbacks]
    return compare(lib.call_int(others[0].pointer, 1), 101)


def _fork(peer: Peer, lib: Any) -> str:
    callbacks = [peer.make("int (int)", add_one, ERROR) for _ in range(100)]
    outcome = _in_child(lambda: _replace(peer, lib, callbacks))
    if outcome != "right":
        return outcome
    with reports():
        got = {lib.call_int(callback.pointer, 1) for callback in callbacks}
    return compare(got, {2}, "the parent runs the child's callbacks")


@row(CHAPTER, "a forked child frees callbacks and makes others", "the parent's are its own")
def fork(peer: Peer, lib: Any) -> str:
    return _fork(peer, lib)


@row(CHAPTER, "the same under `PR_SET_MDWE`", "the parent's are its own")
def fork_mdwe(peer: Peer, lib: Any) -> str:
    _restrictions().refuse_exec_gain()
    return _fork(peer, lib)


@row(CHAPTER, "a fork while four threads of C call", "child and parent go on", repeat=20)
def fork_while_called(peer: Peer, lib: Any) -> str:
    callbacks = [peer.make("int (int)", add_one, ERROR) for _ in range(100)]
    lib.callers_start(callbacks[50].pointer, 4, peer.failed(ERROR))
    while lib.callers_calls() < 100:
        time.sleep(0.0005)
    outcome = _in_child(lambda: _replace(peer, lib, callbacks))
    return "wrong answer" if lib.callers_stop() else outcome


# ---- What runs out ----


def _recursion(peer: Peer, lib: Any, depth: int) -> str:
    """As deep as depth, or to a RecursionError, and once more."""
    deepest = 0

    def function(n: int) -> int:
        nonlocal deepest
        deepest = max(deepest, n)
        return max(n, lib.call_int(callback.pointer, n + 1)) if n < depth else n

    callback = peer.make("int (int)", function, ERROR)
    seen: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, seen.append
    with contextlib.redirect_stderr(io.StringIO()) as printed:  # by cffi
        lib.call_int(callback.pointer, 0)
        lib.call_int(callback.pointer, 0)
    sys.unraisablehook = before
    if deepest < depth and not seen and "Error" not in printed.getvalue():
        return f"wrong answer: nothing beyond {deepest}"
    return "right" if lib.call_int(callback.pointer, depth) == depth else "wrong answer"


@row(CHAPTER, "a callback that calls itself through C for ever", "RecursionError")
def recursion(peer: Peer, lib: Any) -> str:
    return _recursion(peer, lib, 1 << 30)


@row(
    CHAPTER,
    "... 20 000 levels deep, with a stack and a recursion limit for it",
    "its answer, or RecursionError",
)
def recursion_deep(peer: Peer, lib: Any) -> str:
    return _with_stack(512 << 20, 100_000, lambda: _recursion(peer, lib, 20_000))


@row(CHAPTER, "... with a recursion limit that is too high for the stack", "RecursionError")
def recursion_too_deep(peer: Peer, lib: Any) -> str:
    return _with_stack(256 << 10, 100_000, lambda: _recursion(peer, lib, 20_000))


def _with_stack(size: int, limit: int, action: Callable[[], str]) -> str:
    sys.setrecursionlimit(limit)
    threading.stack_size(size)
    outcome: list[str] = []
    thread = threading.Thread(target=lambda: outcome.append(action()))
    thread.start()
    thread.join()
    return outcome[0] if outcome else "lost: an exception in the thread"


def _without_memory(peer: Peer, call: Callable[[Callback], int]) -> str:
    """The call, with the first, second ... allocation of Python failing, and all from there on."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotHere("CPython without a GIL crashes when it has no memory for a list")
    try:
        faults = importlib.import_module("_testcapi")
    except ImportError:
        raise NotTried("there is no _testcapi") from None

    def function(n: int) -> int:
        return len([n, str(n), {n: n}]) + n - 2

    callback = peer.make("int (int)", function, ERROR)
    assert call(callback) == 2
    results: list[int] = []
    sys.unraisablehook = lambda args: None
    with silent_stderr():
        for stop in (1, 0):
            for start in range(60):
                faults.set_nomemory(start, stop and start + 1)
                try:
                    got = call(callback)
                except (MemoryError, ctypes.ArgumentError):  # of ctypes' own call, on the way there
                    continue
                finally:
                    faults.remove_mem_hooks()
                results.append(got)
    wrong = set(results) - {2, peer.failed(ERROR)}
    return "right" if not wrong else "lost: a result that nobody wrote"


@row(CHAPTER, "Python has no memory when C calls", "the answer or the error value")
def no_memory(peer: Peer, lib: Any) -> str:
    def call(callback: Callback) -> int:
        return int(lib.call_int(callback.pointer, 1))

    return _without_memory(peer, call)


@row(
    CHAPTER,
    "... for the first time in a thread of C",
    "the answer or the error value",
)
def no_memory_in_thread(peer: Peer, lib: Any) -> str:
    def call(callback: Callback) -> int:
        got = int(lib.in_turn(callback.pointer, 1, 1))
        return 2 if got == 1 else got

    return _without_memory(peer, call)
