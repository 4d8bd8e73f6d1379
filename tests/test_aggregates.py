"""Structs and unions by value: C calls with them, and looks at what it gets back."""

from __future__ import annotations

import ctypes
import gc
import itertools
import platform
import re
import sys
import weakref
from collections.abc import Callable
from typing import Any

import long_double
import pytest
import tools

import pytramp


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Floats(ctypes.Structure):
    _fields_ = [("a", ctypes.c_float), ("b", ctypes.c_float)]


class ThreeFloats(ctypes.Structure):
    _fields_ = [("a", ctypes.c_float), ("b", ctypes.c_float), ("c", ctypes.c_float)]


class Small(ctypes.Structure):
    _fields_ = [("a", ctypes.c_short), ("b", ctypes.c_char)]


class Byte(ctypes.Structure):
    _fields_ = [("a", ctypes.c_ubyte)]


class Odd(ctypes.Structure):
    _fields_ = [("a", ctypes.c_ubyte * 7)]


class Mixed(ctypes.Structure):
    _fields_ = [("n", ctypes.c_long), ("x", ctypes.c_double)]


class Shared(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int), ("x", ctypes.c_float), ("y", ctypes.c_double)]


class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_longlong) for name in "abc"]


class Just(ctypes.Structure):
    _fields_ = [("a", ctypes.c_ubyte * 17)]


class Nested(ctypes.Structure):
    _fields_ = [("point", Floats), ("small", Small), ("end", ctypes.c_char)]


class Grid(ctypes.Structure):
    _fields_ = [("cells", ctypes.c_short * 3 * 2), ("points", Floats * 2)]


class LongDouble(ctypes.Structure):
    _fields_ = [("x", ctypes.c_longdouble)]


class LongMixed(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int), ("x", ctypes.c_longdouble)]


class Packed(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_char), ("n", ctypes.c_int), ("x", ctypes.c_double)]


class PackedTwo(ctypes.Structure):
    _pack_ = 2
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_char), ("n", ctypes.c_int)]


class PackedFloats(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_char), ("x", ctypes.c_float), ("b", ctypes.c_char)]


class Number(ctypes.Union):
    _fields_ = [("n", ctypes.c_int), ("x", ctypes.c_double)]


class Reals(ctypes.Union):
    _fields_ = [("x", ctypes.c_float), ("y", ctypes.c_double)]


class Tagged(ctypes.Structure):
    _anonymous_ = ("value",)
    _fields_ = [("kind", ctypes.c_int), ("value", Number)]


class BigUnion(ctypes.Union):
    _fields_ = [("bytes", ctypes.c_ubyte * 40), ("x", ctypes.c_double)]


class Pointers(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char_p), ("next", ctypes.POINTER(Point))]


class Wide(ctypes.Structure):
    _fields_ = [("a", ctypes.c_wchar), ("flag", ctypes.c_bool)]


class Page(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_ubyte * 70_001)]


class Base(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]


class Derived(Base):
    _fields_ = [("b", ctypes.c_float)]


class Proud(ctypes.Structure):
    """Its __init__ wants something that C cannot give."""

    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double)]

    def __init__(self, *, a: int, b: float) -> None:
        super().__init__(a, b)


