"""Structs of cdef against the C compiler: sizes, offsets, bit-fields, and the ctypes classes."""

from __future__ import annotations

import copy
import ctypes
import functools
import itertools
import platform
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import native
import pytest
import tools

import pytramp
from pytramp import _layout
from pytramp.cdecl import fields, records
from pytramp.cdecl.members import _is_of_classes

# ---- Random structs ----

INTEGERS = ["char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned"]
INTEGERS += ["long", "unsigned long", "long long", "_Bool", "E", "S"]
BITS = {"char": 8, "signed char": 8, "unsigned char": 8, "short": 16, "unsigned short": 16}
LONG = 8 * ctypes.sizeof(ctypes.c_long)
BITS |= {"int": 32, "unsigned": 32, "long": LONG, "unsigned long": LONG, "long long": 64}
BITS |= {"_Bool": 1, "E": 32, "S": 32}
OTHERS = ["float", "double", "long double", "void *", "const char *", "int (*)(int)"]
PREAMBLE = """
typedef enum { EA, EB } E;
typedef enum { SA = -1, SB } S;
typedef int wide __attribute__((aligned(16)));
typedef long low __attribute__((aligned(2)));
"""


class Generator:
    """C text of random structs, and what to look at in each."""

    def __init__(self, seed: int, in_units: bool) -> None:
        self.in_units = in_units  # and no bit-field has an attribute
        self.random = random.Random(seed)
        self.structs: list[str] = []  # names of those that were made, for members
        self.count = 0
        self.is_packed = False  # within a #pragma pack

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def declared(self, type_: str, name: str) -> str:
        if type_ == "int (*)(int)":
            return f"int (*{name})(int)"
        return f"{type_} {name}"

    def attributes(self) -> str:
        words = []
        if not self.in_units and self.chance(0.3):
            words.append("packed")
        if self.chance(0.25):
            words.append(f"aligned({self.random.choice([1, 2, 4, 8, 16, 32])})")
        return f"__attribute__(({', '.join(words)}))" if words else ""

    def member_attributes(self, alignments: tuple[int, ...] = (1, 2, 4, 8, 16)) -> str:
        if self.chance(0.07):
            return " __attribute__((packed))"
        if self.chance(0.1) and alignments:
            return f" __attribute__((aligned({self.random.choice(alignments)})))"
        return ""

    def struct(self, depth: int = 0) -> tuple[str, list[tuple[str, str, int]]]:
        """(text between `struct` and the name, [(path, type, bits)])."""
        keyword = "union" if self.chance(0.15) else "struct"
        lines, paths = [], []
        has_bits = keyword == "struct" or not self.in_units  # test_unions_of_bit_fields_on_windows
        for _ in range(self.random.randint(1, 7)):
            text, inner = self.member(depth, has_bits)
            lines.append(text)
            paths += inner
        front = self.attributes() if self.chance(0.5) else ""
        back = "" if front else self.attributes()
        return f"{keyword} {front} {{ {' '.join(lines)} }} {back}", paths

    def member(self, depth: int, has_bits: bool) -> tuple[str, list[tuple[str, str, int]]]:
        self.count += 1
        name = f"m{self.count}"
        kind = self.random.random()
        if kind < 0.4 and has_bits:
            return self.bit_field(name)
        if kind < 0.5 and depth < 2:
            text, paths = self.struct(depth + 1)
            if self.chance(0.5):
                return f"{text};", paths
            return f"{text} {name}{self.member_attributes()};", [(name, "", 0)]
        if kind < 0.55 and self.structs:
            return f"{self.random.choice(self.structs)} {name};", [(name, "", 0)]
        # Where -mms-bitfields is given, clang ignores a type's lower alignment, gcc does not.
        special = ["wide"] if self.in_units else ["wide", "low"]
        type_ = self.random.choice([*INTEGERS, *OTHERS, *special])
        if kind < 0.65 and type_ not in ("wide", "int (*)(int)"):
            length = self.random.randint(0, 4)
            return f"{type_} {name}[{length}]{self.member_attributes()};", [(name, "", 0)]
        return f"{self.declared(type_, name)}{self.member_attributes()};", [(name, type_, 0)]

    def bit_field(self, name: str) -> tuple[str, list[tuple[str, str, int]]]:
        type_ = self.random.choice(INTEGERS)
        width = self.random.randint(0, BITS[type_])
        if self.chance(0.5):
            width = min(width, 9)
        if width == 0 or self.chance(0.1):
            return f"{type_} : {width};", []
        # GCC and clang do not agree on some: test_disputed_bit_fields_are_refused.
        attributes = ""
        if not self.in_units:
            attributes = self.member_attributes(() if self.is_packed else (8, 16))
        text = f"{type_} {name} : {width}{attributes};"
        return text, [(name, type_, width)]


