"""What a job costs with each of the three."""

from __future__ import annotations

import inspect
import operator
import statistics
import sys
import threading
import time
from collections.abc import Iterable
from types import CodeType
from typing import Any, NamedTuple

import pytramp
from three_ways.job import PEERS, Job, Pointer, Variant, answer, pointer
from three_ways.one import RIGHT, outcome_elsewhere

ROUNDS = 41
ENOUGH = 5_000_000  # nanoseconds that each works in each round


class Cost(NamedTuple):
    peer: str
    lines: int
    outcome: str  # RIGHT, or what happens instead: then nothing is measured
    restricted: str | None = None  # the same without executable memory, if that can be had
    nanoseconds: float = 0  # for each call, in the best round
    ratio: float = 0  # to pytramp's of the same round, the median


def lines(variant: Variant) -> int:
    """Of its body, without comments."""
    body = [line.strip() for line in inspect.getsource(variant).splitlines()[1:]]
    return sum(1 for line in body if line and not line.startswith("#"))


def calls(job: Job) -> int:
    """How often C calls while it works once: what a profiler sees of pytramp's callables."""
    codes, seen = set[CodeType](), list[str]()

    def profile(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in codes:
            seen.append(event)

    def work(*callbacks: pytramp.Closure) -> Any:
        codes.update(callback.__wrapped__.__code__ for callback in callbacks)
        return job.work(*map(pointer, callbacks))

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        job.variants[PEERS.index("pytramp")](work)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return len(seen)


def nanoseconds(job: Job, variant: Variant) -> float:
    """Of CPU time, for the work alone, done once."""
    spent, times = 0, 0

    def work(*pointers: Pointer) -> Any:
        nonlocal spent
        begun = time.process_time_ns()
        result = job.work(*pointers)
        spent += time.process_time_ns() - begun
        return result

    while spent < ENOUGH:
        answer(variant, work)
        times += 1
    return spent / times


def rounds(job: Job, peers: Iterable[str]) -> dict[str, list[float]]:
    """In turn, so that what else the machine does is shared."""
    times: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(ROUNDS):
        for peer, found in times.items():
            found.append(nanoseconds(job, job.variants[PEERS.index(peer)]))
    return times


def costs(job: Job) -> list[Cost] | None:
    """For each of PEERS; None where the library is not there."""
    found = []
    for peer, variant in zip(PEERS, job.variants, strict=True):
        outcome = outcome_elsewhere(job, peer)
        if outcome is None:
            return None
        restricted = outcome_elsewhere(job, peer, "--restricted")
        found.append(Cost(peer, lines(variant), outcome, restricted))
    able = [cost for cost in found if cost.outcome == RIGHT]
    times, often = rounds(job, [cost.peer for cost in able]), calls(job)
    for cost in able:
        own = times[cost.peer]
        found[PEERS.index(cost.peer)] = cost._replace(
            nanoseconds=min(own) / often,
            ratio=statistics.median(map(operator.truediv, own, times["pytramp"])),
        )
    return found
