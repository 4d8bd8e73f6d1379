"""No conversion leaves anything behind, failing ones included.

A row is (name, make, call): make() gives a list, and call(list) does it once, mostly by calling the
first item. A row leaks where 2000 calls leave blocks of memory behind, or references to an item of
the list.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import tools

import pytramp
from pytramp import c
from pytramp.annotations import of_callable

pytestmark = pytest.mark.usefixtures("frozen")

Row = tuple[str, Callable[[], list[Any]], Callable[[list[Any]], object]]

CALLS = 2000
BOUND = 100  # what a cache, or another thread, may add; a leak is CALLS at least


def run(things: list[Any]) -> object:
    """For most rows: the first thing is the call."""
    return things[0]()


def attempt(things: list[Any]) -> object:
    """For what raises at once."""
    try:
        return things[0]()
    except (TypeError, ValueError, OverflowError):
        return None


@contextmanager
def no_reports() -> Iterator[None]:
    """Failures inside callbacks are expected, and not kept."""
    before, sys.unraisablehook = sys.unraisablehook, lambda args: None
    try:
        yield
    finally:
        sys.unraisablehook = before


def collect() -> None:
    gc.collect()
    if tools.FREE_THREADED:  # what the first one found is freed at the second
        gc.collect()


def growth(things: list[Any], call: Callable[[list[Any]], object], calls: int) -> list[int]:
    """How many blocks, and references to each thing, the calls left behind."""
    collect()
    counts = [sys.getrefcount(thing) for thing in things]
    blocks = sys.getallocatedblocks()
    for _ in range(calls):
        call(things)
    collect()
    blocks = sys.getallocatedblocks() - blocks
    return [blocks, *(sys.getrefcount(x) - n for x, n in zip(things, counts, strict=True))]


def check(make: Callable[[], list[Any]], call: Callable[[list[Any]], object]) -> None:
    things = make()
    with no_reports():
        for _ in range(CALLS // 10):
            call(things)
        if tools.SANITIZED:
            pytest.skip("the sanitizer looked at the memory; its allocator counts no blocks")
        # What another thread did meanwhile, or the system that moved this one to another CPU, where
        # other slots are free: those used before keep their labels. It does not happen every time.
        for _ in range(10):
            left = growth(things, call, CALLS)
            if max(left) < BOUND:
                return
    pytest.fail(f"{CALLS} calls left behind {left[0]} blocks and {left[1:]} references")


# ---- ctypes ----


class Sub(ctypes.c_int):
    pass


class SubText(ctypes.c_char_p):
    pass


class SubAddress(ctypes.c_void_p):
    pass


class SubObject(ctypes.py_object):
    pass


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


IntPointer = ctypes.POINTER(ctypes.c_int)
Handler = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

thing, number = object(), ctypes.c_int(5)
numbers, point = (ctypes.c_int * 3)(), Point(1, 2)
twice = Handler(lambda n: 2 * n)
inner = pytramp.callback(Handler, lambda n: n + 1)
other = pytramp.callback("long (long)", lambda n: n + 1)


def to_void(value: Any) -> ctypes.c_void_p:
    return ctypes.cast(value, ctypes.c_void_p)


def passes(cls: Any, value: Any) -> Callable[[], list[Any]]:
    """C passes value, and the callable drops it."""

    def make() -> list[Any]:
        closure = pytramp.callback(ctypes.CFUNCTYPE(None, cls), lambda value: None)
        function = ctypes.CFUNCTYPE(None, cls)(closure.address)
        return [lambda: function(value), closure, value, cls]

    return make


def gives(cls: Any, value: Any) -> Callable[[], list[Any]]:
    """The callable returns value; one that is callable itself makes it each time."""

    def make() -> list[Any]:
        produce = value if isinstance(value, type(gives)) else lambda: value
        closure = pytramp.callback(ctypes.CFUNCTYPE(cls), produce)
        kind = ctypes.c_void_p if ctypes.sizeof(cls) == 8 and cls is not ctypes.py_object else cls
        function = (ctypes.PYFUNCTYPE if kind is not cls else ctypes.CFUNCTYPE)(kind)(
            closure.address
        )
        return [function, closure, value, cls]

    return make


CTYPES: list[tuple[str, Callable[[], list[Any]]]] = [
    ("argument of a subclass", passes(Sub, Sub(5))),
    ("argument of a pointer", passes(IntPointer, ctypes.pointer(number))),
    ("NULL argument of a pointer", passes(IntPointer, None)),
    ("argument of text", passes(ctypes.c_char_p, b"some text")),
    ("argument of wide text", passes(ctypes.c_wchar_p, "some text")),
    ("argument of a text class", passes(SubText, SubText(b"some text"))),
    ("argument of an object", passes(ctypes.py_object, thing)),
    ("argument of an object class", passes(SubObject, SubObject(thing))),
    ("argument of a function", passes(Handler, twice)),
    ("argument of a structure", passes(Point, point)),
    ("result of a subclass", gives(Sub, Sub(5))),
    ("result of a subclass from int", gives(Sub, 5)),
    ("result of a pointer", gives(IntPointer, ctypes.pointer(number))),
    ("result of what is pointed at", gives(IntPointer, number)),
    ("result of an array", gives(IntPointer, numbers)),
    ("result of a cast", gives(IntPointer, lambda: ctypes.cast(numbers, IntPointer))),
    ("result of an address of an array", gives(SubAddress, numbers)),
    ("result of a cast address", gives(ctypes.c_void_p, lambda: to_void(numbers))),
    ("result of byref", gives(IntPointer, ctypes.byref(number))),
    ("result of a buffer", gives(IntPointer, bytearray(100))),
    ("result of an address", gives(ctypes.c_char_p, 1 << 40)),
    ("result of None", gives(ctypes.c_char_p, None)),
    ("result of an object", gives(ctypes.py_object, thing)),
    ("result of a new object", gives(ctypes.py_object, lambda: [1])),
    ("result of a function", gives(Handler, twice)),
    ("result of a closure", gives(Handler, inner)),
    ("result of a closure as ctypes", gives(Handler, lambda: inner.as_ctypes())),
    ("result of an address of a function", gives(Handler, lambda: Handler(inner.address))),
    ("result of a structure", gives(Point, point)),
    ("result of a tuple", gives(Point, (1, 2))),
    ("wrong result of a subclass", gives(Sub, "text")),
    ("wrong result of a pointer", gives(IntPointer, ctypes.c_double())),
    ("wrong result of text", gives(ctypes.c_char_p, b"text")),
    ("wrong result of a closure", gives(Handler, other)),
    ("wrong result of a callable", gives(Handler, lambda: len)),
    ("wrong address", gives(IntPointer, -1)),
    ("wrong structure", gives(Point, (1, "x"))),
    ("failure for an object", gives(SubText, lambda: 1 / 0)),
]


def signature_of(specification: Any) -> Callable[[], list[Any]]:
    return lambda: [lambda: pytramp.Signature(specification), specification]


FRONT: list[tuple[str, Callable[[], list[Any]]]] = [
    ("a prototype", signature_of(ctypes.CFUNCTYPE(Point, IntPointer, Handler, ctypes.c_char_p))),
    ("a refused prototype", signature_of(ctypes.CFUNCTYPE(None, ctypes.c_int * 3))),
    ("a refused specification", signature_of(thing)),
    ("a refused error value", lambda: [lambda: pytramp.callback(Handler, len, error="x")]),
    ("a pointer error value", lambda: [make_with_error, IntPointer, number]),
    ("annotations", lambda: [lambda: of_callable(annotated), annotated]),
    ("refused annotations", lambda: [lambda: of_callable(lambda n: n)]),
    ("a Pointer", lambda: [read_pointer, IntPointer, number]),
    ("a refused Pointer", lambda: [lambda: pytramp.Pointer(Handler, 8), Handler]),
]


def annotated(n: c.int, x: c.void_p, p: ctypes.c_char_p) -> c.double:
    return 1.0


def make_with_error() -> object:
    return pytramp.callback(ctypes.CFUNCTYPE(IntPointer), list, error=number)


def read_pointer() -> object:
    return pytramp.Pointer(IntPointer, ctypes.addressof(number))[0]


# ---- cffi ----

CFFI = """
struct point { double x, y; };
union number { int n; double x; };
struct bits { int a : 3; unsigned b : 30; };
enum color { RED, GREEN };
typedef int (*handler)(int);
"""


def with_cffi(text: str, produce: str) -> Callable[[], list[Any]]:
    """A callback whose argument and result are of the type that text names, called by cffi.

    produce is the result, an expression: of x, the argument, and ffi.
    """

    def make() -> list[Any]:
        ffi = tools.need("cffi").FFI()
        ffi.cdef(CFFI)
        names = {"ffi": ffi, "inner": inner, "other": other}
        kind = ffi.typeof(f"{text} (*)({text})")
        closure = pytramp.callback(kind, eval(f"lambda x: {produce}", names))
        lib = tools.library(CALLER % (CFFI, text))
        cells = ctypes.create_string_buffer(2 * ffi.sizeof(text))
        function = lib.call_it
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        return [lambda: function(closure.address, cells), closure, kind, ffi]

    return make


CALLER = "%s typedef %s T; void call_it(T (*f)(T), T *cells) { cells[1] = f(cells[0]); }"

CFFI_ROWS = [
    (f"cffi {text}, {produce}", with_cffi(text, produce))
    for text, produce in (
        ("int", "x"),
        ("int", "ffi.cast('int', 5)"),
        ("int", "ffi.cast('double', 5)"),
        ("char", "ffi.cast('char', 65)"),
        ("long double", "x"),
        ("long double", "'text'"),
        ("enum color", "1"),
        ("int *", "x"),
        ("int *", "5"),
        ("handler", "x"),
        ("handler", "inner"),
        ("handler", "other"),
        ("handler", "ffi.cast('handler', 5)"),
        ("struct point", "x"),
        ("struct point", "(1, 2)"),
        ("struct point", "(1, 2, 3)"),
        ("struct point", "1 / 0"),
        ("union number", "x"),
        ("struct bits", "x"),
    )
]


def cffi_signature(text: str) -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        ffi = tools.need("cffi").FFI()
        ffi.cdef(CFFI)
        kind = ffi.typeof(text)
        return [lambda: pytramp.Signature(kind), kind]

    return make


CFFI_TYPES = [
    ("a cffi type", cffi_signature("struct point (*)(union number, struct bits, handler, int *)")),
    ("a refused cffi type", cffi_signature("int *")),
]

ROWS: list[Row] = [
    *((name, make, run) for name, make in CTYPES + CFFI_ROWS),
    *((name, make, attempt) for name, make in FRONT + CFFI_TYPES),
]


@pytest.mark.parametrize(("name", "make", "call"), ROWS, ids=[name for name, _, _ in ROWS])
def test_nothing_is_left_behind(
    name: str, make: Callable[[], list[Any]], call: Callable[[list[Any]], object]
) -> None:
    check(make, call)


def test_a_leak_is_found() -> None:
    """Of memory, and of a reference."""
    if tools.SANITIZED:
        pytest.skip("nothing is counted")
    kept: list[object] = []
    for keep in (lambda: object(), lambda: thing):
        with pytest.raises(pytest.fail.Exception, match="left behind"):
            check(lambda keep=keep: [lambda: kept.append(keep()), thing], run)  # type: ignore[misc]