def generate(
    seed: int, count: int, in_units: bool
) -> tuple[str, list[tuple[str, list[tuple[str, str, int]]]]]:
    """Declarations, and for each struct its name and members."""
    made = Generator(seed, in_units)
    text, structs = [PREAMBLE], []
    for number in range(count):
        pack = made.random.choice([1, 2, 4, 8]) if made.chance(0.15) else 0
        made.is_packed = pack > 0
        body, paths = made.struct()
        name = f"T{number}"
        text.append(f"#pragma pack(push, {pack})" if pack else "")
        text.append(f"typedef {body} {name};")
        text.append("#pragma pack(pop)" if pack else "")
        structs.append((name, paths))
        made.structs.append(name)
    return "\n".join(text), structs


def printer(text: str, structs: list[tuple[str, list[tuple[str, str, int]]]]) -> str:
    """A program that prints a line for each struct and member."""
    lines = ["#include <stdio.h>", "#include <stddef.h>", "#include <string.h>", text]
    lines += ["static void show(const void *p, size_t n) { const unsigned char *b = p;"]
    lines += ['while (n--) printf("%02x", *b++); printf("\\n"); }', ""]
    calls = []
    for name, members in structs:
        lines += [f"static void show_{name}(void) {{", f"  {name} t;"]
        lines += [f'  printf("%zu %zu\\n", sizeof(t), _Alignof({name}));']
        for member, type_, bits in members:
            if not bits:
                lines.append(f'  printf("%zu\\n", offsetof({name}, {member}));')
                continue
            lines.append(f"  memset(&t, 0, sizeof t); t.{member} = {all_ones(type_)};")
            lines.append("  show(&t, sizeof t);")
        lines.append("}")
        calls.append(f"show_{name}();")
    return "\n".join([*lines, "int main(void) {", *calls, "return 0; }"])


def all_ones(type_: str) -> str:
    return "1" if type_ == "_Bool" else f"({type_})-1"


def compiled(compiler: str, flags: Sequence[str], source: str, folder: Path) -> list[str]:
    """What the program prints, line by line."""
    program = native.executable(folder / "layout", compiler)
    (folder / "layout.c").write_text(source)
    command = [compiler, *flags, "-w", "-O0", "-std=gnu11", folder / "layout.c", "-o", program]
    native.execute(command, env={"LD_PRELOAD": ""})
    return subprocess.run(
        [program], capture_output=True, text=True, check=True, env={"LD_PRELOAD": ""}
    ).stdout.splitlines()


COUNT = 400


