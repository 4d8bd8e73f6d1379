"""No conversion of a declared type leaves anything behind: scalars, pointers, arrays, '...'."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
import test_leaks
import tools
import type_table

import pytramp

pytestmark = pytest.mark.usefixtures("frozen")

Make = Callable[[], list[Any]]


def back_and_forth(row: type_table.Row, result: Callable[[Any], Any]) -> Make:
    """C passes a value of the row's type, and gets what result makes of it."""

    def make() -> list[Any]:
        made = type_table.signature(row, "declaration")
        assert made is not None
        closure, call = made(result), type_table.caller(row)
        return [lambda: call(closure, row.data), closure]

    return make


def values() -> list[tuple[str, Make]]:
    found = []
    for row in type_table.rows():
        found.append((f"{row.c}", back_and_forth(row, lambda x: x)))
        if row.c != "PyObject *":  # whose failures reach the caller
            found.append((f"a wrong {row.c}", back_and_forth(row, lambda x: object())))
    return found


MEMORY = (ctypes.c_int * 8)(*range(1000, 1008))
TEXT = ctypes.create_string_buffer(b"some text")
WORDS = (ctypes.c_void_p * 2)(ctypes.addressof(TEXT), None)


def pointer(use: Callable[[Any], Any], kind: str = "int *", memory: Any = MEMORY) -> Make:
    """use(p) of a Pointer that a callback got."""

    def make() -> list[Any]:
        closure = pytramp.callback(f"void ({kind})", use)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(closure.address)
        return [lambda: function(memory), closure]

    return make


POINTERS: list[tuple[str, Make]] = [
    ("p[i]", pointer(lambda p: p[1])),
    ("p[i] = n", pointer(lambda p: p.__setitem__(1, 1001))),
    ("p[a:b]", pointer(lambda p: p[1:5:2])),
    ("p[a:b] = values", pointer(lambda p: p.__setitem__(slice(0, 2), [1000, 1001]))),
    ("p + n", pointer(lambda p: (p + 1) - p)),
    ("p.view()", pointer(lambda p: p.view(2, 4).tolist())),
    ("p.cast()", pointer(lambda p: p.cast("unsigned char *")[0])),
    ("Pointer()", pointer(lambda p: pytramp.Pointer("short *", p)[0])),
    ("p.string()", pointer(lambda p: p.string(), "const char *", TEXT)),
    ("p.string(n)", pointer(lambda p: p.string(3), "const char *", TEXT)),
    ("p[i][j]", pointer(lambda p: p[0][1], "char **", WORDS)),
    ("p[i] = p", pointer(lambda p: p.__setitem__(1, p[0]), "char **", WORDS)),
    ("NULL", pointer(lambda p: p, "int *", None)),
    ("repr and hash", pointer(lambda p: (repr(p), hash(p), p.target, p.address))),
    ("a wrong index", pointer(lambda p: p["x"])),
    ("a wrong item", pointer(lambda p: p.__setitem__(0, "x"))),
    ("an item out of range", pointer(lambda p: p.__setitem__(0, 1 << 40))),
    ("const", pointer(lambda p: p.__setitem__(0, 1), "const int *")),
    ("wrong values", pointer(lambda p: p.__setitem__(slice(0, 2), [1, "x"]))),
    ("a slice without end", pointer(lambda p: p[1:])),
    ("a wrong view", pointer(lambda p: p.view(-1))),
    ("a wrong string", pointer(lambda p: p.string())),
    ("a wrong cast", pointer(lambda p: p.cast("no such type *"))),
    ("an opaque item", pointer(lambda p: p[0], "struct opaque *")),
    ("no such member", pointer(lambda p: p.member)),
    ("iterating", pointer(list)),
]

POINT = "typedef struct { double x, y; } point;"


def struct(use: Callable[[Any], Any], kind: str = "point *") -> Make:
    def make() -> list[Any]:
        types = pytramp.cdef(POINT)
        memory = (types.point * 2)()
        closure = pytramp.callback(f"void ({kind})", use, types=types)
        function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(closure.address)
        return [lambda: function(memory), closure, types.point]

    return make


