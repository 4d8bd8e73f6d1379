"""The rows of a table of measurements: what they hold, how they are judged and printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytramp
from pytramp.cli._rounds import Timings

OURS = "pytramp"


@dataclass(frozen=True)
class Row:
    """One work, done by pytramp and others."""

    title: str
    timings: Timings
    targets: dict[str, float] = field(default_factory=dict)  # greatest ratio to each of these
    most: float | None = None  # greatest figure of pytramp itself
    unit: str = "ns"

    def judgements(self) -> Iterator[tuple[str, bool]]:
        """(text, met) for each target that can be judged here."""
        for name, limit in self.targets.items():
            if name in self.timings.figures:
                ratio = self.timings.ratio(OURS, name)
                yield f"{_number(ratio)}x {name} (at most {_number(limit)})", ratio <= limit
        if self.most is not None:
            figure = self.timings.typical(OURS)
            text = f"{_number(figure)} {self.unit} (at most {_number(self.most)})"
            yield text, figure <= self.most

    @property
    def figures(self) -> list[str]:
        """ "pytramp 61.0", "ctypes 121" """
        known = self.timings
        return [f"{name} {_number(known.typical(name))}" for name in known.figures]


@dataclass(frozen=True)
class Missing:
    """A row that cannot be measured here."""

    title: str
    reason: str


def _number(value: float) -> str:
    """Three significant digits, without exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}".removesuffix("0")


def header() -> str:
    """What was measured, and how quiet it was."""
    text = (
        f"pytramp {pytramp.__version__}, {platform.python_implementation()} "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    if hasattr(os, "getloadavg"):
        text += f"; {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}"
    return text


def show(title: str, rows: Iterable[Row | Missing]) -> list[Row]:
    """Prints each row as soon as it is there; returns those that missed a target."""
    print(f"\n{title}", flush=True)
    missed = []
    for row in rows:
        print()
        if isinstance(row, Missing):
            print(f"  {row.title}\n      not measured: {row.reason}", flush=True)
            continue
        print(f"  {row.title}\n      {row.unit}: {', '.join(row.figures)}", flush=True)
        for text, met in row.judgements():
            print(f"      {'met   ' if met else 'MISSED'} {text}", flush=True)
        if not all(met for _, met in row.judgements()):
            missed.append(row)
    return missed
