"""``python -m pytramp doctor``: what this process allows, and what follows from it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from pytramp.cli import _advice, _facts

Fact = tuple[str, str]


def run(_arguments: argparse.Namespace) -> int:
    """Always succeeds: what cannot be read is unknown, what does not work is said."""
    growth, others = _facts.growth_steps(), _facts.others()
    _section("Here", _facts.installation())
    _section("This process", _facts.process())
    _section("Executable memory for more closures", growth)
    _section("Callbacks of others, tried in a child process", others)
    print("\nAdvice")
    for line in _advice.lines(growth, others):
        print(f"  {line}")
    return 0


def _section(title: str, facts: Iterable[Fact]) -> None:
    print(f"\n{title}")
    for name, value in facts:
        print(f"  {name:<16}{value}")
