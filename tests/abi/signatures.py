"""Random signatures, and the filters that keep from a compiler what it does wrong or lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from abi.aggregates import Aggregates
from abi.model import (
    COMPLEX_DOUBLE,
    COMPLEX_FLOAT,
    COMPLEX_LONG_DOUBLE,
    CONVENTIONS,
    DOUBLE,
    FLOAT,
    FLOAT16,
    FLOATS,
    INT128,
    INTEGERS,
    LONG_DOUBLE,
    MAX_ARGUMENTS,
    PROMOTED,
    SCALARS,
    UINT128,
    VA_LIST,
    WIDE,
    Aggregate,
    Member,
    Scalar,
    Signature,
    Type,
)


def _argument_picker(random: Random, pool: Sequence[Aggregate]) -> Callable[[], Type]:
    """One of several habits; each makes another edge of the calling convention likely."""
    small = [a for a in pool if 8 < a.size <= 16] or list(pool)
    # Six or eight integer and eight vector registers: the first arguments nearly use them up.
    start: list[Type] = []
    integers, floats = random.choice([4, 5, 5, 6, 7, 7, 8]), random.choice([5, 6, 7, 7, 8, 9])
    habit = random.choice(["any", "integers", "floats", "both", "aggregates", "stack"])
    if habit in ("integers", "both"):
        start += [random.choice(INTEGERS) for _ in range(integers)]
    if habit in ("floats", "both"):
        start += [random.choice([FLOAT, DOUBLE]) for _ in range(floats)]
    if habit == "both":
        random.shuffle(start)
    chances = {"any": 0.35, "aggregates": 0.85, "stack": 0.4}
    share = chances.get(habit, 0.6)
    halves = [FLOAT16] * random.choice([0, 0, 0, 2])

    def pick() -> Type:
        if start:
            return start.pop()
        if pool and random.random() < share:
            return random.choice(small if random.random() < 0.5 else pool)
        if habit == "stack" and random.random() < 0.5:  # 16-byte alignment beside odd eightbytes
            return random.choice(WIDE)
        return random.choice([*INTEGERS, *FLOATS, *FLOATS, *WIDE, *halves])

    return pick


def _promote(random: Random, kind: Type) -> Type:
    """kind, or where "..." would change it something that it would not."""
    if isinstance(kind, Aggregate) or kind in PROMOTED:
        return kind
    return DOUBLE if kind == FLOAT else random.choice(PROMOTED[:7])


def _add_extra(random: Random, s: Signature, pick: Callable[[], Type]) -> None:
    """Makes some signatures variadic and gives others a va_list."""
    chance = random.random()
    if chance > 0.3:
        return
    if chance < 0.2 and s.arguments:
        s.variadic = True
        del s.arguments[random.choice([1, 2, 5, 20]) :]
    else:
        del s.arguments[random.choice([0, 2, 6, 20]) :]
        s.arguments.insert(random.randint(0, len(s.arguments)), VA_LIST)
    low, high = random.choice([(0, 2), (1, 6), (4, 12), (10, 19)])
    s.extra = [_promote(random, pick()) for _ in range(random.randint(low, high))]
    if s.extra and random.random() < 0.15:
        s.extra[random.randrange(len(s.extra))] = FLOAT16


def signature(seed: int, number: int) -> Signature:
    """Signature number of this seed."""
    random = Random(f"{seed}:{number}")
    types = Aggregates(random, number)
    pool = [types.aggregate() for _ in range(random.choice([0, 1, 2, 3, 4]))]
    pick = _argument_picker(random, pool)
    low, high = random.choice([(0, 3), (4, 9), (8, 16), (12, 20), (16, 28), (24, MAX_ARGUMENTS)])
    arguments = [pick() for _ in range(random.randint(low, high))]
    result: Type | None = random.choice(SCALARS)
    while result == FLOAT16 and random.random() < 0.7:  # rarer: some compilers lack it
        result = random.choice(SCALARS)
    chance = random.random()
    if chance < 0.1:
        result = None
    elif chance < 0.6:
        result = random.choice(pool) if pool else types.aggregate()
    made = Signature(number, result, arguments)
    _add_extra(random, made, _argument_picker(random, pool))
    made.aggregates = _used(types.made, made)
    made.convention = Random(f"{seed}:{number}:convention").choice(CONVENTIONS)
    return made


def _used(made: Sequence[Aggregate], s: Signature) -> list[Aggregate]:
    names: set[str] = set()

    def visit(kind: Type) -> None:
        if isinstance(kind, Aggregate) and kind.spelling not in names:
            names.add(kind.spelling)
            for m in kind.members:
                visit(m.type)

    for kind in [*s.arguments, *s.extra, *([s.result] if s.result else [])]:
        visit(kind)
    return [a for a in made if a.spelling in names]


# ---- Filters ----

Filter = Callable[[Signature], bool]


def everything(s: Signature) -> bool:
    return True


def scalars(s: Signature) -> Iterator[Type]:
    """Those passed, returned or within an aggregate that is."""
    yield from [*s.arguments, *s.extra, *([s.result] if s.result else [])]
    for a in s.aggregates:
        yield from (m.type for m in a.members)


def without_float16(s: Signature) -> bool:
    """For compilers that lack the type on this CPU."""
    return FLOAT16 not in scalars(s)


def with_bits_within(sizes: Mapping[str, int]) -> Filter:
    """For machines where types of these spellings have another size than model.py thinks."""

    def fits(m: Member) -> bool:
        return m.bits is None or m.bits <= 8 * sizes.get(m.type.spelling, m.type.size)

    return lambda s: all(fits(m) for a in s.aggregates for m in a.members)


def without_int128(s: Signature) -> bool:
    """For 32-bit CPUs, whose compilers lack the type."""
    return not any(kind in (INT128, UINT128) for kind in scalars(s))


# What fastcall and thiscall have registers for on i386: how many words a type is.
_TWO_WORDS = ("long long", "unsigned long long")


def _is_word(kind: Type) -> bool:
    integer = isinstance(kind, Scalar) and kind.kind in ("integer", "list")
    return integer and kind.spelling not in _TWO_WORDS


def _by_address(result: Type | None) -> bool:
    if isinstance(result, Scalar):
        return result.spelling.startswith("_Complex") and result != COMPLEX_FLOAT
    return result is not None


def _is_disputed_fastcall(s: Signature) -> bool:
    left, disputed = 2 - _by_address(s.result), False
    for kind in s.arguments:
        if _is_word(kind):
            if left and disputed:
                return True
            left -= left > 0
        elif kind.spelling in _TWO_WORDS:
            left = 0
        elif kind.size and kind not in (FLOAT, DOUBLE, FLOAT16):
            disputed = True
    return False


def _is_disputed_thiscall(s: Signature) -> bool:
    first = next((kind for kind in s.arguments if kind.size), None)
    return _by_address(s.result) or not (first is None or _is_word(first))


def without_disputed_registers(s: Signature) -> bool:
    """For i386, where compilers do not agree what an argument on the stack leaves of the registers
    of fastcall, unless it is a float, a double or a long long, nor on thiscall where its first
    argument is no word or its result in memory, nor on either with "...". cdecl_x86.c refuses all
    that."""
    if s.convention not in ("fastcall", "thiscall"):
        return True
    if s.variadic:
        return False
    return not (_is_disputed_fastcall if s.convention == "fastcall" else _is_disputed_thiscall)(s)


# What is aligned to 8 on 32-bit Arm, where a long and a pointer are not.
_DOUBLE_WORDS = (*_TWO_WORDS, "double", "long double", "_Complex double", "_Complex long double")


def _is_double_word(kind: Type) -> bool:
    if isinstance(kind, Scalar):
        return kind.spelling in _DOUBLE_WORDS
    aligned = (_is_double_word(m.type) or m.aligned > 4 for m in kind.members)
    return kind.aligned > 4 or (kind.pack in (0, 8) and any(aligned))


def _is_unexplained(kind: Type) -> bool:
    if isinstance(kind, Scalar) or not _is_double_word(kind):
        return False
    return not any(_is_double_word(m.type) for m in kind.members if not m.is_bits)


def without_unexplained_alignment(s: Signature) -> bool:
    """For 32-bit Arm, where an alignment that a member has by attribute, or a bit-field by its
    type, counts, and one that the whole struct has does not. pytramp_type_layout is not told which
    it is, and csrc/abi/aapcs32.c refuses to pass such a struct."""
    return not any(map(_is_unexplained, [*s.arguments, *s.extra]))


def _is_all(kind: Type, scalars: Sequence[Type]) -> bool:
    if isinstance(kind, Scalar):
        return kind in scalars
    return all(_is_all(m.type, scalars) for m in kind.members)


def without_homogeneous_halves(s: Signature) -> bool:
    """For 32-bit Arm, where gcc takes structs of 1 to 4 _Float16 for candidates for VFP registers:
    the document says that their base type is a float or a double, and so does clang.
    csrc/abi/aapcs32.c refuses them."""
    values = [*s.arguments, *([s.result] if s.result else [])]
    structs = [kind for kind in values if isinstance(kind, Aggregate) and kind.size]
    return not any(_is_all(kind, [FLOAT16]) for kind in structs)


def without_packed_doubles(s: Signature) -> bool:
    """For clang on 32-bit Arm, which aligns a packed struct of doubles to 8 on the stack where it
    would fit VFP registers: rule C.2 goes by its own alignment."""
    doubles = [DOUBLE, LONG_DOUBLE, COMPLEX_DOUBLE, COMPLEX_LONG_DOUBLE]
    packed = [kind for kind in s.arguments if _is_packed(kind)]
    return not any(_is_all(kind, doubles) for kind in packed)


def without_packed_double_words(s: Signature) -> bool:
    """For gcc on 32-bit Arm, where bit-fields of a type that is aligned to 8 count so in a packed
    struct, too: it is passed as if it were aligned to 8."""

    def counts(kind: Type) -> bool:
        members = kind.members if isinstance(kind, Aggregate) and kind.pack in (1, 2, 4) else ()
        return any(m.is_bits and m.type.spelling in _TWO_WORDS for m in members)

    return not any(map(counts, [*s.arguments, *s.extra]))


def without_int128_arguments(s: Signature) -> bool:
    """For clang before 18, which splits an __int128 argument between r9 and the stack and puts it
    at odd eightbytes: against the psABI, gcc and later clang. And for clang on MIPS, which puts it
    behind an odd number of registers, as gcc does not."""
    return not any(a in (INT128, UINT128) for a in [*s.arguments, *s.extra])


def without_unnamed_bits(s: Signature) -> bool:
    """For two compilers of which one is a clang before 24.

    psABI 3.1.2 says that unnamed bit-fields do not affect an alignment, 3.2.3 that padding has
    NO_CLASS, and neither whether an unnamed bit-field is padding. gcc says no, its eightbytes are
    INTEGER (`struct { double d; int : 5; }` goes to xmm0 and rdi); clang said yes until it
    followed gcc in version 24. Zero-width ones in structs count for neither.
    """
    return not any(m.is_unnamed for a in s.aggregates for m in a.members)


def without_zero_width(s: Signature) -> bool:
    """For gcc before 12.1 on x86-64, where zero-width bit-fields counted in C, not in C++; for
    clang on RISC-V, where they count beside two other fields, as in gcc before 10, against the
    psABI; for clang before 15 on AArch64, to which `struct { float f; int : 0; }` is not all
    floats; for 32-bit Arm and 64-bit PowerPC, where no aggregate with one is homogeneous; and for
    s390x and MIPS, to which `struct { int : 0; float f; }` has two members: nothing tells pytramp
    of them."""
    return not any(m.bits == 0 for a in s.aggregates for m in a.members)


def without_over_aligned(s: Signature) -> bool:
    """For gcc on s390x, which puts a copy that it passes by its address at any multiple of 8."""
    asked = (m.aligned for a in s.aggregates for m in a.members)
    return max([0, *asked, *(a.aligned for a in s.aggregates)]) <= 8


def without_zero_width_in_unions(s: Signature) -> bool:
    """For gcc, which lets them count there: `union { int : 0; double d; }` goes to rdi."""
    return not any(m.bits == 0 for a in s.aggregates if a.is_union for m in a.members)


def without_packed_bits_in_unions(s: Signature) -> bool:
    """For gcc, which takes a bit-field of a union for a member of its type: where packing leaves
    that unaligned, the whole goes into memory. Bit-fields of structs do not matter so."""
    packed = any(a.pack for a in s.aggregates)
    return not (packed and any(a.is_union and a.has_bits for a in s.aggregates))


def _is_packed(kind: Type) -> bool:
    if not isinstance(kind, Aggregate):
        return False
    return bool(kind.pack) or any(_is_packed(m.type) for m in kind.members)


def without_packed_elements(s: Signature) -> bool:
    """For gcc, which looks at the first element of an array only: in `{ int; char; } [2]`, packed
    to 6 bytes each, the second int is not aligned, and the whole belongs into memory."""
    return not any(_is_packed(m.type) for a in s.aggregates for m in a.members if m.count > 1)


def without_valueless_arguments(s: Signature) -> bool:
    """For gcc on x86-64, which passes a struct of unnamed bit-fields alone like any other while
    registers last, and once they are used up passes nothing; and for clang on AArch64, which passes
    nothing where gcc passes what it passes for any other."""
    passed = [kind for kind in [*s.arguments, *s.extra] if isinstance(kind, Aggregate)]
    return all(kind.has_value or not kind.size for kind in passed)


def without_valueless_members(s: Signature) -> bool:
    """For clang on RISC-V and LoongArch, to which a struct of unnamed bit-fields alone is an empty
    one, though it has a size; to gcc it is an integer or more."""
    return all(a.has_value or not a.size for a in s.aggregates)


def _overreaches(a: Aggregate, smallest: int) -> bool:
    """Whether a bit-field's type may reach into another member, or beyond the end."""
    others = [m.type for m in a.members if not m.is_bits]
    has_floats = any(isinstance(k, Aggregate) or k.kind != "integer" for k in others)
    is_wide = any(m.is_bits and m.type.size > smallest for m in a.members)
    return a.has_bits and bool(a.pack or (is_wide and has_floats))