# The class, and what C calls the type.
TYPES: list[tuple[Any, str]] = [
    (Point, "struct { double x, y; }"),
    (Floats, "struct { float a, b; }"),
    (ThreeFloats, "struct { float a, b, c; }"),
    (Small, "struct { short a; char b; }"),
    (Byte, "struct { unsigned char a; }"),
    (Odd, "struct { unsigned char a[7]; }"),
    (Mixed, "struct { long n; double x; }"),
    (Shared, "struct { int n; float x; double y; }"),
    (Memory, "struct { long long a, b, c; }"),
    (Just, "struct { unsigned char a[17]; }"),
    (Nested, "struct { struct { float a, b; } p; struct { short a; char b; } s; char end; }"),
    (Grid, "struct { short cells[2][3]; struct { float a, b; } points[2]; }"),
    (LongDouble, "struct { long double x; }"),
    (LongMixed, "struct { int n; long double x; }"),
    (Packed, "struct __attribute__((packed)) { char a; int n; double x; }"),
    (PackedTwo, "struct __attribute__((packed, aligned(2))) { char a; int n; }"),
    (PackedFloats, "struct __attribute__((packed)) { char a; float x; char b; }"),
    (Number, "union { int n; double x; }"),
    (Reals, "union { float x; double y; }"),
    (Tagged, "struct { int kind; union { int n; double x; } value; }"),
    (BigUnion, "union { unsigned char bytes[40]; double x; }"),
    (Pointers, "struct { const char *text; void *next; }"),
    (Wide, "struct { wchar_t a; bool flag; }"),
    (Page, "struct { unsigned char bytes[70001]; }"),
    (Derived, "struct { int a; float b; }"),
    (Proud, "struct { int a; double b; }"),
]

MIXED_CALLER = """
#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>
typedef {type} T;
struct seen {{ int n; double x; char c; long double l; float f; long m; }};
/* The struct meets registers that others have taken, and then none at all. */
void call_it(T (*f)(int, T, double, T, char, long double, T, float, T, T, long, T),
             const T *in, T *out) {{
    *out = f(-1, in[0], 0.5, in[1], 'c', 2.5L, in[2], 1.5f, in[3], in[4], -2, in[5]);
}}
"""


def sample(cls: Any, seed: int) -> Any:
    """An instance with every byte set, but such that each field is a valid value."""
    size = ctypes.sizeof(cls)
    value = cls.from_buffer_copy(bytes((seed * 53 + 7 * i) % 120 + 1 for i in range(size)))
    _make_valid(value, seed)
    return value


def _make_valid(value: Any, seed: int) -> None:
    """A long double has bit patterns that are no number, and a bool only two values."""
    for name, kind in value._fields_:
        if kind is ctypes.c_longdouble:
            setattr(value, name, seed + 0.25)
        if kind is ctypes.c_bool:
            setattr(value, name, seed % 2 == 0)
        if kind is ctypes.c_wchar:
            setattr(value, name, chr((0x1F600 & ((1 << 8 * tools.WCHAR) - 1)) + seed))


def fields(value: Any) -> Any:
    """What can be compared: padding is nobody's."""
    if isinstance(value, ctypes.Union):
        return bytes(value)
    if isinstance(value, ctypes.Structure):
        return [
            fields(getattr(value, name))
            for cls in reversed(type(value).__mro__)
            for name, _ in vars(cls).get("_fields_", ())
        ]
    if isinstance(value, ctypes.Array):
        return [fields(item) for item in value]
    if isinstance(value, ctypes._Pointer):
        return ctypes.cast(value, ctypes.c_void_p).value
    return value


def fields_of(value: Any) -> Any:
    """As fields; a char * is compared as an address, since it points nowhere."""
    return bytes(value) if isinstance(value, Pointers) else fields(value)


@pytest.mark.parametrize(("cls", "type_"), TYPES, ids=[cls.__name__ for cls, _ in TYPES])
def test_by_value_alone(cls: Any, type_: str) -> None:
    """One in, one out: an instance of the class, equal field by field."""
    got = []

    def keep(value: Any) -> Any:
        got.append(value)
        return value

    closure = pytramp.Signature.from_types(cls, cls)(keep)
    call = tools.caller(type_)
    for seed in range(4):
        value = sample(cls, seed)
        back = cls.from_buffer_copy(call(closure, bytes(value)))
        assert type(got[-1]) is cls
        assert fields_of(got[-1]) == fields_of(value)
        assert fields_of(back) == fields_of(value)


