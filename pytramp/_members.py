"""Members of structs and unions as Type.aggregate takes them: (type, count, offset)."""

from __future__ import annotations

from pytramp._core import ARRAY_OF_ONE


def count_of(elements: int, is_array: bool) -> int:
    """Some conventions pass `float x[1]` in another way than `float x`."""
    return ARRAY_OF_ONE if is_array and elements == 1 else elements