def without_overreaching_bits(s: Signature) -> bool:
    """For clang on the same two, which takes all of a bit-field's type for its place: of
    `{ float f; unsigned long long n : 17; }` it passes no n at all, on either side. Structs of
    integers alone are passed as the bytes that they are."""
    members = [m.type for a in s.aggregates for m in a.members]
    if all(isinstance(kind, Aggregate) or kind.kind == "integer" for kind in members):
        return True
    smallest = 2 if FLOAT16 in members else 4
    return not any(_overreaches(a, smallest) for a in s.aggregates)


def without_half_members(s: Signature) -> bool:
    """For clang before Zfh was ratified, which passed _Float16 in vector registers, but not structs
    of it."""
    return not any(m.type == FLOAT16 for a in s.aggregates for m in a.members)


def _has_unnamed_bits(kind: Type) -> bool:
    members = kind.members if isinstance(kind, Aggregate) else ()
    return any(m.is_unnamed or _has_unnamed_bits(m.type) for m in members)


def without_unnamed_extra(s: Signature) -> bool:
    """For clang before 24, whose va_arg looks elsewhere than its callers: it steps over structs of
    unnamed bit-fields alone, and reads `{ long : 64; float f; }` 8 bytes behind what xmm0 held."""
    return not any(map(_has_unnamed_bits, s.extra))


