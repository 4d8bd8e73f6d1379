"""Every scalar type, both ways: C calls with exact bytes, and looks at the bytes it gets back."""

from __future__ import annotations

import ctypes
import gc
import math
import re
import struct
import sys
import weakref
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import long_double
import native
import pytest
import tools

import pytramp

ORDER = sys.byteorder


def pair(spelling: str, function: Callable[[Any], Any], **options: Any) -> pytramp.Closure:
    """A C function from the type to itself."""
    return pytramp.callback(f"{spelling} ({spelling})", function, **options)


def send(spelling: str, data: bytes) -> tuple[Any, bytes]:
    """(what arrives for these bytes, what it is in C when the callable returns it again)."""
    got = []

    def keep(value: Any) -> Any:
        got.append(value)
        return value

    back = tools.caller(spelling)(pair(spelling, keep), data)
    return got[0] if got else None, back


def give(spelling: str, value: Any, size: int) -> bytes:
    """The bytes that C gets when the callable returns value."""
    return tools.caller(spelling)(pair(spelling, lambda _: value), bytes(size))


def refused(spelling: str, value: Any, size: int) -> BaseException:
    """The error that is reported for the result value, but for whose it is; C gets zero."""
    with tools.reports() as seen:
        assert give(spelling, value, size) == bytes(size)
    (report,) = seen
    whose = "result of 'give.<locals>.<lambda>': "
    if not report.text.startswith(whose):
        return report.exception
    return type(report.exception)(report.text.removeprefix(whose))


# ---- Integers ----

LONG = ctypes.sizeof(ctypes.c_long)
POINTER = ctypes.sizeof(ctypes.c_void_p)

# spelling, size, whether it has a sign
BASIC_INTEGERS = [
    ("signed char", 1, True),
    ("unsigned char", 1, False),
    ("short", 2, True),
    ("unsigned short", 2, False),
    ("int", 4, True),
    ("unsigned int", 4, False),
    ("long", LONG, True),
    ("unsigned long", LONG, False),
    ("long long", 8, True),
    ("unsigned long long", 8, False),
    *([("__int128", 16, True), ("unsigned __int128", 16, False)] if tools.INT128 else []),
]
INTEGERS = [
    *BASIC_INTEGERS,
    ("int8_t", 1, True),
    ("uint8_t", 1, False),
    ("int16_t", 2, True),
    ("uint16_t", 2, False),
    ("int32_t", 4, True),
    ("uint32_t", 4, False),
    ("int64_t", 8, True),
    ("uint64_t", 8, False),
    ("size_t", POINTER, False),
    ("ssize_t", POINTER, True),
    ("ptrdiff_t", POINTER, True),
    ("intptr_t", POINTER, True),
    ("uintptr_t", POINTER, False),
]


def bounds(size: int, signed: bool) -> tuple[int, int]:
    bits = 8 * size
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


