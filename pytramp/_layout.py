"""The layout that C gives a struct or union: that of GCC and clang, on Windows Microsoft's.

Pure arithmetic over sizes and alignments. Positions are in bits from the beginning, counted from
the lowest bit of each byte, on big-endian machines from the highest; sizes and alignments are in
bytes.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from typing import NamedTuple

# Arm's conventions let bit-fields without a name count as others do (AAPCS64, "Bit-fields":
# "without exception for zero-sized or anonymous bit-fields"); System V's do not, nor do Apple's.
_UNNAMED_COUNT = sys.platform == "linux" and platform.machine().startswith(("aarch64", "arm"))

# On Windows bit-fields share a unit that is as large as their type: "Bit Fields" in Microsoft's C
# language reference, gcc's and clang's -mms-bitfields.
IN_UNITS = sys.platform == "win32"

# On 32-bit Arm a struct by value begins with an even register if a member is aligned to more than a
# word (AAPCS32, rule B.5). Bit-fields of such a type are to GCC, packed or not, to clang only if
# they are not packed.
_WORD = 4 if platform.machine().startswith(("aarch64", "arm")) and sys.maxsize < 1 << 32 else 0


class Field(NamedTuple):
    """What the layout of one member depends on.

    size and alignment are its type's; bits is the width of a bit-field, else None. explicit is
    what `aligned` or `_Alignas` asked for, else None.
    """

    size: int
    alignment: int
    bits: int | None = None
    named: bool = True
    packed: bool = False
    explicit: int | None = None


class Place(NamedTuple):
    """Where a member lies: its first bit, and how many it has."""

    bit: int
    bits: int


class Layout(NamedTuple):
    """One Place per Field. natural is the alignment without `aligned` on the type itself. Of what
    is_disputed compilers do not agree on how to pass it by value."""

    size: int
    alignment: int
    natural: int
    places: tuple[Place, ...]
    is_disputed: bool


def bytes_of(place: Place) -> tuple[int, int]:
    """The first byte that holds a bit of it, and how many do."""
    start = place.bit // 8
    return start, (place.bit + place.bits + 7) // 8 - start


def from_low_end(bit: int, bits: int, size: int) -> int:
    """The position of such a place in the number that size bytes are in this machine's order; and
    the place's position, from that in the number."""
    return bit if sys.byteorder == "little" else 8 * size - bit - bits


def lay_out(
    fields: Sequence[Field], *, is_union: bool = False, explicit: int = 1, pack: int = 0
) -> Layout:
    """Lays out a struct or union.

    explicit: what `aligned` asked for on the type, at least. pack: of `#pragma pack`, 0 for none.
    """
    walk = (_in_units if IN_UNITS else _in_bits)(fields, is_union, pack)
    alignment = max(explicit, walk.natural)
    size = _round_up((walk.end + 7) // 8, alignment)
    wide = any(field.bits and field.alignment > _WORD for field in fields)
    is_disputed = walk.natural <= _WORD and wide
    return Layout(size, alignment, walk.natural, tuple(walk.places), is_disputed)


class _Walk(NamedTuple):
    """Where the members are, the bit where the last of them ends, the alignment they ask for."""

    places: list[Place]
    end: int
    natural: int


def _in_bits(fields: Sequence[Field], is_union: bool, pack: int) -> _Walk:
    end, bit, natural = 0, 0, 1
    places = []
    for field in fields:
        if is_union:
            bit = 0
        bit = _start(field, bit, pack)
        bits = 8 * field.size if field.bits is None else field.bits
        places.append(Place(bit, bits))
        bit += bits
        end = max(end, bit)
        natural = max(natural, _imposed(field, pack))
    return _Walk(places, end, natural)


def _in_units(fields: Sequence[Field], is_union: bool, pack: int) -> _Walk:
    end, natural = 0, 1
    bit = unit = 0  # the next free one; the size of the open unit's type, 0: there is none
    free = 0  # where the next member may begin: after the whole of an open unit
    places = []
    for field in fields:
        if is_union:
            bit = unit = free = 0
        if field.bits == 0 and not unit:  # it closes a unit, and means nothing else
            places.append(Place(free, 0))
            continue
        alignment = _plain_alignment(field, pack)
        natural = max(natural, alignment)
        bits = 8 * field.size if field.bits is None else field.bits
        if not bits or unit != field.size or bit + bits > free:
            bit = _round_up(free, 8 * alignment)
            free = bit + (8 * field.size if bits else 0)
        places.append(Place(bit, bits))
        bit += bits
        unit = field.size if field.bits else 0
        end = max(end, bit if is_union else free)
    return _Walk(places, end, natural)


def is_alike_in(union: Sequence[Field], field: Field, pack: int) -> bool:
    """Do compilers agree on what this member does to the union? On Windows, for alignment, and for
    size where it is packed, gcc looks at bit-fields, and clang and Microsoft's compiler do not."""
    if not IN_UNITS or not field.bits:
        return True
    others = (_plain_alignment(other, pack) for other in union if other.bits is None)
    return field.size <= max(others, default=1)


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _capped(alignment: int, pack: int) -> int:
    return min(alignment, pack) if pack else alignment


def _start(field: Field, bit: int, pack: int) -> int:
    """The first bit of a field that comes after bit."""
    if field.bits is None:
        return _round_up(bit, 8 * _plain_alignment(field, pack))
    if field.bits == 0:  # pushes the next one to a boundary, packed or not
        return _round_up(bit, 8 * max(field.alignment, field.explicit or 1))
    if field.explicit is not None:
        bit = _round_up(bit, 8 * _capped(field.explicit, pack))
    if field.packed or pack:
        return bit
    unit = 8 * field.alignment
    if bit % unit + field.bits > 8 * field.size:  # it would not fit into one object of its type
        bit = _round_up(bit, unit)
    return bit


def _plain_alignment(field: Field, pack: int) -> int:
    alignment = 1 if field.packed else field.alignment
    return _capped(max(alignment, field.explicit or 1), pack)


def _imposed(field: Field, pack: int) -> int:
    """What the field asks of the alignment of the whole."""
    if field.bits is None:
        return _plain_alignment(field, pack)
    if not field.named and not _UNNAMED_COUNT:
        return 1
    if field.bits == 0:  # packed or not
        return max(field.alignment, field.explicit or 1)
    if pack:  # compilers look at `packed` only without it
        return min(max(field.alignment, field.explicit or 1), pack)
    return _plain_alignment(field, pack)
