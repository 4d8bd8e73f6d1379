"""Calls that come too late: closed and collected closures, whose address C still has."""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp
from pytramp import _core

INT = pytramp.Signature("int (int)")
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

QUARANTINE = 1024


class Memory(ctypes.Structure):
    _fields_ = [("a", ctypes.c_long), ("b", ctypes.c_long), ("c", ctypes.c_long)]


class Floats(ctypes.Structure):
    _fields_ = [("a", ctypes.c_float), ("b", ctypes.c_float)]


class Mixed(ctypes.Structure):
    _fields_ = [("n", ctypes.c_long), ("x", ctypes.c_double)]


def same(n: int) -> int:
    return n


def close(closures: list[pytramp.Closure]) -> None:
    closures.pop().close()


def leave(closures: list[pytramp.Closure]) -> None:
    with closures.pop():
        pass


def drop(closures: list[pytramp.Closure]) -> None:
    del closures[:]


def collect(closures: list[pytramp.Closure]) -> None:
    cycle: list[Any] = [closures.pop()]
    cycle.append(cycle)
    del cycle
    gc.collect()


def close_elsewhere(closures: list[pytramp.Closure]) -> None:
    thread = threading.Thread(target=closures.pop().close)
    thread.start()
    thread.join()


WAYS = [
    (close, "closed"),
    (leave, "closed"),
    (drop, "garbage-collected"),
    (collect, "garbage-collected"),
    (close_elsewhere, "closed"),
]


@pytest.mark.parametrize(("free", "fate"), WAYS)
def test_a_late_call(free: Callable[[Any], None], fate: str) -> None:
    """The error value, and one report: what it was, where it was made, what became of it."""
    late_calls = pytramp.stats()["late_calls"]
    closures = [INT(same, error=-7, name="it")]
    function, origin = PROTOTYPE(closures[0].address), closures[0].origin
    with tools.reports() as seen:
        assert function(3) == 3
        free(closures)
        assert [function(3) for _ in range(5)] == [-7] * 5
    (report,) = seen
    assert type(report.exception) is pytramp.FreedCallbackError
    expected = f"callback 'it' (int (int)), made at {origin}, was called after it was {fate}"
    assert report.text == expected
    assert report.object is None
    assert pytramp.stats()["late_calls"] == late_calls + 1


def test_the_signature_is_kept_for_the_report() -> None:
    """...and no longer."""
    signature = pytramp.Signature("int (int)")
    ref, closure = weakref.ref(signature), signature(lambda n: n)
    late = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(closure.address)
    del signature, closure
    gc.collect()
    assert ref() is not None
    with tools.reports() as seen:
        late(1)
    assert len(seen) == 1
    seen.clear()
    gc.collect()
    assert ref() is None


def test_closing_twice() -> None:
    closure = INT(same)
    function = PROTOTYPE(closure.address)
    closure.close()
    closure.close()
    with tools.reports() as seen:
        assert function(3) == function(3) == 0
    del closure
    assert len(seen) == 1
    assert "closed" in seen[0].text
    _core.pool_check()


def test_each_closure_is_reported() -> None:
    closures = [INT(same, name=f"number {i}") for i in range(10)]
    functions = [PROTOTYPE(closure.address) for closure in closures]
    for closure in closures:
        closure.close()
    with tools.reports() as seen:
        for _ in range(3):
            assert [function(1) for function in functions] == [0] * 10
    assert [f"number {i}" in report.text for i, report in enumerate(seen)] == [True] * 10


# result type, error=, what C gets after the end without and with it
RESULTS: list[tuple[Any, Any, Any, Any]] = [
    ("int", -7, 0, -7),
    ("unsigned long long", 1 << 63, 0, 1 << 63),
    ("_Bool", True, False, True),
    ("char", b"x", b"\0", b"x"),
    ("float", 0.5, 0.0, 0.5),
    ("double", -2.5, 0.0, -2.5),
    ("long double", 4.25, 0.0, 4.25),
    ("void *", 0x1234, None, 0x1234),
    ("void", None, None, None),
    (Floats, (1, 2), (0, 0), (1, 2)),
    (Mixed, (-1, 2), (0, 0), (-1, 2)),
    (Memory, (1, 2, 3), (0, 0, 0), (1, 2, 3)),
]


def plain(value: Any) -> Any:
    if isinstance(value, ctypes.Structure):
        return tuple(getattr(value, name) for name, _ in value._fields_)
    return value


