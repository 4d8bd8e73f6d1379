"""What a struct or union of cffi consists of, as far as its passing by value depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytramp._core import Type, UnsupportedTypeError
from pytramp._layout import Place, bytes_of
from pytramp._members import count_of

Member = tuple[Type, int, int]


def members(ct: Any, backend: Any, element: Callable[[Any], Type]) -> list[Member]:
    """(type, count, offset) of every field.

    element gives the type of a field that is no array. UnsupportedTypeError that names what cannot
    be passed by value.
    """
    if ct.fields is None:
        raise UnsupportedTypeError(f"'{ct.cname}' is opaque: its members are not known")
    _check_complete(ct, backend)
    return [*_plain(ct, element), *_bit_fields(ct)]


def _plain(ct: Any, element: Callable[[Any], Type]) -> Iterator[Member]:
    for name, field in ct.fields:
        item, count = _elements(field.type)
        if count == 0 or field.bitsize >= 0:  # nothing is passed for a flexible array member
            continue
        try:
            yield element(item), count_of(count, item is not field.type), field.offset
        except UnsupportedTypeError as error:
            raise UnsupportedTypeError(f"{ct.cname}.{name}: {error}") from None


def _elements(ct: Any) -> tuple[Any, int]:
    """The innermost element type of an array and how many there are in all; ct and 1 for others."""
    count = 1
    while ct.kind == "array":
        count *= ct.length or 0
        ct = ct.item
    return ct, count


def _bit_fields(ct: Any) -> Iterator[Member]:
    for _, field in ct.fields:
        if field.bitsize > 0:
            place = Place(8 * field.offset + field.bitshift, field.bitsize)
            start, size = bytes_of(place)
            yield Type.bits(size), 1, start


def _check_complete(ct: Any, backend: Any) -> None:
    """Members that "..." left out decide how C passes the struct.

    They show as holes that alignment does not explain. Those that hide in padding, cffi's own
    callbacks do not see either.
    """
    if any(field.bitsize >= 0 for _, field in ct.fields):
        return
    end = 0
    for _, field in ct.fields:
        if field.offset - end >= backend.alignof(field.type) and ct.kind == "struct":
            _refuse_incomplete(ct)
        length = 0 if _elements(field.type)[1] == 0 else backend.sizeof(field.type)
        end = max(end, field.offset + length)
    if backend.sizeof(ct) - end >= backend.alignof(ct):
        _refuse_incomplete(ct)


def _refuse_incomplete(ct: Any) -> None:
    raise UnsupportedTypeError(
        f"'{ct.cname}' is declared with '...;' or without its padding: how C passes it depends on "
        "the members that are not known"
    )