@pytest.mark.parametrize(("cls", "type_"), TYPES, ids=[cls.__name__ for cls, _ in TYPES])
def test_by_value_among_others(cls: Any, type_: str) -> None:
    """Six of them between scalars: some in registers, some on the stack."""
    got: list[Any] = []

    def keep(*args: Any) -> Any:
        got.extend(args)
        return args[6]

    c = ctypes
    kinds = [c.c_int, cls, c.c_double, cls, c.c_char, c.c_longdouble]
    kinds += [cls, c.c_float, cls, cls, c.c_long, cls]
    closure = pytramp.Signature.from_types(cls, *kinds)(keep)
    values = (cls * 6)(*(sample(cls, seed) for seed in range(6)))
    back = cls.from_buffer_copy(bytes(ctypes.sizeof(cls)))
    lib = tools.library(MIXED_CALLER.format(type=type_))
    lib.call_it(closure, values, ctypes.byref(back))
    scalars = [value for value, kind in zip(got, kinds, strict=True) if kind is not cls]
    assert scalars == [-1, 0.5, b"c", 2.5, 1.5, -2]
    structs = [value for value, kind in zip(got, kinds, strict=True) if kind is cls]
    assert [fields_of(value) for value in structs] == [fields_of(value) for value in values]
    assert fields_of(back) == fields_of(values[2])


# Where each is at the start of an argument list: what makes the tables above meet every case.
CASES = [
    (Byte, "rdi"),
    (Point, "xmm0 (bytes 0-7), xmm1 (bytes 8-15)"),
    (Floats, "xmm0"),
    (Mixed, "rdi (bytes 0-7), xmm0 (bytes 8-15)"),
    (Shared, "rdi (bytes 0-7), xmm0 (bytes 8-15)"),
    (Number, "rdi"),
    (Reals, "xmm0"),
    (Memory, "stack+0"),
    (LongDouble, "xmm0" if long_double.FORMAT == "double" else "stack+0"),
    (Packed, "stack+0"),
]


@pytest.mark.parametrize(("cls", "where"), CASES)
def test_the_cases_differ(cls: Any, where: str) -> None:
    signature = pytramp.Signature.from_types(None, cls)
    assert signature.explain(abi="sysv_x86_64")[1].where == where


RAISED = {
    "struct { int x __attribute__((aligned(16))); }": "x2 (bytes 0-7), x3 (bytes 8-15)",
    "struct { int x; } __attribute__((aligned(16)))": "x1 (bytes 0-7), x2 (bytes 8-15)",
}


@pytest.mark.parametrize(("declared", "where"), RAISED.items())
def test_whose_alignment_it_is(declared: str, where: str) -> None:
    """Of the same layout, and passed in other registers: Arm's "natural alignment"."""
    types = pytramp.cdef(f"typedef {declared} raised;")
    signature = pytramp.Signature("void (int, raised, int)", types=types)
    assert signature.explain(abi="aapcs64")[2].where == where


@pytest.mark.skipif(sys.version_info < (3, 13), reason="ctypes got _align_ in 3.13")
def test_whose_alignment_it_is_in_ctypes() -> None:
    class Raised(ctypes.Structure):
        _align_ = 16
        _fields_ = (("x", ctypes.c_int),)

    class Around(ctypes.Structure):
        _fields_ = (("raised", Raised),)

    for cls, where in ((Raised, "x1"), (Around, "x2")):
        signature = pytramp.Signature.from_types(None, ctypes.c_int, cls)
        assert signature.explain(abi="aapcs64")[2].where.startswith(where)


def test_bit_fields_on_another_machine() -> None:
    """Their layout there follows from how they were declared, which a layout does not tell."""
    types = pytramp.cdef("struct bits { int m; long long n : 40; };")
    signature = pytramp.Signature("int (int, struct bits x)", types=types)
    abi = "riscv" if platform.machine() == "s390x" else "s390x"
    message = f"argument 2: the convention '{abi}' has no 'struct bits', or .*bit-fields"
    with pytest.raises(pytramp.UnsupportedTypeError, match=message):
        signature.explain(abi=abi)