# Whether bit-fields are laid out as Microsoft does, and what a compiler is told for that.
KINDS = {"here": (_layout.IN_UNITS, tools.LONG_DOUBLE)}
if platform.machine() == "x86_64" and tools.WORD == 64:
    KINDS["windows"] = (True, ("-mms-bitfields",))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_structs(
    compiler: str, kind: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cdef's layout is the compiler's, and the ctypes classes are right or refused."""
    native.need(compiler, optional=compiler == "clang")
    in_units, flags = KINDS[kind]
    monkeypatch.setattr(_layout, "IN_UNITS", in_units)
    text, structs = generate(seed, COUNT, in_units)
    lines = iter(compiled(compiler, flags, printer(text, structs), tmp_path))
    types = pytramp.cdef(text)
    refused = 0
    for name, members in structs:
        record = types._scope.names[name].use.type  # type: ignore[union-attr]
        size, alignment = map(int, next(lines).split())
        wanted = (size, alignment)
        assert (record.layout.size, record.layout.alignment) == wanted, definition(text, name)
        cls = class_or_none(types, name)
        refused += cls is None
        for member, type_, bits in members:
            line = next(lines)
            if cls is not None:
                check_member(cls, member, type_, bits, line, text, name)
    assert refused <= COUNT // 20, f"{refused} of {COUNT} structs were refused"


def class_or_none(types: Any, name: str) -> Any:
    try:
        return getattr(types, name)
    except pytramp.UnsupportedTypeError:
        return None


def definition(text: str, name: str) -> str:
    """The lines around a struct, for a failure."""
    lines = text.splitlines()
    place = next(i for i, line in enumerate(lines) if line.endswith(f" {name};"))
    return "\n".join(lines[place - 1 : place + 1])


@functools.cache
def char_is_signed() -> bool:
    return bool(tools.library("int is_signed(void) { return (char)-1 < 0; }").is_signed())


def check_member(
    cls: Any, member: str, type_: str, bits: int, line: str, text: str, name: str
) -> None:
    what = f"{member} of\n{definition(text, name)}"
    if not bits:
        assert offset_of(cls, member) == int(line), what
        return
    value = cls()
    setattr(value, member, True if type_ == "_Bool" else -1)
    assert bytes(value).hex() == line, what
    is_signed = type_ in ("signed char", "short", "int", "long", "long long", "S")
    is_signed |= type_ == "char" and char_is_signed()
    assert getattr(value, member) == (-1 if is_signed else (1 << bits) - 1), what
    setattr(value, member, 0)
    assert not any(bytes(value)), what


def offset_of(cls: Any, member: str) -> int:
    """Through anonymous members, too, where ctypes gives the offset in the inner struct."""
    value = cls()
    field = getattr(cls, member)
    if member in [name for name, *_ in cls._fields_]:
        return int(field.offset)
    for outer in getattr(cls, "_anonymous_", ()):
        inner = type(getattr(value, outer))
        if hasattr(inner, member):
            return int(getattr(cls, outer).offset) + offset_of(inner, member)
    raise AssertionError(f"no {member} in {cls}")


PACKS = """
#pragma pack(push, a, 2)
#pragma pack(push, b, 1)
struct s0 { char c; double x; };
#pragma pack(pop, a)
struct s1 { char c; double x; };
#pragma pack(push, a, 2)
#pragma pack(push, a)
#pragma pack(push, 1)
#pragma pack(pop, a)
struct s2 { char c; double x; };
#pragma pack(pop)
struct s3 { char c; double x; };
#pragma pack(4)
#pragma pack(push, b, 2)
#pragma pack(1)
#pragma pack(push, 1)
#pragma pack(pop, b)
struct s4 { char c; double x; };
"""


def test_labels_of_packs(tmp_path: Path) -> None:
    """One that pops goes back to before the push that it names."""
    native.need("gcc")
    names = [f"s{number}" for number in range(5)]
    calls = " ".join(f'printf("%zu\\n", sizeof(struct {name}));' for name in names)
    source = f"#include <stdio.h>\n{PACKS}int main(void) {{ {calls} return 0; }}"
    wanted = list(map(int, compiled("gcc", (), source, tmp_path)))
    types = pytramp.cdef(PACKS)
    assert [ctypes.sizeof(types[name]) for name in names] == wanted
    assert wanted[0] < wanted[1]


# ---- Classes of ctypes, written by hand ----


class Flags(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int, 3), ("b", ctypes.c_uint, 20), ("x", ctypes.c_float)]


class Late(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("a", ctypes.c_ushort, 9), ("b", ctypes.c_ushort, 7)]


class Derived(Flags):
    _fields_ = [("c", ctypes.c_int, 5)]


HAND_WRITTEN = [
    (Flags, "struct { int a : 3; unsigned b : 20; float x; }", ["a", "b", "x"]),
    (Late, "struct { double x; unsigned short a : 9, b : 7; }", ["x", "a", "b"]),
    (Derived, "struct { int a : 3; unsigned b : 20; float x; int c : 5; }", ["a", "b", "x", "c"]),
]


@pytest.mark.parametrize(("cls", "definition", "names"), HAND_WRITTEN)
def test_bit_fields_by_value(cls: Any, definition: str, names: list[str]) -> None:
    """C calls with the struct and gets it back."""
    got = []
    closure = pytramp.Signature.from_types(cls, cls)(lambda value: got.append(value) or value)
    data = bytes(range(1, ctypes.sizeof(cls) + 1))
    back = cls.from_buffer_copy(tools.caller(definition)(closure, data))
    sent = cls.from_buffer_copy(data)
    for name in names:
        assert getattr(got[0], name) == getattr(sent, name) == getattr(back, name)


def test_bit_fields_that_c_places_elsewhere_are_refused() -> None:
    """Which ones ctypes places so depends on its version: none may pass that is not C's."""
    kinds = [ctypes.c_ubyte, ctypes.c_short, ctypes.c_int, ctypes.c_long]
    rng = random.Random(3)
    refused = 0
    for number in range(300):
        fields: list[Any] = []
        for place in range(rng.randint(1, 5)):
            kind = rng.choice(kinds)
            width = rng.randint(1, 8 * ctypes.sizeof(kind))
            fields.append((f"m{place}", kind, width) if rng.random() < 0.8 else (f"m{place}", kind))
        base = ctypes.Union if number % 4 == 0 else ctypes.Structure
        cls: Any = type(f"C{number}", (base,), {"_fields_": fields})
        try:
            pytramp.Signature.from_types(None, cls)
        except pytramp.UnsupportedTypeError as error:
            refused += 1
            assert str(error).partition(": ")[2].startswith(f"C{number}.m")  # noqa: PT017
            continue
        same = pytramp.cdef(c_text(cls, fields))["T"]
        assert ctypes.sizeof(same) == ctypes.sizeof(cls), fields
        for name, *_ in fields:
            first, second = same(), cls()
            setattr(first, name, -1)
            setattr(second, name, -1)
            assert bytes(first) == bytes(second), fields
    assert refused < 200


def c_text(cls: Any, fields: list[Any]) -> str:
    names = {ctypes.c_ubyte: "unsigned char", ctypes.c_short: "short", ctypes.c_int: "int"}
    members = "".join(
        f"{names.get(kind, 'long')} {name}{f' : {bits[0]}' if bits else ''}; "
        for name, kind, *bits in fields
    )
    keyword = "union" if issubclass(cls, ctypes.Union) else "struct"
    return f"typedef {keyword} {{ {members}}} T;"


def test_an_aligned_struct_inside_a_class_of_ctypes() -> None:
    """Until 3.12 ctypes cannot know the alignment: refused rather than misplaced."""
    inner = pytramp.cdef("typedef struct __attribute__((aligned(16))) { double x[4]; } T;").T

    class Outer(ctypes.Structure):
        _fields_ = [("n", ctypes.c_int), ("inner", inner)]

    if ctypes.alignment(inner) == 16:
        assert pytramp.Signature.from_types(None, Outer)
        return
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"Outer\.inner: ctypes does not know"):
        pytramp.Signature.from_types(None, Outer)


