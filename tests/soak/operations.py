"""What threads of Python do with callbacks."""

from __future__ import annotations

import contextlib
import gc
import random
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytramp
from soak import shapes
from soak.holdings import MOST_DROPPED, Held, Holdings
from soak.shapes import Act, Expected, Kind

Operation = Callable[[Holdings, random.Random], Any]
OPERATIONS: dict[str, tuple[Operation, float]] = {}


def operation(weight: float) -> Callable[[Operation], Operation]:
    """An operation: what it returns is false when it could not be done now."""

    def add(function: Operation) -> Operation:
        OPERATIONS[function.__name__] = (function, weight)
        return function

    return add


# ---- What callables do besides answering; most do nothing ----


def _nothing(holdings: Holdings, held: Held) -> Act:
    return lambda n: None


def _sleeps(holdings: Holdings, held: Held) -> Act:
    """Others have their turn while it is inside."""
    return lambda n: time.sleep(0.0001 * (n % 3))


_depth = threading.local()


@contextmanager
def _deeper() -> Iterator[int]:
    _depth.now = getattr(_depth, "now", 0) + 1
    try:
        yield _depth.now
    finally:
        _depth.now -= 1


def _calls_others(holdings: Holdings, held: Held) -> Act:
    def act(n: int) -> None:
        with _deeper() as depth:
            if depth < 4 and n % 3 == 0:
                library = holdings.lib if n % 2 else holdings.held_lib
                library.soak_call_some(2)

    return act


def _makes_others(holdings: Holdings, held: Held) -> Act:
    def act(n: int) -> None:
        with _deeper() as depth:
            if depth < 2 and n % 4 == 0:
                make_and_free(holdings, random.Random(n), 3)

    return act


def _closes_itself(holdings: Holdings, held: Held) -> Act:
    def act(n: int) -> None:
        if n % 16 == 5 and not held.ended and holdings.spend(1):
            end(holdings, held, pytramp.Closure.close)

    return act


def _drops_itself(holdings: Holdings, held: Held) -> Act:
    def act(n: int) -> None:
        if n % 16 == 6 and not held.ended and not held.immortal:
            drop(holdings, held)

    return act


def _collects(holdings: Holdings, held: Held) -> Act:
    def act(n: int) -> None:
        if n % 64 == 7:
            gc.collect()

    return act


HABITS = {
    _nothing: 10,
    _sleeps: 1,
    _calls_others: 2,
    _makes_others: 1,
    _closes_itself: 1,
    _drops_itself: 1,
    _collects: 0.5,
}


# ---- Beginning ----


@operation(10)
def make(holdings: Holdings, rng: random.Random) -> Any:
    held = holdings.reserve(shapes.random_kind(rng, holdings.new_key()))
    if not held:
        return False
    held.immortal = rng.random() < 0.02
    habit = rng.choices(list(HABITS), list(HABITS.values()))[0]
    holdings.add(rng, held, habit(holdings, held))
    return True


@operation(3)
def make_in_a_cycle(holdings: Holdings, rng: random.Random) -> Any:
    """When it is dropped, it waits for the garbage collector."""
    held = holdings.reserve(shapes.random_kind(rng, holdings.new_key()))
    if not held:
        return False
    cycle: list[object] = []
    holdings.add(rng, held, lambda n: cycle.append(None) if n < 0 else None)
    cycle += [held.closure, cycle]
    return True


def make_some(
    holdings: Holdings, rng: random.Random, n: int
) -> list[tuple[Kind, int, pytramp.Closure]]:
    """A few that are in no table, each of which answers."""
    made = []
    for _ in range(n):
        kind = shapes.random_kind(rng, holdings.new_key())
        closure = shapes.make(rng, kind, lambda n: None)
        made.append((kind, closure.address, closure))
    for kind, address, _ in made:
        assert holdings.lib.soak_call_own(address, *kind, 0)
    return made


def make_and_free(holdings: Holdings, rng: random.Random, n: int) -> bool:
    """The same, and each is called when it is gone."""
    with holdings.knowing(n) as is_allowed:
        if not is_allowed:
            return False
        made = make_some(holdings, rng, n)
        while made:
            kind, address, closure = made.pop(rng.randrange(len(made)))
            if rng.random() < 0.5:
                closure.close()
            holdings.ended_keys.add(kind.key)
            del closure
            assert holdings.held_lib.soak_call_own(address, *kind, 1)
    return True


