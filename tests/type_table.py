"""The table of docs/types.md, made by trying: every C type in every notation, in both directions.

    python tests/type_table.py > docs/types.md

Each cell is a callback of type ``T (T)`` that compiled C calls: what arrives, the bytes that come
back when the callable returns it again, and which of a pool of objects it may return instead.
"""

from __future__ import annotations

import ctypes
import importlib
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import long_double
import tools

import pytramp
from pytramp import c

NOTATIONS = ("declaration", "annotation", "ctypes", "cffi")


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Number(ctypes.Union):
    _fields_ = [("n", ctypes.c_int), ("x", ctypes.c_double)]


class Bits(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int, 3), ("b", ctypes.c_uint, 20)]


DECLARATIONS = """
struct point { double x, y; };
union number { int n; double x; };
struct bits { int a : 3; unsigned b : 20; };
enum color { RED, GREEN };
typedef int (*op)(int);
"""
Op = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
TEXT = ctypes.create_string_buffer(b"text")
WORD = struct.pack("P", ctypes.addressof(TEXT))


@dataclass(frozen=True)
class Row:
    """A C type, a value of it, and its name in each notation (None: there is none)."""

    c: str
    data: bytes
    annotation: Any = None
    ctypes: Any = None
    cffi: str | None = None
    significant: int | None = None  # bytes of the value that are not padding
    declaration: str | None = None  # where it is not "T (T)"


_COMPLEX = ("float _Complex", "double _Complex")


def _integers() -> list[Row]:
    names = [
        ("_Bool", "?", c.bool, ctypes.c_bool),
        ("signed char", "b", c.schar, ctypes.c_byte),
        ("unsigned char", "B", c.uchar, ctypes.c_ubyte),
        ("short", "h", c.short, ctypes.c_short),
        ("unsigned short", "H", c.ushort, ctypes.c_ushort),
        ("int", "i", c.int, ctypes.c_int),
        ("unsigned int", "I", c.uint, ctypes.c_uint),
        ("long", "l", c.long, ctypes.c_long),
        ("unsigned long", "L", c.ulong, ctypes.c_ulong),
        ("long long", "q", c.longlong, ctypes.c_longlong),
        ("unsigned long long", "Q", c.ulonglong, ctypes.c_ulonglong),
    ]
    return [Row(name, struct.pack(code, 1), a, ct, name) for name, code, a, ct in names]


def _reals() -> list[Row]:
    complexes = [getattr(ctypes, f"c_{name}_complex", None) for name in ("float", "double")]
    wide, n = bytes(ctypes.c_longdouble(1.5)), long_double.SIGNIFICANT
    return [
        *([Row("_Float16", struct.pack("e", 1.5), c.float16)] if tools.FLOAT16 else []),
        Row("float", struct.pack("f", 1.5), c.float, ctypes.c_float, "float"),
        Row("double", struct.pack("d", 1.5), c.double, ctypes.c_double, "double"),
        Row("long double", wide, c.longdouble, ctypes.c_longdouble, "long double", n),
        Row(_COMPLEX[0], struct.pack("2f", 1, 2), c.complex_float, complexes[0], _COMPLEX[0]),
        Row(_COMPLEX[1], struct.pack("2d", 1, 2), c.complex_double, complexes[1], _COMPLEX[1]),
        Row("long double _Complex", wide * 2, c.complex_longdouble, None, None, n),
    ]


def _wide() -> list[Row]:
    five = (5).to_bytes(16, sys.byteorder)
    return [Row("__int128", five, c.int128), Row("unsigned __int128", five, c.uint128)]


def _rest() -> list[Row]:
    to_int, to_point = ctypes.POINTER(ctypes.c_int), ctypes.POINTER(Point)
    wide, wchar = struct.pack("i", 97), (97).to_bytes(tools.WCHAR, sys.byteorder)
    return [
        *(_wide() if tools.INT128 else []),
        Row("enum color", struct.pack("i", 1), None, None, "enum color"),
        Row("char", b"a", c.char, ctypes.c_char, "char"),
        Row("wchar_t", wchar, c.wchar, ctypes.c_wchar, "wchar_t"),
        Row("char16_t", struct.pack("H", 97), c.char16, None, "char16_t"),
        Row("char32_t", wide, c.char32, None, "char32_t"),
        Row("void *", WORD, c.void_p, ctypes.c_void_p, "void *"),
        Row("const char *", WORD, c.const_char_p, ctypes.c_char_p, "const char *"),
        Row("int *", WORD, c.int_p, to_int, "int *"),
        Row("struct point *", WORD, None, to_point, "struct point *"),
        Row("op", WORD, None, Op, "op", None, "int (*(int (*)(int)))(int)"),
        Row("PyObject *", WORD, c.py_object, ctypes.py_object),
        Row("struct point", struct.pack("2d", 1, 2), Point, Point, "struct point"),
        Row("union number", struct.pack("d", 1.5), Number, Number, "union number"),
        Row("struct bits", struct.pack("i", 11), Bits, Bits, "struct bits"),
    ]


def rows() -> list[Row]:
    return [*_integers(), *_reals(), *_rest()]


# ---- Signatures ----