ALIGNED = """
typedef struct { double x[4]; } __attribute__((aligned(64))) vector;
typedef struct { char c; vector v; } holder;
typedef union { int n; vector v; } either;
typedef struct { char c; int n; } __attribute__((packed, aligned(32))) packed;
typedef struct { int id; char data[8] __attribute__((aligned(8))); } frame;
typedef struct { int n : 3; } __attribute__((aligned(8))) bits;
typedef struct { int n; } __attribute__((aligned(16))) small;
"""
ALIGNMENTS = {"vector": 64, "holder": 64, "either": 64, "packed": 32}
ALIGNMENTS |= {"small": 16, "frame": 8, "bits": 8}


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_instances_are_aligned(name: str) -> None:
    """However they are made; C may use instructions that need it."""
    types = pytramp.cdef(ALIGNED)
    cls = types[name]
    derived: Any = type("derived", (cls,), {})
    size = ctypes.sizeof(cls)
    data = bytes(range(size))
    made = [make() for make in (cls, derived) for _ in range(20)]
    copies = [each.from_buffer_copy(b"abc" + data, 3) for each in (cls, derived)]
    copies += [copy.copy(copies[0]), copy.copy(copies[1])]
    signature = pytramp.Signature(f"void (const {name} *p)", types=types)
    callback = signature(lambda p: copies.extend([p[0], p[0]]))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(callback.address)(ctypes.create_string_buffer(data))
    for value in made + copies:
        assert ctypes.addressof(value) % ALIGNMENTS[name] == 0
    assert all(bytes(value) == data for value in copies)
    assert [type(value) for value in copies] == [cls, derived, cls, derived, cls, cls]
    if ALIGNMENTS[name] <= ctypes.alignment(ctypes.c_longlong) or sys.version_info >= (3, 13):
        assert ctypes.alignment(cls) == ALIGNMENTS[name]


