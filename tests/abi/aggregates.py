"""Random structs and unions, each recipe aimed at another edge of a calling convention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from abi.model import (
    BIT_FIELDS,
    BOOL,
    CHAR,
    COMPLEX_DOUBLE,
    COMPLEX_FLOAT,
    COMPLEX_LONG_DOUBLE,
    DOUBLE,
    FLOAT,
    FLOAT16,
    FLOATS,
    INT,
    INT128,
    INTEGERS,
    LONG,
    LONG_DOUBLE,
    MAX_SIZE,
    POINTER,
    SHORT,
    WIDE,
    Aggregate,
    Member,
    Scalar,
    Type,
)

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
HALF_EIGHTBYTES: list[list[Member]] = [
    [Member(FLOAT16, 4)],
    [Member(FLOAT16), Member(FLOAT16), Member(FLOAT)],
    [Member(FLOAT), Member(FLOAT16)],
    [Member(FLOAT16), Member(SHORT), Member(FLOAT)],
    [Member(FLOAT16, 3)],
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


class Aggregates:
    """Makes random aggregates for one signature and remembers them, inner ones first."""

    def __init__(self, random: Random, number: int) -> None:
        self.random = random
        self.number = number
        self.made: list[Aggregate] = []
        self.recipes: list[tuple[int, Callable[[], Aggregate]]] = [
            (5, self.eightbytes),
            (2, self.floats),
            (3, self.homogeneous),
            (3, self.bytes),
            (3, self.mixture),
            (2, self.union),
            (2, self.packed),
            (2, self.x87),
            (2, self.aligned),
            (1, self.wide),
            (1, self.empty),
            (4, self.bits),
            (6, self.few),
        ]
        self.has_halves = random.random() < 0.3  # not in all: some compilers lack the type
        if self.has_halves:
            self.recipes.append((6, self.halves))

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

    def homogeneous(self) -> Aggregate:
        """One floating-point type and nothing else, up to the four elements that some conventions
        have registers for, and beyond: plain, in arrays, in structs and unions, and just not so."""
        r = self.random
        halves = [FLOAT16] if self.has_halves else []
        scalar = r.choice([FLOAT, FLOAT, DOUBLE, DOUBLE, LONG_DOUBLE, *halves])
        twice = {FLOAT: COMPLEX_FLOAT, DOUBLE: COMPLEX_DOUBLE, LONG_DOUBLE: COMPLEX_LONG_DOUBLE}
        pair = self.make([Member(scalar), Member(scalar)])
        some = [Member(scalar), Member(scalar, r.randint(1, 4)), Member(twice.get(scalar, scalar))]
        some += [Member(pair), Member(pair, r.randint(1, 2)), Member(self.make([]))]
        members = [r.choice(some) for _ in range(r.choice([1, 2, 2, 3]))]
        if r.random() < 0.15:
            members.append(Member(r.choice([CHAR, INT, FLOAT, DOUBLE])))
        has_size = any(m.type.size for m in members)
        return self.make(members, "union" if has_size and r.random() < 0.3 else "struct")

    def bytes(self) -> Aggregate:
        r = self.random
        size = r.choice([r.randint(1, 8), r.randint(9, 17), r.randint(1, MAX_SIZE)])
        return self.make([Member(CHAR, size)])

    def halves(self) -> Aggregate:
        """_Float16 alone, beside floats, and beside what moves it to a general register."""
        r = self.random
        members = list(r.choice([*HALF_EIGHTBYTES, [Member(FLOAT16)], [Member(FLOAT16, 2)]]))
        members += r.choice([*HALF_EIGHTBYTES, *FLOAT_EIGHTBYTES, *INTEGER_EIGHTBYTES, [], []])
        return self.make(members, "union" if r.random() < 0.15 else "struct")

    def bit_field(self) -> Member:
        r = self.random
        kind = r.choice(BIT_FIELDS)
        width = 1 if kind == BOOL else 8 * kind.size
        least = 2 if kind.spelling.startswith("enum") else 1  # a warning, for one bit
        chance = r.random()
        if chance < 0.08:
            return Member(INT if least > 1 else kind, bits=0, named=False)
        return Member(
            kind, bits=r.choice([least, width, r.randint(least, width)]), named=chance > 0.2
        )

    def bits(self) -> Aggregate:
        r = self.random
        members = []
        for _ in range(r.choice([1, 2, 2, 3, 4, 6, 9])):
            others = [Member(r.choice([CHAR, SHORT, INT, FLOAT, DOUBLE, LONG])), self.member()]
            members.append(self.bit_field() if r.random() < 0.7 else r.choice(others))
        realigned = any(_realigned(m.type) for m in members)
        pack = 0 if realigned else r.choice([0, 0, 0, 1, 1, 2, 4])
        keyword = "union" if r.random() < 0.2 else "struct"
        return self.make(members, keyword, pack=pack, packed=pack == 1 and r.random() < 0.7)

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

    def few(self) -> Aggregate:
        """One to three scalars, however they are wrapped: conventions that flatten structs look at
        no more of them."""
        r = self.random
        kinds = [FLOAT, FLOAT, DOUBLE, DOUBLE, COMPLEX_FLOAT, INT, CHAR, SHORT, LONG, POINTER]
        members = [self.wrapped(r.choice(kinds)) for _ in range(r.choice([1, 2, 2, 2, 3]))]
        if r.random() < 0.3:
            members[r.randrange(len(members))] = self.bit_field()
        if r.random() < 0.1:
            members.insert(r.randint(0, len(members)), Member(self.make([])))
        keyword = "union" if r.random() < 0.1 and any(m.type.size for m in members) else "struct"
        return self.make(members, keyword, pack=r.choice([0, 0, 0, 0, 0, 1, 2]))

    def wrapped(self, kind: Type) -> Member:
        r = self.random
        if r.random() < 0.5:
            return Member(kind)
        count = r.choice([0, 1, 1, 2])
        if r.random() < 0.5:
            return Member(kind, count)
        keyword = "union" if r.random() < 0.15 else "struct"
        return Member(self.make([Member(kind, count)], keyword), r.choice([0, 0, 1]))

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
        if any(_realigned(m.type) for m in members):  # compilers differ on these two together
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
            scalar = r.choice([CHAR, LONG, FLOAT, DOUBLE, COMPLEX_DOUBLE, LONG_DOUBLE, INT128])
            second = [Member(scalar, r.choice([0, 2])), Member(self.eightbytes())]
            members = [member, r.choice(second)]
            r.shuffle(members)
            return self.make(members, "union")
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


def _realigned(kind: Type) -> bool:
    if isinstance(kind, Scalar):
        return False
    return kind.realigned or any(_realigned(m.type) for m in kind.members)
