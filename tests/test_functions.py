"""Function pointers: callable as arguments, kept alive as results."""

from __future__ import annotations

import ctypes
import gc
import struct
import weakref
from typing import Any

import pytest
import tools

import pytramp

SOURCE = """
#include <stddef.h>
typedef int (*op)(int);
static int twice(int n) { return 2 * n; }
int give(int (*f)(op, int)) { return f(twice, 21); }
int give_null(int (*f)(op, int)) { return f(NULL, 1); }
int take(op (*f)(int), int n) { op g = f(n); return g ? g(n) : -1; }
op kept;
void keep(op (*f)(int)) { kept = f(0); }
int use(int n) { return kept(n); }
void *through(void *(*f)(void *), void *p) { return f(p); }
"""


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


def test_arguments_are_callable(lib: ctypes.CDLL) -> None:
    seen: list[Any] = []

    @pytramp.callback("int (int (*op)(int), int n)")
    def f(op: Any, n: int) -> int:
        seen.append(op)
        return int(op(n))

    assert lib.give(f) == 42
    assert seen[0](4) == 8, "a C function stays"
    assert isinstance(seen[0], ctypes._CFuncPtr)


def test_a_function_type_decays(lib: ctypes.CDLL) -> None:
    assert lib.give(pytramp.callback("int (int op(int), int n)", lambda op, n: op(n))) == 42


def test_null_is_none(lib: ctypes.CDLL) -> None:
    f = pytramp.callback("int (int (*op)(int), int n)", lambda op, n: n if op is None else 0)
    assert lib.give_null(f) == 1


def test_results(lib: ctypes.CDLL) -> None:
    signature = pytramp.Signature("int (*(int n))(int)")
    inner = pytramp.callback("int (int)", lambda n: n + 1)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    of_ctypes = prototype(lambda n: n + 2)
    for value, expected in (
        (inner, 11),
        (of_ctypes, 12),
        (int(inner), 11),
        (inner.as_ctypes(), 11),
        (None, -1),
        (0, -1),
    ):
        assert lib.take(signature(lambda n, value=value: value), 10) == expected


def test_what_is_returned_is_kept(lib: ctypes.CDLL) -> None:
    """C may call it for as long as the closure that returned it lives."""
    made: list[Any] = []

    def factory(n: int) -> pytramp.Closure:
        inner = pytramp.callback("int (int)", lambda m: m + 100)
        made.append(weakref.ref(inner))
        return inner

    outer = pytramp.callback("int (*(int))(int)", factory)
    lib.keep(outer)
    lib.keep(outer)
    gc.collect()
    assert lib.use(5) == 105
    assert all(inner() is not None for inner in made)
    del outer
    gc.collect()
    assert all(inner() is None for inner in made)
    with tools.reports() as seen:
        assert lib.use(5) == 0
    assert [type(report.exception) for report in seen] == [pytramp.FreedCallbackError]


def test_a_closure_that_returns_itself(lib: ctypes.CDLL) -> None:
    """A cycle, which the garbage collector finds."""
    closures: list[Any] = []

    @pytramp.callback("void *(*(void *))(void *)")
    def outer(p: Any) -> Any:
        return closures[0]

    inner = pytramp.callback("void *(void *)", lambda p, o=outer: p)
    closures.append(inner)
    call = tools.library(SOURCE).through
    call.restype = ctypes.c_void_p
    assert call(outer, None) == inner.address
    there = weakref.ref(outer)
    closures.clear()
    del outer, inner
    gc.collect()
    assert there() is None


@pytest.mark.parametrize("value", [lambda n: n, "text", b"bytes", 1.5])
def test_results_that_are_refused(lib: ctypes.CDLL, value: Any) -> None:
    cb = pytramp.callback("int (*(int))(int)", lambda n: value)
    with tools.reports() as seen:
        assert lib.take(cb, 1) == -1
    (report,) = seen
    assert type(report.exception) is TypeError
    if callable(value):
        assert "callback" in report.text


def test_a_closure_of_another_type_is_refused(lib: ctypes.CDLL) -> None:
    wrong = pytramp.callback("double (double)", lambda x: x)
    cb = pytramp.callback("int (*(int))(int)", lambda n: wrong)
    with tools.reports() as seen:
        assert lib.take(cb, 1) == -1
    assert "double (double)" in seen[0].text
    assert "int (int)" in seen[0].text


def test_tables_of_functions() -> None:
    """Pointers to function pointers, and arrays of them."""
    add = pytramp.callback("int (int)", lambda n: n + 1)
    table = (ctypes.c_void_p * 2)(int(add), None)

    def use(n: int, ops: Any) -> int:
        assert ops[1] is None
        ops[1] = ops[0]
        return int(ops[1](n))

    for declaration in ("int (int n, int (**ops)(int))", "int (int n, int (*ops[2])(int))"):
        table[1] = None
        cb = pytramp.callback(declaration, use)
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
        assert ctypes.cast(int(cb), prototype)(41, table) == 42
        assert table[1] == add.address


def test_nested_function_types_print() -> None:
    for text in (
        "int (*(int))(int)",
        "void (int (*)(void (*)(int), double))",
        "void (*(*(void))(int))(double)",
        "void (int (*[3])(int))",
    ):
        signature = pytramp.Signature(text)
        assert str(signature) == text
        assert pytramp.Signature(str(signature)) == signature


@tools.int128
def test_function_pointers_that_ctypes_cannot_express() -> None:
    """They have an address, and can be passed on."""
    cb = pytramp.callback("__int128 (*(__int128 (*f)(__int128)))(__int128)", lambda f: f)
    address = struct.pack("P", 4096)
    assert tools.caller("void *")(cb, address) == address


def test_members_that_are_functions() -> None:
    types = pytramp.cdef("struct ops { int (*add)(int, int); void *data; };")
    ops = types["struct ops"]
    lib = tools.library(
        """
        struct ops { int (*add)(int, int); void *data; };
        int run(const struct ops *ops) { return ops->add(40, 2); }
        """
    )
    add = pytramp.callback("int (int, int)", lambda a, b: a + b)
    value = ops(add.as_ctypes(dict(ops._fields_)["add"]))
    del add
    gc.collect()
    assert lib.run(ctypes.byref(value)) == 42


def test_an_error_value_that_is_a_function_is_kept(lib: ctypes.CDLL) -> None:
    """...and C may call what it got, for as long as the closure lives."""
    inner = pytramp.callback("int (int)", lambda n: n + 1)
    ref = weakref.ref(inner)
    closure = pytramp.callback("int (*(int n))(int)", lambda n: 1 // 0, error=inner)
    del inner
    gc.collect()
    with tools.reports() as seen:
        assert lib.take(closure, 4) == 5
    assert [type(report.exception) for report in seen] == [ZeroDivisionError]
    del closure, seen
    gc.collect()
    assert ref() is None
