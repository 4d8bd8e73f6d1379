"""What the program holds: callbacks in the table of callers.c, and how many were freed lately.

    live -> ended (freed, or about to be; C still calls it) -> retired (no call begins) -> gone

An address may be called until 1024 callbacks were freed after its own. Frees are therefore asked
for (spend), from a store of 400; a new store is given out only when every freed address is retired
and nobody is in a call through one. The rest of the 1024 is for what was asked for in time and
comes late: callbacks that the garbage collector is to free, threads that were put to sleep.
"""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytramp
from soak import shapes
from soak.shapes import Act, Kind

PLACES = 64
MOST_DROPPED = 64  # that the garbage collector has not freed yet


class Held:
    """One callback in the table. What keeps it alive is thing: a Closure, or its ctypes object."""

    def __init__(self, at: int, kind: Kind) -> None:
        self.at = at
        self.kind = kind
        self.thing: Any = None
        self.immortal = False
        self.ended = False
        self.reference: weakref.ref[pytramp.Closure] | None = None

    @property
    def closure(self) -> pytramp.Closure | None:
        """None when it has ended, and is gone."""
        assert self.reference is not None
        closure = self.reference()
        assert closure is not None or self.ended, f"k{self.kind.key} is gone too early"
        return closure


class Holdings:
    def __init__(self, lib: Any, held_lib: Any) -> None:
        self.lib = lib  # its calls release the GIL
        self.held_lib = held_lib  # the same, not so
        self.lock = threading.Lock()
        self.empty = list(range(PLACES))
        self.live: list[Held] = []
        self.ended: list[Held] = []
        self.retired: list[Held] = []
        self.dropped: dict[int, weakref.ref[pytramp.Closure]] = {}  # by key, until they are gone
        self.ended_keys: set[int] = set()  # since the last pause
        self.foreign: list[Held] = []  # live ones of other interpreters
        self.last_key = 0

    # ---- Keys and frees ----

    def new_key(self) -> int:
        with self.lock:
            self.last_key = self.last_key % 1_000_000 + 1
            return self.last_key

    def spend(self, frees: int) -> bool:
        """May so many callbacks be freed now?"""
        return bool(self.lib.soak_spend(frees) or (self.turn() and self.lib.soak_spend(frees)))

    def turn(self) -> bool:
        """Begins anew, if no freed address is known any more."""
        with self.lock:
            self._retire(self.ended[:])
            self._sweep()
            if self.retired or self.held_lib.soak_knowing():
                return False
            self.held_lib.soak_begin_anew()
            return True

    @contextmanager
    def knowing(self, frees: int) -> Iterator[bool]:
        """Around calls of addresses that are not in the table; false when none may be freed."""
        self.held_lib.soak_begin_to_know()
        try:
            yield bool(self.held_lib.soak_spend(frees))
        finally:
            self.held_lib.soak_end_to_know()

    # ---- The table ----

    def reserve(self, kind: Kind) -> Held | None:
        """A place for one more."""
        with self.lock:
            if not self.empty:
                self._retire(self.ended[:])
                self._sweep()
            return Held(self.empty.pop(), kind) if self.empty else None

    def publish(self, held: Held, address: int, among: list[Held]) -> None:
        with self.lock:
            self.held_lib.soak_publish(held.at, address, *held.kind)
            among.append(held)

    def add(self, rng: random.Random, held: Held, act: Act, **options: Any) -> None:
        """Makes the callback of a reserved place."""
        closure = shapes.make(rng, held.kind, act, immortal=held.immortal, **options)
        held.reference = weakref.ref(closure)
        if not held.immortal:
            held.thing = closure.as_ctypes() if rng.random() < 0.2 else closure
        self.publish(held, closure.address, self.live)

    def take(self, rng: random.Random, wanted: Callable[[Held], bool]) -> Held | None:
        """A live one that no other operation works on until put_back or end."""
        with self.lock:
            found = [held for held in self.live if wanted(held)]
            if not found:
                return None
            held = rng.choice(found)
            self.live.remove(held)
            return held

    def put_back(self, held: Held) -> None:
        with self.lock:
            if not held.ended:
                self.live.append(held)

    def end(self, held: Held) -> bool:
        """Before it is freed; false when somebody else has ended it."""
        with self.lock:
            if held.ended:
                return False
            held.ended = True
            self.ended_keys.add(held.kind.key)
            self.held_lib.soak_may_fail(held.at)
            for several in (self.live, self.foreign):
                if held in several:
                    several.remove(held)
            self.ended.append(held)
            return True

    def drop(self, held: Held) -> None:
        """Lets the last reference go."""
        if not self.end(held):
            return
        key, dropped = held.kind.key, self.dropped
        closure = held.closure
        assert closure is not None
        dropped[key] = weakref.ref(closure, lambda _: dropped.pop(key))
        held.thing = None

    def _retire(self, some: list[Held]) -> None:
        for held in some:
            if held in self.ended:
                self.held_lib.soak_retire(held.at)
                self.ended.remove(held)
                self.retired.append(held)

    def _sweep(self) -> None:
        for held in self.retired[:]:
            if not self.held_lib.soak_users(held.at):
                self.retired.remove(held)
                self.empty.append(held.at)

    def retire(self, some: list[Held]) -> None:
        with self.lock:
            self._retire(some)
            self._sweep()

    # ---- At a pause ----

    def settle(self) -> None:
        """Nothing is ended, retired or dropped any more; threads of C are at rest."""
        assert self.turn(), f"{len(self.retired)} places are in use while nobody calls"
        assert not self.dropped, f"the garbage collector left {sorted(self.dropped)}"
        self.ended_keys.clear()
        for held in self.live:
            self.lib.soak_may_not_fail(held.at)  # however often it was silenced
        places = [held.at for held in self.live + self.foreign] + self.empty
        assert sorted(places) == list(range(PLACES)), places

    def check_pool(self) -> None:
        gc.collect()  # ctypes' function pointers are cycles
        pytramp._core.pool_check()
        count, right = pytramp.stats()["live"], len(self.live) + len(self.foreign)
        assert count == right, f"{count} callbacks are alive, {right} are held"
        objects = sum(type(one) is pytramp.Closure for one in gc.get_objects())
        right = len(self.live)
        assert objects == right, f"there are {objects} Closure objects, {right} are held"
