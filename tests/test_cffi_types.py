"""cffi function types: where ffi.callback() works, ours gives the same; else C is the judge."""

from __future__ import annotations

import ctypes
import gc
import re
import struct
import subprocess
import sys
import weakref
from typing import Any

import long_double
import pytest
import tools

import pytramp

cffi = tools.need("cffi")
ffi = cffi.FFI()

TYPES = """
typedef struct { double x, y; } point;
struct small { short a; char b; };
struct nested { struct { float a, b; } p; struct small s; char end; };
struct grid { short cells[2][3]; struct small points[2]; };
struct longs { long a, b, c; };
struct mixed { int n; long double x; };
struct text { char name[5]; const char *p; int (*f)(int); wchar_t w; _Bool yes; };
struct anonymous { int kind; union { int n; float x; }; };
union number { int n; double x; };
union bytes { unsigned char b[20]; float x; };
struct unknown;
struct bits { int a : 3; unsigned b : 7; int c; unsigned d : 30; };
struct bits_only { unsigned char a : 2, b : 4; };
struct floats_and_bits { float f; int a : 5; double x; };
struct holder { union number u; struct bits b; };
enum color { RED, GREEN = 7 };
enum sign { MINUS = -1, PLUS = 1 };
typedef int (*handler)(int);
typedef int (*row)[3];
"""
PACKED = """
struct packed { char a; int n; double x; };
struct packed_floats { char a; float x; char b; };
"""
ATTRIBUTED = PACKED.replace("};", "} __attribute__((packed));")
DECLARATIONS = TYPES + ATTRIBUTED

ffi.cdef(TYPES)
ffi.cdef(PACKED, packed=True)


def typeof(text: str) -> Any:
    return ffi.typeof(text)


def value_of(text: str, initializer: Any) -> Any:
    """A value of a C type as cffi gives it."""
    return ffi.new(f"{text} *", initializer)[0]


def bytes_of(text: str, value: Any) -> bytes:
    return bytes(ffi.buffer(ffi.new(f"{text} *", value)))


def seen(value: Any) -> Any:
    """What can be compared: the Python type, the C type, and what it holds."""
    if not isinstance(value, ffi.CData):
        return type(value), value
    kind = ffi.typeof(value)
    if kind.kind in ("struct", "union"):
        return kind, members(value)
    if kind.kind in ("pointer", "function"):
        return kind, int(ffi.cast("intptr_t", value))
    return kind, float(value)


def members(value: Any) -> Any:
    """Padding is nobody's."""
    kind = ffi.typeof(value).kind if isinstance(value, ffi.CData) else "none"
    if kind == "array":
        return [members(item) for item in value]
    if kind == "union":
        return bytes(ffi.buffer(ffi.addressof(value)))
    if kind == "struct":
        return [members(getattr(value, name)) for name in dir(value)]
    return seen(value)


number = ffi.new("int *", 5)
twice = ffi.callback("int(int)", lambda n: 2 * n)

# C types and initializers that cffi's own callbacks can handle.
BOTH: list[tuple[str, Any]] = [
    ("signed char", -128),
    ("unsigned char", 255),
    ("short", -32768),
    ("unsigned short", 65535),
    ("int", -(2**31)),
    ("unsigned int", 2**32 - 1),
    ("long", -(2 ** (tools.LONG - 1))),
    ("unsigned long", 2**tools.LONG - 1),
    ("long long", 2**63 - 1),
    ("unsigned long long", 2**64 - 1),
    ("int8_t", -1),
    ("uint16_t", 65535),
    ("int32_t", -1),
    ("uint64_t", 2**64 - 1),
    ("size_t", 2**tools.WORD - 1),
    ("ssize_t", -1),
    ("intptr_t", -1),
    ("uint_fast8_t", 255),
    ("_Bool", True),
    ("char", b"\xff"),
    ("wchar_t", tools.wide("\xe9\U0001f600")[-1]),
    ("char16_t", "\u20ac"),
    ("char32_t", "\U0001f600"),
    ("float", 1.5),
    ("double", -0.1),
    ("long double", 0.1),
    ("enum color", 7),
    ("enum sign", -1),
    ("int *", number),
    ("int *", ffi.NULL),
    ("void *", number),
    ("const char *", ffi.new("char[]", b"text")),
    ("int **", ffi.new("int **", number)),
    ("row", ffi.new("row")),
    ("point *", ffi.NULL),
    ("handler", twice),
    ("handler", ffi.NULL),
    ("point", (1, 2)),
    ("struct small", (-3, b"c")),
    ("struct longs", [1, -2, 3]),
    ("struct nested", {"p": (1, 2), "end": b"e"}),
    ("struct grid", {"cells": [[1, 2, 3], [4, 5, 6]], "points": [(1, b"a"), (2, b"b")]}),
    ("struct mixed", (1, 0.25)),
    ("struct text", (b"abc", ffi.NULL, twice, "w", True)),
]


