"""cdef: what it reads, what its names are, and what it says about what it cannot read."""

from __future__ import annotations

import ctypes
import enum
import pickle
import platform
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import native
import pytest
import tools

import pytramp
from pytramp import declare
from pytramp._layout import from_low_end
from pytramp.cdecl import records
from pytramp.cdecl.expansion import expanded
from pytramp.cdecl.tokens import Macro

TEXT = """
typedef struct { double x, y; } point;            /* no tag */
typedef double (*objective)(unsigned n, const double x[n], double grad[n], void *data);
struct node { struct node *next; int values[3]; };
enum color { RED, GREEN = 5, BLUE };
typedef enum { LOW = -1, HIGH } level;
enum { SIZE = 4 * sizeof(int), MASK = ~0u >> 4, WIDE = 1ll << 40, SIGN = -1 < 0u ? 1 : 2 };
int compare(const void *a, struct node n);
typedef unsigned char byte;
typedef int function(int);
typedef byte digest[SIZE];
struct opaque;
union number { int i; float f; };
"""


@pytest.fixture(scope="module")
def types() -> Any:
    return pytramp.cdef(TEXT)


# ---- The namespace ----


def test_structs_are_ctypes_classes(types: Any) -> None:
    assert issubclass(types.point, ctypes.Structure)
    assert [name for name, *_ in types.point._fields_] == ["x", "y"]
    assert issubclass(types.number, ctypes.Union)
    assert types.node is types["struct node"]
    assert types.node._fields_[0][1] is ctypes.POINTER(types.node)
    assert types.point.__name__ == "point"


def test_enums_are_int_enums(types: Any) -> None:
    assert issubclass(types.color, enum.IntEnum)
    assert list(types.color) == [0, 5, 6]
    assert types.GREEN is types.color.GREEN
    assert types.level.LOW == -1
    assert (types.SIZE, types.MASK, types.WIDE, types.SIGN) == (16, 0x0FFFFFFF, 1 << 40, 2)
    assert type(types.SIZE) is int


def test_functions_are_signatures(types: Any) -> None:
    assert str(types.compare) == "int (const void *, struct node)"
    assert types.compare.name == "compare"
    assert str(types.function) == "int (int)"
    assert str(types.objective) == ("double (unsigned int n, const double [n], double [n], void *)")
    closure = types.objective(lambda n, x, grad, data: sum(x))
    assert isinstance(closure, pytramp.Closure)


def test_other_types(types: Any) -> None:
    assert types.byte is ctypes.c_ubyte
    assert types.digest is ctypes.c_ubyte * 16
    assert not hasattr(types.opaque, "_fields_")


@tools.int128
def test_types_that_ctypes_lacks() -> None:
    types = pytramp.cdef("typedef __int128 big;")
    assert types.big == declare.type_of("__int128")
    types = pytramp.cdef("struct t { __int128 x; };")
    message = r"member t\.x: ctypes has no type for '__int128'"
    with pytest.raises(pytramp.UnsupportedTypeError, match=message):
        types.t  # noqa: B018


def test_the_mapping(types: Any) -> None:
    assert "point" in types
    assert "struct node" in types
    assert "union node" not in types
    assert "size_t" not in types
    assert 3 not in types
    names = list(types)
    assert len(names) == len(types) == len(set(names))
    assert {"point", "node", "RED", "compare", "opaque"} <= set(names)
    assert set(dir(types)) == set(names)
    assert repr(types).startswith(f"<pytramp.Types of {len(names)} names: point, objective, RED")


def test_unknown_names(types: Any) -> None:
    with pytest.raises(AttributeError, match=r"nothing is declared as 'pont'; did you mean"):
        _ = types.pont
    with pytest.raises(KeyError, match=r"did you mean 'node'"):
        _ = types["nod"]
    with pytest.raises(AttributeError):
        _ = types.__wrapped__
    assert not hasattr(types, "size_t")


def test_it_cannot_be_changed(types: Any) -> None:
    with pytest.raises(AttributeError):
        types.point = 3
    with pytest.raises(AttributeError):
        del types.point
    with pytest.raises(TypeError):
        pickle.dumps(types)


def test_a_tag_and_a_typedef_of_one_name() -> None:
    text = "struct a { char c; }; typedef struct { double d; } a; struct b { int i; };"
    types = pytramp.cdef(text)
    assert ctypes.sizeof(types.a) == 8
    assert ctypes.sizeof(types["struct a"]) == 1
    assert list(types) == ["a", "struct a", "b"]
    assert dir(types) == ["a", "b"]
    size = declare.type_of("struct a", types).size
    assert (size, declare.type_of("a", types).size) == (1, 8)


def test_threads_get_the_same_classes() -> None:
    members = "".join(f"struct s{i} {{ struct s{i - 1} *p; int x[{i}]; }};" for i in range(1, 60))
    types = pytramp.cdef(members)
    got: list[list[Any]] = []
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait()
        got.append([types[f"s{i}"] for i in range(59, 0, -1)])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert all(classes == got[0] for classes in got)
    assert ctypes.sizeof(types.s59) == struct.calcsize("P59i0P")


# ---- As types= ----


@pytest.mark.parametrize(
    "text",
    [
        "double (point, struct node *, const point *)",
        "enum color (level, enum color *)",
        "int (function *, objective, byte)",
        "void (objective *, struct node, union number)",
        "int (int n, point [n], digest, const digest, digest [n])",
        "int (struct opaque *, struct unknown *, digest *)",
        "objective (int)",
    ],
)
def test_declarations_use_the_names(types: Any, text: str) -> None:
    signature = pytramp.Signature(text, types=types)
    assert pytramp.Signature(str(signature), types=types) == signature
    assert str(signature) == text


def test_what_a_callback_gets(types: Any) -> None:
    got = []
    closure = pytramp.Signature("double (point p, struct node *n)", types=types)(
        lambda p, n: got.append((p, n)) or p.x + n[0].values[1]
    )
    node = types.node(None, (1, 2, 3))
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, types.point, ctypes.POINTER(types.node))
    call = ctypes.cast(closure.address, prototype)
    assert call(types.point(0.5, 1.5), ctypes.byref(node)) == 2.5
    assert type(got[0][0]) is types.point


def test_a_function_type_decays(types: Any) -> None:
    signature = pytramp.Signature("int (function f)", types=types)
    assert str(signature) == "int (function *)"
    assert signature == pytramp.Signature("int (int (*)(int))")


@pytest.mark.parametrize("name", ["objective", "compare", "function", " objective\n", "again"])
def test_a_name_is_a_declaration(types: Any, name: str) -> None:
    """Of a function, a function type or a pointer to one."""
    more = pytramp.cdef("typedef const objective again;", types=types)
    signature = pytramp.Signature(name, types=more)
    assert signature == more[name.strip()]
    assert str(signature) == str(more[name.strip()])
    assert pytramp.callback(name, lambda *args: 0, types=more)
    with pytest.raises(pytramp.DeclarationError, match="declares no function"):
        pytramp.Signature("point", types=types)