@operation(2)
def churn(holdings: Holdings, rng: random.Random) -> bool:
    return make_and_free(holdings, rng, rng.randrange(1, 16))


# ---- Calls ----


@operation(10)
def call(holdings: Holdings, rng: random.Random) -> Any:
    return holdings.lib.soak_call_some(20)


@operation(10)
def call_with_the_gil(holdings: Holdings, rng: random.Random) -> Any:
    return holdings.held_lib.soak_call_some(20)


@operation(2)
def call_by_short_threads(holdings: Holdings, rng: random.Random) -> Any:
    assert not holdings.lib.soak_short_threads(rng.randrange(1, 5), rng.randrange(1 << 30))
    return True


# ---- The end ----


def is_any(held: Held) -> bool:
    return True


def is_mortal(held: Held) -> bool:
    return not held.immortal


def end(holdings: Holdings, held: Held, free: Callable[[pytramp.Closure], object]) -> None:
    closure = held.closure
    if not closure or not holdings.end(held):
        return
    free(closure)
    assert closure.closed
    with contextlib.suppress(pytramp.FreedCallbackError):
        raise AssertionError(f"closed, and still at {closure.address:#x}")


def take_and_end(
    holdings: Holdings, rng: random.Random, free: Callable[[pytramp.Closure], object]
) -> bool:
    held = holdings.take(rng, is_any)
    if not held:
        return False
    may_free = holdings.spend(1)
    if may_free:
        end(holdings, held, free)
    holdings.put_back(held)
    return may_free


@operation(4)
def close(holdings: Holdings, rng: random.Random) -> Any:
    return take_and_end(holdings, rng, pytramp.Closure.close)


@operation(2)
def scope(holdings: Holdings, rng: random.Random) -> Any:
    def leave(closure: pytramp.Closure) -> None:
        with closure:
            holdings.lib.soak_call_some(10)

    return take_and_end(holdings, rng, leave)


def drop(holdings: Holdings, held: Held) -> bool:
    if len(holdings.dropped) >= MOST_DROPPED or not holdings.spend(1):
        return False
    holdings.drop(held)
    return True


@operation(6)
def drop_one(holdings: Holdings, rng: random.Random) -> Any:
    held = holdings.take(rng, is_mortal)
    if not held:
        return False
    done = drop(holdings, held)
    holdings.put_back(held)
    return done


@operation(2)
def retire(holdings: Holdings, rng: random.Random) -> Any:
    holdings.retire([held for held in holdings.ended[:] if rng.random() < 0.5])
    return True


@operation(2)
def collect(holdings: Holdings, rng: random.Random) -> Any:
    gc.collect(rng.randrange(3))
    return True


# ---- Errors ----


@operation(3)
def propagate(holdings: Holdings, rng: random.Random) -> Any:
    """From the first exception on it gives its error value, whoever calls."""
    held = holdings.take(rng, is_any)
    closure = held and held.closure
    if not held or not closure:
        return False
    holdings.held_lib.soak_may_fail(held.at)
    try:
        with pytramp.propagate(closure):
            for _ in range(rng.randrange(10)):
                holdings.lib.soak_call(held.at)
    except Expected:
        pass
    except pytramp.FreedCallbackError:  # closed while its arguments were made
        assert held.ended
    finally:
        holdings.put_back(held)
    return True


CLOSED_INSIDE = "the callback was closed while C was calling it"
NAMELESS = "a callback was called after it was freed"  # while it was being closed
HAS_GIL = not sysconfig.get_config_var("Py_GIL_DISABLED")


class Reports:
    """sys.unraisablehook: what callables raise, and each late call once."""

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self.raised = self.late = 0
        self.late_keys: set[str] = set()
        self.unexpected: list[str] = []

    def __call__(self, report: Any) -> None:
        if isinstance(report.exc_value, Expected):
            self.raised += 1
        elif isinstance(report.exc_value, pytramp.FreedCallbackError):
            self.late += 1
            self._late(str(report.exc_value))
        else:
            self.unexpected.append(f"{report.err_msg} {report.object!r}: {report.exc_value!r}")

    def _late(self, text: str) -> None:
        if text == CLOSED_INSIDE or (text == NAMELESS and not HAS_GIL):
            return
        name = text.partition("'")[2].partition("'")[0]
        if not name or name in self.late_keys or int(name[1:]) not in self.holdings.ended_keys:
            self.unexpected.append(f"reported twice, or not freed: {text}")
        self.late_keys.add(name)