STRUCTS: list[tuple[str, Make]] = [
    ("p.member", struct(lambda p: p.x + p[1].y)),
    ("p.member = x", struct(lambda p: setattr(p, "x", 1.5))),
    ("p[i] = fields", struct(lambda p: p.__setitem__(1, {"x": 1, "y": 2}))),
    ("const p.member", struct(lambda p: p.x + p[1].y, "const point *")),
    ("const p.member = x", struct(lambda p: setattr(p, "x", 1.5), "const point *")),
    ("a wrong member", struct(lambda p: setattr(p, "x", "text"))),
    ("a wrong field", struct(lambda p: p.__setitem__(0, {"z": 1}))),
]


def array(use: Callable[[Any], Any], kind: str = "int a[n]", n: int = 8, **options: Any) -> Make:
    def make() -> list[Any]:
        closure = pytramp.callback(f"void (int n, {kind})", lambda n, a: use(a), **options)
        function = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p)(closure.address)
        return [lambda: function(n, MEMORY), closure]

    return make


def fail(_: object) -> None:
    raise KeyError


LATE: list[Any] = []


def keep_one(view: Any) -> None:
    """Two references are kept until the next call."""
    LATE[:] = [view, view[1:] if len(view) else view]


def keep_pointers(a: Any) -> None:
    LATE[:] = [a, a + 1]


ARRAYS: list[tuple[str, Make]] = [
    ("an array", array(sum)),
    ("a slice", array(lambda a: a[1:3].tolist())),
    ("two dimensions", array(lambda a: a.tolist(), "int a[n / 4][4]")),
    ("a kept array", array(keep_one)),
    ("a kept Pointer", array(keep_pointers, "double _Complex a[2]")),
    ("text", array(len, "const char s[n]")),
    ("wide text", array(len, "const char16_t s[n]")),
    ("items no memoryview holds", array(list, "double _Complex a[2]")),
    ("an array and a failure", array(fail)),
    ("a negative length", array(sum, n=-1)),
    ("a length divided by zero", array(sum, "int a[8 / n]", n=0)),
]


def ndarray(use: Callable[[Any], Any], kind: str = "int a[n]") -> Make:
    def make() -> list[Any]:
        tools.need("numpy")
        return array(use, kind, arrays="numpy")()

    return make


NUMPY: list[tuple[str, Make]] = [
    ("an ndarray", ndarray(lambda a: a.sum())),
    ("a kept ndarray", ndarray(keep_one)),
    ("an ndarray and a failure", ndarray(fail)),
]

SOURCE = """
#include <stdarg.h>
typedef struct { long a, b, c; } big;
int call(int (*f)(const char *, ...)) {
    big b = {1, 2, 3};
    return f("%d %s", 5, "text", 2.5, b);
}
"""


def variadic(use: Callable[[Any, Any], Any]) -> Make:
    def make() -> list[Any]:
        lib = tools.library(SOURCE)
        types = pytramp.cdef("typedef struct { long a, b, c; } big;")
        closure = pytramp.callback(
            "int (const char *, ...)", lambda format, va: use(va, types.big) or 0
        )
        return [lambda: lib.call(closure), closure, types.big]

    return make


def read_all(va: Any, big: Any) -> None:
    for kind in ("int", "char *", "double", big):
        va.arg(kind)


VARIADIC: list[tuple[str, Make]] = [
    ("va.arg", variadic(read_all)),
    ("va.format", variadic(lambda va, big: len(va.format("%d %s")))),
    ("a kept VarArgs", variadic(lambda va, big: LATE.__setitem__(slice(None), [va]))),
    ("a promoted type", variadic(lambda va, big: va.arg("char"))),
    ("a wrong type", variadic(lambda va, big: va.arg("no such"))),
    ("a wrong format", variadic(lambda va, big: va.format(1.5))),
]

ROWS = [*values(), *POINTERS, *STRUCTS, *ARRAYS, *NUMPY, *VARIADIC]


@pytest.mark.parametrize(("name", "make"), ROWS, ids=[name for name, _ in ROWS])
def test_nothing_is_left_behind(name: str, make: Make) -> None:
    test_leaks.check(make, test_leaks.run)
    LATE.clear()