def test_a_name_of_what_is_refused_says_why() -> None:
    types = pytramp.cdef("typedef _Atomic(int) (*atomic)(int); int refused(_Decimal64 x);")
    for name in ("atomic", "refused"):
        with pytest.raises(pytramp.UnsupportedTypeError) as by_name:
            types[name]
        with pytest.raises(pytramp.UnsupportedTypeError) as by_text:
            pytramp.Signature(name, types=types)
        assert str(by_name.value) == str(by_text.value)


def test_the_same_struct_from_ctypes(types: Any) -> None:
    by_class = pytramp.Signature.from_types(types.point, types.point)
    assert by_class == pytramp.Signature("point (point)", types=types)

    class Sub(types.point):  # type: ignore[name-defined, misc]
        def norm(self) -> float:
            return float(self.x**2 + self.y**2)

    assert pytramp.Signature.from_types(float, Sub).arguments[0].ctype is Sub


@pytest.mark.parametrize("wrong", [3, {"point": int}, "point", object()])
def test_types_must_come_from_cdef(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"types= is what (pytramp\.)?cdef\(\) made"):
        pytramp.Signature("int (int)", types=wrong)
    with pytest.raises(TypeError, match=r"types= is what cdef\(\) made"):
        pytramp.cdef("", types=wrong)


def test_earlier_declarations(types: Any) -> None:
    more = pytramp.cdef("typedef struct { point a, b; } line; enum { MORE = BLUE };", types=types)
    assert more.line._fields_[0][1] is types.point
    assert more.point is types.point
    assert more.MORE == 6
    assert {"line", "point"} <= set(more)
    assert "line" not in types


def test_only_text_is_read() -> None:
    for wrong in (None, b"int f(int);", 3):
        with pytest.raises(TypeError, match="C declarations are a str"):
            pytramp.cdef(wrong)  # type: ignore[arg-type]


# ---- What is read ----

ACCEPTED = [
    "",
    ";;",
    "int x; extern int y, *z; static const int a[] = { 1, 2, (3) }, b = 4;",
    "static inline int f(int x) { if (x) { return '}'; } return \"}\"[0]; }",
    "__extension__ typedef struct { int x; } s __attribute__((unused));",
    'extern int f(int) __asm__("g") __attribute__((nothrow, format(printf, 1, 2)));',
    "_Noreturn void f(void); [[noreturn]] void g(void); __attribute__((noreturn)) void h(void);",
    '_Static_assert(sizeof(int) == 4, "int"); static_assert(1);',
    "void f(char *__restrict a, const char *restrict b);",
    "int f(int (x), int size_t, register int y);",
    "int (f)(int), *g(void), (*h)(int);",
    "typedef void *(__attribute__((alloc_size(1))) *allocate)(unsigned long);",
    "struct s; typedef struct s s; struct s { s *next; }; struct t { struct u *u; };",
    "struct a { struct b *b; }; struct b { struct a a; };",
    "typedef int a, *b, c[3], d(int), (*e)(void);",
    "typedef int a; typedef int a; typedef a a;",
    "typedef void cb(int); void set(void (*cb)(int), int (*size_t)[2]); struct s { cb *cb; };",
    "typedef int f; struct s { f x; int f; }; typedef int A; enum { B = (A)1 }; int g(f, A);",
    '# 1 "x.h"\n#pragma once\n#pragma GCC diagnostic push\n#line 3\nint f(int);\n#',
    "enum e : unsigned char { A, B, }; enum __attribute__((packed)) p { C };",
    'struct { int x; }; struct s { int : 3; _Static_assert(1, ""); struct { int a; }; };',
    "typedef struct { int n; double x[]; } flexible;",
    "int a \\\n = 3; // comment\n/* comment */ int f(void);",
    "typedef __typeof__(int *) p; typedef unsigned u __attribute__((mode(DI)));",
    "typedef int v __attribute__((vector_size(16))); v f(v); struct s { v x; };",
    "enum { A = 'a', B = L'b', C = '\\n', D = 0x1F'FF, E = 0b11, F = 017, G = sizeof \"abc\" };",
    "enum { A = (char)300, B = (_Bool)7, C = (unsigned short)-1, D = __alignof__(double) };",
    "struct s { char c; int x; }; enum { A = __builtin_offsetof(struct s, x) };",
    "void f(struct only_here *p); void g(int, ...);",
    "_Alignas(16) int x; struct s { _Alignas(double) char c; alignas(32) char d; };",
    "_Thread_local int t; auto int u; typedef long double _Complex z;",
    *(["__int128 w;"] if tools.INT128 else []),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepted(text: str) -> None:
    types = pytramp.cdef(text)
    for name in types:
        try:
            types[name]
        except pytramp.UnsupportedTypeError:
            assert "__attribute__" in text


def check_constants(expressions: list[str], headers: str = "") -> None:
    """They are what the C compiler says."""
    native.need("gcc")
    lines = [f'printf("%lld\\n", (long long)({text}));' for text in expressions]
    includes = "#include <stdio.h>\n#include <stddef.h>\n"
    wanted = run_c(f"{includes}{headers}\nint main(void) {{ {' '.join(lines)} return 0; }}")
    text = "".join(f"enum {{ V{i} = (long long)({e}) }};" for i, e in enumerate(expressions))
    types = pytramp.cdef(f"{headers}\n{text}")
    assert {e: types[f"V{i}"] for i, e in enumerate(expressions)} == dict(
        zip(expressions, map(int, wanted.split()), strict=True)
    )


def test_constant_expressions() -> None:
    expressions = [
        "1 + 2 * 3 - 4 / 3 % 5",
        "-7 / 2",
        "-7 % 3",
        "1 << 3 | 1",
        "~5 & 0xff ^ 3",
        "!3 || 0 && 1",
        "-1 < 0u",
        "-1 > 0u",
        "(char)200",
        "(unsigned char)-1",
        "0x80000000 >> 31",
        "-8 >> 1",
        "sizeof(long) * 2",
        "1 ? 2 : 1 / 0",
        "2147483647 + 0u",
        "0xffffffff + 1u",
        "~0u",
        "~0ull >> 60",
        "(3, 4) * 0 + 1" if False else "(3) * 0 + 1",
        "'a' + '\\x41'",
        "sizeof(int[3])",
        "(int)3000000000u",
        "010 + 0x10 + 0b10",
        "1u - 2u > 0",
        "sizeof(struct { char c; double d; })",
        "-1l < 0u",
    ]
    check_constants(expressions)


MEMBERS = """
struct in { short x; int b[3]; unsigned f : 3; };
typedef struct in IN;
struct s { int a; char name[7]; IN in; long long x; struct { char c; IN y[2]; }; int *p; int z[]; };
"""
DESIGNATORS = [
    "sizeof(((struct s *)0)->name)",
    "sizeof ((struct s *)0)->in.b / sizeof ((struct s *)0)->in.b[0]",
    "sizeof(*((struct s *)0)->p)",
    "sizeof(((struct s *)0)->p[3])",
    "sizeof(((struct s *)0)->z[1])",
    "sizeof(((struct s *)0)->y)",
    "sizeof(*(struct s *)0)",
    "sizeof((struct s *)0)",
    "sizeof(&((struct s *)0)->in)",
    "sizeof((char *)0)",
    "offsetof(struct s, in.b)",
    "offsetof(struct s, in.b[2])",
    "offsetof(struct s, y[1].b[1 + 1])",
    "offsetof(struct s, z)",
    "offsetof(struct s, z[4])",
    "__builtin_offsetof(IN, b[1])",
    "(size_t)&((struct s *)0)->x",
    "(size_t)&((struct s *)16)->in.b[2]",
    "(size_t)&((struct s *)0)[2].x",
    "(size_t)((struct s *)0)->name",
    "(size_t)(char *)&((struct s *)0)->in",
    "(size_t)&*(struct s *)16",
    "(size_t)(void *)8",
    "(size_t)(void *)-1 == (size_t)-1",
]


def test_designators() -> None:
    check_constants(DESIGNATORS, MEMBERS)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("offsetof(struct s, in.c)", "there is no member 'c'"),
        ("offsetof(struct s, in.f)", "there is no member 'f'"),
        ("offsetof(struct s, a[1])", "only an array has elements"),
        ("offsetof(struct s, p[1])", "unexpected 'offsetof'"),
        ("offsetof(struct s, a.b)", "there is no member 'b'"),
        ("offsetof(struct t, a)", "'struct t' is incomplete"),
        ("sizeof(((struct s *)0)->z)", "sizeof needs a complete type"),
        ("sizeof(((struct s *)0)->in.f)", "there is no member 'f'"),
        ("sizeof(((struct t *)0)->a)", "'struct t' is incomplete"),
        ("((struct s *)0)->a", "a member of a struct cannot be part of"),
        ("(long)((struct s *)0)->a", "a member of a struct cannot be part of"),
        ("(long)((struct s *)0)->p", "a member of a struct cannot be part of"),
        ("(long)&((struct s *)0)->p[1]", "unexpected '"),
    ],
)
def test_no_constant_designators(text: str, fragment: str) -> None:
    with pytest.raises(pytramp.DeclarationError, match=re.escape(fragment)):
        pytramp.cdef(f"{MEMBERS} struct t; enum {{ A = {text} }};")