@pytest.mark.skipif(not tools.FLOAT16, reason="no _Float16 here")
@pytest.mark.parametrize(
    ("declaration", "part"),
    [
        ("int (int, _Float16, int)", "argument 2"),
        ("int (int, int, _Float16, ...)", "argument 3"),
        ("_Float16 (int)", "result"),
    ],
)
def test_explain_says_what_a_convention_lacks(declaration: str, part: str) -> None:
    signature = pytramp.Signature(declaration)
    with pytest.raises(pytramp.UnsupportedTypeError, match=f"^{part}: the convention 's390x'"):
        signature.explain(abi="s390x")


# ctypes refuses unions and corrupts packed structs, so C calls with those above.
BY_CTYPES = [Point, Floats, Small, Mixed, Shared, Memory, Nested, LongMixed, Wide, Derived]


@pytest.mark.parametrize("cls", BY_CTYPES)
def test_ctypes_as_the_caller(cls: Any) -> None:
    """Arguments only where the result is a struct: as_ctypes() makes the prototype."""
    function = pytramp.Signature.from_types(cls, ctypes.c_int, cls, cls)(
        lambda n, a, b: (a, b)[n]
    ).as_ctypes()
    a, b = sample(cls, 1), sample(cls, 2)
    assert fields(function(0, a, b)) == fields(a)
    assert fields(function(1, a, b)) == fields(b)


def test_an_argument_is_a_copy() -> None:
    """...that may be kept and changed; C's own is untouched."""
    kept = []
    lib = tools.library(
        """
        typedef struct { double x, y; } T;
        double call_it(void (*f)(T)) { T t = {1, 2}; f(t); f(t); return t.x; }
        """
    )
    lib.call_it.restype = ctypes.c_double

    def change(point: Point) -> None:
        point.x += 10
        kept.append(point)

    assert lib.call_it(pytramp.Signature.from_types(None, Point)(change)) == 1.0
    assert [point.x for point in kept] == [11.0, 11.0]
    assert kept[0] is not kept[1]


# ---- Results ----


class SubPoint(Point):
    pass


RESULTS: list[tuple[Any, tuple[float, float]]] = [
    (Point(1, 2), (1, 2)),
    (SubPoint(3, 4), (3, 4)),
    ((1.5, 2.5), (1.5, 2.5)),
    ((7,), (7, 0)),
    ((), (0, 0)),
    ({"x": 1, "y": 2}, (1, 2)),
    ({"y": 2}, (0, 2)),
    ({}, (0, 0)),
]


@pytest.mark.parametrize(("result", "expected"), RESULTS)
def test_results(result: Any, expected: tuple[float, float]) -> None:
    """An instance, or a tuple or dict of its fields; what is left out is zero."""
    point = pytramp.Signature.from_types(Point)(lambda: result).as_ctypes()()
    assert (point.x, point.y) == expected


def test_results_of_other_aggregates() -> None:
    nested = pytramp.Signature.from_types(Nested)(lambda: ((1, 2), (3, b"x"), b"e")).as_ctypes()()
    assert fields(nested) == [[1, 2], [3, b"x"], b"e"]
    grid = pytramp.Signature.from_types(Memory)(lambda: {"c": -1}).as_ctypes()()
    assert fields(grid) == [0, 0, -1]


WRONG = [
    (None, TypeError, "expected Point, or a tuple or dict of its fields, not NoneType"),
    (1.5, TypeError, "not float"),
    ([1.5, 2.5], TypeError, "not list"),
    (bytes(16), TypeError, "not bytes"),
    (Floats(1, 2), TypeError, "not Floats"),
    (Point, TypeError, "not "),
    ((1, 2, 3), TypeError, "too many"),
    (("a", 2), TypeError, r"member Point\.x: .* real number"),
    ({"x": "a"}, TypeError, r"member Point\.x: .* real number"),
    ({1: 2}, TypeError, "field 1|must be str"),
]


