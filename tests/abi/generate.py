"""Random C signatures as C source: the compiler calls, pytramp answers, every byte is compared.

    python tests/abi/generate.py --signatures 400 --seed 1 > cases.c      # only the source
    python tests/abi/run.py --signatures 400 --seed 1 --compiler clang    # and run it

For each signature the source holds its types; a caller that passes random values through a function
pointer of the real C type; a second caller that leaves garbage above narrow values and passes the
hidden result pointer by hand; and tables from which harness.c builds the same types and signature
through pytramp.h. With -DABI_CALLEES the same source holds the functions themselves instead: the
control experiment, compiled code on both sides.

Signature i of a seed is the same in every file that holds it, so a failure is repeated with
--first i --signatures 1. Sizes computed here only steer the choice: the compiler says what is true.
Left out: bit-fields, alignments above 16, variadic functions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

MAX_ARGUMENTS = 40
MAX_SIZE = 64


@dataclass(frozen=True)
class Scalar:
    spelling: str
    shape: str
    size: int
    kind: str  # "integer", "float", or "memory" for what never shares a register

    @property
    def alignment(self) -> int:
        return self.size // 2 if self.spelling.startswith("_Complex") else self.size


@dataclass(frozen=True)
class Member:
    type: Type
    count: int = 0  # elements of an array, 0 for no array
    aligned: int = 0  # an attribute


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
    def raised(self) -> bool:
        """Only a layout can say this alignment."""
        return bool(self.aligned or any(m.aligned for m in self.members))

    @property
    def alignment(self) -> int:
        return max([1, self.aligned, *(self.member_alignment(m) for m in self.members)])

    @property
    def size(self) -> int:
        end = 0
        for m in self.members:
            start = 0 if self.is_union else _round_up(end, self.member_alignment(m))
            end = max(end, start + m.type.size * (m.count or 1))
        return _round_up(end, self.alignment)

    def member_alignment(self, m: Member) -> int:
        natural = max(m.type.alignment, m.aligned)
        return min(natural, self.pack) if self.pack else natural


Type = Scalar | Aggregate


@dataclass
class Signature:
    number: int
    result: Type | None
    arguments: list[Type]
    aggregates: list[Aggregate] = field(default_factory=list)  # inner ones first


def _round_up(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment


BOOL = Scalar("_Bool", "bool", 1, "integer")
CHAR = Scalar("char", "char", 1, "integer")
SHORT = Scalar("short", "short", 2, "integer")
INT = Scalar("int", "int", 4, "integer")
LONG = Scalar("long", "long", 8, "integer")
POINTER = Scalar("void *", "pointer", 8, "integer")
INT128 = Scalar("__int128", "int128", 16, "integer")
UINT128 = Scalar("unsigned __int128", "unsigned_int128", 16, "integer")
FLOAT = Scalar("float", "float", 4, "float")
DOUBLE = Scalar("double", "double", 8, "float")
LONG_DOUBLE = Scalar("long double", "long_double", 16, "memory")
COMPLEX_FLOAT = Scalar("_Complex float", "complex_float", 8, "float")
COMPLEX_DOUBLE = Scalar("_Complex double", "complex_double", 16, "float")
COMPLEX_LONG_DOUBLE = Scalar("_Complex long double", "complex_long_double", 32, "memory")

NARROW = [
    BOOL,
    CHAR,
    Scalar("signed char", "signed_char", 1, "integer"),
    Scalar("unsigned char", "unsigned_char", 1, "integer"),
    SHORT,
    Scalar("unsigned short", "unsigned_short", 2, "integer"),
    Scalar("char16_t", "char16_t", 2, "integer"),
    INT,
    Scalar("unsigned int", "unsigned_int", 4, "integer"),
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
FLOATS = [FLOAT, DOUBLE, COMPLEX_FLOAT, COMPLEX_DOUBLE]
WIDE = [INT128, UINT128, LONG_DOUBLE, COMPLEX_LONG_DOUBLE]
SCALARS: list[Type] = [*INTEGERS, *FLOATS, *WIDE]

# What one eightbyte of a struct may hold, by the register class it asks for.
INTEGER_EIGHTBYTES: list[list[Member]] = [
    [Member(LONG)],
    [Member(POINTER)],
    [Member(INT), Member(INT)],
    [Member(CHAR, 8)],
    [Member(SHORT, 4)],
    [Member(FLOAT), Member(INT)],
    [Member(INT), Member(FLOAT)],
    [Member(CHAR), Member(SHORT), Member(FLOAT)],
    [Member(BOOL), Member(INT)],
]
FLOAT_EIGHTBYTES: list[list[Member]] = [
    [Member(DOUBLE)],
    [Member(FLOAT), Member(FLOAT)],
    [Member(FLOAT, 2)],
    [Member(COMPLEX_FLOAT)],
]
SHORT_TAILS: list[list[Member]] = [
    [Member(CHAR)],
    [Member(CHAR, 3)],
    [Member(CHAR, 5)],
    [Member(SHORT)],
    [Member(INT)],
    [Member(FLOAT)],
    [Member(INT), Member(CHAR)],
]


class Types:
    """Makes random aggregates for one signature and remembers them, inner ones first."""

    def __init__(self, random: Random, number: int) -> None:
        self.random = random
        self.number = number
        self.made: list[Aggregate] = []
        self.recipes: list[tuple[int, Callable[[], Aggregate]]] = [
            (5, self.eightbytes),
            (2, self.floats),
            (3, self.bytes),
            (3, self.mixture),
            (2, self.union),
            (2, self.packed),
            (2, self.x87),
            (2, self.aligned),
            (1, self.wide),
            (1, self.empty),
        ]

    def aggregate(self) -> Aggregate:
        recipes = [recipe for _, recipe in self.recipes]
        weights = [weight for weight, _ in self.recipes]
        made = self.random.choices(recipes, weights)[0]()
        return self.nest(made) if self.random.random() < 0.25 else made

    def make(
        self,
        members: Sequence[Member],
        keyword: str = "struct",
        *,
        pack: int = 0,
        packed: bool = False,
        aligned: int = 0,
    ) -> Aggregate:
        spelling = f"{keyword} s{self.number}_{len(self.made)}"
        layout = self.random.random() < 0.3
        made = Aggregate(spelling, tuple(members), pack, packed, aligned, layout)
        if made.size > MAX_SIZE:
            fewer = members[:-1] if len(members) > 1 else [Member(CHAR, MAX_SIZE)]
            return self.make(fewer, keyword, pack=pack, packed=packed, aligned=aligned)
        self.made.append(made)
        return made

    def eightbytes(self) -> Aggregate:
        """One or two eightbytes, each of a class of its own: the 16-byte edge and just below."""
        r = self.random
        kinds = [INTEGER_EIGHTBYTES, FLOAT_EIGHTBYTES]
        if r.random() < 0.1:
            return self.make(r.choice(SHORT_TAILS))
        members = list(r.choice(r.choice(kinds)))
        members += r.choice(r.choice([*kinds, *kinds, SHORT_TAILS, [[]]]))
        if r.random() < 0.08:
            members.append(Member(CHAR))  # just over the edge
        return self.make(members)

    def floats(self) -> Aggregate:
        scalar = self.random.choice([FLOAT, FLOAT, DOUBLE])
        count = self.random.randint(1, 5)
        if self.random.random() < 0.3:
            return self.make([Member(scalar, count)])
        return self.make([Member(scalar)] * count)

    def bytes(self) -> Aggregate:
        r = self.random
        size = r.choice([r.randint(1, 8), r.randint(9, 17), r.randint(1, MAX_SIZE)])
        return self.make([Member(CHAR, size)])

    def member(self) -> Member:
        r = self.random
        inner = r.random() < 0.25
        kind: Type
        if inner and self.made and r.random() < 0.5:
            kind = r.choice(self.made)
        elif inner:
            kind = self.eightbytes()
        else:
            kind = r.choice([*INTEGERS, *INTEGERS, *FLOATS, *FLOATS, *WIDE])
        return Member(kind, r.choice([0, 0, 0, 1, 2, 3]))

    def mixture(self) -> Aggregate:
        count = self.random.choice([1, 2, 2, 3, 3, 4, 6, 8])
        return self.make([self.member() for _ in range(count)])

    def union(self) -> Aggregate:
        r = self.random
        members = [self.member() for _ in range(r.choice([1, 2, 2, 3, 4]))]
        if r.random() < 0.4:  # keep to two eightbytes
            members = [m for m in members if m.type.size * (m.count or 1) <= 16]
        if not any(m.type.size for m in members):
            members = [Member(FLOAT), Member(INT)]
        return self.make(members, "union")

    def packed(self) -> Aggregate:
        r = self.random
        members = [self.member() for _ in range(r.randint(1, 4))]
        if any(_raised(m.type) for m in members):  # compilers differ on these two together
            members = [Member(CHAR), Member(LONG)]
        pack = r.choice([1, 1, 2, 4, 8])
        keyword = "union" if r.random() < 0.15 and any(m.type.size for m in members) else "struct"
        return self.make(members, keyword, pack=pack, packed=pack == 1 and r.random() < 0.5)

    def x87(self) -> Aggregate:
        r = self.random
        member = r.choice([Member(LONG_DOUBLE), Member(LONG_DOUBLE), Member(LONG_DOUBLE, 1)])
        other = r.choice([[], [], [], [Member(CHAR)], [member], [Member(self.empty())]])
        alone = not other
        if alone and r.random() < 0.5:
            second = r.choice([CHAR, LONG, FLOAT, DOUBLE, COMPLEX_DOUBLE, LONG_DOUBLE, INT128])
            return self.make([member, Member(second, r.choice([0, 2]))], "union")
        return self.make([member, *other] if r.random() < 0.5 else [*other, member])

    def aligned(self) -> Aggregate:
        r = self.random
        members = [Member(r.choice([*INTEGERS, *FLOATS])) for _ in range(r.randint(1, 3))]
        if r.random() < 0.5:
            return self.make(members, aligned=r.choice([8, 16, 16]))
        at = r.randrange(len(members))
        members[at] = Member(members[at].type, aligned=r.choice([8, 16, 16]))
        return self.make(members)

    def wide(self) -> Aggregate:
        r = self.random
        kind = r.choice([INT128, COMPLEX_DOUBLE, COMPLEX_LONG_DOUBLE, COMPLEX_FLOAT])
        others = [[], [], [Member(CHAR)], [Member(FLOAT)], [Member(LONG)]]
        return self.make([*r.choice(others), Member(kind)])

    def empty(self) -> Aggregate:
        """GNU C's struct of size 0, or one that holds it beside something."""
        nothing = self.make([])
        if self.random.random() < 0.4:
            return nothing
        members = [Member(nothing, self.random.choice([0, 2])), self.member()]
        self.random.shuffle(members)
        return self.make(members)

    def nest(self, inner: Aggregate) -> Aggregate:
        members = self.random.choice(
            [
                [Member(inner)],
                [Member(inner, 1)],
                [Member(inner, 2)],
                [Member(inner), Member(CHAR)],
                [Member(INT), Member(inner)],
            ]
        )
        keyword = "union" if inner.size and self.random.random() < 0.3 else "struct"
        return self.make(members, keyword)