def test_unions_take_members_too() -> None:
    types = pytramp.cdef(
        # n, as compilers for Windows do not agree on unions of bit-fields alone
        "union u { long long a : 40; _Bool b : 1; long long n; } __attribute__((aligned(32)));"
    )
    assert (types.u(5).a, types.u(0, True).b, types.u(b=True).b) == (5, True, True)
    with pytest.raises(TypeError, match="too many initializers"):
        types.u(1, 1, 1, ())


def test_aligned_instances_take_members() -> None:
    types = pytramp.cdef(ALIGNED)
    value = types.holder(b"c", ((1, 2),))
    assert (value.c, list(value.v.x)) == (b"c", [1, 2, 0, 0])
    assert list(types.holder(v=value.v).v.x) == [1, 2, 0, 0]
    pointer = pytramp.Pointer(ctypes.POINTER(types.holder), value)
    pointer[0] = {"v": {"x": (3,)}}
    assert (value.c, list(value.v.x)) == (b"\0", [3, 0, 0, 0])
    with pytest.raises(TypeError):
        types.vector(1, 2)


LONG_LONG = ctypes.alignment(ctypes.c_longlong)

# (size, alignment) as gcc lays them out on x86, and on Arm.
UNNAMED = {
    "struct { char a; int : 5; }": ((2, 1), (4, 4)),
    "struct { char a; int : 0; char b; }": ((5, 1), (8, 4)),
    "struct { int : 0; char b; }": ((1, 1), (4, 4)),
    "union { char a; long long : 3; }": ((1, 1), (LONG_LONG, LONG_LONG)),
    "struct { char a; int : 5; } __attribute__((packed))": ((2, 1), (2, 1)),
    "struct { char a; int : 0; char b; } __attribute__((packed))": ((5, 1), (8, 4)),
}


