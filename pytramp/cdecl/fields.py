"""Gives a ctypes class exactly the layout that C gives its struct, or refuses.

ctypes' own layout is tried first; then one with padding as fields of their own, in which bit-fields
are attributes that read and write their bits.
"""

from __future__ import annotations

import copy
import ctypes
import sys
from typing import Any, NamedTuple

from pytramp import _layout
from pytramp._core import UnsupportedTypeError
from pytramp.cdecl import instances
from pytramp.cdecl.model import Record


class Given(NamedTuple):
    """A member: its ctypes class, first bit, and width if it is a bit-field. No name: anonymous."""

    name: str | None
    cls: Any
    bit: int
    bits: int | None


class _Plan(NamedTuple):
    """What a class is to be made with."""

    fields: list[tuple[Any, ...]]
    settings: dict[str, Any]
    is_padded: bool


def give(cls: Any, record: Record, members: list[Given]) -> None:
    """Sets the fields of cls. UnsupportedTypeError where ctypes cannot lay them out as C does."""
    taken = {member.name for member in members}
    named = [
        m if m.name is not None else m._replace(name=_free("anonymous", i, taken))
        for i, m in enumerate(members)
    ]
    anonymous = tuple(new.name for new, old in zip(named, members, strict=True) if old.name is None)
    assert record.layout is not None
    extra = {"_anonymous_": anonymous} if anonymous else {}
    plans = [plan._replace(settings=plan.settings | extra) for plan in _plans(record, named)]
    plan = _right(cls.__mro__[1], record, named, plans)
    if plan is None:
        raise UnsupportedTypeError(f"ctypes cannot lay {record.spelling!r} out as C does")
    for name, value in plan.settings.items():
        setattr(cls, name, value)
    cls._fields_ = plan.fields
    bit_fields = _inherited(named, anonymous)
    if plan.is_padded:
        bit_fields |= {str(m.name): BitField(m) for m in named if m.bits is not None}
    for name, value in bit_fields.items():
        setattr(cls, name, value)
    cls._bit_fields_ = bit_fields
    cls._names_ = tuple(member.name for member in named)
    instances.complete(cls, record, is_padded=plan.is_padded or len(plan.fields) > len(named))


def _right(base: Any, record: Record, members: list[Given], plans: list[_Plan]) -> _Plan | None:
    """The first plan of which ctypes makes what C does; if there is none, one that leaves the class
    less aligned than it is in C."""
    assert record.layout is not None
    low = None
    for plan in plans:
        trial = _trial(base, plan.fields, plan.settings)
        if trial is None or not _is_right(trial, record, members, plan):
            continue
        if ctypes.alignment(trial) == record.layout.alignment:
            return plan
        low = low or plan
    return low


def _plans(record: Record, members: list[Given]) -> list[_Plan]:
    """Ways to make the class, the most natural first."""
    assert record.layout is not None
    natural: list[tuple[Any, ...]] = [
        (m.name, m.cls) if m.bits is None else (m.name, m.cls, m.bits) for m in members
    ]
    padded = _padded(record, members)
    packed: dict[str, Any] = {"_pack_": 1}
    if sys.version_info >= (3, 14):
        packed["_layout_"] = "ms"
    plans = [
        _Plan(natural, {}, False),
        _Plan(padded, {}, True),
        _Plan(padded, packed, True),
    ]
    if sys.version_info >= (3, 13):
        align = {"_align_": record.layout.alignment}
        aligned = [plan._replace(settings=plan.settings | align) for plan in plans]
        exact = [*plans[:1], *aligned[:2], *plans[1:2], *aligned[2:], *plans[2:]]
        return exact
    raised = _raising(record, members)
    return [each for plan in plans for each in (plan, plan._replace(fields=plan.fields + raised))]


def _raising(record: Record, members: list[Given]) -> list[tuple[Any, ...]]:
    """No elements of a type that has the struct's alignment, where there is one."""
    assert record.layout is not None
    kinds = (ctypes.c_short, ctypes.c_int, ctypes.c_longlong, ctypes.c_double, ctypes.c_longdouble)
    taken = {member.name for member in members}
    for kind in kinds:
        if ctypes.alignment(kind) == record.layout.alignment:
            return [(_free("alignment", len(members), taken), kind * 0)]
    return []