def _raised(kind: Type) -> bool:
    if isinstance(kind, Scalar):
        return False
    return kind.raised or any(_raised(m.type) for m in kind.members)


def _argument_picker(random: Random, pool: Sequence[Aggregate]) -> Callable[[], Type]:
    """One of several habits; each makes another edge of the calling convention likely."""
    small = [a for a in pool if 8 < a.size <= 16] or list(pool)
    # Six integer and eight vector registers: the first arguments nearly use them up.
    start: list[Type] = []
    integers, floats = random.choice([4, 5, 5, 6, 7]), random.choice([6, 7, 7, 8, 9])
    habit = random.choice(["any", "integers", "floats", "both", "aggregates", "stack"])
    if habit in ("integers", "both"):
        start += [random.choice(INTEGERS) for _ in range(integers)]
    if habit in ("floats", "both"):
        start += [random.choice([FLOAT, DOUBLE]) for _ in range(floats)]
    if habit == "both":
        random.shuffle(start)
    chances = {"any": 0.35, "aggregates": 0.85, "stack": 0.4}
    share = chances.get(habit, 0.6)

    def pick() -> Type:
        if start:
            return start.pop()
        if pool and random.random() < share:
            return random.choice(small if random.random() < 0.5 else pool)
        if habit == "stack" and random.random() < 0.5:  # 16-byte alignment beside odd eightbytes
            return random.choice(WIDE)
        return random.choice([*INTEGERS, *FLOATS, *FLOATS, *WIDE])

    return pick