def test_sizes_of_members_in_macros() -> None:
    tools.need("cc")
    macros = "#define FIELD(type, name) (((type *)0)->name)\n#define SIZE sizeof FIELD(IN, b)\n"
    types = pytramp.cdef(f"{MEMBERS}{macros}#define AT (long)&FIELD(struct s, in)\n", cpp=True)
    assert (types.SIZE, types.AT) == (12, 12)


FLOATING = [
    "(int)1.5",
    "(int)-1.5",
    "(unsigned char)(255.9)",
    "(long long)1e15",
    "(int).5e1",
    "(int)0x1.8p3",
    "(int)16777217.0f",
    "(_Bool)0.5",
    "(_Bool)0.0",
    "(int)'1.5'",
    "sizeof('1.5')",
    "sizeof(1.0)",
    "sizeof 1.f",
    "sizeof(-1.5)",
    "1 + (int)2.9 * 3",
]
LEFT_OUT = ["5 ?: 2", "0 ?: 2", "1 ? 0 ?: 3 : 4", "(-1 ?: 2u) > 0", "sizeof('a' ?: 1ll)"]


def test_floating_constants() -> None:
    check_constants(FLOATING)


@pytest.mark.parametrize("text", ["(int)1e10", "(unsigned)-1.5", "(int)1e999", "1.0 > 0.5", "1.5"])
def test_no_floating_constants(text: str) -> None:
    with pytest.raises(pytramp.DeclarationError, match=r"does not fit into|is no integer constant"):
        pytramp.cdef(f"enum {{ A = {text} }};")


def test_choices_without_the_second_part() -> None:
    check_constants(LEFT_OUT)
    types = pytramp.cdef("struct s { int a : 5 ?: 2, b : 0 ?: 3; };")
    assert [bits for _, _, bits in types.s._fields_] == [5, 3]


CHARACTERS = [
    "'ABCD'",
    r"'\x80\x01'",
    r"'\377\377\377\377'",
    "'abcde'",
    "'é'",
    "U'z'",
    "~U'z' > 0",
    "~u'z' > 0",
    "-L'z' < 0",
    "sizeof u'a'",
    "sizeof U'a'",
    "sizeof L'a'",
    "sizeof 'a'",
    r"'\xff'",
    r"u'\xffff'",
    r"L'\xffffffff' < 0",
    r"U'\xffffffff' > 0",
    r"U'\U0001F600'",
    "L'é'",
    r"'\e' + '\E' + '\'' + '\0' + '\177'",
    "sizeof((_Bool)1)",
    "sizeof(+(_Bool)1)",
    "~(_Bool)7",
    "(_Bool)7 - 2 < 0",
]


def test_types_of_characters_and_truth_values() -> None:
    check_constants(CHARACTERS)


STRINGS = [
    r'"\x89PNG\r\n"',
    '"ab" "cd"',
    'L"abc"',
    r'"a\0b" "\1" "2" "\1234"',
    r'"\"\\\?\\"',
    r'"\x41" "1"',
    r'"\u00e9\U0001F600"',
    r'u"\u00e9\U0001F600"',
    r'U"\u00e9\U0001F600"',
    r'L"\u00e9\U0001F600"',
    r'u8"\u00e9" "é😀"',
    'u"é😀"',
    '"a" L"b" "c"',
    '"é" U"b"',
    '""',
    '"a\\\nb"',
]


def test_sizes_of_strings() -> None:
    check_constants([f"sizeof({text})" for text in STRINGS] + [f"sizeof {STRINGS[1]}"])
    types = pytramp.cdef(r'struct s { char magic[sizeof("\x89PNG\r\n")]; };')
    assert ctypes.sizeof(types.s) == 7


def test_sizes_of_strings_in_macros() -> None:
    tools.need("cc")
    types = pytramp.cdef(
        '#define LEN (sizeof("hi\\r\\n") - 1)\n#define BOTH sizeof("a" "b")\n', cpp=True
    )
    assert (types.LEN, types.BOTH) == (4, 3)


def run_c(source: str) -> str:
    folder = native.folder()
    program = folder / f"constants-{abs(hash(source))}"
    program.with_suffix(".c").write_text(source, encoding="utf-8")
    native.execute(["gcc", "-w", program.with_suffix(".c"), "-o", program], env={"LD_PRELOAD": ""})
    return subprocess.run(
        [program], capture_output=True, text=True, check=True, env={"LD_PRELOAD": ""}
    ).stdout


# ---- Structs ----


AGREED = tools.posix("compilers that agree on bit-fields in unions and in what is packed")


@AGREED
def test_bit_fields_behave_like_fields() -> None:
    """Also those that ctypes cannot lay out by itself."""
    members = "char c; int a : 5; unsigned b : 20; _Bool f : 1; long n;"
    types = pytramp.cdef(f"struct __attribute__((packed)) s {{ {members} }};")
    value = types.s(b"c", -3, 1000, True, 7)
    assert (value.c, value.a, value.b, value.f, value.n) == (b"c", -3, 1000, True, 7)
    value.b = 1 << 20
    assert (value.a, value.b, value.n) == (-3, 0, 7)
    assert types.s(a=2, n=1).a == 2
    with pytest.raises(TypeError):
        value.a = "x"
    with pytest.raises(TypeError, match="too many initializers"):
        types.s(b"c", 1, 2, True, 3, 4)
    with pytest.raises(TypeError, match="duplicate values for field 'c'"):
        types.s(b"c", c=b"d")