@pytest.mark.parametrize(("type_", "error", "without", "expected"), RESULTS)
def test_the_error_value_of_every_class(
    type_: Any, error: Any, without: Any, expected: Any
) -> None:
    """In registers, on the x87 stack, through the hidden pointer: as while it lived."""
    signature = pytramp.Signature.from_types(type_, "int")
    for options, value in (({}, without), ({"error": error}, expected)):
        closure = signature(lambda n: 1 // 0, **options)
        function = type(closure.as_ctypes())(closure.address)
        closure.close()
        with tools.reports() as seen:
            assert plain(function(1)) == plain(function(2)) == value
        assert len(seen) == 1


@pytest.mark.parametrize(
    ("spelling", "error", "size"),
    [pytest.param("__int128", -5, 16, marks=tools.int128), ("double _Complex", 1 + 2j, 16)],
)
def test_the_error_value_of_types_that_ctypes_lacks(
    spelling: str, error: complex, size: int
) -> None:
    call = tools.caller(spelling)
    closure = pytramp.callback(f"{spelling} ({spelling})", lambda x: x, error=error)
    address = closure.address
    alive = call(pytramp.callback(f"{spelling} ({spelling})", lambda x: error), bytes(size))
    closure.close()
    with tools.reports():
        assert call(address, bytes(size)) == alive


# ---- While it runs ----


def test_closed_from_inside() -> None:
    """The call that is running finishes with its result; the next one is late."""

    def function(n: int) -> int:
        if n:
            closure.close()
            gc.collect()
            with tools.reports() as seen:
                late.append(pointer(0))
            late.append(len(seen))
        return n + 1

    late: list[int] = []
    closure = INT(function, error=-7)
    pointer = PROTOTYPE(closure.address)
    with tools.reports() as seen:
        assert pointer(5) == 6
        assert late == [-7, 1]
        assert pointer(5) == -7
    assert seen == []
    _core.pool_check()


def test_closed_from_inside_and_failing() -> None:
    def function(n: int) -> int:
        closure.close()
        raise KeyError(n)

    def onerror(exception: BaseException) -> int:
        return 44

    for options, result, count in (
        ({}, 0, 1),
        ({"error": -7}, -7, 1),
        ({"onerror": onerror}, 44, 0),
    ):
        closure = INT(function, **options)
        with tools.reports() as seen:
            assert PROTOTYPE(closure.address)(5) == result
        assert [type(report.exception) for report in seen] == [KeyError] * count


def test_the_last_reference_goes_in_the_call() -> None:
    closures: list[Any] = []

    def function(n: int) -> int:
        closures.clear()
        gc.collect()
        return n + 1

    closures.append(INT(function))
    pointer = PROTOTYPE(closures[0].address)
    del function
    assert pointer(5) == 6
    with tools.reports() as seen:
        assert pointer(5) == 0
    assert "garbage-collected" in seen[0].text


def test_closed_by_another_thread_while_running() -> None:
    """close() does not wait, and the call goes on with everything that it needs."""
    inside, closed = threading.Event(), threading.Event()

    class Value:
        def __init__(self) -> None:
            self.value = 41

    def make() -> Callable[[int], int]:
        value = Value()

        def function(n: int) -> int:
            inside.set()
            assert closed.wait(20)
            gc.collect()
            return value.value + n

        return function

    closure = INT(make(), error=-7)
    pointer = PROTOTYPE(closure.address)
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(pointer(1)))
    thread.start()
    assert inside.wait(20)
    closure.close()
    with tools.reports() as seen:
        assert pointer(1) == -7
    assert len(seen) == 1
    del closure
    closed.set()
    thread.join()
    assert results == [42]
    _core.pool_check()


def test_closed_deep_inside() -> None:
    """Recursion through C; the innermost call closes, all of them finish."""

    def function(n: int) -> int:
        if n == 0:
            closure.close()
            return 0
        return n + pointer(n - 1)

    closure = INT(function)
    pointer = PROTOTYPE(closure.address)
    assert pointer(60) == sum(range(61))
    assert closure.closed


@pytest.mark.parametrize("depth", [0, 7, 8, 60])
def test_the_callable_lives_until_its_call_is_over(depth: int) -> None:
    """Also when nobody but the closure has it, and calls inside of calls close it."""

    def close_it(n: int) -> bool:
        closure.close()
        gc.collect()
        return ref() is not None

    callable_ = functools.partial(close_it)
    closure, ref = INT(callable_), weakref.ref(callable_)
    del callable_
    last = PROTOTYPE(closure.address)
    outer = INT(lambda n: below(n - 1) if n > 1 else last(0))
    below = PROTOTYPE(outer.address)
    assert (below(depth) if depth else last(0)) == 1
    gc.collect()
    assert ref() is None


def test_closed_while_arguments_are_made() -> None:
    """The user's class runs code then, and so may the collector."""
    tools.script("close_while_loading.py")


def test_recursion_without_end() -> None:
    """RecursionError where Python says so, and no crash."""
    tools.script("recursion.py")


# ---- The slot ----