@pytest.mark.parametrize(("result", "error", "text"), WRONG)
@pytest.mark.parametrize("cls", [Point])
def test_wrong_results(cls: Any, result: Any, error: type, text: str) -> None:
    """Reported, and C gets zeros."""
    function = pytramp.Signature.from_types(cls)(lambda: result).as_ctypes()
    with tools.reports() as seen:
        assert fields(function()) == [0, 0]
    (report,) = seen
    assert type(report.exception) is error
    assert re.search(text, report.text)


MEMBERS = """
    typedef struct { long long a; int b : 3; float f; char c; } small;
    typedef struct { small items[2]; char text[4]; struct { int x; }; double *p; } large;
"""

# What is given for a `large`, and what is said of it.
WRONG_MEMBERS: list[tuple[Any, type, str]] = [
    ({"items": ((2**70,),)}, OverflowError, "items[0].a: 1180591620717411303424 is out of range"),
    ({"items": ((), (-(2**63) - 1,))}, OverflowError, "items[1].a: -9223372036854775809 is out of"),
    ({"items": ((0, 4),)}, OverflowError, "items[0].b: 4 is out of range for a bit-field: -4 to 3"),
    ({"items": ({"f": 1e300},)}, OverflowError, "items[0].f: float too large for C float"),
    ({"items": ({"c": b"ab"},)}, TypeError, "items[0].c: char must be bytes of length 1"),
    ({"items": ({"b": 1.5},)}, TypeError, "items[0].b: a bit-field must be an int, not float"),
    ({"items": ((), (), ())}, TypeError, "items: too many initializers: 3 for 2 elements"),
    ({"items": (5,)}, TypeError, "items[0]: expected small, or a tuple or dict of its fields"),
    ({"items": 5}, TypeError, "items: expected a tuple or small_Array_2, not int"),
    ({"text": b"12345"}, TypeError, "text: too many initializers: 5 for 4 elements"),
    ({"text": "1234"}, TypeError, "text: expected a tuple or bytes, not str"),
    ({"x": 2**31}, OverflowError, "x: 2147483648 is out of range for int"),
    ({"p": b"text"}, TypeError, "p: double * cannot be bytes: nobody would keep the text"),
]


@pytest.mark.parametrize(("value", "error", "text"), WRONG_MEMBERS)
def test_wrong_members(value: dict[str, Any], error: type, text: str) -> None:
    """They are named, in results and through Pointers, which change nothing then."""
    types = pytramp.cdef(MEMBERS)
    closure = pytramp.callback("large (void)", lambda: value, types=types)
    with tools.reports() as seen:
        assert not any(bytes(ctypes.CFUNCTYPE(types.large)(closure.address)()))
    memory = types.large()
    pointer = pytramp.Pointer(ctypes.POINTER(types.large), memory)
    with pytest.raises(error) as of_item:
        pointer[0] = {"text": b"abc", **value}
    ((name, part),) = value.items()
    with pytest.raises(error) as of_member:
        setattr(pointer, name, part)
    assert not any(bytes(memory))
    for exception in (seen[0].exception, of_item.value, of_member.value):
        assert type(exception) is error
        assert f"member large.{text}" in str(exception)


def test_members_by_their_own_converters() -> None:
    types = pytramp.cdef(MEMBERS)
    memory, numbers = types.large(), (ctypes.c_double * 2)(0.5)
    pointer = pytramp.Pointer(ctypes.POINTER(types.large), memory)
    pointer[0] = {
        "items": ((-(2**63), -4, 0.5, b"x"), types.small(5)),
        "text": (b"a", 98),
        "x": True,
        "p": numbers,
    }
    first = memory.items[0]
    assert (first.a, first.b, first.f, first.c) == (-(2**63), -4, 0.5, b"x")
    assert (memory.items[1].a, memory.text, memory.x, memory.p[0]) == (5, b"ab", 1, 0.5)
    pointer.p, pointer.text, pointer.x = None, b"", -1
    assert (bool(memory.p), memory.text, memory.x) == (False, b"", -1)