def without_small_extra(s: Signature) -> bool:
    """For clang before 16 on big-endian PowerPC: there va_arg reads an aggregate that is smaller
    than a doubleword from the beginning of it, where its callers put it at the end."""
    return not any(isinstance(kind, Aggregate) and kind.size < 8 for kind in s.extra)


def without_float_unions(s: Signature) -> bool:
    """For clang with PowerPC's ELF V1, which passes a union of a number alone as that number. gcc
    takes it for an integer; of unions the document says nothing."""
    return not any(a.is_union and _is_all(a, [*FLOATS, LONG_DOUBLE]) for a in s.aggregates)


def _has_float16(kind: Type) -> bool:
    members = kind.members if isinstance(kind, Aggregate) else ()
    return any(m.type == FLOAT16 or _has_float16(m.type) for m in members)


def _has_quad(kind: Type) -> bool:
    members = kind.members if isinstance(kind, Aggregate) else ()
    return kind in (LONG_DOUBLE, COMPLEX_LONG_DOUBLE) or any(_has_quad(m.type) for m in members)


def _has_packed_quad(kind: Type) -> bool:
    if not isinstance(kind, Aggregate):
        return False
    packed = bool(kind.pack) and _has_quad(kind)
    return packed or any(_has_packed_quad(m.type) for m in kind.members)


