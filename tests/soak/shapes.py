"""Types of callbacks, each with a callable; callers.c calls them and knows their answers."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytramp

ANSWER = -9  # of an onerror
PLAIN, RAISES, RAISES_AND_ANSWERS = range(3)

Act = Callable[[int], None]  # what a callable does besides; n is its first argument


class Expected(Exception):
    """What the callables raise."""


def raises_if_special(n: int) -> None:
    if n % 8 == 3:
        raise Expected(n)


# ---- Callables: key tells them apart ----


def _number(key: int, act: Act) -> Callable[..., Any]:
    def function(n: Any) -> Any:
        act(int(n))
        return n + key

    return function


def _mixed(key: int, act: Act) -> Callable[..., Any]:
    def function(a: int, b: float, c: int, d: float) -> int:
        act(a)
        return a + int(b) + c + int(d) + key

    return function


def _array(key: int, act: Act) -> Callable[..., Any]:
    def function(x: Any, n: int) -> float:
        act(int(x[0]))
        return float(sum(x[:n])) + key

    return function


def _pointer(key: int, act: Act) -> Callable[..., Any]:
    def function(p: Any) -> int:
        n = p[0]
        act(n)
        p[0] += 1
        return int(n + key)

    return function


def _point(key: int, act: Act) -> Callable[..., Any]:
    def function(p: Any) -> Any:
        act(int(p.x))
        return p.x + key, p.y + key

    return function


def _big(key: int, act: Act) -> Callable[..., Any]:
    def function(given: Any, n: int) -> Any:
        act(n)
        made = given[0]
        for i in range(6):
            made.value[i] += key
        return made

    return function


def _procedure(key: int, act: Act) -> Callable[..., Any]:
    def function(out: Any, n: int) -> None:
        act(n)
        out[0] = n + key

    return function


def _variadic(key: int, act: Act) -> Callable[..., Any]:
    def function(n: int, rest: Any) -> Any:
        act(n)
        assert rest.arg("double") == 1.5
        return n + rest.arg("long")

    return function


def _many(key: int, act: Act) -> Callable[..., Any]:
    def function(*numbers: int) -> int:
        act(numbers[0])
        return sum(numbers) + key

    return function


# ---- Types ----

TYPES = pytramp.cdef("struct point { double x, y; }; struct big { long value[6]; };")


def _same(value: int) -> Any:
    return value


def _two(value: int) -> Any:
    return value, value


def _six(value: int) -> Any:
    return ((value,) * 6,)


class Shape(NamedTuple):
    declaration: str
    callable: Callable[[int, Act], Callable[..., Any]]
    result: Callable[[int], Any] = _same  # all of whose numbers are this one
    prototype: Any = None


SHAPES = (
    Shape("int (int)", _number, prototype=ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)),
    Shape("double (double)", _number, prototype=ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)),
    Shape(
        "long (int, double, long, float)",
        _mixed,
        prototype=ctypes.CFUNCTYPE(
            ctypes.c_long, ctypes.c_int, ctypes.c_double, ctypes.c_long, ctypes.c_float
        ),
    ),
    Shape("double (const double x[n], int n)", _array),
    Shape("int (int *)", _pointer),
    Shape("struct point (struct point)", _point, _two),
    Shape("struct big (const struct big *, int)", _big, _six),
    Shape("void (long *, int)", _procedure),
    Shape("int (int, ...)", _variadic),
    Shape("long (long, long, long, long, long, long, long, long, long, long)", _many),
)
_PROCEDURE = 7


class Kind(NamedTuple):
    """What C must know of a callback to tell whether an answer is right."""

    shape: int
    manner: int
    key: int
    error: int


def random_kind(rng: random.Random, key: int) -> Kind:
    shape = rng.randrange(len(SHAPES))
    manner = rng.choices((PLAIN, RAISES, RAISES_AND_ANSWERS), (6, 2, 2))[0]
    if shape == _PROCEDURE and manner == RAISES_AND_ANSWERS:
        manner = RAISES
    return Kind(shape, manner, key, rng.choice((0, -7)))


WAYS = 3


def make(rng: random.Random, kind: Kind, act: Act, **options: Any) -> pytramp.Closure:
    """A callback of this kind, made in one of the ways there are."""
    shape = SHAPES[kind.shape]
    if kind.manner != PLAIN:
        act = _both(act, raises_if_special)
    if kind.error and kind.shape != _PROCEDURE:
        options["error"] = shape.result(kind.error)
    if kind.manner == RAISES_AND_ANSWERS:
        options["onerror"] = lambda error: shape.result(ANSWER)
    options["name"] = f"k{kind.key}"
    return _make(rng.randrange(WAYS), shape, shape.callable(kind.key, act), options)


def _both(one: Act, other: Act) -> Act:
    def act(n: int) -> None:
        one(n)
        other(n)

    return act


def _make(
    way: int, shape: Shape, function: Callable[..., Any], options: dict[str, Any]
) -> pytramp.Closure:
    if way == 0:
        return pytramp.callback(shape.declaration, function, types=TYPES, **options)
    if way == 1 and shape.prototype:
        return pytramp.callback(shape.prototype, function, **options)
    return pytramp.Signature(shape.declaration, types=TYPES)(function, **options)


def import_all() -> None:
    """Imports are late, and a fork in the middle of one leaves its lock taken in the child."""
    for way in range(WAYS):
        for shape in SHAPES:
            _make(way, shape, shape.callable(1, raises_if_special), {}).as_ctypes()
