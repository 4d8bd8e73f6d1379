"""Timing on machines that are never quiet: rounds, and ratios within a round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import repeat
from statistics import median
from typing import TypeVar

Argument = TypeVar("Argument")


class Timings:
    """Figures of several contestants, each measured once in every round."""

    def __init__(self, figures: dict[str, list[float]]) -> None:
        self.figures = figures

    def typical(self, name: str) -> float:
        """The median over the rounds."""
        return median(self.figures[name])

    def ratio(self, name: str, to: str) -> float:
        """The median of the ratios in each round: what slows a whole round down cancels out."""
        pairs = zip(self.figures[name], self.figures[to], strict=True)
        return median(mine / theirs for mine, theirs in pairs)


def measure(contestants: Mapping[str, Callable[[], float]], rounds: int) -> Timings:
    """Every contestant once, to warm up, then once in each round, which another one opens."""
    names = list(contestants)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        contestants[name]()
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            figures[name].append(contestants[name]())
    return Timings(figures)


def ns_per_turn(action: Callable[[Argument], object], argument: Argument, turns: int) -> float:
    """The time of action(argument); Python's own loop is in the figure, for everyone alike."""
    start = time.perf_counter_ns()
    for _ in repeat(None, turns):
        action(argument)
    return (time.perf_counter_ns() - start) / turns
