"""Members of structs and unions: those of ctypes classes, and as Type.aggregate takes them, (type,
count, offset)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytramp._core import ARRAY_OF_ONE


def fields_of(cls: Any) -> Iterator[tuple[Any, ...]]:
    """What stands in _fields_ of a ctypes class, that of base classes first."""
    for owner in reversed(cls.__mro__):
        yield from vars(owner).get("_fields_", ())


def count_of(elements: int, is_array: bool) -> int:
    """Some conventions pass `float x[1]` in another way than `float x`."""
    return ARRAY_OF_ONE if is_array and elements == 1 else elements
