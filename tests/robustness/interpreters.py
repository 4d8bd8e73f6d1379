"""Callbacks made in another interpreter of the process, and programs that embed Python."""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any, NoReturn

from robustness.lifetime import ERROR, reports
from robustness.peers import Peer
from robustness.rows import NotHere, NotTried, compare, row

CHAPTER = "Interpreters"

_MAKE = {
    "ctypes": """
import ctypes
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(function)
address = ctypes.cast(callback, ctypes.c_void_p).value
""",
    "cffi": """
import cffi
ffi = cffi.FFI()
callback = ffi.callback("int (*)(int)", function, error=-7)
address = int(ffi.cast("uintptr_t", callback))
""",
    "pytramp": """
import pytramp
callback = pytramp.callback("int (int)", function, error=-7)
address = callback.address
""",
}

_PROGRAM = """
import os, sys
sys.path[:] = {path!r}
import {module} as interpreters
def function(n):
    current = interpreters.get_current()
    return int(current[0] if isinstance(current, tuple) else current)
try:
{make}
except ImportError as error:
    address = 0
os.write({pipe}, b"%d" % address)
"""


class Interpreter:
    """One more interpreter, by the module that Python's own tests use."""

    def __init__(self, peer: Peer, *, own_gil: bool = False) -> None:
        is_new = sys.version_info >= (3, 13)
        self.module = "_interpreters" if is_new else "_xxsubinterpreters"
        try:
            self._api = importlib.import_module(self.module)
        except ImportError:
            raise NotTried(f"there is no {self.module}") from None
        self._id = (
            self._api.create("isolated" if own_gil else "legacy")
            if is_new
            else self._api.create(isolated=own_gil)
        )
        self.number = int(self._id)
        self.address = self._make(peer)

    def _make(self, peer: Peer) -> int:
        """The address of a callback, whose callable says in which interpreter it runs."""
        out, into = os.pipe()
        make = _MAKE[peer.name].replace("\n", "\n    ")
        self.run(_PROGRAM.format(path=sys.path, module=self.module, make=make, pipe=into))
        address = int(os.read(out, 100))
        return address

    def run(self, program: str) -> None:
        failure = self._api.run_string(self._id, program)
        assert failure is None, failure

    def destroy(self) -> None:
        self._api.destroy(self._id)


REFUSED = "refused: ImportError"


def _where(got: int, expected: int) -> str:
    return compare(got, expected, "it runs in the main interpreter" if got == 0 else "")


@row(CHAPTER, "made in a subinterpreter, called in a thread of C", "it runs where it was made")
def sub_from_thread(peer: Peer, lib: Any) -> str:
    sub = Interpreter(peer)
    if not sub.address:
        return REFUSED
    return _where(lib.in_turn(_pointer(sub.address), 1, 1), sub.number)


def _pointer(address: int) -> Any:
    import ctypes

    return ctypes.c_void_p(address)


@row(
    CHAPTER,
    "made in a subinterpreter, called in a thread of the main one",
    "it runs where it was made",
)
def sub_from_main(peer: Peer, lib: Any) -> str:
    sub = Interpreter(peer)
    if not sub.address:
        return REFUSED
    return _where(lib.call_int(_pointer(sub.address), 1), sub.number)


@row(
    CHAPTER,
    "made in a subinterpreter with its own GIL (Python 3.12)",
    "it runs where it was made, or the import is refused",
)
def sub_own_gil(peer: Peer, lib: Any) -> str:
    if sys.version_info < (3, 12):
        raise NotHere("Python 3.12 has such interpreters")
    sub = Interpreter(peer, own_gil=True)
    if not sub.address:
        return REFUSED
    return _where(lib.in_turn(_pointer(sub.address), 1, 1), sub.number)


@row(CHAPTER, "C calls it when the subinterpreter has ended", "the error value")
def sub_destroyed(peer: Peer, lib: Any) -> str:
    sub = Interpreter(peer)
    if not sub.address:
        return REFUSED
    lib.in_turn(_pointer(sub.address), 1, 1)
    sub.destroy()
    with reports():
        return compare(lib.in_turn(_pointer(sub.address), 1, 1), peer.failed(ERROR))


@row(
    CHAPTER,
    "threads of C call it while the subinterpreter ends",
    "each call gets its answer or the error value",
    repeat=20,
)
def sub_destroyed_while_called(peer: Peer, lib: Any) -> str:
    sub = Interpreter(peer)
    if not sub.address:
        return REFUSED
    sub.run("function.__code__ = (lambda n: n + 1).__code__")
    lib.callers_start(_pointer(sub.address), 2, peer.failed(ERROR))
    while lib.callers_calls() < 100:
        time.sleep(0.0005)
    with reports():
        sub.destroy()
        time.sleep(0.002)
        return "wrong answer" if lib.callers_stop() else "right"


# ---- Embedding ----

_EMBEDDED = """
import sys
sys.path[:] = {path!r}
def function(n):
    return n + 1 + {more}
{make}
"""


def _embed(peer: Peer, lib: Any, when: str, runs: int) -> NoReturn:
    """Becomes the program of embed.c."""
    program = os.environ.get("ROBUSTNESS_EMBED")
    if not program:
        raise NotTried("embed.c could not be linked with libpython")
    # Where an old callback is called, one can see whether a new one answers.
    programs = [
        _EMBEDDED.format(path=sys.path, more=more, make=_MAKE[peer.name])
        for more in (range(0, 10 * runs, 10) if when == "next" else [0] * runs)
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [program, lib._name, when, str(peer.failed(ERROR)), *programs]
    os.execve(program, command, environment)


_END = "The end of Python"


@row(_END, "a program in C calls after `Py_FinalizeEx`", "the error value", repeat=5)
def embedded_after(peer: Peer, lib: Any) -> None:
    _embed(peer, lib, "after", 1)


@row(_END, "... and after the next `Py_Initialize`", "the error value", repeat=5)
def embedded_next(peer: Peer, lib: Any) -> None:
    _embed(peer, lib, "next", 3)


@row(_END, "... a callback made after the next `Py_Initialize`", "its answer", repeat=5)
def embedded_again(peer: Peer, lib: Any) -> None:
    _embed(peer, lib, "inside", 3)


@row(
    _END,
    "... a thread of C calls through three interpreters, and between them",
    "answers, and the error value",
    repeat=5,
)
def embedded_thread(peer: Peer, lib: Any) -> None:
    _embed(peer, lib, "thread", 3)