@pytest.mark.parametrize("rest", ["", "unsigned char b : 7;", "unsigned b : 31; long n;"])
def test_a_bool_is_one_bit(rest: str) -> None:
    """What is in the same byte, or what padding holds, does not make it true."""
    cls = pytramp.cdef(f"struct s {{ _Bool a : 1; {rest} }};").s
    size = ctypes.sizeof(cls)
    first = 1 << from_low_end(0, 1, size)
    others = ((1 << 8 * size) - 1 - first).to_bytes(size, sys.byteorder)
    value = cls.from_buffer_copy(others)
    assert value.a is False
    value.a = True
    value.a = False
    assert bytes(value) == others


def test_anonymous_members() -> None:
    types = pytramp.cdef("struct s { int kind; union { int i; struct { float x, y; }; }; };")
    value = types.s(kind=1)
    value.y = 2.5
    assert (value.kind, value.i, value.y) == (1, 0, 2.5)


def test_function_pointer_members() -> None:
    types = pytramp.cdef(
        "struct ops { int (*open)(struct ops *self, double x); int (*log)(const char *, ...); };"
    )
    signature = pytramp.Signature("int (struct ops *self, double x)", types=types)
    got = []
    closure = signature(lambda self, x: got.append(x) or 3)
    value = types.ops()
    value.open = closure.as_ctypes()
    assert value.open(ctypes.addressof(value), 2.5) == 3
    assert got == [2.5]
    assert types.ops._fields_[1][1] is ctypes.c_void_p


def test_pointer_members() -> None:
    types = pytramp.cdef(
        "struct s { const char *text; char *buffer; void *any; int **rows; struct o *o; };"
    )
    kinds = dict(types.s._fields_)
    assert kinds["text"] is ctypes.c_char_p
    assert kinds["buffer"] is ctypes.POINTER(ctypes.c_char)
    assert kinds["any"] is ctypes.c_void_p
    assert kinds["rows"] is ctypes.POINTER(ctypes.POINTER(ctypes.c_int))
    assert kinds["o"] is ctypes.POINTER(types.o)


PASSED = [
    "struct { int a : 3; unsigned b : 20; long long c : 40; }",
    "struct { float x; int a : 9; }",
    "struct { double x; char a : 1, b : 7; }",
    pytest.param(
        "struct __attribute__((packed)) { char c; int a : 5; double x; }",
        marks=AGREED,
    ),
    "struct __attribute__((aligned(16))) { double x; }",
    "struct { int n; _Alignas(16) float x; }",
    pytest.param(
        "struct { _Bool a : 1, b : 1; short : 0; short c : 4; }",
        marks=pytest.mark.skipif(records._ZERO_WIDTH_COUNTS, reason="refused here"),
    ),
    "union { int a : 9; float x; }",
    "struct { int n; char rest[]; }",
    "struct { struct { int a : 4; int : 4; int b; }; float x; }",
]


@pytest.mark.parametrize("definition", PASSED)
def test_by_value(definition: str) -> None:
    """C calls with the struct, and gets it back: every byte that is a member's."""
    types = pytramp.cdef(f"typedef {definition} T;")
    cls = types.T
    size = ctypes.sizeof(cls)
    got = []
    closure = pytramp.Signature("T (T)", types=types)(lambda value: got.append(value) or value)
    data = bytes(range(1, size + 1))
    back = tools.caller(definition)(closure, data)
    assert type(got[0]) is cls
    for name in names_of(cls):
        sent, seen = cls.from_buffer_copy(data), cls.from_buffer_copy(back)
        assert getattr(got[0], name) == getattr(sent, name) == getattr(seen, name), name


def names_of(cls: Any) -> list[str]:
    names = getattr(cls, "_names_", [name for name, *_ in cls._fields_])
    return [name for name in names if name[0] != "_" and name != "rest"]


OVERALIGNED = """
typedef struct { double v[8]; } __attribute__((aligned(64))) vec;
typedef void (*callback)(int a, vec b);
vec made(void);
"""


@pytest.mark.skipif(
    sys.platform == "win32" or platform.machine() in ("riscv64", "loongarch64", "s390x"),
    reason="passed by address here",
)
def test_arguments_that_no_stack_is_aligned_for() -> None:
    types = pytramp.cdef(OVERALIGNED)
    text = "void (int a, vec b)"
    with pytest.raises(pytramp.UnsupportedTypeError) as caught:
        pytramp.Signature(text, types=types)
    assert "parameter 'b': 'vec' cannot be passed by value here: it is al" in str(caught.value)
    assert "64 bytes" in str(caught.value)
    assert caught.value.column == text.index("vec") + 1
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"line 3.*'b': 'vec' cannot be passed"):
        types.callback  # noqa: B018
    with pytest.raises(pytramp.UnsupportedTypeError, match="argument 2: 'vec' cannot be passed"):
        pytramp.Signature.from_types(None, int, types.vec)
    assert pytramp.Signature("void (vec *)", types=types)


# Where bit-fields of no width decide about registers they are refused before that.
NO_WIDTH = pytest.mark.skipif(records._ZERO_WIDTH_COUNTS, reason="another reason refuses it first")
DISPUTED = [
    ("struct { float x; int : 32; }", "do not agree on how to pass its unnamed bit-fields"),
    pytest.param(
        "union { int : 0; double x; }",
        "do not agree on how to pass its unnamed bit-fields",
        marks=NO_WIDTH,
    ),
    ("struct { double x; int : 1; }", "do not agree on how to pass its unnamed bit-fields"),
    (
        "struct { struct __attribute__((packed, aligned(2))) { int i; char c; } m[2]; }",
        "do not agree on how to pass its members that are not aligned",
    ),
    pytest.param(
        "struct __attribute__((packed)) { char c; union { int i : 20; } u; }",
        "do not agree on how to pass its members that are not aligned",
        marks=AGREED,
    ),
]


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(
            "struct __attribute__((packed)) { char c; int i; char d; union { int i : 3; } u; }",
            marks=AGREED,
        ),
        pytest.param(
            "struct { union { int i : 20; } u[2]; struct { char c; short s; } m[2]; }",
            marks=AGREED,
        ),
        "struct __attribute__((packed)) { char c; union { char i : 3; } u; }",
    ],
)
def test_what_compilers_pass_alike_is_not(definition: str) -> None:
    """In memory for another reason, aligned after all, or of one byte."""
    types = pytramp.cdef(f"typedef {definition} T; typedef T f(T);")
    assert types.f.result.size == ctypes.sizeof(types.T)


@pytest.mark.parametrize(("definition", "fragment"), DISPUTED)
def test_what_compilers_pass_differently_is_refused(definition: str, fragment: str) -> None:
    types = pytramp.cdef(f"typedef {definition} T;")
    assert ctypes.sizeof(types.T) > 0
    assert pytramp.Signature("int (T *)", types=types)
    with pytest.raises(pytramp.UnsupportedTypeError, match=fragment):
        pytramp.Signature("int (T)", types=types)