def ids(value: object) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("text", "initializer"), BOTH, ids=ids)
def test_the_same_as_a_callback_of_cffi(text: str, initializer: Any) -> None:
    """In and out; cffi calls, with its own conversions."""
    got: list[Any] = []

    def keep(value: Any) -> Any:
        got.append(seen(value))
        return value

    kind = ffi.typeof(f"{text} (*)({text})")
    value = value_of(text, initializer)
    closure = pytramp.callback(kind, keep)
    theirs = ffi.callback(kind, keep)(value)
    ours = ffi.cast(kind, closure.address)(value)
    assert got[0] == got[1]
    assert seen(ours) == seen(theirs) == got[0]


def has_complex() -> bool:
    """libffi knows them on some CPUs, and cffi where libffi does."""
    try:
        return bool(ffi.typeof("float _Complex"))
    except KeyError:
        return False


ONLY_OURS: list[tuple[str, Any]] = [
    ("union number", {"x": 0.5}),
    ("union bytes", {"b": bytes(range(20))}),
    ("struct anonymous", {"kind": 1, "x": 0.5}),
    ("struct bits", (-3, 100, -5, 2**29 + 1)),
    ("struct bits_only", (3, 9)),
    ("struct floats_and_bits", (0.5, -7, 2.5)),
    ("struct holder", {"u": {"n": 3}, "b": (1, 2, 3, 4)}),
    ("struct packed", (b"a", -5, 0.5)),
    ("struct packed_floats", (b"a", 0.5, b"b")),
    *([("float _Complex", 1 + 2j), ("double _Complex", -0.5 + 2j)] if has_complex() else []),
]


@pytest.mark.parametrize(("text", "initializer"), BOTH + ONLY_OURS, ids=ids)
def test_c_calls(text: str, initializer: Any) -> None:
    """The compiler decides where the value is, and what comes back."""
    got: list[Any] = []

    def keep(value: Any) -> Any:
        got.append(value)
        return value

    value = value_of(text, initializer)
    closure = pytramp.callback(ffi.typeof(f"{text} (*)({text})"), keep)
    call = tools.caller(text, DECLARATIONS)
    back = ffi.new(f"{text} *")
    ffi.memmove(back, call(closure, bytes_of(text, value)), ffi.sizeof(text))
    assert seen(got[0]) == seen(value)
    assert seen(back[0]) == seen(value)


AMONG = """
void call_it(T (*f)(int, T, double, T, T, char, T, float, T), const T *in, T *out) {
    *out = f(-1, in[0], 0.5, in[1], in[2], 'c', in[3], 1.5f, in[4]);
}
"""


@pytest.mark.parametrize(("text", "initializer"), BOTH + ONLY_OURS, ids=ids)
def test_c_calls_with_many(text: str, initializer: Any) -> None:
    """Some in registers, some on the stack."""
    got: list[Any] = []

    def keep(*args: Any) -> Any:
        got.extend(args)
        return args[4]

    kind = ffi.typeof("T (*)(int, T, double, T, T, char, T, float, T)".replace("T", text))
    lib = tools.library(tools._HEADERS + f"{DECLARATIONS} typedef {text} T; {AMONG}")
    values = ffi.new(f"{text}[5]", [value_of(text, initializer)] * 5)
    back = ffi.new(f"{text} *")
    closure = pytramp.callback(kind, keep)
    lib.call_it(closure, *(ctypes.c_void_p(int(ffi.cast("intptr_t", p))) for p in (values, back)))
    expected = seen(values[0])
    assert [seen(got[i]) for i in (1, 3, 4, 6, 8)] == [expected] * 5
    assert [got[i] for i in (0, 2, 5, 7)] == [-1, 0.5, b"c", 1.5]
    assert seen(back[0]) == expected


