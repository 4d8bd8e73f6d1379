"""Random declarations: C calls, a Python callable compares what it gets, C what comes back.

A header of random types and functions is read by pytramp.cdef and, apart from array lengths, by
gcc, whose callers pass values that the generator knows. Where ctypes and cffi can make a callback
of the same type, the same callers call those: they have to see the same values.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import tools
from pycalls import peers
from pycalls.aggregates import Aggregate
from pycalls.header import Function, Header
from pycalls.parameters import Value

import pytramp

RecordProperty = Callable[[str, object], None]

SEED = 20261124
FUNCTIONS = 60


def _call(header: Header, make: Callable[[Function, list[str]], Any]) -> tuple[int, list[str]]:
    """How many functions were called, and what was wrong.

    make gives (address, what keeps it alive), or None where a function cannot be called.
    """
    library = tools.library(header.program)
    lines = header.program.splitlines()
    wrong: list[str] = []
    called = 0
    for f in header.functions:
        made = make(f, wrong)
        if made is None:
            continue
        called += 1
        line = library[f"call_{f.name}"](ctypes.c_void_p(made[0]))
        if line:
            wrong.append(f"{f.name}, in C: {lines[line - 1].strip()}")
    return called, wrong


def _by_pytramp(types: Any) -> Callable[[Function, list[str]], Any]:
    def make(f: Function, wrong: list[str]) -> Any:
        try:
            signature = types[f.name]
        except pytramp.UnsupportedTypeError as error:
            if "compilers do not agree" not in str(error):
                raise
            return None
        answer = f.callable(types, wrong)
        closure = signature(answer, onerror=lambda error: wrong.append(f"{f.name}: {error!r}"))
        return int(closure), closure

    return make


@pytest.mark.parametrize("number", range(5))
def test_every_value_arrives(number: int, record_property: RecordProperty) -> None:
    header = Header(SEED + number, FUNCTIONS)
    called, wrong = _call(header, _by_pytramp(pytramp.cdef(header.for_python)))
    record_property("functions", called)
    assert not wrong, "\n".join([*wrong, header.for_python])
    # On Windows more is refused: its compilers do not agree on the layout of many bit-fields.
    assert called > (0.8 if tools.WINDOWS else 0.9) * FUNCTIONS


@pytest.mark.parametrize("number", range(5))
def test_ctypes_sees_the_same(number: int, record_property: RecordProperty) -> None:
    header = Header(SEED + number, FUNCTIONS)
    types = pytramp.cdef(header.for_python)

    def make(f: Function, wrong: list[str]) -> Any:
        callback = peers.ctypes_callback(f, types, wrong)
        return callback and (ctypes.cast(callback, ctypes.c_void_p).value, callback)

    called, wrong = _call(header, make)
    record_property("functions", called)
    assert not wrong, "\n".join(wrong)
    assert called


@pytest.mark.parametrize("number", range(5))
def test_cffi_sees_the_same(number: int, record_property: RecordProperty) -> None:
    tools.need("cffi")
    header = Header(SEED + number, FUNCTIONS)
    cffi = peers.Cffi(header)

    def make(f: Function, wrong: list[str]) -> Any:
        callback = cffi.callback(f, wrong)
        return callback and (cffi.address(callback), callback)

    called, wrong = _call(header, make)
    record_property("functions", called)
    assert not wrong, "\n".join(wrong)
    assert called


# ---- Where the peers differ ----
#
# Packed structs, bit-fields, arrays of arrays and unions by value: ctypes tells libffi of plain
# members one behind the other, which gives wrong values more often than not; cffi refuses all but
# arrays. Neither has __int128 and _Float16, ctypes before Python 3.14 no complex numbers, and its
# callbacks return no structs. What happens is recorded, not asserted: a peer may learn it.

_SPECIAL = {
    "packed": ("struct t { char c; int i; } __attribute__((packed));", "(struct t){1, 2}"),
    "bits": ("struct t { int a : 4, b : 4, c : 4, d : 4, i : 8; };", "(struct t){1, 1, 1, 1, 2}"),
    "rows": ("struct t { float i, x[2][1]; };", "(struct t){2, {{3}, {4}}}"),
    "union": ("union t { double d; long i; };", "(union t){.i = 2}"),
}


@pytest.mark.parametrize("name", _SPECIAL)
def test_ctypes_and_what_is_special(name: str, record_property: RecordProperty) -> None:
    definition, value = _SPECIAL[name]
    spelling = definition.partition(" {")[0]
    caller = f"int call(int (*f)(int, {spelling}, int)) {{ return f(7, {value}, 8); }}"
    library = tools.library(f"{definition}\n{caller}")
    cls = pytramp.cdef(definition).t

    def answer(before: int, argument: Any, after: int) -> int:
        return int((before, argument.i, after) == (7, 2, 8))

    types = pytramp.cdef(f"{definition} typedef int f(int, {spelling}, int);")
    with types.f(answer) as closure:
        assert library.call(ctypes.c_void_p(int(closure))) == 1
    try:
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, cls, ctypes.c_int)(answer)
        seen = "right" if library.call(callback) == 1 else "wrong"
    except (TypeError, ctypes.ArgumentError) as error:
        seen = f"refused: {error}"
    record_property("ctypes", seen)


@pytest.mark.parametrize("name", _SPECIAL)
def test_cffi_and_what_is_special(name: str, record_property: RecordProperty) -> None:
    cffi = tools.need("cffi")
    definition = _SPECIAL[name][0].replace(" __attribute__((packed))", "")
    ffi = cffi.FFI()
    ffi.cdef(definition, packed=name == "packed")
    try:
        ffi.callback(f"int(int, {definition.partition(' {')[0]}, int)", lambda *arguments: 1)
        seen = "accepted"
    except Exception as error:  # what it raises is not documented
        seen = f"refused: {error}"
    record_property("cffi", seen)


# ---- The test itself ----


def _other(kind: Any, value: Any) -> Any:
    """A value that C text tells from this one; this one where that says little, as of unions."""
    random = Random(1)
    if isinstance(kind, Aggregate) and not kind.is_plain:
        return value
    for _ in range(99):
        other = kind.value(random)
        if kind.literal(other) != kind.literal(value):
            return other
    return value


def _wrong_result(f: Function) -> Function | None:
    other = f.result and _other(f.result, f.value)
    if f.result is None or f.result.literal(other) == f.result.literal(f.value):
        return None
    return replace(f, value=other)


def _wrong_argument(f: Function) -> Function | None:
    for i, p in enumerate(f.parameters):
        other = _other(p.kind, p.value) if isinstance(p, Value) and f.names[i] != "n" else None
        if other is not None and p.kind.literal(other) != p.kind.literal(p.value):
            expected = [*f.parameters[:i], Value(p.kind, other), *f.parameters[i + 1 :]]
            return replace(f, parameters=expected)
    return None


@pytest.mark.parametrize("spoil", [_wrong_result, _wrong_argument])
def test_a_wrong_value_is_noticed(spoil: Callable[[Function], Function | None]) -> None:
    """By C where a result is another one, by Python where an argument is."""
    header = Header(SEED, FUNCTIONS)
    right = _by_pytramp(pytramp.cdef(header.for_python))

    def make(f: Function, wrong: list[str]) -> Any:
        spoiled = spoil(f)
        return spoiled and right(spoiled, wrong)

    called, wrong = _call(header, make)
    assert called > 0.3 * FUNCTIONS
    assert len({text.partition(" ")[0].strip(":,") for text in wrong}) == called