def without_packed_quads(s: Signature) -> bool:
    """For clang on AArch64, 14 at least, which aligns `struct { long double q; }` on the stack as
    if it were not packed; gcc and clang 22 do not."""
    return not any(map(_has_packed_quad, [*s.arguments, *s.extra]))


def without_extra_halves(s: Signature) -> bool:
    """For gcc on AArch64, whose va_arg stores what vector registers held through a pointer to
    __fp16, another type: from -O2 on the _Float16 in `struct { _Float16 h; }` is not there."""
    return not any(map(_has_float16, s.extra))


def _has_aligned_union(kind: Type) -> bool:
    if not isinstance(kind, Aggregate):
        return False
    own = kind.is_union and kind.alignment == 16
    return own or any(_has_aligned_union(m.type) for m in kind.members)


def without_extra_aligned_unions(s: Signature) -> bool:
    """For gcc, whose va_arg reads one that registers hold as if it had been saved at a multiple of
    16: `union { __int128 n; int i; }` behind an odd number of registers crashes at -O1."""
    return not any(_has_aligned_union(kind) for kind in s.extra)


def _bare(s: Signature) -> list[Type]:
    """What is passed or returned by itself, not within an aggregate."""
    return [*s.arguments, *s.extra, *([s.result] if s.result else [])]