# ---- Values ----


def test_a_struct_is_a_copy_that_stays() -> None:
    kept: list[Any] = []
    closure = pytramp.callback(
        ffi.typeof("void(*)(point, union number)"), lambda *a: kept.append(a)
    )
    lib = tools.library(
        """
        typedef struct { double x, y; } point;
        union number { int n; double x; };
        void give(void (*f)(point, union number), int n) {
            f((point){n, -n}, (union number){n});
        }
        """
    )
    for i in range(50):
        lib.give(closure, i)
    gc.collect()
    assert [(p.x, p.y, u.n) for p, u in kept] == [(i, -i, i) for i in range(50)]


def test_a_function_pointer_can_be_called() -> None:
    closure = pytramp.callback(ffi.typeof("int(*)(handler, int)"), lambda f, n: f(n) + 1)
    assert ffi.cast("int(*)(handler, int)", closure.address)(twice, 4) == 9


def test_a_long_double_keeps_its_digits() -> None:
    kind = ffi.typeof("long double(*)(long double)")
    closure = pytramp.callback(kind, lambda x: x)
    third = ffi.cast("long double", 2**63 + 1)
    data = bytes_of("long double", third)
    n = long_double.SIGNIFICANT
    assert tools.caller("long double")(closure, data)[:n] == data[:n]


def result(text: str, value: Any, **options: Any) -> Any:
    kind = ffi.typeof(text)
    closure = pytramp.callback(kind, lambda *args: value, **options)
    return ffi.cast(kind, closure.address)(*(0 for _ in kind.args))


buffer = ffi.new("int[3]")
array = ffi.new("char[]", b"text")

RESULTS: list[tuple[str, Any, Any]] = [
    ("int(*)(void)", ffi.cast("int", -5), -5),
    ("unsigned(*)(void)", ffi.cast("unsigned", -1), 2**32 - 1),
    ("long(*)(void)", ffi.cast("short", -1), -1),
    ("enum color(*)(void)", ffi.cast("enum color", 7), 7),
    ("char(*)(void)", ffi.cast("char", 65), b"A"),
    ("wchar_t(*)(void)", ffi.cast("wchar_t", 65), "A"),
    ("double(*)(void)", ffi.cast("double", 5), 5.0),
    ("double(*)(void)", 5, 5.0),
    ("void(*)(void)", None, None),
    ("int *(*)(void)", number, number),
    ("int *(*)(void)", buffer, ffi.cast("int *", buffer)),
    ("char *(*)(void)", array, ffi.cast("char *", array)),
    ("void *(*)(void)", buffer, ffi.cast("void *", buffer)),
    ("int *(*)(void)", ffi.cast("void *", 77), ffi.cast("int *", 77)),
    ("point *(*)(void)", ffi.NULL, ffi.NULL),
    ("handler(*)(void)", twice, twice),
]


@pytest.mark.parametrize(("text", "value", "expected"), RESULTS)
def test_results(text: str, value: Any, expected: Any) -> None:
    kind = ffi.typeof(text)
    assert ffi.callback(kind, lambda: value)() == expected
    assert result(text, value) == expected


def test_results_of_structs() -> None:
    cell = ffi.new("point *", (1, 2))
    for value in ((1, 2), [1, 2], {"x": 1, "y": 2}, cell[0]):
        point = result("point(*)(void)", value)
        assert (point.x, point.y) == (1, 2)