def _padded(record: Record, members: list[Given]) -> list[tuple[Any, ...]]:
    """Fields with the gaps between them filled; bit-fields become bytes."""
    assert record.layout is not None
    is_union = record.keyword == "union"
    taken = {member.name for member in members}
    fields: list[tuple[Any, ...]] = []
    end = 0

    def fill(to: int, name: str) -> None:
        nonlocal end
        if to > end:
            fields.append((_free(name, len(fields), taken), ctypes.c_ubyte * (to - end)))
            end = to

    for member in members:
        start = member.bit // 8
        if member.bits is not None:
            if not is_union:
                fill(start, "padding")
                fill((member.bit + member.bits + 7) // 8, "bits")
            continue
        if not is_union:
            fill(start, "padding")
        fields.append((member.name, member.cls))
        end = max(end, start + ctypes.sizeof(member.cls))
    if is_union:
        end = 0
    if end < record.layout.size:
        fill(record.layout.size, "padding")
    return fields


def _free(name: str, number: int, taken: set[str | None]) -> str:
    """A name for what has none in C, and that no member has."""
    made = f"_{name}_{number}"
    while made in taken:
        made += "_"
    return made


def _trial(base: Any, fields: list[tuple[Any, ...]], settings: dict[str, Any]) -> Any:
    """A class made so, to look at; None where ctypes refuses."""
    try:
        return type("trial", (base,), {**settings, "_fields_": fields})
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None


def _is_right(trial: Any, record: Record, members: list[Given], plan: _Plan) -> bool:
    """Is everything in the class where C has it?"""
    layout = record.layout
    assert layout is not None
    if ctypes.sizeof(trial) != layout.size or ctypes.alignment(trial) > layout.alignment:
        return False
    return all(
        _is_placed(trial, member) for member in members if not (plan.is_padded and member.bits)
    )


def _is_placed(trial: Any, member: Given) -> bool:
    field = getattr(trial, str(member.name))
    if member.bits is None:
        is_same = field.size == ctypes.sizeof(member.cls)
        return bool(is_same and field.offset == member.bit // 8)
    size = ctypes.sizeof(member.cls)
    width, low = field.size >> 16, field.size & 0xFFFF
    # Until 3.12 ctypes has bit-fields that it reads and writes outside of the struct.
    is_inside = 0 <= field.offset <= ctypes.sizeof(trial) - size and low + width <= 8 * size
    return is_inside and bool(width == member.bits) and _is_written(trial, member)


def _is_written(trial: Any, member: Given) -> bool:
    """Does ctypes read and write the bits that it should, and no others?

    It ignores the width of a c_bool, which reads and writes its neighbours, too.
    """
    assert member.bits is not None
    value = trial()
    setattr(value, str(member.name), True if member.cls is ctypes.c_bool else -1)
    size = ctypes.sizeof(trial)
    shift = _layout.from_low_end(member.bit, member.bits, size)
    wanted = ((1 << member.bits) - 1) << shift
    if int.from_bytes(bytes(value), sys.byteorder) != wanted:
        return False
    others = (((1 << 8 * size) - 1) ^ wanted).to_bytes(size, sys.byteorder)
    return not getattr(trial.from_buffer_copy(others), str(member.name))


def _inherited(members: list[Given], anonymous: tuple[str | None, ...]) -> dict[str, Any]:
    """The BitFields of anonymous members, which ctypes does not know to be theirs."""
    found = {}
    for member in members:
        if member.name in anonymous:
            for name, field in vars(member.cls).get("_bit_fields_", {}).items():
                found[name] = field.moved(member.bit // 8)
    return found


class BitField:
    """A bit-field of a class that ctypes cannot lay out by itself: reads and writes its bits."""

    def __init__(self, member: Given) -> None:
        assert member.bits is not None
        self.offset = member.bit // 8
        self.width = member.bits
        self.kind = member.cls
        first = member.bit % 8
        size = (first + member.bits + 7) // 8
        self._low = _layout.from_low_end(first, member.bits, size)
        self._bytes = ctypes.c_ubyte * size
        self._is_bool = member.cls is ctypes.c_bool
        self._is_signed = not self._is_bool and member.cls(-1).value == -1

    def moved(self, by: int) -> BitField:
        """The same so many bytes further on: in a struct that holds this one."""
        other = copy.copy(self)
        other.offset += by
        return other

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        raw = bytes(self._bytes.from_buffer(instance, self.offset))
        value = int.from_bytes(raw, sys.byteorder) >> self._low & ((1 << self.width) - 1)
        if self._is_bool:
            return bool(value)
        if self._is_signed and value >> (self.width - 1):
            value -= 1 << self.width
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        number = int(bool(value)) if self._is_bool else _index(value)
        mask = ((1 << self.width) - 1) << self._low
        raw = self._bytes.from_buffer(instance, self.offset)
        old = int.from_bytes(bytes(raw), sys.byteorder)
        new = (old & ~mask) | (number << self._low & mask)
        raw[:] = list(new.to_bytes(len(raw), sys.byteorder))


def _index(value: Any) -> int:
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"int expected instead of {type(value).__name__} instance")
    return int(value.__index__())
