"""Where each value of a signature lives, as rows and as a table."""

from __future__ import annotations

from typing import NamedTuple

from pytramp._core import Signature, Type


class Place(NamedTuple):
    """One part of a value: ``size`` bytes at ``offset``, in a register or in the argument area."""

    name: str  # "rdi", "xmm0", "st0", "stack"
    offset: int
    size: int
    stack: int  # bytes above the first memory argument, for "stack"

    def __str__(self) -> str:
        return f"stack+{self.stack}" if self.name == "stack" else self.name


class Row(NamedTuple):
    """A value: the result, or an argument."""

    role: str  # "result", "argument 1"
    name: str | None
    type: str
    places: tuple[Place, ...]
    by_reference: bool  # the places hold its address

    @property
    def where(self) -> str:
        """For people: "rdi", "rax (bytes 0-7), xmm0 (bytes 8-15)", "memory, address in rdi"."""
        if not self.places:
            return "nowhere"
        if self.by_reference:
            return f"memory, address in {self.places[0]}"
        if len(self.places) == 1:
            return str(self.places[0])
        return ", ".join(f"{p} (bytes {p.offset}-{p.offset + p.size - 1})" for p in self.places)


class Explanation(tuple[Row, ...]):
    """The rows, result first; ``str()`` is a table."""

    __slots__ = ()

    def __str__(self) -> str:
        cells = [
            (row.role + (f" ({row.name})" if row.name else ""), row.type, row.where) for row in self
        ]
        widths = [max(len(cell[i]) for cell in cells) for i in range(2)]
        return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in cells)


def explain(signature: Signature, abi: str | None) -> Explanation:
    """``Signature.explain``: under an ABI by name, this machine's for None."""
    values: list[tuple[str, str | None, Type]] = [("result", None, signature.result)]
    values += [
        (f"argument {i}", name, type_)
        for i, (name, type_) in enumerate(zip(signature.names, signature.arguments, strict=True), 1)
    ]
    places = signature._places("default" if abi is None else abi)
    return Explanation(
        Row(role, name, type_.spelling, tuple(Place(*place) for place in found), by_reference)
        for (role, name, type_), (found, by_reference) in zip(values, places, strict=True)
    )