def test_no_slot_is_reused_within_the_quarantine() -> None:
    """1024 later frees, before C can reach another callback through an old address."""
    old = INT(same)
    address = old.address
    old.close()
    for i in range(QUARANTINE - 1):
        closure = INT(same)
        assert closure.address != address, f"reused after {i} frees"
        closure.close()
    with tools.reports() as seen:
        assert PROTOTYPE(address)(3) == 0
    assert len(seen) == 1


def test_late_calls_are_late_a_thousand_frees_later() -> None:
    old = [INT(same, error=-i, name=f"number {i}") for i in range(1, 11)]
    functions = [PROTOTYPE(closure.address) for closure in old]
    for closure in old:
        closure.close()
    for _ in range(1000):
        INT(same).close()
    with tools.reports() as seen:
        assert [function(1) for function in functions] == [-i for i in range(1, 11)]
    assert [f"number {i}" in seen[i - 1].text for i in range(1, 11)] == [True] * 10


def test_slots_are_reused_after_it() -> None:
    """Making and freeing for ever needs no more memory; what is reused works."""
    capacity = pytramp.stats()["capacity"]
    addresses = set()
    for n in range(30_000):
        closure = INT(same)
        addresses.add(closure.address)
        if n % 100 == 0:
            assert PROTOTYPE(closure.address)(n) == n
    closure.close()
    assert len(addresses) < 20_000
    assert pytramp.stats()["capacity"] == capacity
    _core.pool_check()


def test_reused_slots_have_nothing_of_the_former_one() -> None:
    """Another type, error value, name, and a report of their own."""
    gc.collect()  # or the closures of other tests may be freed in between
    first = pytramp.Signature.from_types(Memory)
    second = pytramp.Signature("double (double)")
    # More than are kept waiting, whatever the CPUs on which they are freed.
    former = [first(lambda: 1 // 0, error=(n, n, n), name="first") for n in range(6000)]
    addresses = {closure.address for closure in former}
    functions = [ctypes.CFUNCTYPE(Memory)(address) for address in addresses]
    for closure in former:
        closure.close()
    with tools.reports() as seen:
        for function in functions:
            function()
    assert len(seen) == len(former)
    reused = 0
    kept = []
    stats = pytramp.stats()  # untouched slots are taken before those of another signature
    while reused < 10 and len(kept) < stats["untouched"] + stats["reusable"]:
        kept.append(second(lambda x: x / 2, error=0.25, name="second"))
        if kept[-1].address not in addresses:
            continue
        reused += 1
        function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(kept[-1].address)
        with tools.reports() as seen:
            assert function(3.0) == 1.5
            kept[-1].close()
            assert function(3.0) == function(3.0) == 0.25
        assert len(seen) == 1
        assert "'second' (double (double))" in seen[0].text
    assert reused == 10
    _core.pool_check()


def test_a_callback_that_makes_and_frees_thousands() -> None:
    """While it is open, its slot is its own."""
    addresses = set()

    def function(n: int) -> int:
        closures = [INT(same) for _ in range(n)]
        addresses.update(closure.address for closure in closures)
        assert PROTOTYPE(closures[-1].address)(n) == n
        for closure in closures[::2]:
            closure.close()
        return n

    closure = INT(function)
    pointer = PROTOTYPE(closure.address)
    assert pointer(5000) == 5000
    assert closure.address not in addresses
    _core.pool_check()


@pytest.mark.parametrize("type_", ["int", "long double", Memory])
@pytest.mark.parametrize("fails", [False, True])
def test_closed_inside_and_used_by_others_since(type_: Any, fails: bool) -> None:
    """The slot may serve another closure, of another type, before the call inside returns."""
    small = pytramp.Signature("char (void)")
    large = pytramp.Signature.from_types(Memory)
    addresses = set()

    def function(n: int) -> Any:
        closure.close()
        for _ in range(3000):
            for made in (
                small(lambda: b"x", error=b"y"),
                large(lambda: (4, 5, 6), error=(7, 8, 9)),
            ):
                addresses.add(made.address)
                made.close()
        return 1 // (not fails) and result

    result, error = ((1, 2, 3), (-7, -8, -9)) if type_ is Memory else (1, -7)
    closure = pytramp.Signature.from_types(type_, "int")(function, error=error)
    call = type(closure.as_ctypes())(closure.address)
    with tools.reports() as seen:
        assert plain(call(5)) == (error if fails else result)
    assert [type(report.exception) for report in seen] == [ZeroDivisionError] * fails
    assert len(addresses) > 1024
    _core.pool_check()


def test_nothing_piles_up() -> None:
    """What dead closures keep for reports goes when their slots are used again."""
    signature = pytramp.Signature("int (int, char)")
    references = []
    while len(references) < 20 and (len(references) < 3 or references[-1] > references[-2]):
        for _ in range(20_000):
            signature(max).close()
        references.append(sys.getrefcount(signature))
    assert max(references) < 15_000
    assert references[-1] <= references[-2], references  # on another CPU other slots are free