def without_bare_complex(s: Signature) -> bool:
    """For clang on MIPS, which passes complex numbers as structs of two numbers, and as results in
    other registers: the document's rule for them fits no va_list, and gcc has a third one."""
    complex_types = (COMPLEX_FLOAT, COMPLEX_DOUBLE, COMPLEX_LONG_DOUBLE)
    return not any(kind in complex_types for kind in _bare(s))


def without_bare_float16(s: Signature) -> bool:
    """For Windows' convention, of which nobody has said where it puts one: gcc into a general
    register, clang into a vector register."""
    return FLOAT16 not in _bare(s)


def without_empty_results(s: Signature) -> bool:
    """For Windows' convention, which knows no empty struct: clang passes a pointer to make room for
    one, gcc does not."""
    return s.result is None or s.result.size > 0


def without_lists(s: Signature) -> bool:
    """Where a va_list is that of another convention, for which other filters would be needed; for
    "..." there are no closures then."""
    return not s.variadic and VA_LIST not in s.arguments


def without_bare_long_double(s: Signature) -> bool:
    """For clang, which only on Windows passes one by its address."""
    return not any(kind in (LONG_DOUBLE, COMPLEX_LONG_DOUBLE) for kind in _bare(s))


def both(*filters: Filter) -> Filter:
    return lambda s: all(accept(s) for accept in filters)


def choose(seed: int, first: int, count: int, accept: Filter = everything) -> list[Signature]:
    """The next count signatures from number first on that accept likes."""
    chosen: list[Signature] = []
    number = first
    while len(chosen) < count:
        candidate = signature(seed, number)
        if accept(candidate):
            chosen.append(candidate)
        number += 1
    return chosen