def signature(seed: int, number: int) -> Signature:
    """Signature number of this seed."""
    random = Random(f"{seed}:{number}")
    types = Types(random, number)
    pool = [types.aggregate() for _ in range(random.choice([0, 1, 2, 3, 4]))]
    pick = _argument_picker(random, pool)
    low, high = random.choice([(0, 3), (4, 9), (8, 16), (12, 20), (16, 28), (24, MAX_ARGUMENTS)])
    arguments = [pick() for _ in range(random.randint(low, high))]
    result: Type | None = random.choice(SCALARS)
    chance = random.random()
    if chance < 0.1:
        result = None
    elif chance < 0.6:
        result = random.choice(pool) if pool else types.aggregate()
    return Signature(number, result, arguments, _used(types.made, arguments, result))


def _used(
    made: Sequence[Aggregate], arguments: Sequence[Type], result: Type | None
) -> list[Aggregate]:
    names: set[str] = set()

    def visit(kind: Type) -> None:
        if isinstance(kind, Aggregate) and kind.spelling not in names:
            names.add(kind.spelling)
            for m in kind.members:
                visit(m.type)

    for kind in [*arguments, *([result] if result else [])]:
        visit(kind)
    return [a for a in made if a.spelling in names]


Filter = Callable[[Signature], bool]