def test_an_instance_is_copied_as_it_is() -> None:
    """ctypes cuts off what does not fit, and that is what its user has filled it with."""
    types = pytramp.cdef(MEMBERS)
    closure = pytramp.callback("small (void)", lambda: types.small(2**70 + 1, 8), types=types)
    back = ctypes.CFUNCTYPE(types.small)(closure.address)()
    assert (back.a, back.b) == (1, 0)


def test_values_that_change_their_container() -> None:
    tools.script("changing_values.py")


def test_a_field_that_does_not_exist() -> None:
    """A typing error in a dict is an error, not a field left at zero."""
    function = pytramp.Signature.from_types(Point)(lambda: {"x": 1, "z": 2}).as_ctypes()
    with tools.reports() as seen:
        assert fields(function()) == [0, 0]
    (report,) = seen
    assert isinstance(report.exception, (TypeError, AttributeError, ValueError))
    assert "z" in report.text


@pytest.mark.parametrize("cls", [Point, Memory, Floats, LongMixed, Packed])
def test_a_wrong_result_leaves_nothing_half_written(cls: Any) -> None:
    """Registers, a hidden pointer, mixed: all zeros."""
    type_ = dict(TYPES)[cls]
    closure = pytramp.Signature.from_types(cls, cls)(lambda value: "wrong")
    with tools.reports() as seen:
        back = tools.caller(type_)(closure, bytes(sample(cls, 1)))
    assert fields(cls.from_buffer_copy(back)) == fields(cls.from_buffer_copy(bytes(len(back))))
    assert len(seen) == 1


def test_a_class_with_its_own_constructor() -> None:
    """An argument is made without calling __init__; a tuple result does call it."""
    signature = pytramp.Signature.from_types(Proud, Proud)
    call = tools.caller(dict(TYPES)[Proud])
    data = bytes(Proud(a=1, b=2.5))
    for result in (lambda p: p, lambda p: {"a": p.a, "b": p.b}, lambda p: Proud(a=1, b=2.5)):
        assert fields(Proud.from_buffer_copy(call(signature(result), data))) == [1, 2.5]
    with tools.reports() as seen:
        call(signature(lambda p: (1, 2.5)), data)
    assert type(seen[0].exception) is TypeError


def test_the_class_lives_as_long_as_its_signature() -> None:
    def make() -> tuple[pytramp.Signature, Any]:
        class Local(ctypes.Structure):
            _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double)]

        return pytramp.Signature.from_types(Local, Local), weakref.ref(Local)

    signature, ref = make()
    gc.collect()
    assert ref() is not None
    del signature
    gc.collect()
    assert ref() is None
    signature, ref = make()
    closure = signature(lambda value: (value.a + 1, value.b))
    del signature
    gc.collect()
    back = tools.caller(dict(TYPES)[Proud])(closure, bytes(Proud(a=1, b=2.5)))
    assert fields(Proud.from_buffer_copy(back)) == [2, 2.5]


# ---- What they refer to ----

OPERATIONS = """
typedef struct { int (*f)(int); const char *text; } operations;
"""
USES = (
    OPERATIONS
    + """
static operations kept;
void fill(void (*f)(operations *p)) { f(&kept); }
void take(operations (*f)(void)) { kept = f(); }
int use(void) { return kept.f(4); }
const char *text(void) { return kept.text; }
"""
)


def ten_times() -> pytramp.Closure:
    return pytramp.callback("int (int)", lambda n: 10 * n)


FUNCTIONS: dict[str, Callable[[], Any]] = {
    "closure": ten_times,
    "as_ctypes": lambda: ten_times().as_ctypes(),
    "ctypes": lambda: ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: 10 * n),
}


def uses() -> tuple[Any, Any]:
    library = tools.library(USES)
    library.text.restype = ctypes.c_char_p
    return library, pytramp.cdef(OPERATIONS)


