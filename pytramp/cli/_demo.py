"""What the parts of the demo share."""

from __future__ import annotations


class Skipped(Exception):
    """The part cannot run here; the text says why."""


class Wrong(Exception):
    """A result was not what it had to be."""


def say(text: str = "") -> None:
    """A line of the part that is running, shown at once."""
    print(f"   {text}".rstrip(), flush=True)


def check(what: str, value: object, wanted: object) -> None:
    if value != wanted:
        raise Wrong(f"{what} is {value!r}, not {wanted!r}")
