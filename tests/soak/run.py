"""Rounds of operations, and the pauses between them."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import itertools
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import native
import tools

import pytramp
from soak import forks, interpreters, shapes
from soak.holdings import Holdings
from soak.operations import OPERATIONS, Reports, make_some

HERE = Path(__file__).resolve().parent
PATIENCE = 900  # seconds until a round hangs: longer than a child may take
THREADS_OF_C = 3
THREADS = 3  # of Python, beside the main one
EACH = 40  # operations of one thread in a round
LONG_FLOOD = 10_000, 4  # rounds, and callbacks of each of two threads at once
DEEP_FLOOD = 3, 9000  # more than there is without growth
MOST_STATES = 1 + THREADS_OF_C + THREADS + 2  # the last ones may be on their way
MOST_GROWN = 4 * 4096  # for a deep flood, with those that wait

MAY_BE_LEFT_OUT = {
    "fork": {"fork"},
    "interpreters": {"begin_interpreter", "end_interpreter", "churn_in_interpreter"},
}


class Failed(Exception):
    """Something was wrong."""


@dataclass(frozen=True)
class Plan:
    seconds: float
    operations: int
    seed: int
    without: frozenset[str]


def load() -> tuple[Any, Any]:
    """The library of callers.c, twice: its calls release the GIL, or do not."""
    ctypes.CDLL(pytramp._core.__file__, ctypes.RTLD_GLOBAL)  # it calls pytramp.h's functions
    path = tools.build((HERE / "callers.c").read_text(), flags=(f"-I{native.INCLUDE}",))
    libraries = ctypes.CDLL(str(path)), ctypes.PyDLL(str(path))
    for lib in libraries:
        lib.soak_wrong.restype = ctypes.c_char_p
        lib.soak_calls.restype = lib.soak_made_in_c.restype = ctypes.c_long
        lib.soak_call_own.argtypes = [ctypes.c_void_p] + [ctypes.c_int] * 5
        lib.soak_publish.argtypes = [ctypes.c_int, ctypes.c_void_p] + [ctypes.c_int] * 4
        lib.soak_seed.argtypes = [ctypes.c_uint64]
    return libraries


def thread_states() -> int:
    """Of this interpreter."""
    api = ctypes.pythonapi
    for name in ("PyInterpreterState_Get", "PyInterpreterState_ThreadHead", "PyThreadState_Next"):
        getattr(api, name).restype = ctypes.c_void_p
    state = api.PyInterpreterState_ThreadHead(ctypes.c_void_p(api.PyInterpreterState_Get()))
    count = 0
    while state:
        count += 1
        state = api.PyThreadState_Next(ctypes.c_void_p(state))
    return count


class Soak:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.holdings = Holdings(*load())
        self.reports = Reports(self.holdings)
        self.done: Counter[str] = Counter()
        self.put_off: Counter[str] = Counter()  # what could not be done at the time
        self.doing: dict[str, str] = {}  # by thread
        self.failures: list[str] = []
        left_out = set().union(*(MAY_BE_LEFT_OUT[name] for name in plan.without))
        self.chosen = {k: pair for k, pair in OPERATIONS.items() if k not in left_out}

    # ---- Rounds ----

    def run(self) -> None:
        lib = self.holdings.lib
        lib.soak_seed(self.plan.seed)
        assert not lib.soak_init()
        shapes.import_all()
        gc.collect()
        assert not lib.soak_start(THREADS_OF_C)
        begun = told = time.monotonic()
        sys.unraisablehook = self.reports
        for number in itertools.count():
            with watched():
                self._round(number)
                interpreters.end_all(self.holdings)
                self._pause(number)
            now = time.monotonic()
            if now - told > 5:
                told = now
                print(self._progress(now - begun), flush=True)
            if self._is_enough(now - begun):
                break
        self._end()
        sys.unraisablehook = sys.__unraisablehook__
        print(self._progress(time.monotonic() - begun), flush=True)

    def _is_enough(self, seconds: float) -> bool:
        operations = self.done.total() + self.put_off.total()
        return seconds >= self.plan.seconds or operations >= self.plan.operations

    def _round(self, number: int) -> None:
        names = [f"soak {k}" for k in range(THREADS)]
        threads = [threading.Thread(target=self._operate, args=(number, k), name=k) for k in names]
        for thread in threads:
            thread.start()
        self._operate(number, "main")
        for thread in threads:
            thread.join()
        self._check()

    def _operate(self, number: int, name: str) -> None:
        rng = random.Random(f"{self.plan.seed} {number} {name}")
        self.holdings.lib.soak_seed_thread(rng.randrange(1 << 30))
        # CPython itself crashes in a forked child that has another interpreter.
        others = MAY_BE_LEFT_OUT["interpreters" if number % 2 else "fork"]
        operations = [k for k in self.chosen if k not in others]
        weights = [self.chosen[k][1] for k in operations]
        done: Counter[tuple[str, bool]] = Counter()
        try:
            for chosen in rng.choices(operations, weights, k=EACH):
                self.doing[name] = chosen
                is_done = self.chosen[chosen][0](self.holdings, rng)
                done[chosen, bool(is_done)] += 1
                if self.failures:
                    break
        except BaseException:
            self.failures.append(traceback.format_exc())
        for (chosen, is_done), n in done.items():
            (self.done if is_done else self.put_off)[chosen] += n

    # ---- Pauses ----

    def _pause(self, number: int) -> None:
        """All threads are at rest: what is held is all there is."""
        self.doing = {"main": "pause"}
        holdings = self.holdings
        holdings.lib.soak_pause()
        for _ in range(2):
            gc.collect()
        holdings.settle()
        holdings.check_pool()
        if number % 2:
            self._flood(number)
            holdings.check_pool()
        stats = pytramp.stats()
        if stats["capacity"] - stats["builtin"] > MOST_GROWN:
            raise Failed(f"the pool grows: {stats}")
        states = thread_states()
        if states > MOST_STATES:
            raise Failed(f"{states} thread states are left")
        self._check()
        holdings.lib.soak_resume()

    def _flood(self, number: int) -> None:
        """No freed address is known now: many callbacks of C and of Python at once."""
        holdings = self.holdings
        self.doing = {"main": "flood"}
        rng = random.Random(number)
        flood, sizes = holdings.lib.soak_flood, DEEP_FLOOD if number % 4 == 1 else LONG_FLOOD
        threads = [threading.Thread(target=flood, args=sizes) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            make_some(holdings, rng, 8)
        for thread in threads:
            thread.join()
        self.done["flood"] += 1

    def _check(self) -> None:
        wrong = self.holdings.lib.soak_wrong()
        if wrong:
            self.failures.append(f"a wrong answer: {wrong.decode()}")
        self.failures += self.reports.unexpected
        if self.failures:
            raise Failed("\n".join(self.failures))

    def _end(self) -> None:
        with watched():
            self.doing = {"main": "end"}
            self.holdings.lib.soak_stop()
            gc.collect()
            self.holdings.settle()
            self.holdings.check_pool()
            self._check()

    # ---- What is said ----

    def _progress(self, seconds: float) -> str:
        lib, stats = self.holdings.lib, pytramp.stats()
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
        return (
            f"{seconds:6.0f} s: {self.done.total()} operations, {lib.soak_calls()} calls by C, "
            f"{lib.soak_made_in_c()} closures of C, {stats['late_calls']} freed were called, "
            f"{self.reports.raised} exceptions, {stats['live']} live, "
            f"{stats['capacity']} slots, {resident} MiB"
        )

    def counts(self) -> str:
        width = max(map(len, self.done))
        return "\n".join(
            f"  {name:{width}}  {n:6}  put off: {self.put_off[name]}"
            for name, n in sorted(self.done.items())
        )


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """A hang ends the process with the tracebacks of all threads.

    Not dump_traceback_later: a forked child waits for its thread when it ends.
    """
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)


def soak(plan: Plan) -> int:
    """The exit code."""
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, chain=True)
    sys.setswitchinterval(1e-4)
    warnings.filterwarnings("ignore", "This process.*fork", DeprecationWarning)
    left_out = ", ".join(sorted(plan.without)) or "nothing"
    print(f"seed {plan.seed}, without {left_out}", flush=True)
    made = Soak(plan)
    try:
        made.run()
    except BaseException:
        print(traceback.format_exc())
        print(f"FAILED: seed {plan.seed}, during {made.doing}", flush=True)
        os._exit(1)  # threads go on, and may hang at the end
    print(f"{made.counts()}\nnothing is wrong; seed {plan.seed}")
    return 0


assert forks  # its operation
