"""Structs, unions and enums: random ones, their values, their text in C."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import tools

from pycalls.scalars import BOOL, CHAR, COMMON, INTEGERS, WCHAR, integer
from pytramp._layout import _WORD
from pytramp.cdecl.records import _ZERO_WIDTH_COUNTS


@dataclass(frozen=True)
class Enum:
    spelling: str
    constants: tuple[int, ...]

    @property
    def definition(self) -> str:
        tag = self.spelling.split()[1]
        names = [f"{tag}_{i} = {n}" for i, n in enumerate(self.constants)]
        return f"{self.spelling} {{ {', '.join(names)} }};"

    @property
    def is_signed(self) -> bool:
        return min(self.constants) < 0

    def value(self, r: Random) -> int:
        return r.choice(self.constants)

    def literal(self, value: int) -> str:
        return f"({self.spelling})({value})"

    def checks(self, place: str, value: int) -> list[str]:
        return [f"{place} == {self.literal(value)}"]

    def same(self, actual: Any, value: int) -> bool:
        return int(actual) == value

    def made(self, value: int, types: Any) -> int:
        return value


@dataclass(frozen=True)
class Member:
    name: str  # "" only for bit-fields
    kind: Any
    lengths: tuple[int, ...] = ()
    bits: int | None = None
    aligned: int = 0

    @property
    def text(self) -> str:
        lengths = "".join(f"[{n}]" for n in self.lengths)
        bits = "" if self.bits is None else f" : {self.bits}"
        aligned = f" __attribute__((aligned({self.aligned})))" if self.aligned else ""
        return f"{self.kind.spelling} {self.name}{lengths}{bits}{aligned};"

    @property
    def is_plain(self) -> bool:
        if isinstance(self.kind, Aggregate) and not self.kind.is_plain:
            return False
        return self.bits is None and not self.aligned and len(self.lengths) < 2

    def value(self, r: Random, lengths: tuple[int, ...] | None = None) -> Any:
        lengths = self.lengths if lengths is None else lengths
        if lengths:
            return [self.value(r, lengths[1:]) for _ in range(lengths[0])]
        if self.bits and self.kind is not BOOL:
            return integer(r, self.bits, signed=self.kind.kind == "signed")
        return self.kind.value(r)

    def literal(self, value: Any) -> str:
        if isinstance(value, list):
            return f"{{{', '.join(map(self.literal, value))}}}"
        return str(self.kind.literal(value))

    def checks(self, place: str, value: Any) -> list[str]:
        if isinstance(value, list):
            parts = [self.checks(f"{place}[{i}]", part) for i, part in enumerate(value)]
            return [check for part in parts for check in part]
        return list(self.kind.checks(place, value))

    def same(self, actual: Any, value: Any) -> bool:
        if isinstance(value, list):
            return all(self.same(actual[i], part) for i, part in enumerate(value))
        return bool(self.kind.same(actual, value))

    def made(self, value: Any) -> Any:
        """Without classes: arrays as lists."""
        return (
            list(map(self.made, value))
            if self.lengths and isinstance(value, list)
            else (self.kind.made(value, None))
        )

    def put(self, instance: Any, value: Any, types: Any) -> None:
        """instance.name = value"""
        if not self.lengths:
            setattr(instance, self.name, self.kind.made(value, types))
        else:
            self._put_array(getattr(instance, self.name), value, types, instance)

    def _put_array(self, array: Any, value: Any, types: Any, instance: Any) -> None:
        if len(self.lengths) == 1 and self.kind in (CHAR, WCHAR):  # ctypes' own view of text
            text = [self.kind.made(part, types) for part in value]
            setattr(instance, self.name, text[0][:0].join(text))
            return
        for i, part in enumerate(value):
            if isinstance(part, list):
                for k, inner in enumerate(part):
                    array[i][k] = self.kind.made(inner, types)
            else:
                array[i] = self.kind.made(part, types)


@dataclass(frozen=True)
class Aggregate:
    spelling: str  # "struct s3"
    members: tuple[Member, ...]
    pack: int = 0
    packed: bool = False

    @property
    def named(self) -> list[Member]:
        return [m for m in self.members if m.name]

    @property
    def is_union(self) -> bool:
        return self.spelling.startswith("union")

    @property
    def is_plain(self) -> bool:
        """What every peer can pass by value."""
        special = self.is_union or self.pack or self.packed
        return not special and all(m.is_plain for m in self.members)

    @property
    def definition(self) -> str:
        attribute = " __attribute__((packed))" if self.packed else ""
        body = f"{self.spelling} {{ {' '.join(m.text for m in self.members)} }}{attribute};"
        if self.pack:
            return f"#pragma pack(push, {self.pack})\n{body}\n#pragma pack(pop)"
        return body

    def value(self, r: Random) -> dict[str, Any]:
        """The members that have a value: of a union one."""
        members = [r.choice(self.named)] if self.is_union else self.named
        return {m.name: m.value(r) for m in members}

    def _valued(self, value: dict[str, Any]) -> list[Member]:
        return [m for m in self.named if m.name in value]

    def literal(self, value: dict[str, Any]) -> str:
        parts = [f".{m.name} = {m.literal(value[m.name])}" for m in self._valued(value)]
        return f"({self.spelling}){{{', '.join(parts)}}}"

    def checks(self, place: str, value: dict[str, Any]) -> list[str]:
        parts = [m.checks(f"{place}.{m.name}", value[m.name]) for m in self._valued(value)]
        return [check for part in parts for check in part]

    def same(self, actual: Any, value: dict[str, Any]) -> bool:
        return all(m.same(getattr(actual, m.name), value[m.name]) for m in self._valued(value))

    def made(self, value: dict[str, Any], types: Any) -> Any:
        """An instance; without types a dict."""
        if types is None:
            return {m.name: m.made(value[m.name]) for m in self._valued(value)}
        instance = types[self.spelling]()
        for m in self._valued(value):
            m.put(instance, value[m.name], types)
        return instance


def is_agreed(kind: Any) -> bool:
    """A struct or union that is not refused by value: compilers may differ about unnamed bit-fields
    and about what packing leaves unaligned."""
    if not isinstance(kind, Aggregate) or kind.pack or kind.packed:
        return False
    if any(m.bits and not m.name for m in kind.members):
        return False
    inner = [m.kind for m in kind.members if isinstance(m.kind, Aggregate)]
    return all(map(is_agreed, inner))


class Maker:
    """Makes the named types of one header; `made` has them in the order of their definitions."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.made: list[Enum | Aggregate] = []

    def enum(self) -> Enum:
        r = self.r
        low, high = r.choice([(0, 9), (-9, 9), (0, (1 << 32) - 1), (-(1 << 31), (1 << 31) - 1)])
        constants = sorted({low, high, r.randint(low, high)})
        return self._keep(Enum(f"enum e{len(self.made)}", tuple(constants)))

    def _keep(self, kind: Any) -> Any:
        self.made.append(kind)
        return kind

    def _kind(self) -> Any:
        r = self.r
        return r.choice(self.made if self.made and r.random() < 0.3 else COMMON)

    def _member(self, name: str, *, bits: float, union: bool, packed: bool) -> Member:
        r = self.r
        if r.random() < bits:
            is_disputed = packed and _WORD  # if it is wider than that
            fit = [kind for kind in INTEGERS if not is_disputed or kind.size <= _WORD]
            kind: Any = r.choice([*fit, BOOL])
            width = r.randint(1, 1 if kind is BOOL else 8 * kind.size)
            if r.random() < 0.1 and not union:
                return Member("", kind, bits=width if _ZERO_WIDTH_COUNTS else r.choice([0, width]))
            return Member(name, kind, bits=width)
        lengths = r.choice([(), (), (), (), (1,), (2,), (3,), (2, 2)])
        kind = self._kind()
        aligned = r.choice([8, 16]) if not packed and r.random() < 0.1 else 0
        return Member(name, kind, lengths, aligned=aligned)

    def aggregate(self) -> Aggregate:
        r = self.r
        union = r.random() < 0.2
        bits = r.choice([0, 0, 0.3, 0.9])
        pack, packed = r.choice([(0, False)] * 5 + [(1, False), (2, False), (0, True)])
        if tools.WINDOWS and (union or packed):  # where compilers disagree (test_layout.py)
            bits = 0
        count = r.choice([1, 2, 2, 3, 4, 6])
        tight = bool(pack or packed)
        members = [
            self._member(f"m{i}", bits=bits, union=union, packed=tight) for i in range(count)
        ]
        if not any(m.name for m in members):
            members.append(Member("last", r.choice(COMMON)))
        keyword = "union" if union else "struct"
        spelling = f"{keyword} s{len(self.made)}"
        return self._keep(Aggregate(spelling, tuple(members), pack, packed))