@pytest.mark.parametrize("make", FUNCTIONS.values(), ids=FUNCTIONS)
def test_function_pointers_in_structs_are_kept(make: Callable[[], Any]) -> None:
    """By the closure that returns them; through a Pointer until something else is there."""
    library, types = uses()

    def instance() -> Any:
        function = make()
        if isinstance(function, pytramp.Closure):
            function = function.as_ctypes()
        return types.operations(function)

    results = [lambda: (make(),), lambda: {"f": make()}, instance]
    for result in results:
        closure = pytramp.callback("operations (void)", result, types=types)
        library.take(closure)
        gc.collect()
        assert library.use() == 40

    def by_member(p: Any) -> None:
        p.f = make()

    def by_item(p: Any) -> None:
        p[0] = results[len(seen) - 1]()

    seen: list[int] = []
    for put in (by_member, by_item, by_item, by_item):
        library.fill(pytramp.callback("void (operations *)", put, types=types))
        gc.collect()
        seen.append(library.use())
    assert seen == [40] * 4


def test_what_a_pointer_put_into_memory_goes_with_it() -> None:
    types = pytramp.cdef(OPERATIONS)
    closure = ten_times()
    ref = weakref.ref(closure)
    memory = types.operations()
    pointer = pytramp.Pointer(ctypes.POINTER(types.operations), memory)
    pointer.f = closure
    del closure
    gc.collect()
    assert ref() is not None
    assert memory.f(2) == 20
    pointer.f = None
    gc.collect()
    assert ref() is None


def test_text_in_structs_is_refused_where_nobody_keeps_it() -> None:
    library, types = uses()
    memory = types.operations()
    pointer = pytramp.Pointer(ctypes.POINTER(types.operations), memory)
    message = r"member operations\.text: char \* cannot be bytes: nobody would keep the text"
    with pytest.raises(TypeError, match=message):
        pointer.text = b"text"
    with pytest.raises(TypeError, match=message):
        pointer[0] = {"text": b"text"}
    closure = pytramp.callback("operations (void)", lambda: (None, b"text"), types=types)
    with tools.reports() as seen:
        library.take(closure)
    assert re.search(message, seen[0].text)
    assert library.text() is None
    buffer = ctypes.create_string_buffer(b"buffer")
    pointer.text = buffer
    assert memory.text == b"buffer"


def test_an_error_value_keeps_what_it_refers_to() -> None:
    library, types = uses()

    def fail() -> Any:
        raise LookupError

    text = "text" * 50
    values: list[Callable[[], Any]] = [
        lambda: (ten_times(), text.encode()),
        lambda: {"f": ten_times(), "text": ctypes.create_string_buffer(text.encode())},
        lambda: types.operations(ten_times().as_ctypes(), text.encode()),
    ]
    for make in values:
        closure = pytramp.callback("operations (void)", fail, error=make(), types=types)
        gc.collect()
        with tools.reports():
            library.take(closure)
        assert (library.use(), library.text()) == (40, text.encode())
    changed = types.operations(ten_times().as_ctypes(), text.encode())
    closure = pytramp.callback("operations (void)", fail, error=changed, types=types)
    changed.f, changed.text = type(changed.f)(), b""
    gc.collect()
    with tools.reports():
        library.take(closure)
    assert (library.use(), library.text()) == (40, text.encode())


# ---- Many arguments ----

KINDS: list[tuple[Any, str, Callable[[int], Any]]] = [
    (ctypes.c_int, "int", lambda i: -i),
    (ctypes.c_double, "double", lambda i: i + 0.5),
    (Point, "struct point", lambda i: Point(i, -i)),
    (ctypes.c_ubyte, "unsigned char", lambda i: i),
    (Memory, "struct memory", lambda i: Memory(i, -i, 2 * i)),
    (ctypes.c_longdouble, "long double", lambda i: i + 0.25),
    (Mixed, "struct mixed", lambda i: Mixed(-i, i)),
    (ctypes.c_float, "float", lambda i: -i - 0.5),
    (Packed, "struct packed", lambda i: Packed(b"p", i, -i)),
    (ctypes.c_longlong, "long long", lambda i: i << 40),
    (Number, "union number", lambda i: Number(x=i)),
]