@pytest.mark.parametrize("word", ["thread_local", "constexpr", "alignof"])
def test_what_was_a_name_before_c23(word: str) -> None:
    types = pytramp.cdef(f"""
        struct a {{ int {word}; int y; }};
        struct b {{ int x, {word}; short *{word}2, (*{word}3)[2]; }};
        struct c {{ int x, {word} __attribute__((aligned(16))); unsigned {word}1 : 3; }};
        struct d {{ unsigned {word} : 3; }};
        struct e {{ int ({word})[3]; }};
        enum g {{ A, {word}, B, C = {word} + 4 }};
        struct {word} {{ int x[C]; }};
        int f(int {word}, double);
    """)
    names = [[name for name, *_ in types[tag]._fields_] for tag in ("a", "b", "d", "e")]
    assert names[0] == [word, "y"]
    assert names[1] == ["x", word, f"{word}2", f"{word}3"]
    assert names[2:] == [[word], [word]]
    assert getattr(types.c, word).offset == 16
    assert (types.B, ctypes.sizeof(types[f"struct {word}"])) == (2, 20)
    assert str(types.f) == "int (int, double)"
    renamed = pytramp.cdef(f"typedef short {word}; struct s {{ {word} x, y; }};")
    assert ctypes.sizeof(renamed.s) == 4
    called = pytramp.cdef(f"int *{word}(int {word}[3]);")
    assert str(called[word]) == "int *(int [3])"


def test_keywords_of_c23() -> None:
    types = pytramp.cdef("""
        thread_local int x; int thread_local y; static thread_local struct { int n; } z;
        constexpr int n = 3;
        struct s { unsigned a : alignof(short), : alignof(int); int x[alignof(int) + 1]; };
        enum { A = alignof(struct s), B = 2 * (alignof(char)) };
    """)
    assert (types.A, types.B, ctypes.sizeof(types.s)) == (4, 2, 24)


COMPLEX = """
typedef struct { double re, im; } pair;
struct a { double re, complex; };
struct b { double complex; float x, complex2; };
struct c { int complex : 3; };
struct d { pair complex; };
struct e { double complex[2]; double (*f)(pair complex, int); };
typedef union { pair simple; struct complex { int n; } complex; } f;
"""


def test_complex_is_a_name() -> None:
    """...unless <complex.h> makes a keyword of it, or it stands where only that can."""
    types = pytramp.cdef(COMPLEX)
    named = [name for name in "abcdef" if hasattr(types[name], "complex")]
    assert named == list("abcdef")
    assert ctypes.sizeof(types["struct complex"]) == 4
    called = pytramp.cdef("int complex(int re, int complex); enum { complex2 };")
    assert str(called.complex) == "int (int, int)"
    typedef = pytramp.cdef("typedef struct { double re, im; } complex; complex f(complex *p);")
    assert str(typedef.f) == "complex (complex *)"
    assert pytramp.cdef("enum e { real, complex };").complex == 1


def test_complex_is_a_keyword() -> None:
    types = pytramp.cdef("""
        double complex f(float complex x, double complex, complex const double, complex float y);
        typedef double complex z; enum { SIZE = sizeof(double complex) };
    """)
    assert types.SIZE == 16
    expected = "double _Complex (float _Complex, double _Complex, double _Complex, float _Complex)"
    assert str(types.f) == expected


def test_complex_in_preprocessed_text() -> None:
    tools.need("cc")
    types = pytramp.cdef(f"{COMPLEX} void g(double complex);", cpp=True)
    assert str(types.g) == "void (double)"
    types = pytramp.cdef("#include <complex.h>\nvoid g(double complex);", cpp=True)
    assert str(types.g) == "void (double _Complex)"


def test_a_typedef_of_void_is_no_parameter() -> None:
    types = pytramp.cdef(
        "typedef void V; typedef V W; V f(V); int g(W); int (*h)(V); typedef int t(W);"
        "typedef const void CV;"
    )
    assert [str(types[name]) for name in "fgt"] == ["V (void)", "int (void)", "int (void)"]
    assert str(pytramp.Signature("int (V)", types=types)) == "int (void)"
    for wrong in ("int f(V, int);", "int f(CV);", "int f(V x);", "int f(const V);"):
        with pytest.raises(pytramp.DeclarationError, match="'void' is no type for a parameter"):
            pytramp.cdef(wrong, types=types)


def test_a_mode_is_that_of_its_declarator() -> None:
    """Before the declarators it is all of theirs, behind one that one's alone."""
    types = pytramp.cdef("""
        struct one { int x __attribute__((mode(HI))), y, z; };
        struct all { __attribute__((mode(HI))) int x, y, z; };
    """)
    assert [ctypes.sizeof(types.one), types.one.y.offset] == [12, 4]
    assert [ctypes.sizeof(types.all), types.all.y.offset] == [6, 2]


# ---- What is refused ----

REFUSED = [
    ("typedef __float128 t;", "t", "line 1, column 9: '__float128' is not supported"),
    (
        "\n\n  typedef float v __attribute__((vector_size(16)));",
        "v",
        "line 3, column 34: 'v': vector",
    ),
    ("struct t { int a; __m128 v; };", "t", "member t.v: '__m128': vector types"),
    ("struct t { int a; struct { _Atomic int n; } b; };", "t", "'_Atomic' is not supported"),
    ("int t(_Decimal32 x);", "t", "parameter 'x': '_Decimal32' is not supported"),
    ("_BitInt(7) t(int);", "t", "the result: '_BitInt' is not supported"),
    ("struct s; int t(struct s x);", "t", "parameter 'x': 'struct s' by value is unknown"),
    ("typedef __m128 t[sizeof(__m128)];", "t", "'__m128': vector types"),
    ("struct t { int a; } __attribute__((ms_struct));", "t", "'ms_struct' is not supported"),
    ("struct t { int a; va_list b[2]; };", "t", "member t.b: the size of a 'va_list' is not known"),
    ("typedef char t[sizeof(va_list)];", "t", "the size of a 'va_list' is not known"),
    ("typedef __typeof__(1 + 1) t;", "t", "'__typeof__' of an expression is not supported"),
    (
        "#pragma pack(1)\nstruct t { int a : 9 __attribute__((aligned(4))); };",
        "t",
        "member t.a: compilers do not agree",
    ),
]


@pytest.mark.parametrize(("text", "name", "fragment"), REFUSED)
def test_what_cannot_be_expressed_fails_when_it_is_used(
    text: str, name: str, fragment: str
) -> None:
    types = pytramp.cdef(f"{text}\ntypedef int fine;")
    assert types.fine is ctypes.c_int
    assert name in types
    for _ in range(2):
        with pytest.raises(pytramp.UnsupportedTypeError) as caught:
            types[name]
        assert fragment in str(caught.value)


ONCE = [
    ("struct t { _Atomic int x; };", "member t.x: '_Atomic' is not supported: a pointer to it, or"),
    ("int t(_Atomic int x);", "parameter 'x': '_Atomic' is not supported"),
    ("struct t { int x __attribute__((vector_size(16))); };", "member t.x: vector types are not"),
    ("struct t { int x __attribute__((mode(XX))); };", "member t.x: the mode 'XX' is not"),
    ("typedef int t __attribute__((vector_size(16)));", "'t': vector types are not"),
    ("typedef int v __attribute__((vector_size(16))); int t(v);", "parameter 1: 'v': vector types"),
]


