"""The C rows: builds native.c with pytramp's C core, against libffi, libffcall and dyncall."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from pytramp.cli._callers import NoCompiler, run_compiler
from pytramp.cli._rounds import Timings
from pytramp.cli._rows import Missing, Row

HERE = Path(__file__).parent
CSRC = HERE.parent / "csrc"
CORE = ("*.c", "abi/*.c", "pages/*.c", "arch/*/*.[cS]")
FLAGS = ("-O3", "-std=gnu11", "-fvisibility=hidden", "-pthread", f"-I{CSRC / 'include'}")

# The header that says whether it is there, and what to ask the compiler for.
LIBRARIES = {
    "libffi": ("ffi.h", ["-DHAVE_FFI", "-lffi"]),
    "libffcall": ("callback.h", ["-DHAVE_FFCALL", "-lcallback", "-ltrampoline"]),
    "dyncall": ("dyncall_callback.h", ["-DHAVE_DYNCALL", "-ldyncallback_s", "-Wl,-z,noexecstack"]),
}

# (row of native.c, title, greatest ratios)
RACES: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("calls", "closure int (int, int) with a C handler", {"libffi": 1 / 3}),
    ("bare", "bare trampoline", {"libffcall": 1.0}),
)
LIVES: tuple[tuple[str, str, dict[str, float]], ...] = (
    ("allocate", "allocate and bind a closure, 1000 live, slots used before", {"libffi": 0.25}),
    ("free", "free a closure, 1000 live", {"libffi": 0.25}),
    ("allocate-bare", "allocate and bind a bare trampoline, 1000 live", {}),
    ("free-bare", "free a bare trampoline, 1000 live", {}),
)


def rows(folder: Path, rounds: int) -> Iterator[Row | Missing]:
    """In the order of the table of targets."""
    try:
        there = [name for name, (header, _) in LIBRARIES.items() if _has_header(header)]
        program = build(folder, there)
    except NoCompiler as reason:
        yield Missing("all C rows", str(reason))
        return
    for name, (header, _) in LIBRARIES.items():
        if name not in there:
            yield Missing(f"rows against {name}", f"{header} is not installed")
    for row, title, targets in RACES:
        yield Row(title, _figures(program, row), targets)
    yield _fresh(program, there, rounds)
    for row, title, targets in LIVES:
        yield Row(title, _figures(program, row), targets)
    yield _scaling(program)
    yield _million(program, rounds)
    yield _mappings(program, there)


def build(folder: Path, libraries: list[str]) -> Path:
    """The program. NoCompiler, with what the compiler said."""
    core = [path for pattern in CORE for path in sorted(CSRC.glob(pattern))]
    sources = [HERE / "native.c", *core]
    extras = [flag for name in libraries for flag in LIBRARIES[name][1]]
    program = folder / "native"
    done = run_compiler(*FLAGS, "-o", str(program), *map(str, sources), *extras)
    if done.returncode:
        raise NoCompiler(f"the compiler failed: {done.stderr.strip()}")
    return program


def _has_header(header: str) -> bool:
    return run_compiler("-E", "-include", header, "-x", "c", os.devnull).returncode == 0


def _figures(program: Path, *arguments: str) -> Timings:
    """By contestant; a line of output is one of them and its figure."""
    output = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, check=True
    ).stdout
    figures: dict[str, list[float]] = {}
    for name, figure in map(str.split, output.splitlines()):
        figures.setdefault(name, []).append(float(figure))
    return Timings(figures)


def _rounds(contestants: Mapping[str, Callable[[], Timings]], rounds: int) -> Timings:
    """A process of its own for each figure."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            figures[name] += next(iter(contestant().figures.values()))
    return Timings(figures)


def _fresh(program: Path, there: list[str], rounds: int) -> Row:
    contestants = {
        name: partial(_figures, program, "live", name, "100000") for name in ("pytramp", *there)
    }
    title = "allocate and bind 100 000 closures in a new process, ns each"
    return Row(title, _rounds(contestants, rounds), {"libffi": 0.25})


def _scaling(program: Path) -> Row | Missing:
    title = "allocate and free in one thread and in two, time for the same work"
    if (os.cpu_count() or 1) < 2:
        return Missing(title, "one core only")
    rates = _figures(program, "threads").figures
    # Twice the work in the time of one is ideal: time of two / time of one is 1/2.
    two, one = ([500 / rate for rate in rates[name]] for name in ("two", "one"))
    timings = Timings({"pytramp": two, "one thread": one})
    return Row(title, timings, {"one thread": 1 / 1.8}, unit="ms per 500 000 closures")


def _million(program: Path, rounds: int) -> Row:
    contestants = {
        "pytramp": partial(_figures, program, "live", "pytramp", "1000000"),
        "a thousand": partial(_figures, program, "live", "pytramp", "1000"),
    }
    title = "a million live closures against a thousand, ns each"
    return Row(title, _rounds(contestants, rounds), {"a thousand": 1.0})


def _mappings(program: Path, there: list[str]) -> Row:
    contestants = {
        name: partial(_figures, program, "maps", name, "100000") for name in ("pytramp", *there)
    }
    title = "executable mappings for 100 000 closures"
    return Row(title, _rounds(contestants, 1), most=100, unit="mappings")
