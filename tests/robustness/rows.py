"""What a row of the table is, and how a situation says what became of it.

A situation is a function of a peer and the C library. It returns an outcome, a line of text that
begins with one of KINDS; or it returns None, and C writes the line when Python has ended. It may
raise Refused, and AssertionError for what is not even a wrong answer.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robustness.peers import Peer

# From good to bad. "lost": an exception, or a result that nobody has written.
KINDS = ("right", "refused", "lost", "wrong answer", "hang", "crash")

Situation = Callable[[Peer, Any], "str | None"]


@dataclass(frozen=True)
class Row:
    """One situation. Racy ones are repeated, and the worst outcome counts."""

    key: str
    chapter: str
    name: str
    right: str  # what a good library does
    run: Situation
    repeat: int


ROWS: dict[str, Row] = {}


def row(
    chapter: str, name: str, right: str, *, repeat: int = 1
) -> Callable[[Situation], Situation]:
    """Enters the function as a situation, under its own name."""

    def enter(run: Situation) -> Situation:
        assert run.__name__ not in ROWS
        ROWS[run.__name__] = Row(run.__name__, chapter, name, right, run, repeat)
        return run

    return enter


def all_rows() -> dict[str, Row]:
    """Of all chapters, in the order of the page."""
    for module in ("lifetime", "results", "threads", "interpreters", "system"):
        importlib.import_module(f"robustness.{module}")

    # The chapters in this order, and the rows of one as they were entered.
    chapters = ("Lifetime", "Results", "Threads", "The end of Python", "Interpreters", "The system")
    return {
        key: entry
        for chapter in chapters
        for key, entry in ROWS.items()
        if entry.chapter == chapter
    }


class NotTried(Exception):
    """This situation needs something that is missing here; the text says what."""


class NotHere(Exception):
    """This situation does not exist on this system or in this Python; the text says why."""


# ---- Saying what happened ----


def compare(got: Any, expected: Any, what: str = "") -> str:
    """right, or which answer came instead."""
    if got == expected:
        return "right"
    return f"wrong answer: {what or shown(got)}"


def shown(value: Any) -> str:
    """An answer, short enough for a table."""
    if isinstance(value, float):
        return f"{value:.3g}"
    text = str(value)
    return text if len(text) < 40 else text[:37] + "..."


_TYPES: dict[str, Any] = {
    "call_double": (ctypes.c_double, ctypes.c_void_p, ctypes.c_double),
    "call_packed": (ctypes.c_double, ctypes.c_void_p, ctypes.c_char, ctypes.c_double),
    "call_pointer": (ctypes.POINTER(ctypes.c_int), ctypes.c_void_p, ctypes.c_int),
}


def load(path: str) -> Any:
    """The C library; its functions release the GIL."""
    library = ctypes.CDLL(path)
    for name, (result, *arguments) in _TYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
