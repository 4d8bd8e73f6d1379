"""Compiles C programs of the tests against the core, from the checkout's csrc and nothing else.

    objects = native.core(compiler="gcc", flags=native.ADDRESS)
    program = native.program(TESTS / "c" / "pool.c", compiler="gcc", flags=native.ADDRESS)
    native.run(program)

The objects of one compiler and its flags are built once per session.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from platforms import emulate

TESTS = Path(__file__).resolve().parent
CSRC = TESTS.parent / "csrc"
INCLUDE = CSRC / "include"
INCLUDES = (f"-I{INCLUDE}", f"-I{CSRC}")

BASE = (
    *("-std=c11", "-O2", "-g1", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"),
    "-funwind-tables",  # some CPUs' compilers make none for C by default
)

# Another machine's compiler: its programs run under an emulator (platforms/emulate.py).
CC = os.environ.get("PYTRAMP_TEST_CC", "gcc")

# Sanitizer legs, as flags. -O1 keeps their stacks readable.
ADDRESS = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
THREAD = ("-O1", "-fsanitize=thread")

# Time limits are multiplied by it: sanitizers are slow.
PATIENCE = float(os.environ.get("PYTRAMP_TEST_PATIENCE", "1"))

JOBS = min(os.cpu_count() or 1, 8)


class NativeError(AssertionError):
    """A compiler or a compiled program failed; the text is everything it printed."""


def have(compiler: str) -> bool:
    return shutil.which(compiler) is not None


def need(compiler: str, *, optional: bool = False) -> None:
    """Skips the test without this compiler; in CI only an optional one may be missing."""
    if have(compiler):
        return
    reason = f"no {compiler} on PATH: the C core cannot be compiled for this test"
    if os.environ.get("CI") and not optional:
        pytest.fail(reason)
    pytest.skip(reason)


@functools.cache
def makes_windows_programs(compiler: str) -> bool:
    machine = execute([compiler, "-dumpmachine"]).stdout
    return "mingw" in machine or "windows" in machine


def link_flags(compiler: str) -> tuple[str, ...]:
    """What a program needs besides its objects. wine would not find the compiler's own DLLs, and
    zig brings a library to unwind with only where it is asked for."""
    if makes_windows_programs(compiler):
        return ("-static",)
    unwinder = ("-lunwind",) if Path(compiler).name.startswith("zig") else ()
    return (*unwinder, "-lpthread", "-ldl")


def executable(path: Path, compiler: str) -> Path:
    """The file that the compiler makes when it is asked for the program at path."""
    return path.with_name(path.name + ".exe") if makes_windows_programs(compiler) else path


@functools.cache
def folder() -> Path:
    """This session's folder for everything compiled."""
    path = Path(tempfile.mkdtemp(prefix="pytramp-native-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def sources() -> list[Path]:
    """The core without Python. Files for other systems guard themselves."""
    patterns = ("*.c", "abi/*.c", "pages/*.c", "arch/*/*.c", "arch/*/*.S")
    return sorted(path for pattern in patterns for path in CSRC.glob(pattern))


def execute(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Runs command, another machine's program under its emulator, with env added to the
    environment; raises NativeError with its output."""
    words = [*emulate.prefix(command[0]), *map(str, command)]
    text = " ".join(words)
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            env={**os.environ, **(env or {})},
            timeout=timeout * PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
        shown = output.decode(errors="backslashreplace") if isinstance(output, bytes) else output
        raise NativeError(f"{text}\nran longer than {error.timeout} s\n{shown}") from None
    if done.returncode != 0:
        raise NativeError(f"{text}\nexited with {done.returncode}\n{done.stdout}")
    return done


@functools.cache
def macros(compiler: str, flags: tuple[str, ...] = ()) -> dict[str, str]:
    """What a compiler has defined beforehand: what it compiles for, and what it knows."""
    clean = {"LD_PRELOAD": ""}  # a sanitizer of Python's is not for the compiler
    command = [compiler, *flags, "-dM", "-E", "-x", "c", "/dev/null"]
    words = (line.split(None, 2) for line in execute(command, env=clean).stdout.splitlines())
    return {word[1]: (word[2:] or [""])[0] for word in words if len(word) > 1}


def symbols(table: str, *files: Path) -> set[str]:
    """What files define for others; table is readelf's name for where to look."""
    text = execute(["readelf", table, "-W", *files]).stdout
    pattern = r"(?:GLOBAL|WEAK) +\S+ +(?:\[.*\] +)?\d+ (\S+)$"  # in brackets: PowerPC's local entry
    return set(re.findall(pattern, text, re.MULTILINE))


def compile_all(
    jobs: Iterable[Path | tuple[Path, Sequence[str]]],
    into: Path,
    *,
    compiler: str = "gcc",
    flags: Sequence[str] = (),
) -> list[Path]:
    """One object per source, some at a time; a source may bring flags of its own."""
    pairs = [(job, ()) if isinstance(job, Path) else job for job in jobs]
    into.mkdir(parents=True, exist_ok=True)

    def one(index: int, source: Path, own: Sequence[str]) -> Path:
        target = into / f"{index}-{source.stem}.o"
        includes = (*INCLUDES, f"-I{source.parent}")
        execute([compiler, *BASE, *flags, *own, *includes, "-c", source, "-o", target])
        return target

    with ThreadPoolExecutor(JOBS) as pool:
        started = [pool.submit(one, i, source, own) for i, (source, own) in enumerate(pairs)]
        return [future.result() for future in started]


@functools.cache
def _core(compiler: str, flags: tuple[str, ...]) -> tuple[Path, ...]:
    into = Path(tempfile.mkdtemp(prefix="core-", dir=folder()))
    return tuple(compile_all(sources(), into, compiler=compiler, flags=flags))


def core(compiler: str = "gcc", flags: Sequence[str] = ()) -> list[Path]:
    """The objects of the C core, made at the first use in this session."""
    return list(_core(compiler, tuple(flags)))


def program(
    source: Path | Sequence[Path],
    *,
    compiler: str = "gcc",
    flags: Sequence[str] = (),
    extra: Sequence[str | Path] = (),
) -> Path:
    """A program from source, the core and extra: flags, objects or libraries for this one only."""
    files = [source] if isinstance(source, Path) else list(source)
    into = Path(tempfile.mkdtemp(prefix=f"{files[0].stem}-", dir=folder()))
    target = executable(into / files[0].stem, compiler)
    includes = (*INCLUDES, f"-I{files[0].parent}")
    objects = core(compiler, flags)
    words = [compiler, *BASE, *flags, *includes, *files, *extra, *objects]
    execute([*words, *link_flags(compiler), "-o", target], timeout=300)
    return target


def run(
    path: Path,
    *args: str,
    env: Mapping[str, str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Runs a program; stdout holds both streams. A failure raises NativeError with the output."""
    return execute([path, *args], env=env, timeout=timeout)
