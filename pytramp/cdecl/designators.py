"""What designators lead to: members and elements of what lies at a constant address."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytramp.cdecl.constants import Value
from pytramp.cdecl.grammar import kind_of, place_of
from pytramp.cdecl.model import Array, Incomplete, Pointer, Record, Use, extent, plain
from pytramp.cdecl.reading import Reading


class Spot(NamedTuple):
    """An object: its type, and its address, or None where only the program could tell."""

    use: Use
    address: int | None

    def moved(self, by: int) -> int | None:
        """The address so many bytes further on."""
        return None if self.address is None else self.address + by


class Designators(Reading):
    """The part of the reader that knows `.`, `->`, `[]`, `*` and `&` of what is never read."""

    def type_named(self, node: Any) -> Use:
        """The type of pycparser's node for `int *` and the like."""
        raise NotImplementedError

    def constant(self, node: Any) -> Value:
        """The value of a constant expression; DeclarationError where it is none."""
        raise NotImplementedError

    def extent_of(self, use: Use, offset: int, what: str) -> tuple[int, int]:
        """(size, alignment) of a complete type; DeclarationError where it is incomplete."""
        try:
            return extent(use)
        except Incomplete as error:
            self.fail(offset, f"{what} needs a complete type, and {error} is incomplete")

    def designated(self, node: Any) -> Spot | None:
        """The object that an expression designates; None where it is no designator."""
        kind = kind_of(node)
        if kind == "StructRef":
            outer = self.pointed(node.name) if node.type == "->" else self.designated(node.name)
            return None if outer is None else self._to_member(outer, node.field)
        if kind == "ArrayRef":
            first = self.pointed(node.name)
            return None if first is None else self._to_element(first, node.subscript)
        if kind == "UnaryOp" and node.op == "*":
            return self.pointed(node.expr)
        return None

    def pointed(self, node: Any) -> Spot | None:
        """What an expression points at; None where it is no address."""
        if kind_of(node) == "Cast":
            return self._cast_address(node)
        if kind_of(node) == "UnaryOp" and node.op == "&":
            return self.designated(node.expr)
        spot = self.designated(node)
        return None if spot is None else _decayed(spot)

    def _cast_address(self, node: Any) -> Spot | None:
        """`(struct s *)0`, `(char *)&p->x`."""
        kind = plain(self.type_named(node.to_type)).type
        if not isinstance(kind, Pointer):
            return None
        inner = self.pointed(node.expr)
        address = self.constant(node.expr).number if inner is None else inner.address
        return Spot(kind.target, address)

    def path(self, whole: Use, node: Any) -> Spot:
        """What the path of an offsetof leads to, from the beginning of the whole: `in.b[2]`."""
        if kind_of(node) == "ID":
            return self._to_member(Spot(whole, 0), node)
        outer = self.path(whole, node.name)
        if kind_of(node) == "StructRef":
            return self._to_member(outer, node.field)
        first = _decayed(outer)
        if first is None:
            self.fail(self.offset_at(place_of(node)), "only an array has elements")
        return self._to_element(first, node.subscript)

    def _to_member(self, spot: Spot, node: Any) -> Spot:
        place = place_of(node)
        name = self.word_at(place)
        kind = plain(spot.use).type
        self.extent_of(Use(kind), self.offset_at(place), f"a member {name!r}")
        found = _member_of(kind, name) if isinstance(kind, Record) else None
        if found is None:
            self.fail(self.offset_at(place), f"there is no member {name!r}")
        use, offset = found
        return Spot(use, spot.moved(offset))

    def _to_element(self, first: Spot, node: Any) -> Spot:
        size, _ = self.extent_of(first.use, self.offset_at(place_of(node)), "an element")
        return Spot(first.use, first.moved(size * self.constant(node).number))


def _decayed(spot: Spot) -> Spot | None:
    """What an array, as its first element's address, or a pointer points at."""
    kind = plain(spot.use).type
    if isinstance(kind, Array):
        return Spot(kind.element, spot.address)
    return Spot(kind.target, None) if isinstance(kind, Pointer) else None


def _member_of(record: Record, name: str) -> tuple[Use, int] | None:
    """A member, also one of an anonymous struct or union, and where it lies; None if there is none.

    Bit-fields have neither a size nor an address: C11 6.5.3.4p1, 7.19p3.
    """
    if record.members is None or record.layout is None:
        return None
    for member, place in zip(record.members, record.layout.places, strict=True):
        if member.name == name and member.bits is None:
            return member.use, place.bit // 8
        inner = plain(member.use).type
        if member.name is None and isinstance(inner, Record):
            found = _member_of(inner, name)
            if found is not None:
                return found[0], place.bit // 8 + found[1]
    return None
