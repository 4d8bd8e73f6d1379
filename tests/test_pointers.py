"""Pointers as arguments and results: C's memory through pytramp.Pointer."""

from __future__ import annotations

import copy
import ctypes
import gc
import pickle
import re
import struct
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Line(ctypes.Structure):
    _fields_ = [("ends", Point * 2), ("middle", Point), ("name", ctypes.c_char * 8)]


TYPES = "typedef struct point { double x, y; } point;"
LINE = TYPES + "typedef struct line { point ends[2]; point middle; char name[8]; } line;"


def taken(declaration: str, *arguments: Any, types: Any = None) -> Any:
    """What the callable gets as its first argument when C passes these (addresses and ints)."""
    got: list[Any] = []

    def keep(*values: Any) -> None:
        got.extend(values)

    cb = pytramp.callback(declaration, keep, types=types)
    prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arguments))
    ctypes.cast(cb.address, prototype)(*arguments)
    return got[0]


def ints(*values: int) -> Any:
    return (ctypes.c_int * len(values))(*values)


def pointer(kind: str, memory: Any) -> Any:
    """A Pointer of this type to ctypes memory, which the caller keeps."""
    return pytramp.Pointer(kind, ctypes.addressof(memory))


# ---- Arriving ----


def test_c_calls_with_pointers() -> None:
    lib = tools.library(
        """
        int call(int (*f)(int *p, const double *q)) {
            int n[3] = {1, 2, 3};
            const double x[2] = {0.5, 0.25};
            int result = f(n, x);
            return result * 1000 + n[0] * 100 + n[1] * 10 + n[2];
        }
        """
    )

    @pytramp.callback("int (int *p, const double *q)")
    def f(p: Any, q: Any) -> int:
        assert (p[0], p[1], p[2]) == (1, 2, 3)
        assert (q[0], q[1]) == (0.5, 0.25)
        p[1], p[2] = 7, 8
        return 4

    assert lib.call(f) == 4178


def test_null_is_none() -> None:
    for declaration in ("void (int *)", "void (const char *)", "void (void *)", "void (int **)"):
        assert taken(declaration, None) is None


def test_void_pointers_are_ints() -> None:
    memory = ints(1)
    assert taken("void (void *)", memory) == ctypes.addressof(memory)
    assert taken("void (const void *)", memory) == ctypes.addressof(memory)


def test_what_it_knows() -> None:
    memory = ints(1, 2)
    p = taken("void (const int *)", memory)
    assert type(p) is pytramp.Pointer
    assert p.address == int(p) == ctypes.addressof(memory)
    assert hex(p) == hex(p.address)
    assert p.readonly is True
    assert p.target.spelling == "int"
    assert bool(p)
    assert repr(p) == f"<pytramp.Pointer to const int at {tools.shown(p.address)}>"
    assert pointer("int *", memory).readonly is False


# ---- Items ----