@pytest.mark.parametrize("declared", UNNAMED)
@pytest.mark.parametrize("is_arm", [False, True])
def test_unnamed_bit_fields(declared: str, is_arm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They align the whole on Arm, those of no width even if it is packed."""
    monkeypatch.setattr(_layout, "_UNNAMED_COUNT", is_arm)
    monkeypatch.setattr(_layout, "IN_UNITS", False)
    types = pytramp.cdef(f"typedef {declared} t;")
    layout = types._scope.names["t"].use.type.layout  # type: ignore[union-attr]
    assert layout
    assert (layout.size, layout.alignment) == UNNAMED[declared][is_arm]


class PackedWide(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_longlong, 9)]


@pytest.mark.skipif(ctypes.alignment(ctypes.c_longlong) < 8, reason="long longs are not wide here")
@pytest.mark.parametrize("is_arm", [False, True])
def test_wide_bit_fields_that_are_packed(is_arm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 32-bit Arm GCC lets them raise the struct's alignment, clang does not."""
    monkeypatch.setattr(_layout, "_WORD", 4 if is_arm else 0)
    monkeypatch.setattr(_layout, "IN_UNITS", False)
    message = "do not agree on how to pass its packed bit-fields"
    for text in (
        "struct __attribute__((packed)) { int a; long long b : 9; }",
        "struct { int a; long long b : 9 __attribute__((packed)); }",
    ):
        types = pytramp.cdef(f"typedef {text} t;")
        if is_arm:
            with pytest.raises(pytramp.UnsupportedTypeError, match=message):
                pytramp.Signature("void (t)", types=types)
    if is_arm:
        with pytest.raises(pytramp.UnsupportedTypeError, match=f"PackedWide: .*{message}"):
            pytramp.Signature.from_types(None, PackedWide)
    narrow = pytramp.cdef("typedef struct { long long a : 9; } t;")
    assert pytramp.Signature("void (t)", types=narrow)


@pytest.mark.parametrize(("order", "data"), [("little", b"\xff\x03"), ("big", b"\xff\xc0")])
def test_bit_fields_of_either_order(
    order: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C begins with the high bits on big-endian machines; there this is tried with compilers."""
    monkeypatch.setattr(sys, "byteorder", order)
    field = fields.BitField(fields.Given("m", ctypes.c_int, 0, 10))
    memory = bytearray(4)
    field.__set__(memory, -1)
    assert memory == data + bytes(2)
    assert field.__get__(memory) == -1
    field.__set__(memory, 1)
    assert field.__get__(memory) == 1
    assert _layout.from_low_end(3, 4, 2) == (3 if order == "little" else 9)


@pytest.mark.parametrize("counts", [False, True])
def test_bit_fields_of_no_width_by_value(counts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On s390x and 64-bit PowerPC they decide about registers, in a member, too."""
    monkeypatch.setattr(records, "_ZERO_WIDTH_COUNTS", counts)
    types = pytramp.cdef("struct s { long x; int : 0; }; typedef struct { struct s s[2]; } t;")
    if counts:
        with pytest.raises(pytramp.UnsupportedTypeError, match="a bit-field of no width decides"):
            pytramp.Signature("void (t)", types=types)
    else:
        assert pytramp.Signature("void (t)", types=types)


class ByHand(ctypes.Union):
    _fields_ = [("a", ctypes.c_int, 9)]


@pytest.mark.skipif(ctypes.alignment(ctypes.c_double) < 8, reason="Windows' doubles have 8")
@pytest.mark.parametrize("text", ["int a : 9;", "int a : 9; short b;", "char c; long long : 3;"])
def test_unions_of_bit_fields_on_windows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For their alignment gcc looks at bit-fields, clang and Microsoft's compiler do not."""
    monkeypatch.setattr(_layout, "IN_UNITS", True)
    types = pytramp.cdef(f"union u {{ {text} }}; union v {{ {text} double x; }};")
    assert ctypes.sizeof(types.v) == ctypes.alignment(types.v) == 8
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"member u\..*: compilers do not agree"):
        _ = types.u
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"ByHand\.a: compilers do not agree"):
        pytramp.Signature.from_types(None, ByHand)
    packed = pytramp.cdef(f"#pragma pack(1)\nunion v {{ {text} double x; }};")
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"member v\..*: compilers do not agree"):
        _ = packed.v


@pytest.mark.parametrize(
    "text",
    [
        "struct s { int b : 9 __attribute__((aligned(8))); };",
        "struct s { int b : 9 __attribute__((packed)); };",
        "struct __attribute__((packed)) s { char c; int b : 9; };",
    ],
)
def test_attributes_of_bit_fields_on_windows(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_layout, "IN_UNITS", True)
    types = pytramp.cdef(text)
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"member s\.b: compilers do not"):
        _ = types.s


@pytest.mark.skipif(_layout.IN_UNITS, reason="test_attributes_of_bit_fields_on_windows")
def test_disputed_bit_fields_are_refused() -> None:
    """GCC and clang place them differently."""
    for text in (
        "#pragma pack(8)\nstruct s { char c; short b : 9 __attribute__((aligned(16))); };",
        "struct s { char c; long a : 12; int b : 9 __attribute__((aligned(1))); };",
    ):
        types = pytramp.cdef(text)
        with pytest.raises(pytramp.UnsupportedTypeError, match=r"member s\.b: compilers do not"):
            _ = types.s