# What cffi refuses as a result, we refuse, too.
WRONG: list[tuple[str, Any, type, str]] = [
    ("int(*)(void)", 1 << 31, OverflowError, "out of range"),
    ("int(*)(void)", ffi.cast("long long", 1 << 40), OverflowError, "out of range"),
    ("int(*)(void)", ffi.cast("double", 5), TypeError, "integer"),
    ("int(*)(void)", number, TypeError, "integer"),
    ("int(*)(void)", "5", TypeError, "not str"),
    ("char(*)(void)", number, TypeError, "integer"),
    ("int *(*)(void)", None, TypeError, "NoneType"),
    ("int *(*)(void)", 77, TypeError, "int"),
    ("char *(*)(void)", b"text", TypeError, "bytes"),
    ("int *(*)(void)", array, TypeError, "pointer type"),
    ("handler(*)(void)", len, TypeError, "must be a cdata pointer"),
    ("handler(*)(void)", None, TypeError, "NoneType"),
    ("point(*)(void)", None, TypeError, "NoneType"),
    ("point(*)(void)", (1, 2, 3), ValueError, "too many"),
    ("point(*)(void)", {"z": 1}, KeyError, "z"),
    ("long double(*)(void)", "x", TypeError, "float|real number"),
]


@pytest.mark.parametrize(("text", "value", "error", "message"), WRONG)
def test_wrong_results(text: str, value: Any, error: type, message: str) -> None:
    if value is array:
        tools.need_cffi(2, 0)  # which only warned before
    theirs: list[Any] = []
    ffi.callback(text, lambda: value, onerror=lambda *args: theirs.append(args[0]))()
    assert theirs
    with tools.reports() as reported:
        result(text, value)
    (report,) = reported
    assert isinstance(report.exception, error)
    assert re.search(message, report.text)


def test_objects_of_ours_are_addresses() -> None:
    pointer = pytramp._core.Pointer(ctypes.POINTER(ctypes.c_int), int(ffi.cast("intptr_t", number)))
    assert result("int *(*)(void)", pointer) == number
    closure = pytramp.callback(ffi.typeof("handler"), lambda n: n + 1)
    assert int(ffi.cast("uintptr_t", result("void *(*)(void)", closure))) == closure.address


def test_closures_as_results_are_kept() -> None:
    made: list[Any] = [pytramp.callback("int (int)", lambda n: n + 1)]
    ref = weakref.ref(made[0])
    outer = pytramp.callback(ffi.typeof("handler(*)(void)"), made.pop)
    function = ffi.cast("handler(*)(void)", outer.address)()
    gc.collect()
    assert function(4) == 5
    assert ref() is not None
    del outer
    gc.collect()
    assert ref() is None


def test_callbacks_of_cffi_are_kept() -> None:
    def make() -> Any:
        return ffi.callback("int(int)", lambda n: n + 1)

    outer = pytramp.callback(ffi.typeof("handler(*)(void)"), make)
    function = ffi.cast("handler(*)(void)", outer.address)()
    gc.collect()
    assert function(4) == 5


def test_closures_that_do_not_agree() -> None:
    inner = pytramp.callback(ffi.typeof("long(*)(int)"), lambda n: n)
    with tools.reports() as reported:
        assert result("handler(*)(void)", inner) == ffi.NULL
    text = "expected a callback of 'int (int)', not of 'long (int)'"
    (report,) = reported
    assert report.text.endswith(f": {text}")


def test_an_error_value() -> None:
    def fail() -> None:
        raise ValueError

    closure = pytramp.callback(ffi.typeof("point(*)(void)"), fail, error=(1, 2))
    with tools.reports():
        assert ffi.cast("point(*)(void)", closure.address)().y == 2
    with pytest.raises(TypeError, match="error="):
        pytramp.callback(ffi.typeof("int *(*)(void)"), fail, error=77)


def test_a_variadic_callback() -> None:
    lib = tools.library(
        'int call_it(int (*f)(const char *, ...)) { return f("%d %s", 5, "text"); }'
    )
    got: list[Any] = []

    def keep(text: Any, more: Any) -> int:
        got.append((ffi.string(text), more.arg("int")))
        return 1

    closure = pytramp.callback(ffi.typeof("int(*)(const char *, ...)"), keep)
    assert closure.signature.variadic
    assert lib.call_it(closure) == 1
    assert got == [(b"%d %s", 5)]