@pytest.mark.parametrize(("spelling", "size", "signed"), INTEGERS)
def test_integers_keep_every_bit(spelling: str, size: int, signed: bool) -> None:
    low, high = bounds(size, signed)
    some = (low, low + 1, -1, 0, 1, 0x55, high // 2, high // 2 + 1, high - 1, high)
    powers = [sign << bit for bit in range(8 * size) for sign in (1, -1)]
    for value in [*some, *powers, *(power - 1 for power in powers)]:
        if low <= value <= high:
            data = value.to_bytes(size, ORDER, signed=signed)
            got, back = send(spelling, data)
            assert (type(got), got) == (int, value)
            assert back == data


@pytest.mark.parametrize(("spelling", "size", "signed"), INTEGERS)
def test_integers_out_of_range(spelling: str, size: int, signed: bool) -> None:
    """One beyond either bound is OverflowError, the bounds themselves are not."""
    low, high = bounds(size, signed)
    for value in (low, high):
        assert give(spelling, value, size) == value.to_bytes(size, ORDER, signed=signed)
    beyond = (low - 1, high + 1, low - (1 << 8 * size), high + (1 << 8 * size))
    for value in (*beyond, 1 << 127 << 1, -(1 << 127) - 1, 1 << 1000, -(1 << 1000)):
        error = refused(spelling, value, size)
        assert type(error) is OverflowError
        assert " is out of range for " in str(error)
        if value in beyond:
            assert str(error).startswith(f"{value} ")


def test_errors_name_the_type_as_it_was_declared() -> None:
    types = pytramp.cdef("enum color { RED }; typedef unsigned short port;")
    for spelling, value, text in (
        ("enum color", "RED", "enum color must be an int, not str"),
        ("enum color", -1, "-1 is out of range for enum color"),
        ("port", 1 << 16, "65536 is out of range for port"),
    ):
        with pytest.raises((TypeError, OverflowError), match=text):
            pytramp.Signature(f"{spelling} (void)", types=types)(print, error=value)


def test_a_number_too_long_to_print_is_still_out_of_range() -> None:
    """Python refuses to turn such an int into text."""
    assert type(refused("int", 1 << 100_000, 4)) is OverflowError
    assert type(refused("unsigned long long", -1 << 100_000, 8)) is OverflowError


class Index:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


class Odd(int):
    """What conversions must not ask, since the number is known."""

    def __lt__(self, other: object) -> bool:
        return True

    def __rshift__(self, other: object) -> Any:
        return "odd"

    def __index__(self) -> int:
        raise AssertionError

    __int__ = __index__


NO_INTEGERS = [1.0, 1.5, "1", b"1", None, [], 1j, Fraction(1), Decimal(1), object(), int]


@pytest.mark.parametrize(("spelling", "size", "signed"), BASIC_INTEGERS)
def test_what_counts_as_an_integer(spelling: str, size: int, signed: bool) -> None:
    """int, bool and what has __index__; nothing that merely could be one."""
    _, high = bounds(size, signed)
    for value, number in ((True, 1), (False, 0), (Index(high), high)):
        assert give(spelling, value, size) == number.to_bytes(size, ORDER)
    assert type(refused(spelling, Index(high + 1), size)) is OverflowError
    for value in NO_INTEGERS:
        error = refused(spelling, value, size)
        assert type(error) is TypeError
        assert re.fullmatch(
            rf"{spelling} must be an int, not (\w+\.)?{type(value).__name__}", str(error)
        )


@pytest.mark.parametrize("value", [0, 5, -5, 1 << 70])
def test_an_int_with_methods_of_its_own(value: int) -> None:
    """A subclass of int stands for its number, whatever its operators say."""
    for spelling, size, signed in BASIC_INTEGERS:
        low, high = bounds(size, signed)
        if low <= value <= high:
            expected = value.to_bytes(size, ORDER, signed=signed)
            assert give(spelling, Odd(value), size) == expected
        else:
            assert type(refused(spelling, Odd(value), size)) is OverflowError


def test_an_exception_in_index() -> None:
    mine = LookupError("mine")
    sizes = {"int": 4, "char": 1, "wchar_t": tools.WCHAR, "double": 8, "void *": POINTER}
    for spelling, size in sizes.items():
        assert refused(spelling, Index(mine), size) is mine
    assert type(refused("int", Index("text"), 4)) is TypeError


# ---- _Bool ----


class Truth:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __bool__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


@pytest.mark.parametrize("spelling", ["_Bool", "bool"])
def test_bool_is_the_truth_value(spelling: str) -> None:
    for data, value in ((b"\0", False), (b"\1", True)):
        assert send(spelling, data) == (value, data)
        assert type(send(spelling, data)[0]) is bool
    for value in (True, 1, 2, -1, 256, 1 << 100, 0.5, "0", [0], object(), Truth(True), math.nan):
        assert give(spelling, value, 1) == b"\1"
    for value in (False, 0, 0.0, "", [], None, Truth(False)):
        assert give(spelling, value, 1) == b"\0"
    mine = LookupError("mine")
    assert refused(spelling, Truth(mine), 1) is mine
    assert type(refused(spelling, Truth("no bool"), 1)) is TypeError


# ---- Characters ----

# spelling, size, one str per interesting code
CHARACTERS = [
    ("wchar_t", tools.WCHAR, tools.wide("\0a\x7f\x80\xffé\ud800\udfff\uffff😀\U0010ffff")),
    ("char16_t", 2, "\0a\x7f\x80\xffé\ud800\udfff\uffff"),
    ("char32_t", 4, "\0a\x7f\x80\xffé\ud800\udfff\uffff😀\U0010ffff"),
]


def test_char_is_bytes_of_length_1() -> None:
    for code in range(256):
        data = bytes([code])
        assert send("char", data) == (data, data)


@pytest.mark.parametrize(("spelling", "size", "text"), CHARACTERS)
def test_wide_characters_are_str_of_length_1(spelling: str, size: int, text: str) -> None:
    for character in text:
        data = ord(character).to_bytes(size, ORDER)
        assert send(spelling, data) == (character, data)


ALL_CHARACTERS = [("char", 1), *((spelling, size) for spelling, size, _ in CHARACTERS)]


@pytest.mark.parametrize(("spelling", "size"), ALL_CHARACTERS)
def test_characters_from_integers(spelling: str, size: int) -> None:
    """A character has no sign: every int that its bits can mean."""
    low, high = bounds(size, True)[0], bounds(size, False)[1]
    for value in (low, low + 1, -1, 0, 65, high // 2, high // 2 + 1, high, Index(66), True):
        number = int(value.value if isinstance(value, Index) else value)
        expected = number.to_bytes(size, ORDER, signed=number < 0)
        assert give(spelling, value, size) == expected
    for value in (low - 1, high + 1, 1 << 100, -(1 << 100), Index(high + 1)):
        error = refused(spelling, value, size)
        assert type(error) is OverflowError
        assert str(error).endswith(f" is out of range for {spelling}")


@pytest.mark.parametrize(
    ("spelling", "size", "kind", "values"),
    [
        ("char", 1, "bytes", [b"", b"ab", "a", None, 1.0, bytearray(b"a"), memoryview(b"a")]),
        *((name, size, "str", ["", "ab", b"a", None, 1.0]) for name, size, _ in CHARACTERS),
    ],
)
def test_what_is_no_character(spelling: str, size: int, kind: str, values: list[Any]) -> None:
    for value in values:
        error = refused(spelling, value, size)
        assert type(error) is TypeError
        name = type(value).__name__
        if name == kind:
            name += f" of length {len(value)}"
        assert str(error) == f"{spelling} must be {kind} of length 1 or an int, not {name}"


@pytest.mark.parametrize("spelling", [name for name, size, _ in CHARACTERS if size == 2])
def test_a_character_beyond_its_type(spelling: str) -> None:
    assert type(refused(spelling, "\U00010000", 2)) is OverflowError


@pytest.mark.parametrize("spelling", [name for name, size, _ in CHARACTERS if size == 4])
@pytest.mark.parametrize("code", [0x110000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_argument_that_is_no_character(spelling: str, code: int) -> None:
    """No Python str can hold it: reported, and the callable does not run."""
    called = []
    with tools.reports() as seen:
        data = code.to_bytes(4, ORDER)
        assert tools.caller(spelling)(pair(spelling, called.append), data) == bytes(4)
    assert type(seen[0].exception) is ValueError
    assert spelling in seen[0].text
    assert called == []


# ---- Real numbers ----

FLT_MAX = float.fromhex("0x1.fffffep+127")
FLT_MIN = float.fromhex("0x1p-149")
REALS = [0.0, -0.0, 1.0, -1.5, 0.1, math.pi, math.inf, -math.inf, math.nan]
FLOATS = [*REALS, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN]
DOUBLES = [*FLOATS, sys.float_info.max, -sys.float_info.max, sys.float_info.min, 5e-324]


def same(a: float, b: float) -> bool:
    """Equal with sign, and a NaN equals a NaN."""
    return (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)


@pytest.mark.parametrize(
    ("spelling", "code", "values"), [("float", "f", FLOATS), ("double", "d", DOUBLES)]
)
def test_real_numbers(spelling: str, code: str, values: list[float]) -> None:
    for value in values:
        data = struct.pack(code, value)
        got, back = send(spelling, data)
        assert type(got) is float
        assert same(got, struct.unpack(code, data)[0])
        assert same(struct.unpack(code, back)[0], struct.unpack(code, data)[0])


def test_long_double() -> None:
    """A double's precision; what exceeds a double's range is an error, as it is for results."""
    for value in DOUBLES:
        got, back = send("long double", bytes(ctypes.c_longdouble(value)))
        assert type(got) is float
        assert same(got, value)
        assert same(ctypes.c_longdouble.from_buffer_copy(back).value, value)
    if greatest := long_double.greatest():
        with tools.reports() as seen:
            got, back = send("long double", greatest)
            n = long_double.SIGNIFICANT
            assert (got, back[:n]) == (None, bytes(n))
        assert [type(report.exception) for report in seen] == [OverflowError]


def test_ints_are_exact_in_a_long_double() -> None:
    """Up to 64 bits, which no double holds."""
    if long_double.FORMAT == "double":
        pytest.skip("a long double is no wider than a double here")
    for value in (2**53 + 1, -(2**62) - 1, 2**63 - 1):
        given = give("long double", value, long_double.SIZE)
        assert given[: long_double.SIGNIFICANT] == long_double.of_int(value)


def test_float_overflow() -> None:
    """What rounds to a finite float is taken, infinity too; anything greater is an error."""
    rounds_down = float.fromhex("0x1.fffffefp+127")
    assert give("float", rounds_down, 4) == struct.pack("f", FLT_MAX)
    assert give("float", math.inf, 4) == struct.pack("f", math.inf)
    for value in (float.fromhex("0x1.ffffffp+127"), 1e39, -1e39, sys.float_info.max):
        error = refused("float", value, 4)
        assert type(error) is OverflowError
        assert "float" in str(error)
    for spelling, size in (("float", 4), ("double", 8)):
        assert type(refused(spelling, 10**400, size)) is OverflowError


class Float:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __float__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


REAL_TYPES = [("float", 4, "f"), ("double", 8, "d")]
REAL_TYPES += [("_Float16", 2, "e")] if tools.FLOAT16 else []


@pytest.mark.parametrize(("spelling", "size", "code"), REAL_TYPES)
def test_what_counts_as_a_real_number(spelling: str, size: int, code: str) -> None:
    for value in (1.5, 3, True, Fraction(3, 2), Decimal("2.5"), Float(4.0), Index(7)):
        number = value.value if isinstance(value, (Float, Index)) else float(value)
        assert give(spelling, value, size) == struct.pack(code, number)
    for value in ("1.5", b"1", None, [], 1j, object()):
        error = refused(spelling, value, size)
        assert type(error) is TypeError
        assert type(value).__name__ in str(error)
    mine = LookupError("mine")
    assert refused(spelling, Float(mine), size) is mine
    assert type(refused(spelling, Float("no float"), size)) is TypeError


# ---- Complex numbers ----

COMPLEX_TYPES = [
    ("float _Complex", "ff", FLOATS),
    ("double _Complex", "dd", DOUBLES),
]


@pytest.mark.parametrize(("spelling", "code", "parts"), COMPLEX_TYPES)
def test_complex_numbers(spelling: str, code: str, parts: list[float]) -> None:
    for real, imag in zip(parts, reversed(parts), strict=True):
        data = struct.pack(code, real, imag)
        got, back = send(spelling, data)
        sent = struct.unpack(code, data)
        assert type(got) is complex
        for part, expected in zip((got.real, got.imag), sent, strict=True):
            assert same(part, expected)
        for part, expected in zip(struct.unpack(code, back), sent, strict=True):
            assert same(part, expected)


def test_long_double_complex() -> None:
    for real, imag in zip(DOUBLES, reversed(DOUBLES), strict=True):
        parts = ctypes.c_longdouble * 2
        got, back = send("long double _Complex", bytes(parts(real, imag)))
        assert type(got) is complex
        assert same(got.real, real)
        assert same(got.imag, imag)
        returned = parts.from_buffer_copy(back)
        assert same(returned[0], real)
        assert same(returned[1], imag)


class Complex:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __complex__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def test_what_counts_as_a_complex_number() -> None:
    mine = LookupError("mine")
    for spelling, code, size in (("float _Complex", "ff", 8), ("double _Complex", "dd", 16)):
        for value in (1 + 2j, 3, True, 1.5, Fraction(1, 2), Float(4.0), Index(7), Complex(2j)):
            number = value.value if isinstance(value, (Float, Index, Complex)) else value
            expected = complex(number)
            assert give(spelling, value, size) == struct.pack(code, expected.real, expected.imag)
        for value in ("1j", None, [], object()):
            assert type(refused(spelling, value, size)) is TypeError
        assert refused(spelling, Complex(mine), size) is mine
    for value in (1e39, 1e39j, complex(0, -1e39)):
        assert type(refused("float _Complex", value, 8)) is OverflowError


# ---- void * ----

KEPT = {
    "int": ctypes.c_int(3),
    "array": (ctypes.c_double * 3)(),
    "bytearray": bytearray(b"some bytes"),
    "view": memoryview(bytearray(b"more bytes")),
    "closure": pytramp.callback("void (void)", lambda: None, name="kept"),
    "pointer": ctypes.pointer(ctypes.c_int(4)),
    "null": ctypes.POINTER(ctypes.c_int)(),
    "c_char_p": ctypes.c_char_p(b"text"),
    "function": ctypes.CFUNCTYPE(None)(lambda: None),
}


def start_of(buffer: Any) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def target_of(pointer: Any) -> int | None:
    return ctypes.cast(pointer, ctypes.c_void_p).value


class Addressed:
    address = 0x5678


ADDRESSES: list[tuple[Any, int]] = [
    (None, 0),
    (0, 0),
    (1, 1),
    (True, 1),
    (0x1234, 0x1234),
    ((1 << 8 * POINTER) - 1, (1 << 8 * POINTER) - 1),
    (Index(0x4321), 0x4321),
    (Addressed(), 0x5678),
    (ctypes.c_void_p(), 0),
    (ctypes.c_void_p(0x77), 0x77),
    (KEPT["null"], 0),
    (KEPT["int"], ctypes.addressof(KEPT["int"])),
    (KEPT["array"], ctypes.addressof(KEPT["array"])),
    (KEPT["bytearray"], start_of(KEPT["bytearray"])),
    (KEPT["view"], start_of(KEPT["view"])),
    (KEPT["view"][5:], start_of(KEPT["view"]) + 5),
    (KEPT["closure"], KEPT["closure"].address),
    (KEPT["closure"].as_ctypes(), KEPT["closure"].address),
    (KEPT["pointer"], ctypes.addressof(KEPT["pointer"].contents)),
    (KEPT["c_char_p"], target_of(KEPT["c_char_p"])),
    (KEPT["function"], target_of(KEPT["function"])),
]


@pytest.mark.parametrize(("value", "address"), ADDRESSES)
def test_pointers_from_python(value: Any, address: int) -> None:
    """None, ints and whatever has an address or a writable buffer."""
    assert give("void *", value, POINTER) == address.to_bytes(POINTER, ORDER)


def test_pointers_to_python() -> None:
    for address in (1, 0x1234, 1 << 8 * POINTER - 1, (1 << 8 * POINTER) - 1):
        data = address.to_bytes(POINTER, ORDER)
        assert send("void *", data) == (address, data)
        assert send("const void *", data) == (address, data)
    assert send("void *", bytes(POINTER)) == (None, bytes(POINTER))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, OverflowError),
        (1 << 8 * POINTER, OverflowError),
        (Index(-1), OverflowError),
        (b"bytes", TypeError),
        (memoryview(b"read-only"), TypeError),
        (memoryview(bytearray(8))[::2], TypeError),
        ("text", TypeError),
        (1.5, TypeError),
        ([1], TypeError),
        (object(), TypeError),
        (ctypes.c_int, TypeError),
        (ctypes.byref(ctypes.c_int()), TypeError),
    ],
)
def test_what_is_no_pointer(value: Any, error: type) -> None:
    assert type(refused("void *", value, POINTER)) is error


@pytest.mark.parametrize("declaration", ["const char *(int)", "void *(int)", "int *(int)"])
@pytest.mark.parametrize("text", [b"text", "text"])
def test_text_is_no_pointer(declaration: str, text: Any) -> None:
    """The message says why, and what to give instead, of results and of error=."""
    why = rf"\* cannot be {type(text).__name__}: nobody would keep the text while C uses it"
    with tools.reports() as seen:
        assert pytramp.callback(declaration, lambda n: text).as_ctypes()(1) is None
    assert re.search(rf"result of '.*<lambda>': .*{why}", seen[0].text)
    with pytest.raises(TypeError, match=f"error=.*{why}"):
        pytramp.callback(declaration, lambda n: None, error=text)


def test_cdata_as_pointers() -> None:
    """Pointers, arrays, functions and integers of cffi; of an error value the memory is kept."""
    ffi = tools.need_module("cffi").FFI()
    memory = ffi.new("int[3]", [5, 6, 7])
    where = int(ffi.cast("uintptr_t", memory))
    number = where.to_bytes(POINTER, ORDER)
    for value in (memory, memory + 0, ffi.cast("void *", memory), ffi.cast("uintptr_t", memory)):
        assert give("void *", value, POINTER) == number
    assert give("int *", ffi.NULL, POINTER) == bytes(POINTER)
    assert give("void *", ffi.cast("int(*)(int)", where), POINTER) == number
    assert give("void *", ffi.buffer(memory), POINTER) == number
    struct = ffi.new("struct { int a; } *")[0]
    for value, why in ((struct, "ffi.addressof"), (ffi.cast("double", 1), "an integer is req")):
        assert why in str(refused("void *", value, POINTER))
    ref = weakref.ref(memory)
    closure = pytramp.callback("int *(int)", lambda n: 1 // 0, error=memory)
    del memory, value
    gc.collect()
    assert ref() is not None
    with tools.reports():
        assert closure.as_ctypes()(1) == where
    closure.close()


def test_a_closed_closure_is_no_pointer() -> None:
    closure = pytramp.callback("void (void)", lambda: None)
    closure.close()
    assert type(refused("void *", closure, POINTER)) is pytramp.FreedCallbackError


# ---- void ----


@pytest.mark.parametrize("value", [None, 0, "text", object(), 1 << 100, 1.5, ...])
def test_results_of_procedures_are_ignored(value: object) -> None:
    with tools.reports() as seen:
        assert pytramp.callback("void (int)", lambda n: value).as_ctypes()(1) is None
    assert seen == []


# ---- Through ctypes: every simple type it has ----

CTYPES = [
    (ctypes.c_bool, [True, False]),
    (ctypes.c_char, [b"\0", b"a", b"\xff"]),
    (ctypes.c_wchar, tools.wide("\0a\uffff\U0010ffff")),
    (ctypes.c_float, [0.5, -math.inf]),
    (ctypes.c_double, [0.1, math.inf]),
    (ctypes.c_longdouble, [0.1, -2.5]),
    (ctypes.c_void_p, [None, 1, (1 << 8 * POINTER) - 1]),
    *(
        (getattr(ctypes, f"c_{name}"), None)
        for name in (
            "byte ubyte short ushort int uint long ulong longlong ulonglong size_t ssize_t "
            "int8 uint8 int16 uint16 int32 uint32 int64 uint64"
        ).split()
    ),
]


@pytest.mark.parametrize(("ctype", "values"), CTYPES)
def test_ctypes_as_the_caller(ctype: Any, values: Sequence[Any] | None) -> None:
    if values is None:
        values = list(bounds(ctypes.sizeof(ctype), ctype(-1).value < 0))
    got = []

    def keep(first: Any, second: Any, third: Any) -> Any:
        got.append((first, second, third))
        return third

    call = pytramp.Signature.from_types(ctype, ctype, ctype, ctype)(keep).as_ctypes()
    for value in values:
        assert call(values[0], values[-1], value) == value
        assert got.pop() == (values[0], values[-1], value)


def test_no_type_is_forgotten() -> None:
    """The tables above name every scalar type that the C core has."""
    text = (native.CSRC / "types.def").read_text()
    every = set(re.findall(r'^PT_SCALAR\(\w+, \w+, "([^"]+)"', text, re.MULTILINE))
    here = {row[0] for row in [*INTEGERS, *ALL_CHARACTERS, *REAL_TYPES, *COMPLEX_TYPES]}
    here |= {"__int128", "unsigned __int128"}  # not everywhere
    assert every <= here | {"_Float16", "_Bool", "long double", "long double _Complex", "void *"}
    assert len(every) > 20