def everything(s: Signature) -> bool:
    return True


def without_int128_arguments(s: Signature) -> bool:
    """For clang before 18, which splits an __int128 argument between r9 and the stack and puts it
    at odd eightbytes: against the psABI, gcc and later clang."""
    return not any(a in (INT128, UINT128) for a in s.arguments)


# ---- C text ----


def _definition(a: Aggregate) -> list[str]:
    lines = [f"#pragma pack(push, {a.pack})"] if a.pack and not a.packed else []
    lines.append(a.spelling + " {")
    for i, m in enumerate(a.members):
        array = f"[{m.count}]" if m.count else ""
        attribute = f" __attribute__((aligned({m.aligned})))" if m.aligned else ""
        lines.append(f"    {m.type.spelling} m{i}{array}{attribute};")
    attributes = [f"aligned({a.aligned})"] if a.aligned else []
    attributes += ["packed"] if a.packed else []
    attribute = f" __attribute__(({', '.join(attributes)}))" if attributes else ""
    lines.append("}" + attribute + ";")
    if a.pack and not a.packed:
        lines.append("#pragma pack(pop)")
    return lines


def _spell(kind: Type | None) -> str:
    return kind.spelling if kind else "void"


def _parameters(types: Sequence[str]) -> str:
    return ", ".join(types) or "void"