# ---- Types ----


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("int(*)(int)", "int (int)"),
        ("handler", "int (int)"),
        ("void(*)(void)", "void (void)"),
        ("point *(*)(const char *)", "point *(char *)"),
        ("handler(*)(handler, struct small)", "int(*(int(*)(int), struct small))(int)"),
        ("int(*)(const char *, ...)", "int (char *, ...)"),
        ("int(*)(union number, long double)", "int (union number, long double)"),
        ("void(*)(int(*)[3], uint8_t, enum color)", "void (int(*)[3], uint8_t, enum color)"),
        ("void(*)(int(*)(int, ...), union number)", "void (int(*)(int, ...), union number)"),
    ],
)
def test_spelling(text: str, spelling: str) -> None:
    assert str(pytramp.Signature(ffi.typeof(text))) == spelling


def test_signatures_of_cffi_are_those_of_the_declaration() -> None:
    signature = pytramp.Signature(ffi.typeof("double(*)(int, uint64_t, char)"))
    assert signature == pytramp.Signature("double (int, uint64_t, char)")
    assert signature == pytramp.Signature(ffi.typeof("double(*)(int, uint64_t, char)"))


@pytest.mark.parametrize("text", ["int", "double", "int(*)(int)", "point"])
def test_types_alone(text: str) -> None:
    signature = pytramp.Signature.from_types(None, ffi.typeof(text))
    assert signature.arguments[0].size == ffi.sizeof(text)


def test_as_ctypes() -> None:
    """Pointers of cffi are addresses to ctypes."""
    closure = pytramp.callback(ffi.typeof("int *(*)(int *, int)"), lambda p, n: p + n)
    assert closure.as_ctypes()(100, 2) == 108
    with pytest.raises(
        pytramp.UnsupportedTypeError, match="argument 1: ctypes has no type for point"
    ):
        pytramp.callback(ffi.typeof("void(*)(point)"), print).as_ctypes()


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("int", {}, TypeError, "cffi's 'int' is no function type"),
        ("point *", {}, TypeError, "cffi's 'point \\*' is no function type"),
        ("handler", {"types": 5}, TypeError, "types= goes with a declaration"),
    ],
)
def test_what_is_refused(text: str, options: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        pytramp.callback(ffi.typeof(text), print, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int[3]", r"argument 1: 'int\[3\]': C passes no arrays"),
        ("struct unknown", "argument 1: 'struct unknown' is opaque"),
    ],
)
def test_types_that_cannot_be_passed(text: str, message: str) -> None:
    with pytest.raises(pytramp.UnsupportedTypeError, match=message):
        pytramp.Signature.from_types(None, ffi.typeof(text))


def test_members_that_were_left_out() -> None:
    """What a C compiler told cffi about a struct with "...;" in it: its size, not its members."""
    backend = tools.need("_cffi_backend")
    base = backend.new_primitive_type("int")
    for fields, size, alignment in (
        ([("a", base, -1, 0)], 12, 4),
        ([("a", base, -1, 0), ("b", base, -1, 8)], 12, 4),
        ([("a", base, -1, 4)], 8, 4),
        ([("a", base, -1, 0)], 16, 8),
    ):
        partial = backend.new_struct_type("struct partial")
        backend.complete_struct_or_union(partial, fields, None, size, alignment)
        with pytest.raises(pytramp.UnsupportedTypeError, match="members that are not known"):
            pytramp.Signature.from_types(None, partial)


def test_cffi_is_not_imported_for_others() -> None:
    code = (
        "import sys, pytramp; from pytramp import _cffi_types\n"
        "pytramp.callback('int (int)', abs); pytramp.Signature.from_types(None, 'int')\n"
        "print('_cffi_backend' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_types_live_as_long_as_the_signature() -> None:
    def make() -> tuple[Any, Any]:
        local = cffi.FFI()
        local.cdef("struct local { int a; double b; };")
        return pytramp.Signature(local.typeof("void(*)(struct local)")), weakref.ref(local)

    signature, ref = make()
    gc.collect()
    assert ref() is None
    kept: list[Any] = []
    closure = signature(kept.append)
    data = struct.pack("@id", 5, 0.5)
    lib = tools.library(
        "struct s { int a; double b; }; void call_it(void (*f)(struct s), struct s *p) { f(*p); }"
    )
    lib.call_it(closure, data)
    assert (kept[0].a, kept[0].b) == (5, 0.5)
