"""The part of the demo that races ctypes and cffi."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytramp.cli._demo import Skipped, say
from pytramp.cli._libc import LFIND, libc, ns_per_call
from pytramp.cli._peers import Peer, peers
from pytramp.cli._rounds import Timings, measure, ns_per_turn

DECLARATION = "int (size_t, size_t)"
ROUNDS = 9


def race() -> None:
    if not hasattr(libc, LFIND):
        raise Skipped("no lfind in this C library")
    known = peers(DECLARATION)
    say(f"ns per call of an {DECLARATION} by lfind, which is in the C library; the callback is a")
    say(f"Python function of one line. Medians of {ROUNDS} rounds; the ratios are within rounds")
    say()
    say(_line("", (*known, *(f"/{name}" for name in known if name != "pytramp"))))
    _row("the caller holds the GIL", measure(_callers(known, held=True), ROUNDS))
    _row("the caller gave it up", measure(_callers(known, held=False), ROUNDS))
    _row("make and free one, ns each", measure(_makers(known), ROUNDS))


def _differ(_key: int, _element: int) -> int:
    return 1


def _callers(known: dict[str, Peer], *, held: bool) -> dict[str, Callable[[], float]]:
    return {name: _caller(peer, held) for name, peer in known.items()}


def _caller(peer: Peer, held: bool) -> Callable[[], float]:
    callback = peer.make(_differ)
    return lambda: ns_per_call(peer.address(callback), held=held)


def _makers(known: dict[str, Peer]) -> dict[str, Callable[[], float]]:
    return {name: partial(ns_per_turn, peer.make, _differ, 2000) for name, peer in known.items()}


def _row(title: str, timings: Timings) -> None:
    names = list(timings.figures)
    figures = [f"{timings.typical(name):.0f}" for name in names]
    ratios = [f"{timings.ratio('pytramp', name):.2f}x" for name in names if name != "pytramp"]
    say(_line(title, (*figures, *ratios)))


def _line(title: str, cells: tuple[str, ...]) -> str:
    return f"{title:28}" + "".join(f"{cell:>9}" for cell in cells)