def _shape(a: Aggregate) -> Iterator[str]:
    entries = []
    for i, m in enumerate(a.members):
        entries.append(f"{{&shape_{m.type.shape}, {m.count or 1}, offsetof({a.spelling}, m{i})}}")
    members = "NULL"
    if entries:
        members = f"members_{a.shape}"
        yield f"static const struct member {members}[] = {{{', '.join(entries)}}};"
    yield (
        f"static struct shape shape_{a.shape} = {{.text = {_literal(' '.join(_definition(a)))}, "
        f".kind = {'UNION' if a.is_union else 'STRUCT'}, .size = sizeof({a.spelling}), "
        f".alignment = _Alignof({a.spelling}), .nmembers = {len(entries)}, .members = {members}, "
        f".pack = {a.pack}, .layout = {int(a.layout)}, .aligned = {int(a.raised)}}};"
    )


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _is_hidden(result: Type | None) -> bool:
    return isinstance(result, Aggregate) and result.size > 16


def _caller(s: Signature, name: str, code_type: str, arguments: Sequence[str]) -> Iterator[str]:
    """A function that makes one call. gcc and clang keep k0..k5 in callee-saved registers."""
    n = s.number
    call = f"(({code_type})code)({', '.join(arguments)})"
    yield f"static ABI_NOINLINE void {name}(void (*code)(void)) {{"
    yield "    ABI_KEEP"
    if s.result is None:
        yield f"    {call};"
    elif name.startswith("dirty") and _is_hidden(s.result):
        yield f"    abi_hidden = {call};"
    else:
        yield f"    {s.result.spelling} result = {call};"
        yield f"    result_{n}.value = result;"
        if isinstance(s.result, Scalar) and s.result.kind == "integer" and s.result.size < 8:
            yield f"    ABI_WIDENED({s.result.spelling}, result, result_{n}.value)"
    yield "    ABI_KEPT"
    yield "}"


def _plain(s: Signature) -> Iterator[str]:
    types = _parameters([a.spelling for a in s.arguments])
    values = [f"values_{s.number}.a{i}" for i in range(len(s.arguments))]
    code_type = f"{_spell(s.result)} (*)({types})"
    yield from _caller(s, f"plain_{s.number}", code_type, values)


def _dirty(s: Signature) -> Iterator[str]:
    """Like _plain, but narrow values have garbage above them and the hidden pointer is passed."""
    types, values = [], []
    result = _spell(s.result)
    if _is_hidden(s.result):
        result = "void *"
        types.append("void *")
        values.append(f"&result_{s.number}.value")
    for i, a in enumerate(s.arguments):
        if isinstance(a, Scalar) and a.size < 8:
            integer = a.kind == "integer"
            types.append("unsigned long long" if integer else "double")
            values.append(f"abi_wide[{i}].{'word' if integer else 'real'}")
        else:
            types.append(a.spelling)
            values.append(f"values_{s.number}.a{i}")
    code_type = f"{result} (*)({_parameters(types)})"
    yield from _caller(s, f"dirty_{s.number}", code_type, values)


def _has_dirty(s: Signature) -> bool:
    narrow = any(isinstance(a, Scalar) and a.size < 8 for a in s.arguments)
    return narrow or _is_hidden(s.result)


def _declaration(s: Signature) -> str:
    parameters = _parameters([f"{a.spelling} a{i}" for i, a in enumerate(s.arguments)])
    return f"{_spell(s.result)} peer_{s.number}({parameters})"


def _callee(s: Signature, at: int) -> Iterator[str]:
    yield _declaration(s) + " {"
    pointers = [f"(void *)&a{i}" for i in range(len(s.arguments))] or ["NULL"]
    yield f"    void *args[] = {{{', '.join(pointers)}}};"
    if s.result:
        yield f"    {s.result.spelling} result;"
    yield f"    abi_handle(NULL, {'&result' if s.result else 'NULL'}, args, &abi_tests[{at}]);"
    if s.result:
        yield "    return result;"
    yield "}"


