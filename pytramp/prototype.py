"""What the front ends hand to the binding: one C function type, and the names that came with it."""

from __future__ import annotations

from typing import NamedTuple

from pytramp._core import Type


class Prototype(NamedTuple):
    """A C function type. ``names`` has one entry per argument, None where it has no name;
    variadic: more arguments follow, which the callable reads from a VarArgs."""

    result: Type
    arguments: tuple[Type, ...]
    names: tuple[str | None, ...]
    name: str | None
    variadic: bool = False