def signature(row: Row, notation: str) -> pytramp.Signature | None:
    """T (T) in this notation; None where that has no name for T."""
    if notation == "declaration":
        types = pytramp.cdef(DECLARATIONS)
        return pytramp.Signature(row.declaration or f"{row.c} ({row.c})", types=types)
    spec = getattr(row, notation)
    if spec is None:
        return None
    if notation == "annotation":
        return pytramp.Signature.from_types(spec, spec)
    if notation == "ctypes":
        return pytramp.Signature(ctypes.CFUNCTYPE(spec, spec))
    ffi = importlib.import_module("cffi").FFI()
    ffi.cdef(DECLARATIONS)
    return pytramp.Signature(ffi.typeof(f"{spec} (*)({spec})"))


# ---- Both directions ----


def caller(row: Row) -> Callable[[Any, bytes], bytes]:
    if row.c == "PyObject *":
        return _call_with_object
    return tools.caller(row.c, DECLARATIONS)


_HELD = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)


def _call_with_object(function: Any, data: bytes) -> bytes:
    """The GIL is held, and what comes back is one more reference."""
    result = _HELD(int(function))(_OBJECT)
    return WORD if result is _OBJECT else struct.pack("P", id(result))


_OBJECT = ["an object"]


def arrives(row: Row, made: pytramp.Signature) -> Any:
    """What the callable gets; the same bytes must come back when it returns that."""
    got: list[Any] = []

    def give_back(value: Any) -> Any:
        got.append(value)
        is_text = isinstance(value, bytes) and len(value) > 1
        return TEXT if is_text else value  # bytes are no address to return

    with tools.reports() as seen:
        back = caller(row)(made(give_back), row.data)
    assert not seen, (row.c, seen)
    n = row.significant or len(row.data)
    assert back[:n] == row.data[:n], (row.c, back)
    return got[0]


def pool() -> dict[str, Any]:
    """What a callable might return; the keys are what the table calls them."""
    memory = (ctypes.c_int * 4)(1, 2, 3, 4)
    return {
        "None": None,
        "int": 1,
        "float": 0.5,
        "complex": 1j,
        "bytes": b"a",
        "str": "a",
        "tuple": (1,),
        "dict": {},
        "bytearray": bytearray(16),
        "ctypes array": memory,
        "Pointer": pytramp.Pointer("int *", memory),
        "Closure": pytramp.callback("int (int)", lambda n: n),
    }


def takes(row: Row, made: pytramp.Signature) -> list[str]:
    """The names of those objects that are no error as a result."""
    found = []
    for name, value in pool().items():
        if row.c == "PyObject *":
            break
        errors: list[BaseException] = []
        closure = made(lambda _, value=value: value, onerror=errors.append)
        caller(row)(closure, row.data)
        if not errors:
            found.append(name)
    return found or ["any object"]


def described(value: Any) -> str:
    """`int`, `Pointer`, `cdata 'int *'`, `LP_c_int`."""
    if type(value).__module__ == "_cffi_backend":
        return f"cdata '{importlib.import_module('_cffi_backend').typeof(value).cname}'"
    if isinstance(value, ctypes._CFuncPtr):
        return "ctypes function"
    if isinstance(value, (bytes, str)):
        return f"{type(value).__name__} of length {len(value)}"
    return "the object" if value is _OBJECT else type(value).__name__


def cell(row: Row, notation: str) -> str:
    made = signature(row, notation)
    if made is None:
        return "—"
    return f"{described(arrives(row, made))} ← {', '.join(takes(row, made))}"


HEAD = """\
# C types in Python

Made by `python tests/type_table.py`, which tries each cell: before the arrow what arrives at the
callable, behind it what it may return besides that: of a pool of one object of each class. — means
that the notation has no name for the type (ctypes has complex numbers from Python 3.14 on).
"""

TAIL = """
Not values of their own, and tested elsewhere (tests/test_arrays.py, tests/test_varargs.py):

| C parameter | arrives as |
|---|---|
| `T x[n]`, T `_Bool`, `char`, `enum`, an integer of up to 64 bits, `float`, `double` | \
memoryview; ndarray with `arrays="numpy"` |
| `const char s[n]`; `const wchar_t s[n]`, `const char16_t s[n]`, `const char32_t s[n]` | bytes; \
str |
| `T x[n]`, T `_Float16`, `long double`, `_Complex`, a struct or union | Pointer with a length; \
ndarray |
| `T x[n]`, T `__int128`, `wchar_t`, `char16_t`, `char32_t`, a pointer | Pointer with a length, \
with `arrays="numpy"`, too |
| `T x[m][n]` | as `T x[n]`, const characters as others; refused of pointers, structs and unions |
| `...`, `va_list` | VarArgs |

What is const is read-only; a struct with members that NumPy lays out otherwise (bit-fields) is \
refused as an ndarray.

No type, and not to be chosen: the calling convention of a callback is its platform's own.
"""


def markdown() -> str:
    lines = [HEAD, f"| C | {' | '.join(NOTATIONS)} |", "|---" * (len(NOTATIONS) + 1) + "|"]
    for row in rows():
        cells = [cell(row, notation) for notation in NOTATIONS]
        lines.append(f"| `{row.declaration or row.c}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n" + TAIL


if __name__ == "__main__":
    sys.stdout.write(markdown())