def _caller_side(s: Signature) -> Iterator[str]:
    n = s.number
    for a in s.aggregates:
        yield from _shape(a)
    members = [f"{a.spelling} a{i};" for i, a in enumerate(s.arguments)] or ["char none;"]
    yield f"static struct values_{n} {{ {' '.join(members)} }} values_{n};"
    value = f"{s.result.spelling} value; " if s.result else ""
    yield f"static struct {{ {value}unsigned char canary[ABI_CANARY]; }} result_{n};"
    if s.arguments:
        entries = [
            f"{{&shape_{a.shape}, offsetof(struct values_{n}, a{i})}}"
            for i, a in enumerate(s.arguments)
        ]
        yield f"static const struct value args_{n}[] = {{{', '.join(entries)}}};"
    yield from _plain(s)
    if _has_dirty(s):
        yield "#if ABI_DIRTY"
        yield from _dirty(s)
        yield "#else"
        yield f"#  define dirty_{n} NULL"
        yield "#endif"


def _text(s: Signature) -> str:
    lines = [line for a in s.aggregates for line in _definition(a)]
    types = _parameters([a.spelling for a in s.arguments])
    return "\n".join([*lines, f"{_spell(s.result)} f({types});"])


def _entry(s: Signature) -> str:
    n = s.number
    return (
        f"    {{.text = {_literal(_text(s))}, .number = {n}, "
        f".result = &shape_{s.result.shape if s.result else 'void'}, "
        f".nargs = {len(s.arguments)}, .args = {f'args_{n}' if s.arguments else 'NULL'}, "
        f".values = &values_{n}, .values_size = sizeof values_{n}, "
        f".result_bytes = &result_{n}, .plain = plain_{n}, "
        f".dirty = {f'dirty_{n}' if _has_dirty(s) else 'NULL'}, .peer = ABI_PEER_OF({n})}},"
    )


_HEAD = """\
/* Generated by tests/abi/generate.py, seed {seed}, signatures {first} to {last}. */
#include "harness.h"
#define ABI_NOINLINE __attribute__((noinline))
"""

_PEERS = """\
#ifdef ABI_PEER
#  define ABI_PEER_OF(n) (void (*)(void))peer_##n
#else
#  define ABI_PEER_OF(n) NULL
#endif
"""

_MAIN = """\
int main(int argc, char **argv) {{
    return abi_main(argc, argv, "{seed}", ABI_COMPILER, abi_tests,
                    sizeof abi_tests / sizeof *abi_tests);
}}
"""


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


def emit(seed: int, wanted: Sequence[Signature]) -> str:
    """The C source of these signatures."""
    lines = [_HEAD.format(seed=seed, first=wanted[0].number, last=wanted[-1].number)]
    for s in wanted:
        for a in s.aggregates:
            lines += _definition(a)
    lines += ["#ifdef ABI_CALLEES", "extern struct test abi_tests[];"]
    for at, s in enumerate(wanted):
        lines += [_declaration(s) + ";", *_callee(s, at)]
    lines += ["#else", _PEERS, "#ifdef ABI_PEER"]
    lines += [_declaration(s) + ";" for s in wanted]
    lines.append("#endif")
    for s in wanted:
        lines += _caller_side(s)
    lines += ["extern struct test abi_tests[];", "struct test abi_tests[] = {"]
    lines += [_entry(s) for s in wanted]
    lines += ["};", _MAIN.format(seed=seed), "#endif", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signatures", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--no-int128-arguments", action="store_true", help="for clang before 18")
    options = parser.parse_args()
    accept = without_int128_arguments if options.no_int128_arguments else everything
    chosen = choose(options.seed, options.first, options.signatures, accept)
    sys.stdout.write(emit(options.seed, chosen))


if __name__ == "__main__":
    main()
