"""A C callback whose body and calls a type checker understands.

python examples/typed.py        run it
mypy --strict examples/typed.py check it
"""

from __future__ import annotations

import ctypes
import math

import pytramp
from pytramp import c


@pytramp.callback
def distance(x: c.double, y: c.double) -> c.double:
    """The aliases are Annotated: to Python and to mypy, x is a float."""
    return math.hypot(x, y)


@pytramp.callback("int (const void *a, const void *b)")
def compare(a: int, b: int) -> int:
    left = ctypes.c_int.from_address(a).value
    right = ctypes.c_int.from_address(b).value
    return (left > right) - (left < right)


def main() -> None:
    print(distance.signature, "->", distance.as_ctypes()(3.0, 4.0))
    numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    ctypes.CDLL(None).qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
    print(list(numbers))


if __name__ == "__main__":
    main()
