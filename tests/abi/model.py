"""What the generator knows of C types and signatures: names, rough sizes, members.

Sizes computed here only steer the choice: the compiler says what is true.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_ARGUMENTS = 40
CONVENTIONS = ["plain", "stdcall", "fastcall", "thiscall", "ms_abi"]
MAX_SIZE = 64


@dataclass(frozen=True)
class Scalar:
    spelling: str
    shape: str
    size: int
    kind: str  # "integer", "float", "list", or "memory" for what never shares a register

    @property
    def alignment(self) -> int:
        return self.size // 2 if self.spelling.startswith("_Complex") else self.size


@dataclass(frozen=True)
class Member:
    type: Type
    count: int = 0  # elements of an array, 0 for no array
    aligned: int = 0  # an attribute
    bits: int | None = None  # of a bit-field
    named: bool = True  # only a bit-field may be without a name

    @property
    def is_bits(self) -> bool:
        return self.bits is not None

    @property
    def is_unnamed(self) -> bool:
        """A bit-field that takes up room and has no name; zero-width ones take none."""
        return not self.named and bool(self.bits)


@dataclass(frozen=True)
class Aggregate:
    spelling: str  # "struct s3_0"
    members: tuple[Member, ...]
    pack: int = 0
    packed: bool = False  # spelled as an attribute instead of a pragma
    aligned: int = 0
    layout: bool = False  # to be built by pytramp_type_layout

    @property
    def shape(self) -> str:
        return self.spelling.split()[1]

    @property
    def is_union(self) -> bool:
        return self.spelling.startswith("union")

    @property
    def has_bits(self) -> bool:
        return any(m.is_bits for m in self.members)

    @property
    def has_value(self) -> bool:
        """Whether anything in it but unnamed bit-fields can be read."""
        return any(_has_value(m) for m in self.members)

    @property
    def realigned(self) -> bool:
        """An attribute says how."""
        return bool(self.aligned or any(m.aligned for m in self.members))

    @property
    def only_layout(self) -> bool:
        """Nothing else of pytramp.h can say this alignment, or where bit-fields are."""
        return self.realigned or self.has_bits

    @property
    def alignment(self) -> int:
        named = (self.member_alignment(m) for m in self.members if m.named)
        return max([1, self.aligned, *named])

    @property
    def size(self) -> int:
        bits = end = 0
        for m in self.members:
            start = self._start(m, 0 if self.is_union else bits)
            bits = start + (m.type.size * 8 * (m.count or 1) if m.bits is None else m.bits)
            end = max(end, bits)
        return round_up(round_up(end, 8) // 8, self.alignment)

    def _start(self, m: Member, at: int) -> int:
        """The first bit of a member at bit `at` or later."""
        unit = 8 * self.member_alignment(m)
        if m.bits is None or m.bits == 0:
            return round_up(at, 8 * m.type.alignment if m.bits == 0 else unit)
        if self.pack or at % unit + m.bits <= 8 * m.type.size:
            return at  # any #pragma pack lets bit-fields straddle units, as packed does
        return round_up(at, unit)

    def member_alignment(self, m: Member) -> int:
        natural = max(m.type.alignment, m.aligned)
        return min(natural, self.pack) if self.pack else natural


Type = Scalar | Aggregate


def _has_value(m: Member) -> bool:
    if isinstance(m.type, Aggregate):
        return m.type.has_value
    return m.named


@dataclass
class Signature:
    number: int
    result: Type | None
    arguments: list[Type]
    aggregates: list[Aggregate] = field(default_factory=list)  # inner ones first
    variadic: bool = False
    extra: list[Type] = field(default_factory=list)  # what "..." or VA_LIST stands for
    convention: str = "plain"  # of CONVENTIONS, where the compiler has them

    @property
    def values(self) -> list[tuple[str, Type]]:
        """Every value that a caller passes, by the name of its variable; a va_list is none."""
        named = [(f"a{i}", kind) for i, kind in enumerate(self.arguments) if kind != VA_LIST]
        return named + [(f"x{i}", kind) for i, kind in enumerate(self.extra)]

    @property
    def list_at(self) -> int | None:
        """Which argument is a va_list."""
        return self.arguments.index(VA_LIST) if VA_LIST in self.arguments else None


def round_up(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment


BOOL = Scalar("_Bool", "bool", 1, "integer")
CHAR = Scalar("char", "char", 1, "integer")
SHORT = Scalar("short", "short", 2, "integer")
INT = Scalar("int", "int", 4, "integer")
UINT = Scalar("unsigned int", "unsigned_int", 4, "integer")
LONG = Scalar("long", "long", 8, "integer")
POINTER = Scalar("void *", "pointer", 8, "integer")
INT128 = Scalar("__int128", "int128", 16, "integer")
UINT128 = Scalar("unsigned __int128", "unsigned_int128", 16, "integer")
FLOAT16 = Scalar("_Float16", "float16", 2, "float")
FLOAT = Scalar("float", "float", 4, "float")
DOUBLE = Scalar("double", "double", 8, "float")
LONG_DOUBLE = Scalar("long double", "long_double", 16, "memory")
COMPLEX_FLOAT = Scalar("_Complex float", "complex_float", 8, "float")
COMPLEX_DOUBLE = Scalar("_Complex double", "complex_double", 16, "float")
COMPLEX_LONG_DOUBLE = Scalar("_Complex long double", "complex_long_double", 32, "memory")
VA_LIST = Scalar("va_list", "va_list", 8, "list")  # as an argument: the array decays

NARROW = [
    BOOL,
    CHAR,
    Scalar("signed char", "signed_char", 1, "integer"),
    Scalar("unsigned char", "unsigned_char", 1, "integer"),
    SHORT,
    Scalar("unsigned short", "unsigned_short", 2, "integer"),
    Scalar("char16_t", "char16_t", 2, "integer"),
    INT,
    UINT,
    Scalar("enum colour", "colour", 4, "integer"),
    Scalar("wchar_t", "wchar_t", 4, "integer"),
    Scalar("char32_t", "char32_t", 4, "integer"),
]
WORDS = [
    LONG,
    Scalar("unsigned long", "unsigned_long", 8, "integer"),
    Scalar("long long", "long_long", 8, "integer"),
    Scalar("unsigned long long", "unsigned_long_long", 8, "integer"),
    POINTER,
]
INTEGERS = NARROW + WORDS
BIT_FIELDS = [kind for kind in INTEGERS if kind is not POINTER]
FLOATS = [FLOAT, DOUBLE, COMPLEX_FLOAT, COMPLEX_DOUBLE]
WIDE = [INT128, UINT128, LONG_DOUBLE, COMPLEX_LONG_DOUBLE]
SCALARS: list[Type] = [*INTEGERS, FLOAT16, *FLOATS, *WIDE]

# What default argument promotions leave as it is: these may stand for "...".
PROMOTED: list[Type] = [INT, UINT, *WORDS, DOUBLE, FLOAT16, COMPLEX_FLOAT, COMPLEX_DOUBLE, *WIDE]
