"""Who calls the callbacks that are measured: tight loops in C, built now by the C compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pytramp import _compiler
from pytramp.cli._libc import ns_per_call

SOURCE = Path(__file__).with_name("bench.c")


class NoCompiler(Exception):
    """There is no C compiler, or it did not compile; the text says what happened."""


def compile_shared(source: Path, target: Path, *flags: str) -> Path:
    """Makes a shared library of C sources with $CC or cc. NoCompiler."""
    arguments = ["-O2", "-shared", "-fPIC", "-pthread", "-o", str(target), str(source), *flags]
    done = run_compiler(*arguments)
    if done.returncode:
        raise NoCompiler(f"{done.args[0]} failed: {done.stderr.strip()}")
    return target


def run_compiler(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs $CC or cc; what it returns may tell of a failure. NoCompiler where there is none."""
    try:
        command = _compiler.command()
    except ValueError as error:
        raise NoCompiler(f"there is no C compiler here ({error})") from None
    if shutil.which(command[0]) is None:
        raise NoCompiler(f"there is no C compiler here ({command[0]})")
    return subprocess.run([*command, *arguments], capture_output=True, errors="backslashreplace")


class WrongResult(Exception):
    """A callback returned something else than its Python function."""


class LoopsInC:
    """bench.c, once with the GIL given up around each call, once with the GIL held."""

    int_type = "int (int, int)"

    @staticmethod
    def int_function(a: int, b: int) -> int:
        """What it wants to call."""
        return a

    def __init__(self, path: Path) -> None:
        """path: what `build` returned."""
        held, given_up = ctypes.PyDLL(str(path)), ctypes.CDLL(str(path))
        self._libraries: dict[bool, Any] = {True: held, False: given_up}
        for library in self._libraries.values():
            for name in ("int", "double", "array", "threads", "short_threads"):
                getattr(library, f"bench_{name}").restype = ctypes.c_double

    @staticmethod
    def build(folder: Path) -> Path:
        return compile_shared(SOURCE, folder / "bench.so")

    def ns(self, kind: str, address: int, calls: int, *, held: bool) -> float:
        """ns per call of a function of a kind: "int", "double" or "array"."""
        function = getattr(self._libraries[held], f"bench_{kind}")
        return _judge(function(ctypes.c_void_p(address), ctypes.c_long(calls)))

    def threads_ns(self, kind: str, address: int, calls: int, threads: int) -> float:
        """ns per call in each of so many threads that Python did not make; "int" or "double"."""
        function = self._libraries[False].bench_threads
        code = ctypes.c_void_p(address)
        return _judge(function(code, kind == "double", ctypes.c_long(calls), threads))

    def short_threads_ns(self, address: int, threads: int) -> float:
        """ns for each of so many threads that Python did not make: they call "int" once and end."""
        return _judge(self._libraries[False].bench_short_threads(ctypes.c_void_p(address), threads))


def _judge(ns: float) -> float:
    if ns < 0:
        raise WrongResult("the results of the callbacks do not add up")
    return ns


class LibcOnly:
    """What can be had without a compiler: lfind(3), which calls an `int (size_t, size_t)`."""

    int_type = "int (size_t, size_t)"

    @staticmethod
    def int_function(a: int, b: int) -> int:
        return 1

    def ns(self, kind: str, address: int, calls: int, *, held: bool) -> float:
        if kind != "int":
            raise NoCompiler("no function of the C library calls such a type often")
        return ns_per_call(address, held=held, passes=max(1, calls // 4096))

    def threads_ns(self, kind: str, address: int, calls: int, threads: int) -> float:
        raise NoCompiler("its threads are made in C")

    def short_threads_ns(self, address: int, threads: int) -> float:
        raise NoCompiler("its threads are made in C")


Callers = LoopsInC | LibcOnly