ALIGNED_TYPES = [
    "typedef unsigned T __attribute__((aligned(8))); struct s { char p; T b : 20; };",
    "typedef char T __attribute__((aligned(4))); struct s { _Bool a : 1; T b : 3; };",
    "typedef short T __attribute__((aligned(1))); struct s { T b : 16; };",
    "typedef short T __attribute__((aligned(1))); typedef T U; struct s { char c; U b : 16; };",
]


@pytest.mark.parametrize("text", ALIGNED_TYPES)
@pytest.mark.parametrize("in_units", [False, True])
def test_bit_fields_of_aligned_types_are_refused(
    text: str, in_units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_layout, "IN_UNITS", in_units)
    types = pytramp.cdef(text)
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"member s\.b: compilers do not"):
        _ = types.s


def bit_fields_of_aligned_types() -> tuple[str, list[tuple[str, list[tuple[str, str, int]]]]]:
    """As generate() makes them: of all widths, alignments, attributes and neighbours."""
    text, structs = [], []
    types = [("_Bool", 1), ("char", 5), ("short", 9), ("short", 16), ("int", 20), ("int", 32)]
    attributes = ["", " __attribute__((packed))", " __attribute__((aligned(4)))"]
    neighbours = ["", "char p;", "unsigned p : 13;"]
    for (type_, bits), alignment, pack in itertools.product(types, (1, 2, 4, 8), (0, 1, 2)):
        kind = f"A{len(text)}"
        text.append(f"typedef {type_} {kind} __attribute__((aligned({alignment})));")
        text.append(f"#pragma pack({pack})" if pack else "#pragma pack()")
        for attribute, before in itertools.product(attributes, neighbours):
            name = f"T{len(structs)}"
            body = f"{{ {before} {kind} m : {bits}{attribute}; char q : 3; }}"
            text.append(f"typedef struct {body} {name};")
            structs.append((name, [("m", type_, bits)]))
    return "\n".join(text), structs


@pytest.mark.skipif(_layout.IN_UNITS, reason="all of them are refused")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_other_bit_fields_of_aligned_types(compiler: str, tmp_path: Path) -> None:
    """Those that are not refused are the compiler's."""
    native.need(compiler, optional=compiler == "clang")
    text, structs = bit_fields_of_aligned_types()
    lines = iter(compiled(compiler, (), printer(text, structs), tmp_path))
    types = pytramp.cdef(text)
    refused = 0
    for name, members in structs:
        wanted, line = next(lines), next(lines)
        cls = class_or_none(types, name)
        refused += cls is None
        if cls is not None:
            record = types._scope.names[name].use.type  # type: ignore[union-attr]
            assert f"{record.layout.size} {record.layout.alignment}" == wanted, definition(
                text, name
            )
            check_member(cls, *members[0], line, text, name)
    assert refused < len(structs) // 3


OWN_NAMES = ["_fields_", "_pack_", "_anonymous_", "__init__", "__class__", "from_buffer_copy"]


@pytest.mark.parametrize("name", OWN_NAMES)
def test_members_named_like_attributes_of_classes(name: str) -> None:
    """The class could not have both."""
    text = f"struct h {{ int a; int {name}; }}; struct around {{ struct h *p; }};"
    types = pytramp.cdef(text)
    with pytest.raises(pytramp.UnsupportedTypeError, match=rf"member h\.{name}: a ctypes") as error:
        _ = types.h
    assert error.value.column == text.index(name) + 1
    assert types.around().p is not None
    assert pytramp.Signature("void (struct h *)", types=types)


def test_all_attributes_of_classes_are_known() -> None:
    own = {*dir(ctypes.Structure), *dir(type(ctypes.Structure))} - {"mro"}
    assert {name for name in own if not _is_of_classes(name)} == set()


def test_members_named_like_padding() -> None:
    types = pytramp.cdef(
        "struct s { int _padding_1; char c; long long d __attribute__((aligned(32)));"
        " int _bits_2 : 3; struct { int n; }; int _anonymous_4; };"
    )
    value = types.s(1, b"c", 2, 3, (4,), 5)
    read = (value._padding_1, value.c, value.d, value._bits_2, value.n, value._anonymous_4)
    assert read == (1, b"c", 2, 3, 4, 5)