DECLARATIONS = """
struct point { double x, y; };
struct memory { long long a, b, c; };
struct mixed { long n; double x; };
struct __attribute__((packed)) packed { char a; int n; double x; };
union number { int n; double x; };
"""


@pytest.mark.parametrize("first", range(len(KINDS)))
def test_fifty_arguments_of_all_kinds(first: int) -> None:
    """C reads them from an array of pointers and passes each by value."""
    chosen = [KINDS[(first + i * i + i) % len(KINDS)] for i in range(50)]
    types = ", ".join(kind[1] for kind in chosen)
    passed = ", ".join(f"*(const {kind[1]} *)in[{i}]" for i, kind in enumerate(chosen))
    lib = tools.library(
        f"{DECLARATIONS}void call_it(struct memory (*f)({types}), void **in, struct memory *out)"
        f"{{ *out = f({passed}); }}"
    )
    values = [make(i) for i, (_, _, make) in enumerate(chosen)]
    cells = [
        value if isinstance(value, kind) else kind(value)
        for value, (kind, _, _) in zip(values, chosen, strict=True)
    ]
    pointers = (ctypes.c_void_p * 50)(*map(ctypes.addressof, cells))
    got: list[Any] = []

    def keep(*args: Any) -> Any:
        got.extend(args)
        return (1, 2, 3)

    closure = pytramp.Signature.from_types(Memory, *(kind[0] for kind in chosen))(keep)
    back = Memory()
    lib.call_it(closure, pointers, ctypes.byref(back))
    assert list(map(fields, got)) == list(map(fields, values))
    assert fields(back) == [1, 2, 3]


def test_ten_thousand_arguments() -> None:
    """They all arrive; none is kept afterwards."""
    n = 10_000
    cycle = itertools.cycle([(ctypes.c_int, "int"), (ctypes.c_double, "double")])
    chosen = list(itertools.islice(cycle, n))
    types = ", ".join(spelling for _, spelling in chosen)
    lib = tools.library(
        f"int call_it(int (*f)({types})) {{ return f({', '.join(map(str, range(n)))}); }}"
    )
    got: list[Any] = []

    def keep(*args: Any) -> int:
        got.append(args)
        return len(args)

    closure = pytramp.Signature.from_types(ctypes.c_int, *(kind for kind, _ in chosen))(keep)
    assert lib.call_it(closure) == n
    assert got == [tuple(range(n))]
    assert len(closure.signature.explain()) == n + 1


def test_a_conversion_that_fails_drops_the_others() -> None:
    """Arguments made before the one that cannot be made are freed."""
    made = []

    class Counted(ctypes.Structure):
        _fields_ = [("a", ctypes.c_long), ("b", ctypes.c_long)]

        def __del__(self) -> None:
            made.append(self.a)

    closure = pytramp.Signature.from_types(None, Counted, Counted, pytramp.c.char32)(print)
    lib = tools.library(
        """
        #include <uchar.h>
        typedef struct { long a, b; } T;
        void call_it(void (*f)(T, T, char32_t)) { f((T){1, 2}, (T){3, 4}, 0x110000); }
        """
    )
    with tools.reports() as seen:
        lib.call_it(closure)
    assert type(seen[0].exception) is ValueError
    assert sorted(made) == [1, 3]


def test_packed_structs_in_small_arrays_are_refused() -> None:
    """GCC passes them in registers, clang in memory."""

    class Five(ctypes.Structure):
        _pack_ = 1
        _layout_ = "ms"
        _fields_ = [("n", ctypes.c_int), ("c", ctypes.c_char)]

    class Small(ctypes.Structure):
        _fields_ = [("items", Five * 2)]

    class Large(ctypes.Structure):
        _fields_ = [("items", Five * 4)]

    class Aligned(ctypes.Structure):
        _fields_ = [("items", Floats * 2)]

    with pytest.raises(pytramp.UnsupportedTypeError, match=r"Small\.items: by value: compilers do"):
        pytramp.Signature.from_types(None, Small)
    pytramp.Signature.from_types(None, Large)
    pytramp.Signature.from_types(None, Aligned)
