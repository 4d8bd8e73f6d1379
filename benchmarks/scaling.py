"""Two threads that call the same closure, where there is no GIL: do they get twice as much done?

The interpreter sets the limit: what two of its own threads reach that call the same function.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from statistics import fmean

from pytramp.cli._callers import LoopsInC
from pytramp.cli._peers import Function, peers
from pytramp.cli._rounds import Timings, measure
from pytramp.cli._rows import Missing, Row

TITLE = "one callback, from one thread and from two at once"

Loop = Callable[[int], float]  # calls -> ns per call, in this thread
ThreadsNs = Callable[[int, int], float]  # (calls, threads) -> ns per call in each of the threads


def rows(loops: LoopsInC, quick: bool) -> Iterator[Row | Missing]:
    """For each callable: what a call takes in one thread, and how much more two get done."""
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        yield Missing(TITLE, "this interpreter has a GIL")
        return
    int_work = ("int", "int (int, int)", loops.int_function, _int_loop)
    double_work = ("double", "double (double)", abs, _double_loop)
    yield from _rows_of_work("a Python function", *int_work, loops, quick)
    yield from _rows_of_work("a builtin", *double_work, loops, quick)


def _rows_of_work(
    what: str,
    kind: str,
    declaration: str,
    function: Function,
    baseline: Callable[[Function, int], float],
    loops: LoopsInC,
    quick: bool,
) -> Iterator[Row]:
    made = [(name, peer, peer.make(function)) for name, peer in peers(declaration).items()]
    addresses = {name: peer.address(callback) for name, peer, callback in made}
    python = {"Python": partial(_threads_ns, partial(baseline, function))}
    of_python: dict[str, ThreadsNs] = {
        name: partial(_threads_ns, partial(loops.ns, kind, address, held=False))
        for name, address in addresses.items()
    }
    of_c: dict[str, ThreadsNs] = {
        name: partial(loops.threads_ns, kind, address) for name, address in addresses.items()
    }
    title = f"{what}, {declaration}, threads"
    yield from _rows_of(f"{title} of Python", python | of_python, quick)
    yield from _rows_of(f"{title} that Python did not make", python | of_c, quick)


def _rows_of(title: str, contestants: dict[str, ThreadsNs], quick: bool) -> Iterator[Row]:
    timed: dict[str, Callable[[], float]] = {}
    for name, threads_ns in contestants.items():
        calls = 200 if quick else max(200, int(30e6 / threads_ns(200, 1)))  # 30 ms: threads meet
        timed |= {f"{name} {n}": partial(threads_ns, calls, n) for n in (1, 2)}
    found = measure(timed, 2 if quick else 15).figures
    one, two = ({name: found[f"{name} {n}"] for name in contestants} for n in (1, 2))
    yield Row(f"{title}: one", Timings(one))
    gains = {
        name: [2 * alone / beside for alone, beside in zip(one[name], two[name], strict=True)]
        for name in contestants
    }
    yield Row(f"{title}: calls per second of two", Timings(gains), unit="times those of one")


# ---- Threads of Python ----


def _int_loop(function: Function, calls: int) -> float:
    start = time.perf_counter_ns()
    for _ in repeat(None, calls):
        function(1, 3)
    return (time.perf_counter_ns() - start) / calls


def _double_loop(function: Function, calls: int) -> float:
    own = calls / 2  # a constant of the code would be counted by both threads
    start = time.perf_counter_ns()
    for _ in repeat(None, calls):
        function(own)
    return (time.perf_counter_ns() - start) / calls


def _threads_ns(loop: Loop, calls: int, threads: int) -> float:
    together = threading.Barrier(threads)
    found: list[float] = []

    def work() -> None:
        together.wait()
        found.append(loop(calls))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return fmean(found)
