"""docs/robustness.md: the tables, and what their words mean."""

from __future__ import annotations

import importlib
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytramp
from robustness.rows import Row
from robustness.run import NO_OUTCOME, Outcome, Outcomes

PATH = Path(__file__).resolve().parent.parent.parent / "docs" / "robustness.md"

HEAD = """# What crashes, and what does not

Made by `python -m robustness` in `tests/`. Each row is a situation that programs with callbacks get
into. It is written once and runs with callbacks of ctypes (`CFUNCTYPE`), cffi (`FFI.callback`) and
pytramp, each in a process of its own; what depends on timing runs many times, and the worst counts.

- **right**: what the second column says.
- **refused**: such a callback cannot be made, and the user is told so.
- **lost**: an exception that nobody can handle, or a result that nobody has written.
- **wrong answer**, **hang**, **crash**: in "12 of 20" runs, where it was repeated.

A dash was not tried on this system. pytramp's column is checked by the tests; those of the others
vary with their versions, and with luck. What these situations do to each other, `python -m soak`
finds out, also in `tests/`: pytramp alone, all of them at once and at random, as long as one likes.
"""


def cell(outcome: Outcome | None) -> str:
    if outcome is None or outcome.kind in NO_OUTCOME:
        return "—"
    text = str(outcome)
    return (
        text
        if outcome.kind in ("right", "refused")
        else f"**{outcome.kind}**{text[len(outcome.kind) :]}"
    )


def versions() -> str:
    """Of everything that the peers' columns depend on."""
    words = [f"{platform.python_implementation()} {platform.python_version()}"]
    words.append(f"pytramp {pytramp.__version__}")
    try:
        words.append(f"cffi {importlib.import_module('cffi').__version__}")
    except ImportError:
        words.append("no cffi")
    words.append(f"ctypes with {libffi()}")
    words.append(f"{platform.system()} {platform.release().split('-')[0]} on {platform.machine()}")
    return ", ".join(words)


def libffi() -> str:
    """The libffi that ctypes has loaded; the number is that of its file."""
    importlib.import_module("_ctypes")
    with open("/proc/self/maps") as maps:
        found = re.search(r"/(libffi[^/\s]*\.so[^/\s]*)", maps.read())
    return found.group(1) if found else "a libffi of its own"


def table(rows: Iterable[Row], outcomes: Outcomes, peers: Sequence[str]) -> str:
    lines = [
        "| situation | right is | " + " | ".join(peers) + " |",
        "|---|---|" + "---|" * len(peers),
    ]
    for row in rows:
        cells = [cell(outcomes[row.key].get(peer)) for peer in peers]
        lines.append(f"| {row.name} | {row.right} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(rows: Sequence[Row], outcomes: Outcomes, peers: Sequence[str]) -> str:
    """How many rows end how, for each."""
    words = []
    for peer in peers:
        kinds = [outcomes[row.key][peer].kind for row in rows]
        counts = {
            kind: kinds.count(kind) for kind in dict.fromkeys(kinds) if kind not in NO_OUTCOME
        }
        words.append(f"{peer}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return "; ".join(words)


def page(rows: Sequence[Row], outcomes: Outcomes, peers: Sequence[str]) -> str:
    parts = [HEAD]
    for chapter in dict.fromkeys(row.chapter for row in rows):
        chosen = [row for row in rows if row.chapter == chapter]
        parts.append(f"## {chapter}\n\n{table(chosen, outcomes, peers)}\n")
    parts.append(f"{summary(rows, outcomes, peers)}.\n\n{versions()}.\n")
    return "\n".join(parts)