@pytest.mark.parametrize(("text", "message"), ONCE)
def test_what_is_refused_is_named_once(text: str, message: str) -> None:
    types = pytramp.cdef(text)
    with pytest.raises(pytramp.UnsupportedTypeError) as caught:
        _ = types.t
    assert str(caught.value).partition(": ")[2].startswith(message)


def test_a_member_that_is_a_va_list() -> None:
    tools.need("cc")
    text = "#include <stdarg.h>\nstruct log { int level; va_list args; };\n"
    types = pytramp.cdef(
        text + "int f(struct log *, va_list);\n#define N sizeof(va_list)", cpp=True
    )
    assert str(types.f) == "int (struct log *, va_list)"
    assert not hasattr(types, "N")
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"member log\.args: the size of"):
        _ = types.log
    with pytest.raises(pytramp.UnsupportedTypeError, match="the size of a 'va_list'"):
        pytramp.cdef("enum { A = sizeof(va_list) };")


def test_a_pointer_to_what_is_refused_is_opaque() -> None:
    types = pytramp.cdef("struct s { __m128 v; }; int f(struct s *);")
    assert str(types.f) == "int (struct s *)"
    target = types.f.arguments[0].target
    assert target.kind == "opaque"
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"parameter 1: member s\.v: '__m128'"):
        pytramp.Signature("int (struct s)", types=types)


INVALID = [
    ("int f(int", 1, 6, "this '(' is not closed"),
    ("struct s { int x; int x; };", 1, 23, "two members of s are named 'x'"),
    ("struct s { int x };\nstruct s { int y; };", 2, 8, "'struct s' is defined twice"),
    ("struct s { struct t x; };", 1, 21, "member s.x: 'struct t' is incomplete"),
    ("struct s { int x[]; int y; };", 1, 16, "member s.x: an array without a length is incomplete"),
    ("struct s { int f(int); };", 1, 12, "member s.f: a function is no member"),
    ("struct s { void x; };", 1, 17, "member s.x: 'void' is incomplete"),
    ("struct s { int x : 33; };", 1, 20, "member s.x: a width of 33 bits, where 0 to 32 can be"),
    ("struct s { int x : 0; };", 1, 20, "a bit-field of no width has no name"),
    ("struct s { float x : 3; };", 1, 22, "only integers can be bit-fields"),
    ("struct s { int; foo x; };", 1, 17, "unknown type name 'foo'"),
    ("enum e { A, A };", 1, 13, "'A' is declared twice"),
    ("enum e { A = 1 / 0 };", 1, 16, "a division by zero"),
    ("enum e { A = B };", 1, 14, "'B' is no constant"),
    ("enum e { A = 1.5 };", 1, 14, "1.5 is no integer constant"),
    ("enum e { A = 1 << 40 };", 1, 16, "a shift by 40 of 32 bits"),
    ("enum e { A = sizeof(struct s) };", 1, 20, "sizeof needs a complete type"),
    ("struct s; union s;", 1, 17, "'s' is the tag of a struct, not of a union"),
    ("typedef int a; typedef long a;", 1, 29, "'a' is declared twice, as 'int' and 'long'"),
    ("typedef struct {int a;} S; typedef struct {long a;} S;", 1, 53, "twice, with different mem"),
    ("typedef int a[n];", 1, 15, "'n' is no constant"),
    ("int f(int) int g(int);", 1, 12, "unexpected 'int'"),
    ("int f(int x y);", 1, 13, "unexpected 'y'"),
    ("f(int);", 1, 1, "unknown type name 'f'"),
    ("int f(unit32_t);", 1, 7, "did you mean 'uint32_t'?"),
    ("typedef int x\nint y;", 2, 1, "unexpected 'int'"),
    ("int a;\n  #define X 3", 2, 3, "run the text through `cpp` first, or pass cpp=True"),
    ("#include <stdio.h>", 1, 1, "cpp=True"),
    ("int x; # 3", 1, 8, "unexpected '#'"),
    ("#pragma pack(push, a, 2)\n#pragma pack(pop, b)", 2, 1, "no '#pragma pack(push, b)' before"),
    ("#pragma pack(push, 2)\n#pragma pack(pop, 4)", 2, 1, "compilers do not agree on a '#pragma"),
    ("#pragma pack(3)\n", 1, 1, "this '#pragma pack' is not understood"),
    ("struct s { int x __attribute__((aligned(3))); };", 1, 41, "a power of two, not 3"),
    ("#pragma ms_struct on", 1, 1, "'#pragma ms_struct' is not supported"),
    ("int f(int) @", 1, 12, "unexpected '@'"),
    ("struct s { int x; ...; };", 1, 19, "'...' cannot stand for what is left out, as in cffi"),
    ("struct s { ...; };", 1, 12, "or have the header itself read by cpp="),
    ("enum e { A, ... };", 1, 13, "'...' cannot stand for"),
    ("typedef int... t;", 1, 12, "'...' cannot stand for"),
    ("enum e { A = ... };", 1, 14, "'...' cannot stand for"),
    ("struct s { int x[...]; };", 1, 18, "'...' cannot stand for"),
    ("int f(int, ..., int);", 1, 15, "unexpected ','"),
    ('extern "C" { int f(int); }', 1, 1, "'extern \"C\"' is C++: put it under '#ifdef __cpl"),
    ('extern "C" int f(int);', 1, 1, "__cplusplus', and give cpp=True"),
    ('extern "Python" int f(int);', 1, 1, "'extern \"Python\"' is cffi's: leave it out"),
    ('extern "Python+C" { int f(int); }', 1, 1, "'extern \"Python+C\"' is cffi's: leave it"),
    ("typedef union {int a;} S; typedef struct {int a;} S;", 1, 51, "with different members"),
    ("int f(struct s *s, int a[s->n]);", 1, 26, "a member of a struct cannot be part of"),
    ("int f(int *n, int a[2 + n[0]]);", 1, 25, "an item of an array cannot be part of"),
    ("typedef int T; enum e { T };", 1, 25, "unexpected 'T'"),
    ("typedef ;", 1, 9, "unexpected ';'"),
    ("typedef ; typedef float _Float32;", 1, 9, "unexpected ';'"),
    ("int WINAPI f(int);", 1, 5, "'WINAPI' is a macro, which cpp=True expands"),
    ("typedef int (CALLBACK *f)(int);", 1, 14, "'CALLBACK' is a macro"),
    ("int a[-1];", 1, 7, "an array cannot have -1 elements"),
    ("int f(void)[3];", 1, 1, "a function cannot return an array"),
    ('# 7 "x.h"\n\nint f(foo);', 8, 7, "line 8 of x.h, column 7: unknown type name 'foo'"),
]


@pytest.mark.parametrize(("text", "line", "column", "fragment"), INVALID)
def test_invalid(text: str, line: int, column: int, fragment: str) -> None:
    with pytest.raises(pytramp.DeclarationError) as caught:
        pytramp.cdef(text)
    message = str(caught.value)
    assert fragment in message
    assert f"line {line}" in message
    assert f", column {column}: " in message
    assert message.splitlines()[-1].index("^") - 4 + 1 == column
    start = text.rfind("\n", 0, (caught.value.column or 1) - 1) + 1
    assert caught.value.column == start + column


