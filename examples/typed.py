"""A C callback whose body and calls a type checker understands.

python examples/typed.py        run it
mypy --strict examples/typed.py check it
"""

from __future__ import annotations

import ctypes
import math
from typing import Annotated

import pytramp
from pytramp import c


@pytramp.callback
def distance(x: c.double, y: c.double) -> c.double:
    """The aliases are Annotated: to Python and to mypy, x is a float."""
    return math.hypot(x, y)


@pytramp.callback
def compare(a: c.const_int_p, b: c.const_int_p) -> c.int:
    """Pointers are Pointer[int] to mypy: a[0] is an int, and may not be written."""
    return (a[0] > b[0]) - (a[0] < b[0])


@pytramp.callback
def mean(n: c.size_t, x: Annotated[memoryview, c.CType("const double [n]")]) -> c.double:
    """An array whose length is another parameter."""
    return sum(x) / n if n else math.nan


@pytramp.callback
def log(level: c.int, form: c.const_char_p, rest: c.varargs) -> None:
    """What C calls as log(1, "%d of %s", 3, "all")."""
    print(level, rest.format(form).decode())


Handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


@pytramp.callback(Handler, error=-1)
def twice(n: int) -> int:
    """A prototype of ctypes."""
    return 2 * n


def main() -> None:
    print(distance.signature, "->", distance.as_ctypes()(3.0, 4.0))
    numbers = (ctypes.c_int * 5)(5, 3, 1, 4, 2)
    ctypes.CDLL(None).qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
    print(list(numbers))
    print(mean.signature, log.signature, twice.as_ctypes()(21))


if __name__ == "__main__":
    main()
