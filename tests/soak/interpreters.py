"""Other interpreters, whose callbacks are in the table, too: they begin, and end while C calls."""

from __future__ import annotations

import functools
import os
import random
import sys
import threading
import time
from typing import Any

from soak.holdings import Held, Holdings
from soak.operations import Operation, operation
from soak.shapes import PLAIN, RAISES, Kind

MOST = 3
EACH = 4  # callbacks of one

# 3.12 runs and ends an interpreter through any thread state it finds there, one in use, too; and
# when another thread ends it than the one that began it, it waits for that one for ever.
OLD = sys.version_info < (3, 13)


def may_begin_and_end() -> bool:
    return not OLD or threading.current_thread() is threading.main_thread()


_PROGRAM = """
import os, sys
sys.path[:] = {path!r}
import pytramp

class Expected(Exception):
    pass

def hook(report):
    if not isinstance(report.exc_value, (Expected, pytramp.FreedCallbackError)):
        os.write({pipe}, ("!%r" % (report.exc_value,)).encode())

sys.unraisablehook = hook

def make(declaration, raises, key, error):
    def function(n):
        if raises and n % 8 == 3:
            raise Expected(n)
        return n + key
    return pytramp.callback(declaration, function, error=error)

made = [make(*kind) for kind in {kinds!r}]
os.write({pipe}, " ".join(str(one.address) for one in made).encode())
"""

_CHURN = """
for k in range(8):
    make("int (int)", False, k, 0)
"""


class Interpreter:
    def __init__(self, own_gil: bool, kinds: list[Kind]) -> None:
        self._api: Any = __import__("_xxsubinterpreters" if OLD else "_interpreters")
        self._id = (
            self._api.create(isolated=own_gil)
            if OLD
            else self._api.create("isolated" if own_gil else "legacy")
        )
        self._out, into = os.pipe()
        os.set_blocking(self._out, False)
        made = [
            (("int (int)", "double (double)")[k.shape], k.manner == RAISES, k.key, k.error)
            for k in kinds
        ]
        self.run(_PROGRAM.format(path=sys.path, pipe=into, kinds=made))
        self.addresses = list(map(int, self._said().split()))
        self.held: list[Held] = []
        self._into = into

    def run(self, program: str) -> None:
        error = self._api.run_string(self._id, program)
        assert not error, error

    def _said(self) -> str:
        try:
            return os.read(self._out, 10000).decode()
        except BlockingIOError:
            return ""

    def destroy(self) -> None:
        self._api.destroy(self._id)
        said = self._said()
        assert not said, f"in another interpreter: {said}"
        os.close(self._out)
        os.close(self._into)


existing: list[Interpreter] = []
_lock = threading.Lock()


def one_at_a_time(function: Operation) -> Operation:
    @functools.wraps(function)
    def alone(holdings: Holdings, rng: random.Random) -> Any:
        if not _lock.acquire(blocking=False):
            return False
        try:
            return function(holdings, rng)
        finally:
            _lock.release()

    return alone


@operation(0.6)
@one_at_a_time
def begin_interpreter(holdings: Holdings, rng: random.Random) -> Any:
    if len(existing) == MOST or not may_begin_and_end():
        return False
    kinds = [
        Kind(rng.randrange(2), rng.choice((PLAIN, RAISES)), holdings.new_key(), -7)
        for _ in range(EACH)
    ]
    reserved = [held for held in map(holdings.reserve, kinds) if held]
    made = Interpreter(rng.random() < 0.5, [held.kind for held in reserved])
    for held, address in zip(reserved, made.addresses, strict=True):
        holdings.publish(held, address, holdings.foreign)
    made.held = reserved
    existing.append(made)
    return True


@operation(0.6)
@one_at_a_time
def end_interpreter(holdings: Holdings, rng: random.Random) -> Any:
    if not existing or not may_begin_and_end() or not holdings.spend(EACH):
        return False
    _end(holdings, existing.pop(rng.randrange(len(existing))))
    return True


def end_all(holdings: Holdings) -> None:
    while existing:
        while not holdings.spend(EACH):
            time.sleep(0.001)
        _end(holdings, existing.pop())


def _end(holdings: Holdings, chosen: Interpreter) -> None:
    for held in chosen.held:
        holdings.end(held)
    if OLD:
        _wait_for_calls(holdings, chosen)
    chosen.destroy()


def _wait_for_calls(holdings: Holdings, chosen: Interpreter) -> None:
    holdings.retire(chosen.held)
    while any(holdings.lib.soak_users(held.at) for held in chosen.held):
        time.sleep(0.001)


@operation(1.5)
@one_at_a_time
def churn_in_interpreter(holdings: Holdings, rng: random.Random) -> Any:
    if not existing or OLD or not holdings.spend(8):
        return False
    rng.choice(existing).run(_CHURN)
    return True