TWICE = [
    ("T *", "int *"),
    ("u8 P[4]", "unsigned char P[4]"),
    ("A *", "struct a *"),
    ("int (*P)(T)", "int (*P)(int)"),
    ("int P(int x[3])", "int P(int *)"),
    ("int P(FN f, const int n, AR a)", "int P(FN *, int, int *)"),
    ("C P", "const int P"),
    ("CA P", "const int P[2]"),
    ("C *(*P)(CA)", "const T *(*P)(const int *)"),
    ("E *", "enum e *"),
    ("T P[2][3]", "AR P[2]"),
    ("int P(int n, int x[n])", "T P(int m, T *x)"),
    ("const AR P", "const int P[3]"),
    ("const AR P", "int P[3]"),
    ("int P(const AR)", "int P(const int *)"),
    ("U *", "U *"),
    ("T *", "const int *"),
    ("T *", "unsigned *"),
    ("u8 P[4]", "unsigned char P[5]"),
    ("u8 P[4]", "unsigned char P[]"),
    ("T P[4]", "int *"),
    ("long P", "long long P"),
    ("char *", "signed char *"),
    ("A *", "struct b *"),
    ("A *", "union c *"),
    ("U *", "V *"),
    ("int P(int)", "int P(int, ...)"),
    ("int P(int)", "int P(int, int)"),
    ("int P(int)", "int P(long)"),
    ("int P(int *)", "int P(const int *)"),
    ("T P(void)", "long P(void)"),
    ("int *const P", "int *P"),
    ("int P(int (*)(T))", "int P(int (*)(long))"),
]
DECLARED = """
typedef int T; typedef unsigned char u8; typedef struct a A; typedef int FN(T); typedef T AR[3];
typedef const T C; typedef C CA[2]; typedef enum e { X } E; struct b; union c;
typedef struct { int x; } U; typedef struct { int x; } V;
"""


@pytest.mark.parametrize(("first", "second"), TWICE)
def test_typedefs_twice(first: str, second: str, tmp_path: Path) -> None:
    """They are taken where the compiler takes them."""
    native.need("gcc")
    texts = [text if "P" in text else f"{text}P" for text in (first, second)]
    source = DECLARED + "".join(f"typedef {text};\n" for text in texts)
    (tmp_path / "twice.c").write_text(source)
    command = ["gcc", "-w", "-fsyntax-only", tmp_path / "twice.c"]
    try:
        native.execute(command, env={"LD_PRELOAD": ""})
    except native.NativeError:
        with pytest.raises(pytramp.DeclarationError, match="'P' is declared twice, "):
            pytramp.cdef(source)
    else:
        assert "P" in pytramp.cdef(source)


def chain(levels: int, step: str) -> str:
    """step, with the number of the level before and its own."""
    steps = (step.format(i, i + 1) for i in range(levels))
    return f"typedef int (*t0)(int); typedef int f0(int); {' '.join(steps)}"


@pytest.mark.parametrize(
    "step",
    [
        "typedef int (*t{1})(t{0}, t{0}, t{0});",
        "typedef t{0} (*t{1})(t{0}, ...);",
        "typedef int f{1}(f{0} *, f{0}); typedef f{1} *t{1};",
        "typedef int (*t{1})(t{0}, t{0}, t{0}); struct s{1} {{ t{1} f, g; }};",
    ],
)
def test_a_function_pointer_many_times_in_others(step: str) -> None:
    """In time that grows with the levels, not with the places: those are 3 to the power of 30."""
    types = pytramp.cdef(chain(30, step))
    assert types.t30(lambda *args: 0)
    assert pytramp.Signature("void (t30, t30)", types=types)
    if "struct" in step:
        assert ctypes.sizeof(types.s30) == 2 * tools.WORD // 8


@pytest.mark.parametrize("step", ["typedef int (*t{1})(t{0});", "typedef t{0} *t{1};"])
def test_a_long_chain_of_pointers(step: str) -> None:
    types = pytramp.cdef(chain(3000, step) + "struct s { t3000 f; t20 g; };")
    assert pytramp.Signature("void (t20)", types=types)
    with pytest.raises(pytramp.UnsupportedTypeError, match="are nested too deeply"):
        pytramp.Signature("void (t3000)", types=types)
    assert ctypes.sizeof(types.s) == 2 * tools.WORD // 8


def test_typedefs_twice_through_long_chains() -> None:
    """In time that grows with the levels: there are two chains, of other names."""
    step = "typedef int (*t{1})(t{0}, t{0}, t{0}); typedef int (*u{1})(u{0}, u{0}, u{0});"
    text = "typedef int (*u0)(int);" + chain(30, step)
    assert "P" in pytramp.cdef(f"{text} typedef t30 *P; typedef u30 *P;")
    with pytest.raises(pytramp.DeclarationError, match="twice"):
        pytramp.cdef(f"{text} typedef t30 *P; typedef u29 *P;")


def test_deep_nesting_is_an_error() -> None:
    for text in (
        "struct s { " * 1000 + "int x;" + " };" * 1000,
        "enum { A = " + "(" * 500 + "1" + ")" * 500 + " };",
        "enum { A = " + "-" * 5000 + "1 };",
        "int f(" * 500 + "int" + ")" * 500 + ";",
    ):
        with pytest.raises(pytramp.DeclarationError, match=r"nested too deeply|unexpected"):
            pytramp.cdef(text)


def test_deep_types_are_refused_or_read() -> None:
    """Chains of declarations are no nesting of text."""
    chains = {
        "struct": [f"struct s{i} {{ struct s{i - 1} x; }};" for i in range(1, 3000)],
        "typedef": [f"typedef t{i - 1} t{i};" for i in range(1, 3000)],
        "pointer": [f"typedef t{i - 1} *t{i};" for i in range(1, 3000)],
        "enum": [f"enum {{ E{i} = E{i - 1} + 1 }};" for i in range(1, 3000)],
    }
    for lines in chains.values():
        start = "struct s0 { int x; }; typedef int t0; enum { E0 };"
        types = pytramp.cdef(start + "".join(lines))
        last = list(types)[-1]
        try:
            types[last]
            pytramp.Signature(f"int ({last})", types=types)
        except (pytramp.UnsupportedTypeError, pytramp.DeclarationError):
            pass


# ---- The preprocessor ----


def test_cpp() -> None:
    tools.need("cc")
    text = '#include <stdint.h>\n#define N 3\n#define M (N + 1) * 2\n#define TEXT "x"\n'
    types = pytramp.cdef(text + "struct s { uint16_t x[N]; };", cpp=True)
    assert ctypes.sizeof(types.s) == 6
    assert (types.N, types.M) == (3, 8)
    assert types.INT16_MAX == 32767
    assert not hasattr(types, "TEXT")
    assert "N" not in dir(types)


