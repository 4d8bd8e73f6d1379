"""What `bench` measures: Python functions that C calls, and what callbacks cost to have.

The functions that are called do next to nothing, so that the figures are the calls'.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pytramp.cli import _arrays, _stand_ins
from pytramp.cli._callers import Callers, NoCompiler
from pytramp.cli._peers import Function, Peer, peers
from pytramp.cli._rounds import Timings, measure, ns_per_turn
from pytramp.cli._rows import Missing, Row
from pytramp.cli._stand_ins import Make

MoreCallers = Callable[[str, bool], dict[str, Peer]]


@dataclass(frozen=True)
class Bench:
    """How to measure, and against whom besides ctypes and cffi."""

    callers: Callers
    quick: bool = False
    more: MoreCallers = field(default=lambda kind, held: {})

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 15

    def turns(self, usual: int) -> int:
        return max(1, usual // 100) if self.quick else usual


def same(x: float) -> float:
    return x


def rows(bench: Bench) -> Iterator[Row | Missing]:
    """In the order of the table of targets."""
    yield from _calls(bench)
    yield from _threads(bench)
    yield _array(bench)
    yield from _items(bench)
    yield _make_and_free(bench, "a Python function", bench.callers.int_function)
    yield _make_and_free(bench, "a builtin", max)
    yield from _standing_in(bench)
    yield from _live(bench)
    yield _import(bench)


def guarded(title: str, time_it: Callable[[], Timings], targets: dict[str, float]) -> Row | Missing:
    """The row, or why there is none."""
    try:
        return Row(title, time_it(), targets)
    except (NoCompiler, ImportError) as reason:
        return Missing(title, str(reason).partition("\n")[0])


# ---- Calls ----

_CALLS: tuple[tuple[str, bool, dict[str, float]], ...] = (
    ("int", True, {"ctypes": 0.50}),
    ("int", False, {"ctypes": 0.66}),
    ("double", True, {"hand-written": 1.0}),
    ("double", False, {"hand-written": 1.0}),
)


def _calls(bench: Bench) -> Iterator[Row | Missing]:
    for kind, held, targets in _CALLS:
        declaration = bench.callers.int_type if kind == "int" else "double (double)"
        title = f"{declaration}, the caller {'holds' if held else 'gave up'} the GIL"
        known = {**peers(declaration), **bench.more(kind, held)}
        yield guarded(title, partial(_timed, bench, kind, known, held), targets)


def _timed(bench: Bench, kind: str, known: dict[str, Peer], held: bool) -> Timings:
    calls = bench.turns(20_000)
    function: Function = bench.callers.int_function if kind == "int" else same

    def contestant(peer: Peer) -> Callable[[], float]:
        callback = peer.make(function)
        return lambda: bench.callers.ns(kind, peer.address(callback), calls, held=held)

    return measure({name: contestant(peer) for name, peer in known.items()}, bench.rounds)


# ---- Threads that Python did not make ----


def _threads(bench: Bench) -> Iterator[Row | Missing]:
    title = "int (int, int), from a thread that Python did not make"
    yield guarded(title, partial(_timed_threads, bench, 1), {"ctypes": 1 / 40, "cffi": 1 / 2})
    title = "int (int, int), from two such threads at once"
    yield guarded(title, partial(_timed_threads, bench, 2), {"ctypes": 1 / 100, "cffi": 1 / 4})
    title = "threads that Python did not make, each of which calls once and ends"
    yield guarded(title, partial(_timed_short_threads, bench), {})


def _timed_threads(bench: Bench, threads: int) -> Timings:
    known = {**peers("int (int, int)"), **bench.more("int", False)}
    known = {name: peer for name, peer in known.items() if "floor" not in name}  # one thread's

    def contestant(peer: Peer) -> Callable[[], float]:
        callback = peer.make(bench.callers.int_function)
        ns = bench.callers.threads_ns("int", peer.address(callback), 200, threads)
        calls = bench.turns(max(500, int(20e6 / ns)))  # 20 ms: long enough for threads to meet
        return lambda: bench.callers.threads_ns("int", peer.address(callback), calls, threads)

    return measure({name: contestant(peer) for name, peer in known.items()}, bench.rounds)


def _timed_short_threads(bench: Bench) -> Timings:
    threads = bench.turns(200)

    def contestant(peer: Peer) -> Callable[[], float]:
        callback = peer.make(bench.callers.int_function)
        return lambda: bench.callers.short_threads_ns(peer.address(callback), threads)

    known = peers("int (int, int)")
    return measure({name: contestant(peer) for name, peer in known.items()}, bench.rounds)


# ---- Arrays ----


def _array(bench: Bench) -> Row | Missing:
    title = "const double x[n], reaching the callable as an array"
    return guarded(title, partial(_timed_arrays, bench), {"ctypes": 1 / 10, "cffi": 1 / 4})


def _timed_arrays(bench: Bench) -> Timings:
    calls = bench.turns(5000)
    made = _arrays.callbacks()
    contestants = {
        name: partial(bench.callers.ns, "array", address, calls, held=True)
        for name, (address, _alive) in made.items()
    }
    return measure(contestants, bench.rounds)


def _items(bench: Bench) -> Iterator[Row]:
    turns = bench.turns(50_000)
    for what, use in (("reading p[i]", _arrays.read), ("p[i] = n", _arrays.write)):
        contestants = {
            name: partial(ns_per_turn, use, memory, turns)
            for name, memory in _arrays.items().items()
        }
        title = f"{what}, p an int *, in a Python function"
        yield Row(title, measure(contestants, bench.rounds), {"memoryview": 1.0})


# ---- Having them ----


def _make_and_free(bench: Bench, what: str, function: Function) -> Row:
    turns = bench.turns(5000)
    contestants = {
        name: partial(ns_per_turn, peer.make, function, turns)
        for name, peer in peers("int (int, int)").items()
    }
    return Row(
        f"make and free a callback of {what}", measure(contestants, bench.rounds), {"ctypes": 0.40}
    )


def _standing_in(bench: Bench) -> Iterator[Row | Missing]:
    """As code that was written for another library makes them."""
    for what, make, targets in _STAND_INS:
        title = f"make and free a callback {what}"
        yield guarded(title, partial(_timed_stand_ins, bench, make), targets)


def _timed_stand_ins(bench: Bench, pair: Callable[[], dict[str, Make]]) -> Timings:
    turns, function = bench.turns(500), bench.callers.int_function
    contestants = {
        name: partial(ns_per_turn, make, function, turns) for name, make in pair().items()
    }
    return measure(contestants, 4 * bench.rounds)  # short, and many: few are interrupted


_STAND_INS: tuple[tuple[str, Callable[[], dict[str, Make]], dict[str, float]], ...] = (
    ("through interop.ctypes", _stand_ins.ctypes, {"ctypes": 1.0}),
    ("through interop.cffi", _stand_ins.cffi, {"cffi": 1.5}),
    ("through interop.cffi, of a compiled module", _stand_ins.compiled_cffi, {"cffi": 1.5}),
)


def _live(bench: Bench) -> Iterator[Row | Missing]:
    count = bench.turns(200_000)
    figures: dict[str, list[list[float]]] = {name: [] for name in peers("int (int, int)")}
    for _ in range(1 if bench.quick else 5):
        for name, found in figures.items():
            output = _child("-m", "pytramp.cli._live", name, str(count))
            found.append([float(word) for word in output.split()])
    for i, (what, unit, targets, most) in enumerate(_LIVE):
        columns = {name: [round_[i] for round_ in found] for name, found in figures.items()}
        yield Row(f"{count} live callbacks: {what}", Timings(columns), targets, most, unit)


_LIVE: tuple[tuple[str, str, dict[str, float], float | None], ...] = (
    ("make one more", "ns", {"ctypes": 0.20}, None),
    ("memory of each", "bytes", {}, 200),
    ("executable mappings, all together", "mappings", {}, None),
)

_IMPORT = (
    "import sys, time; start = time.perf_counter_ns(); import {0}; "
    "print(time.perf_counter_ns() - start, *sys.modules)"
)
_LATE = ("pycparser", "ctypes", "numpy", "asyncio")


def _import(bench: Bench) -> Row | Missing:
    figures: dict[str, list[float]] = {name: [] for name in peers("int (int, int)")}
    for _ in range(2 if bench.quick else 9):
        for name in figures:
            ns, *modules = _child("-c", _IMPORT.format(name)).split()
            figures[name].append(int(ns) / 1e6)
            if name == "pytramp":
                early = [module for module in _LATE if module in modules]
    title = f"import; besides, pytramp's imports {', '.join(early) or 'none'} of {', '.join(_LATE)}"
    return Row(title, Timings(figures), most=-1.0 if early else 5.0, unit="ms")


def _child(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        errors="backslashreplace",
        check=True,
        timeout=300,
    ).stdout