# spelling, struct code, values
SCALARS: list[tuple[str, str, list[Any]]] = [
    ("_Bool", "?", [True, False]),
    ("signed char", "b", [-128, 127]),
    ("unsigned char", "B", [0, 255]),
    ("short", "h", [-(2**15), 2**15 - 1]),
    ("unsigned short", "H", [0, 2**16 - 1]),
    ("int", "i", [-(2**31), 2**31 - 1]),
    ("unsigned int", "I", [0, 2**32 - 1]),
    ("long", "l", [-5, 2**31 - 1]),
    ("unsigned long", "L", [0, 2**32 - 1]),
    ("long long", "q", [-(2**63), 2**63 - 1]),
    ("unsigned long long", "Q", [0, 2**64 - 1]),
    ("_Float16", "e", [0.5, -65504.0]),
    ("float", "f", [0.25, -1e10 // 1]),
    ("double", "d", [0.1, -1e300]),
    ("char", "c", [b"a", b"\xff"]),
]


@pytest.mark.parametrize(("spelling", "code", "values"), SCALARS)
def test_reading_and_writing(spelling: str, code: str, values: list[Any]) -> None:
    data = struct.pack(f"{len(values)}{code}", *values)
    memory = ctypes.create_string_buffer(data, len(data))
    p = pointer(f"{spelling} *", memory)
    expected = list(struct.unpack(f"{len(values)}{code}", data))
    assert [p[i] for i in range(len(values))] == expected
    assert [type(p[i]) for i in range(len(values))] == [type(value) for value in values]
    p[0], p[1] = expected[1], expected[0]
    assert memory.raw == struct.pack(f"{len(values)}{code}", *reversed(values))


@tools.int128
def test_wide_items() -> None:
    big = (ctypes.c_char * 32).from_buffer_copy((2**100).to_bytes(16, sys.byteorder) * 2)
    p = pointer("__int128 *", big)
    assert p[1] == 2**100
    p[0] = -1
    assert big.raw[:16] == b"\xff" * 16


def test_complex_and_text_items() -> None:
    z = (ctypes.c_double * 4)(1, 2, 3, 4)
    q = pointer("double _Complex *", z)
    assert q[1] == 3 + 4j
    q[0] = 5
    assert list(z) == [5, 0, 3, 4]
    wide = (ctypes.c_wchar * 2)("a", tools.wide("\xe9\U0001f600")[-1])
    assert pointer("wchar_t *", wide)[1] == wide[1]


def test_items_out_of_range_are_refused() -> None:
    memory = ints(1, 2)
    p = pointer("int *", memory)
    with pytest.raises(OverflowError, match="2147483648 is out of range for int"):
        p[0] = 2**31
    with pytest.raises(TypeError, match="int must be an int, not float"):
        p[0] = 1.0
    with pytest.raises(TypeError, match="cannot be deleted"):
        del p[0]
    assert list(memory) == [1, 2]


def test_negative_indexes_are_c_s() -> None:
    memory = ints(1, 2, 3)
    p = pytramp.Pointer("int *", ctypes.addressof(memory) + 8)
    assert (p[-1], p[-2], p[0]) == (2, 1, 3)


@pytest.mark.parametrize("index", ["a", 1.0, None, (1, 2)])
def test_indexes_are_ints(index: Any) -> None:
    p = pointer("int *", ints(1))
    with pytest.raises(TypeError, match="indexed by an int or a slice"):
        p[index]
    with pytest.raises(TypeError, match="indexed by an int or a slice"):
        p[index] = 1


def test_an_index_beyond_memory() -> None:
    p = pointer("double *", (ctypes.c_double * 1)())
    for index in (sys.maxsize // 2 + 1, -(sys.maxsize // 2)):
        with pytest.raises(OverflowError):
            p[index]
        with pytest.raises(OverflowError):
            p + index
    for index in (2**100, -(2**100)):
        with pytest.raises(IndexError):
            p[index]


def test_const_is_read_only() -> None:
    memory = ints(1, 2)
    p = pointer("const int *", memory)
    assert p[1] == 2
    with pytest.raises(TypeError, match="const int cannot be written to"):
        p[0] = 5
    with pytest.raises(TypeError, match="const int cannot be written to"):
        p[0:2] = [3, 4]
    view = p.view(2)
    assert view.readonly
    assert list(memory) == [1, 2]


# ---- Slices ----


def test_slices() -> None:
    memory = ints(0, 1, 2, 3, 4, 5)
    p = pointer("int *", memory)
    assert p[0:3] == [0, 1, 2]
    assert p[:2] == [0, 1]
    assert p[1:6:2] == [1, 3, 5]
    assert p[4:1:-1] == [4, 3, 2]
    assert p[3:3] == p[3:1] == []
    p[1:3] = [10, 20]
    p[3:6:2] = (30, 50)
    assert list(memory) == [0, 10, 20, 30, 4, 50]


def test_slices_of_char_are_bytes() -> None:
    memory = ctypes.create_string_buffer(b"hello\0world")
    p = pointer("const char *", memory)
    assert p[0:5] == b"hello"
    assert p[3:8] == b"lo\0wo"
    assert p[0:0] == b""
    assert p[0:4:2] == [b"h", b"l"]


def test_slices_that_cannot_be() -> None:
    memory = ints(1, 2, 3)
    p = pointer("int *", memory)
    for without_end in (slice(None), slice(1, None), slice(None, None, 2)):
        with pytest.raises(ValueError, match="needs an end"):
            p[without_end]
    for without_start in (slice(None, 2, -1), slice(None, -5, -2)):
        with pytest.raises(ValueError, match="needs a start"):
            p[without_start]
    with pytest.raises(ValueError, match="needs an end"):
        p[2::-1]
    for beyond in (slice(-(2**62), 2**62), slice(2**62, -(2**62), -1), slice(2**64), slice(2**62)):
        with pytest.raises(OverflowError):
            p[beyond]
    assert p[5 : -sys.maxsize] == p[-sys.maxsize : 5 : -1] == []
    with pytest.raises(ValueError, match="2 values for 3 items"):
        p[0:3] = [1, 2]
    with pytest.raises(ValueError, match="zero"):
        p[0:3:0]
    with pytest.raises(TypeError):
        p[0:1] = 5
    assert list(memory) == [1, 2, 3]


# ---- Structs ----


def test_struct_members() -> None:
    types = pytramp.cdef(LINE)
    line = Line((Point(1, 2), Point(3, 4)), Point(5, 6), b"name")
    p = taken("void (line *)", ctypes.byref(line), types=types)
    assert (p.middle.x, p.middle.y, p.name) == (5.0, 6.0, b"name")
    assert p.ends[1].y == 4.0
    p.middle.x = 50
    p.name = b"new"
    p.ends[0].y = 20
    assert (line.middle.x, line.name, line.ends[0].y) == (50.0, b"new", 20.0)
    p.middle = (7, 8)
    assert (line.middle.x, line.middle.y) == (7.0, 8.0)


def test_struct_items_are_c_s_memory() -> None:
    types = pytramp.cdef(TYPES)
    points = (Point * 3)((1, 2), (3, 4), (5, 6))
    p = taken("void (point *)", points, types=types)
    assert isinstance(p[1], types.point)
    p[1].x = 30
    p[2] = (50, 60)
    p[0] = {"x": 10, "y": 20}
    assert [(q.x, q.y) for q in points] == [(10, 20), (30, 4), (50, 60)]
    with pytest.raises(TypeError, match="has no field"):
        p[0] = {"z": 1}


def test_const_structs_cannot_be_changed() -> None:
    """Not through the item, nor a member, nor what lies within a member."""
    types = pytramp.cdef(LINE)
    line = Line((Point(1, 2), Point(3, 4)), Point(5, 6), b"name")
    before = bytes(line)
    p = taken("void (const line *)", ctypes.byref(line), types=types)
    with pytest.raises(TypeError, match="const line cannot be written to"):
        p.name = b"new"
    p[0].middle.x = 50
    p.middle.x = 50
    p.ends[0].x = 10
    assert bytes(line) == before
    assert (p.middle.x, p.ends[1].x, p.name) == (5.0, 3.0, b"name")


def test_members_that_are_none() -> None:
    types = pytramp.cdef(TYPES)
    p = taken("void (point *)", ctypes.byref(Point()), types=types)
    with pytest.raises(AttributeError, match="z"):
        _ = p.z
    with pytest.raises(AttributeError, match="point has no member 'z'"):
        p.z = 1
    plain = pointer("int *", ints(1))
    with pytest.raises(AttributeError):
        _ = plain.x
    with pytest.raises(AttributeError, match="int has no member 'x'"):
        plain.x = 1


def test_members_that_are_called_like_attributes_of_pointers() -> None:
    """Reading gives the Pointer's own, so that writing does not reach the member."""
    types = pytramp.cdef("typedef struct { int address, view, cast, n; } device;")
    memory = types.device(1, 2, 3, 4)
    p = taken("void (device *)", ctypes.byref(memory), types=types)
    assert p.address == ctypes.addressof(memory)
    for name in ("address", "view", "cast"):
        with pytest.raises(AttributeError, match=rf"'{name}' is .* is p\[0\]\.{name}"):
            setattr(p, name, 5)
        setattr(p[0], name, 6)
    with pytest.raises(TypeError, match="name is a str"):
        p.__setattr__(5, 1)
    p.n = 7
    assert (memory.address, memory.view, memory.cast, memory.n) == (6, 6, 6, 7)


def test_opaque_structs() -> None:
    """They have an address, and can be passed on; nothing else."""
    memory = ints(1, 2)
    p = taken("void (struct secret *)", memory)
    assert p.address == ctypes.addressof(memory)
    assert "struct secret" in repr(p)
    for use in (lambda: p[0], lambda: p + 1, lambda: p.view(1), lambda: p.string()):
        with pytest.raises(TypeError, match="struct secret"):
            use()
    cb = pytramp.callback("struct secret *(struct secret *)", lambda q: q)
    assert tools.caller("void *")(cb, struct.pack("P", p.address)) == struct.pack("P", p.address)


# ---- Pointers to pointers ----


def test_pointers_to_pointers() -> None:
    words = [ctypes.create_string_buffer(text) for text in (b"one", b"two")]
    table = (ctypes.c_void_p * 3)(*[ctypes.addressof(word) for word in words], None)
    p = taken("void (const char **)", table)
    assert [p[0].string(), p[1].string(), p[2]] == [b"one", b"two", None]
    p[2], p[0] = p[0], None
    assert (table[2], table[0]) == (ctypes.addressof(words[0]), None)
    deeper = (ctypes.c_void_p * 1)(ctypes.addressof(table))
    assert taken("void (const char ***)", deeper)[0][1].string() == b"two"
    with pytest.raises(TypeError, match="cannot be written to"):
        taken("void (char *const *)", table)[0] = None


def test_out_parameters() -> None:
    lib = tools.library(
        """
        #include <stddef.h>
        typedef struct node { int value; struct node *next; } node;
        int call(int (*f)(node **out, int *status, void **data), int *status, void **data) {
            node *found = NULL;
            int result = f(&found, status, data);
            return found ? result + found->value : -1;
        }
        """
    )
    types = pytramp.cdef("typedef struct node { int value; struct node *next; } node;")
    node = types.node(40)

    @pytramp.callback("int (node **out, int *status, void **data)", types=types)
    def find(out: Any, status: Any, data: Any) -> int:
        assert out[0] is None
        out[0] = node
        status[0] = 3
        assert data[0] is None
        data[0] = status
        return 2

    status, data = ctypes.c_int(), ctypes.c_void_p()
    assert lib.call(find, ctypes.byref(status), ctypes.byref(data)) == 42
    assert status.value == 3
    assert data.value == ctypes.addressof(status)


def test_linked_lists() -> None:
    types = pytramp.cdef("struct node { int value; struct node *next; };")
    last = types["struct node"](3)
    first = types["struct node"](1, ctypes.pointer(last))
    p = taken("void (const struct node *)", ctypes.byref(first), types=types)
    assert p.value == 1
    assert p.next.contents.value == 3
    assert not p.next.contents.next


def test_pointers_to_arrays() -> None:
    rows = (ctypes.c_double * 3 * 2)((1, 2, 3), (4, 5, 6))
    p = taken("void (double (*rows)[3])", rows)
    assert list(p[1]) == [4, 5, 6]
    p[0][2] = 30
    assert list(rows[0]) == [1, 2, 30]
    assert (p + 1)[0][0] == 4
    constant = taken("void (const double (*rows)[3])", rows)
    constant[0][0] = 10
    assert rows[0][0] == 1


# ---- Arithmetic and comparison ----


def test_arithmetic() -> None:
    memory = ints(1, 2, 3)
    p = pointer("int *", memory)
    q = p + 2
    assert (q[0], (q - 1)[0], (1 + p)[0]) == (3, 2, 2)
    assert (q - p, p - q) == (2, -2)
    assert q.address == p.address + 8
    assert type(q) is pytramp.Pointer
    assert (pointer("const int *", memory) + 1).readonly
    p += 1
    assert p[0] == 2
    half = p.address // 8
    assert (p - half - (p.address // 4 - half)) is None, "NULL is None here, too"
    with pytest.raises(TypeError, match="same array"):
        p - pointer("double *", memory)
    with pytest.raises(TypeError, match="same array"):
        p - pytramp.Pointer("int *", p.address + 1)
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError):
            p + wrong
        with pytest.raises(TypeError):
            p - wrong
    with pytest.raises(TypeError):
        p + p
    with pytest.raises(TypeError):
        1 - p
    with pytest.raises(OverflowError):
        p - (-(2**63))


def test_comparison() -> None:
    memory = ints(1, 2)
    p, q = pointer("int *", memory), pointer("int *", memory) + 1
    assert p == pointer("char *", memory)
    assert hash(p) == hash(pointer("char *", memory))
    assert p != q
    assert p < q
    assert q >= p
    assert p != p.address
    assert {p: 1}[pointer("int *", memory)] == 1
    with pytest.raises(TypeError):
        _ = p < p.address


def test_it_has_no_length() -> None:
    p = pointer("int *", ints(1))
    with pytest.raises(TypeError, match="only C knows"):
        len(p)
    with pytest.raises(TypeError, match="only C knows"):
        iter(p)
    with pytest.raises(TypeError):
        1 in p  # noqa: B015


@pytest.mark.parametrize("use", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_cannot_be_copied(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        use(pointer("int *", ints(1)))


# ---- Views and text ----


def test_views() -> None:
    memory = (ctypes.c_double * 6)(*range(6))
    p = pointer("double *", memory)
    view = p.view(6)
    assert (view.format, view.itemsize, view.shape) == ("d", 8, (6,))
    view[1] = 10
    assert memory[1] == 10
    grid = p.view(2, 3)
    assert (grid.shape, grid.strides) == ((2, 3), (24, 8))
    assert grid[1, 2] == 5
    assert len(p.view(0)) == 0
    assert p.view(0, sys.maxsize, sys.maxsize).tolist() == []
    assert pointer("const char *", memory).view(4).tobytes() == bytes(memory)[:4]


def test_views_that_cannot_be() -> None:
    p = pointer("double *", (ctypes.c_double * 1)())
    for lengths in ((), (1,) * 9):
        with pytest.raises(TypeError, match="one to eight"):
            p.view(*lengths)
    for lengths in ((-1,), (2, -1), (sys.maxsize // 2 + 1,), (sys.maxsize // 4,) * 2):
        with pytest.raises(ValueError, match="cannot be"):
            p.view(*lengths)
    for wrong in ("1", 1.0, None):
        with pytest.raises(TypeError):
            p.view(wrong)
    for kind in ("long double *", "char **", "double _Complex *"):
        with pytest.raises(TypeError, match=re.escape("use p[i]")):
            pytramp.Pointer(kind, p).view(1)


def test_strings() -> None:
    memory = ctypes.create_string_buffer(b"hello\0world")
    for kind in ("const char *", "unsigned char *", "const signed char *"):
        p = pointer(kind, memory)
        assert p.string() == b"hello"
        assert p.string(3) == b"hel"
        assert p.string(8) == b"hello\0wo"
        assert p.string(n=0) == b""
        assert p.string(None) == b"hello"
    with pytest.raises(ValueError, match="negative"):
        p.string(-1)
    with pytest.raises(TypeError):
        p.string("3")
    with pytest.raises(TypeError, match="int is no character type"):
        pointer("int *", memory).string()


@pytest.mark.parametrize(
    ("spelling", "codec"),
    [("char16_t", "utf-16"), ("char32_t", "utf-32"), ("wchar_t", "utf-32")],
)
def test_wide_strings(spelling: str, codec: str) -> None:
    if spelling == "wchar_t" and ctypes.sizeof(ctypes.c_wchar) == 2:
        codec = "utf-16"
    text = "aé\U0001f600"
    order = "-le" if sys.byteorder == "little" else "-be"
    data = (text + "\0beyond").encode(codec + order)
    memory = ctypes.create_string_buffer(data)
    p = pointer(f"const {spelling} *", memory)
    assert p.string() == text
    assert p.string(2) == "aé"
    units = len(text.encode(codec + order)) // p.target.size
    assert p.string(units + 2) == text + "\0b"
    lone = ctypes.create_string_buffer("\ud800".encode(codec + order, "surrogatepass") + bytes(4))
    assert pointer(f"{spelling} *", lone).string() == "\ud800"
    if codec == "utf-32":
        none = ctypes.create_string_buffer(b"\xff\xff\xff\x7f" + bytes(4))
        with pytest.raises(ValueError, match="decode"):
            pointer(f"{spelling} *", none).string()


# ---- Making and casting ----


def test_making_one() -> None:
    memory = ints(1, 2)
    address = ctypes.addressof(memory)
    for given in (address, memory, ctypes.byref(memory), bytearray(8), ctypes.c_void_p(address)):
        if isinstance(given, type(ctypes.byref(memory))):
            continue  # a byref has no address of its own
        assert type(pytramp.Pointer("int *", given)) is pytramp.Pointer
    assert pytramp.Pointer("const int *", memory)[1] == 2
    p = pytramp.Pointer("int *", memory)
    assert pytramp.Pointer("unsigned char *", p)[4 if sys.byteorder == "little" else 7] == 2
    for nothing in (0, None):
        with pytest.raises(ValueError, match="never NULL"):
            pytramp.Pointer("int *", nothing)
    with pytest.raises(TypeError, match=r"address cannot be bytes: nobody would keep"):
        pytramp.Pointer("int *", b"bytes")
    for wrong in ("int", "void *", "int (*)(int)"):
        with pytest.raises(TypeError):
            pytramp.Pointer(wrong, memory)
    for wrong in ((), ("int *",), ("int *", 1)):
        with pytest.raises(TypeError, match=re.escape(f"{wrong!r} is no type of pointers")):
            pytramp.Pointer(wrong, memory)
    with pytest.raises(pytramp.DeclarationError):
        pytramp.Pointer("no such *", memory)
    with pytest.raises(OverflowError):
        pytramp.Pointer("int *", -1)


def test_casts() -> None:
    memory = ints(0x01020304, 5)
    p = pointer("int *", memory)
    assert p.cast("const unsigned char *")[4 if sys.byteorder == "little" else 7] == 5
    assert p.cast("const unsigned char *").readonly
    assert p.cast("unsigned int *") == p
    with pytest.raises(TypeError):
        p.cast("int")


def test_ctypes_takes_them() -> None:
    memory = ctypes.create_string_buffer(b"hello")
    p = pointer("const char *", memory)
    libc = tools.c_library()
    assert libc.strlen(p) == 5
    libc.strlen.argtypes = [ctypes.c_void_p]
    assert libc.strlen(p) == 5


def test_the_memory_of_an_array() -> None:
    """Not the number in it, which NumPy's arrays of one integer offer, too."""
    np = tools.need("numpy")
    for array in (np.arange(4.0), np.array(5), np.array([7]), np.zeros((2, 2)), np.zeros(0)):
        p = pytramp.Pointer("double *", array)
        assert p - pytramp.Pointer("double *", array.ctypes.data) == 0
    kept = np.arange(4.0)
    assert pytramp.Pointer("double *", kept)[1:3] == [1, 2]
    with pytest.raises(ValueError, match="never NULL"):
        pytramp.Pointer("double *", np.int64(0))
    refused = {"read-only": np.arange(4.0), "one after another": np.arange(4.0)[::2]}
    refused["read-only"].flags.writeable = False
    for reason, array in refused.items():
        with pytest.raises(TypeError, match=rf"writable buffer, not ndarray: .*{reason}"):
            pytramp.Pointer("double *", array)


# ---- Results ----


def test_results() -> None:
    memory = ints(1, 2, 3)
    address = ctypes.addressof(memory)
    buffer = bytearray(8)
    given: list[Any] = [None, 0, address, memory, ctypes.c_void_p(address)]
    given += [pointer("int *", memory), pointer("int *", memory) + 1, ctypes.pointer(memory)]
    given += [buffer, ctypes.cast(memory, ctypes.POINTER(ctypes.c_int))]
    number = tools.need("numpy").array(5)
    given += [number]
    expected = [0, 0, address, address, address, address, address + 4, address]
    expected += [ctypes.addressof(ctypes.c_char.from_buffer(buffer)), address, number.ctypes.data]
    for value, where in zip(given, expected, strict=True):
        cb = pytramp.callback("int *(void *)", lambda _, value=value: value)
        assert tools.caller("void *")(cb, bytes(tools.WORD // 8)) == struct.pack("P", where)


@pytest.mark.parametrize("value", [memoryview(b"bytes"), 1.5, object()])
def test_results_that_are_refused(value: Any) -> None:
    cb = pytramp.callback("const char *(void *)", lambda _: value, error=64)
    with tools.reports() as seen:
        assert tools.caller("void *")(cb, bytes(tools.WORD // 8)) == struct.pack("P", 64)
    (report,) = seen
    assert type(report.exception) is TypeError
    assert "const char * must be None, an int" in report.text
    assert type(value).__name__ in report.text


def test_results_out_of_range() -> None:
    for value in (-1, 2**tools.WORD):
        cb = pytramp.callback("int *(void *)", lambda _, value=value: value)
        with tools.reports() as seen:
            assert tools.caller("void *")(cb, bytes(tools.WORD // 8)) == bytes(tools.WORD // 8)
        assert type(seen[0].exception) is OverflowError


def test_the_readme_qsort() -> None:
    numbers = ints(5, 2, 4, 1, 3)
    compare = pytramp.callback("int (const int *a, const int *b)", lambda a, b: a[0] - b[0])
    tools.c_library().qsort(numbers, 5, 4, compare)
    assert list(numbers) == [1, 2, 3, 4, 5]


def test_a_pointer_has_no_bytes() -> None:
    """As a number it would be as many zeros as its address says."""
    memory = ctypes.create_string_buffer(b"text")
    p = pytramp.Pointer("char *", memory)
    with pytest.raises(TypeError, match=r"string\(\) copies text .*bytes\(p\.view\(n\)\)"):
        bytes(p)
    assert p.string() == bytes(p.view(4)) == b"text"


# ---- Names of a header ----


def test_types_are_names_for_a_pointer() -> None:
    types = pytramp.cdef(TYPES)
    memory = types.point(1.5, 2.5)
    p = pytramp.Pointer("point *", memory, types=types)
    assert (p.x, p[0].y) == (1.5, 2.5)
    assert isinstance(p[0], types.point)
    raw = pytramp.Pointer("char *", memory)
    assert raw.cast("const point *", types=types).x == 1.5
    assert pytramp.Pointer(ctypes.POINTER(types.point), ctypes.addressof(memory)).y == 2.5
    for wrong in (lambda: raw.cast("point *"), lambda: pytramp.Pointer("point *", memory)):
        with pytest.raises(pytramp.DeclarationError, match="pass types="):
            wrong()
    with pytest.raises(TypeError, match=r"types= is what pytramp\.cdef\(\) made"):
        raw.cast("point *", types=5)


def test_a_pointer_goes_to_functions_of_ctypes_and_cffi() -> None:
    """As the guide says: by the address alone, by a cast, and by the struct that it points at."""
    ffi = tools.need_module("cffi").FFI()
    types = pytramp.cdef(TYPES)
    lib = tools.library(f"{TYPES} double norm(point *p) {{ return p->x + p->y; }}")
    results = []

    def given(p: Any) -> None:
        lib.norm.restype = ctypes.c_double
        for argtypes in (None, [ctypes.c_void_p]):
            lib.norm.argtypes = argtypes
            results.append(lib.norm(p))
        for cls in (types.point, Point):
            lib.norm.argtypes = [ctypes.POINTER(cls)]
            results.append(lib.norm(ctypes.cast(p, ctypes.POINTER(cls))))
        lib.norm.argtypes = [ctypes.POINTER(types.point)]
        results.append(lib.norm(p[0]))
        ffi.cdef(TYPES)
        results.append(ffi.cast("point *", p).x + 2)

    function = pytramp.callback("void (point *)", given, types=types)
    with pytramp.propagate(function):
        function.as_ctypes()(ctypes.pointer(types.point(1, 2)))
    assert results == [3.0] * 6


def test_types_are_names_for_from_types() -> None:
    types = pytramp.cdef(TYPES)
    signature = pytramp.Signature.from_types("double", "point", ctypes.c_int, types=types)
    assert str(signature) == "double (point, int)"
    with pytest.raises(TypeError, match="from_types"):
        pytramp.Signature.from_types("int", name=3)  # type: ignore[call-arg]


INHERITED = """
typedef int (*f)(int);
struct base { f one; };
struct derived { struct base base; f two; };
"""


def test_what_is_kept_by_place() -> None:
    """All that was put there, until it is no more, through whatever Pointer."""
    types = pytramp.cdef(INHERITED)
    memory = types["struct derived"]()
    derived = pytramp.Pointer("struct derived *", memory, types=types)
    base = pytramp.Pointer("struct base *", memory, types=types)
    made: list[weakref.ref[Any]] = []

    def new() -> pytramp.Closure:
        closure = pytramp.callback("int (int)", lambda n: n)
        made.append(weakref.ref(closure))
        return closure

    def alive() -> list[int]:
        gc.collect()
        return [i for i, closure in enumerate(made) if closure() is not None]

    derived[0] = ((new(),), new())
    base[0] = (new(),)
    assert alive() == [0, 1, 2], "of the first only a part was overwritten"
    assert memory.two(5) == memory.base.one(5) == 5
    derived.two = new()
    base.one = new()
    assert alive() == [0, 1, 3, 4]
    derived[0] = (types["struct base"](), None)
    assert alive() == []