MACROS = """
#define PLUS(a, b) ((a) + (b))
#define PASTE(a, b) a ## b
#define DEEPER(a, b) PASTE(a, b)
#define LONG(c) c ## UL
#define FIRST(a, ...) a
#define REST(a, ...) PLUS(__VA_ARGS__)
#define NAMED(a, rest...) (a + 0 rest)
#define NOTHING()  7
#define EMPTY
#define SIZE(type) (sizeof(type) * 3)
#define TEXT(x) #x
#define SELF(x) SELF(x)
#define EIGHT PLUS(PLUS(1, 2), PASTE(, 5))
#define BIG LONG(18446744073709551615)
#define NINE 9
#define PASTED DEEPER(NI, NE)
#define PAINTED DEEPER(EI, GHT)
#define ONE FIRST(1, 2, 3)
#define FIVE REST(1, 2, 3)
#define SIX NAMED(4, + 2)
#define SEVEN NOTHING ()
#define OF_TYPE SIZE(struct s)
#define COMMA FIRST((2, 3), 4)
#define MINUS -PLUS(EMPTY 1, 2)
#define NO_CALL PLUS
#define TOO_FEW PLUS(1)
#define OPEN PLUS(1, 2
#define STRING TEXT(1)
#define ENDLESS SELF(1)
#define NO_TOKEN PASTE(+, 1)
#define É 9
struct s { int x[2]; };
"""


def test_macros_with_arguments() -> None:
    tools.need("cc")
    types = pytramp.cdef(MACROS, cpp=True)
    values = {"EIGHT": 8, "BIG": 2**64 - 1, "PASTED": 9, "ONE": 1, "FIVE": 5, "SIX": 6}
    values |= {"SEVEN": 7, "OF_TYPE": 24, "MINUS": -3, "É": 9}
    assert {name: getattr(types, name) for name in values} == values
    others = ["PLUS", "NO_CALL", "TOO_FEW", "OPEN", "STRING", "ENDLESS", "NO_TOKEN", "PAINTED"]
    assert not [name for name in others if hasattr(types, name)]


@pytest.mark.parametrize(
    ("text", "options", "compiler", "said"),
    [
        ("int x; // \ud800", True, "cc", "line 1, column 11: unexpected character U+D800"),
        ("int x;", ["-DX=\0"], "cc", "'-DX=\\x00' cannot be an option"),
        pytest.param(
            *("int x;", ["\ud800"], "cc", "'\\ud800' cannot be an option"),
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows takes such words"),
        ),
        ("int x;", True, '"', "CC is '\"', which is no command: No closing quotation"),
    ],
)
def test_what_no_compiler_can_be_given(
    text: str, options: Any, compiler: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(pytramp.DeclarationError, match=re.escape(said)):
        pytramp.cdef(text, cpp=options)


def test_cpp_options(tmp_path: Any) -> None:
    tools.need("cc")
    (tmp_path / "mine.h").write_text("typedef int mine[N];\n")
    types = pytramp.cdef("#include <mine.h>\n", cpp=[f"-I{tmp_path}", "-DN=5"])
    assert ctypes.sizeof(types.mine) == 20
    with pytest.raises(TypeError, match=r"cpp= is True, False or a list"):
        pytramp.cdef("", cpp=[3])  # type: ignore[list-item]


def test_the_compilers_words_are_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tools.need("cc")
    with pytest.raises(pytramp.DeclarationError, match=r"no_such_file\.h"):
        pytramp.cdef("#include <no_such_file.h>\n", cpp=True)
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(pytramp.DeclarationError, match=r"no C compiler to run 'no-such-compiler'"):
        pytramp.cdef("int f(int);", cpp=True)


def test_the_line_is_that_of_the_file(tmp_path: Any) -> None:
    tools.need("cc")
    (tmp_path / "bad.h").write_text("/* one\n two */\n\nint f(foo x);\n")
    with pytest.raises(pytramp.DeclarationError, match=r"line 4 of .*bad\.h, column 7: unknown"):
        pytramp.cdef("#include <bad.h>\n", cpp=[f"-I{tmp_path}"])


# ---- Lightness ----


def test_what_is_imported() -> None:
    code = (
        "import sys, pytramp; pytramp.cdef; before = set(sys.modules);"
        "types = pytramp.cdef('struct s { int x; };');"
        "print({'ctypes', 'cffi', 'numpy'} & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_incomplete_types_have_no_instances() -> None:
    """C would write beyond their zero bytes; Pointers to them are as good as any."""
    types = pytramp.cdef(
        "typedef struct stream stream; struct holder { stream *p; };"
        "struct wide { int _fields_; }; struct user { struct wide *p; };"
    )
    with pytest.raises(TypeError, match="'struct stream' is incomplete: its members are not known"):
        types.stream()
    with pytest.raises(TypeError, match=r"member wide\._fields_: a ctypes class"):
        types.user.p.__get__(types.user())._type_()
    memory = ctypes.create_string_buffer(16)
    holder = types.holder(ctypes.cast(memory, ctypes.POINTER(types.stream)))
    assert ctypes.addressof(holder.p.contents) == ctypes.addressof(memory)
    cb = pytramp.callback("stream *(stream *)", lambda p: p, types=types)
    call = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(cb.address)
    assert call(memory) == ctypes.addressof(memory)


def test_calls_of_macros_within_calls() -> None:
    """Each argument is expanded once, however often the body has it."""
    deep = "D(" * 15 + ")" * 15
    macros = {"D": Macro(("x",), "x x"), "N": Macro(None, f"1 {deep}")}
    looked_up: list[str] = []

    def find(word: str) -> Macro | None:
        looked_up.append(word)
        return macros.get(word)

    assert [token.text for token in expanded("N", find)] == ["1"]
    assert len(looked_up) < 1000


def test_keywords_that_a_header_declares() -> None:
    """glibc's headers as clang reads them, and as C++ compilers do."""
    types = pytramp.cdef(
        "typedef float _Float32;\n"
        "typedef double _Float64x;\n"
        "typedef long double _Float128; typedef __float128 _Float128;\n"
        "_Float32 f(_Float32 x);\n"
    )
    assert types.f.result == pytramp.Signature("_Float32 (void)").result
    with pytest.raises(pytramp.DeclarationError, match="column 9"):
        pytramp.cdef("typedef int float;")


def test_headers_as_clang_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    tools.need("clang")
    monkeypatch.setenv("CC", "clang")
    types = pytramp.cdef("#include <stdlib.h>\n#include <math.h>\n", cpp=True)
    assert types.qsort.result == pytramp.Signature("void (void)").result


@pytest.mark.skipif(tools.WORD == 32, reason="C has no such type")
def test_what_is_too_large_to_be_passed() -> None:
    types = pytramp.cdef("struct s { int a[1 << 30][1 << 30]; };")
    assert pytramp.Pointer("struct s *", bytearray(8), types=types)
    with pytest.raises(pytramp.UnsupportedTypeError, match="'struct s': sizes add up to more than"):
        pytramp.Signature("void (struct s)", types=types)


def test_classes_without_members() -> None:
    types = pytramp.cdef("struct unknown; struct none {};")
    with pytest.raises(pytramp.UnsupportedTypeError, match="'struct unknown' is incomplete"):
        pytramp.Signature.from_types(None, types["struct unknown"])
    assert str(pytramp.Signature.from_types(None, types["struct none"])) == "void (struct none)"
