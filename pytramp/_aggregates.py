"""ctypes Structure and Union classes -> types by value, laid out as ctypes did.

A class that pytramp.cdef made knows its C type itself. Imports ctypes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from pytramp import _ctypes, _keeping, _layout
from pytramp._core import Type, UnsupportedTypeError
from pytramp._members import count_of, fields_of
from pytramp.cdecl import records

_SPELLINGS: dict[Any, str] = {}
for _spelling, _cls in _ctypes._SCALARS.items():
    _SPELLINGS.setdefault(_cls, _spelling)

_Pointer: Any = ctypes.POINTER(ctypes.c_int).__base__
_CFuncPtr: Any = ctypes.CFUNCTYPE(None).__base__
_IN_REGISTERS = 16  # bytes: anything larger is in memory
_ADDRESSES = (_Pointer, _CFuncPtr, ctypes.c_char_p, ctypes.c_wchar_p, ctypes.c_void_p)


def aggregate(cls: Any) -> Type:
    """The by-value type of a Structure or Union class.

    Raises UnsupportedTypeError that names the field where there is one that C would lay out
    differently, or that no C type has the layout of.
    """
    record = getattr(cls, "_pytramp_record_", None)
    if record is not None and _owner(cls) is _owner(record.built.cls):
        if record.members is None:
            raise UnsupportedTypeError(f"{record.spelling!r} is incomplete: it has no size")
        return records.aggregate(record, cls)
    keyword = "union" if issubclass(cls, ctypes.Union) else "struct"
    if hasattr(cls, "_swappedbytes_"):
        raise UnsupportedTypeError(
            f"{cls.__qualname__!r} has its bytes swapped: C has no such type"
        )
    if getattr(cls, "_fields_", None) is None:
        raise UnsupportedTypeError(f"{cls.__qualname__!r} is incomplete: it has no _fields_")
    members = list(members_of(cls))
    if ctypes.sizeof(cls) <= _IN_REGISTERS:
        _refuse_packed_arrays(cls)
    spelling = f"{keyword} {cls.__name__}"
    size, alignment = ctypes.sizeof(cls), ctypes.alignment(cls)
    is_union, natural = keyword == "union", _unraised_alignment(cls)
    is_kept = _keeping.is_kept(cls)
    return Type.aggregate(cls, spelling, size, alignment, members, is_union, natural, is_kept)


def refuse_objects(cls: Any) -> None:
    """UnsupportedTypeError that names a py_object in what is passed by value."""
    for path in _keeping.paths_to((ctypes.py_object,), cls):
        raise UnsupportedTypeError(
            f"{cls.__name__}{path}: an object cannot be passed in a struct: its reference would be "
            "lost"
        )


def _unraised_alignment(cls: Any) -> int:
    """What the fields ask for, without `_align_`."""
    if not getattr(cls, "_align_", 0):
        return ctypes.alignment(cls)
    owner = _owner(cls)
    pack = int(getattr(owner, "_pack_", 0)) or ctypes.alignment(cls)
    base = owner.__mro__[1]
    kinds = [field[1] for field in vars(owner)["_fields_"]]
    kinds += [base] if getattr(base, "_fields_", None) else []
    return max(min(ctypes.alignment(kind), pack) for kind in kinds)


def _refuse_packed_arrays(cls: Any) -> None:
    """What is not aligned goes to memory, but GCC looks at the first element of an array only."""
    for owner in cls.__mro__:
        for name, field_type, *_ in vars(owner).get("_fields_", ()):
            element = element_class(field_type)
            if count_in(field_type) > 1 and ctypes.sizeof(element) % _natural_alignment(element):
                raise UnsupportedTypeError(
                    f"{owner.__qualname__}.{name}: by value: compilers do not agree on how to pass "
                    "an array of packed structs in a struct of at most 16 bytes"
                )


def _natural_alignment(field_type: Any) -> int:
    """Of the strictest scalar in it, whatever _pack_ says."""
    element = element_class(field_type)
    if not issubclass(element, (ctypes.Structure, ctypes.Union)):
        return ctypes.alignment(element)
    return max([1, *(_natural_alignment(field[1]) for field in fields_of(element))])


def element_class(field_type: Any) -> Any:
    """The class of what an array of arrays is made of."""
    while issubclass(field_type, ctypes.Array):
        field_type = field_type._type_
    return field_type


def _owner(cls: Any) -> Any:
    """The class whose fields cls has; ctypes' own where there are none."""
    return next(
        (owner for owner in cls.__mro__ if vars(owner).get("_fields_")),
        ctypes.Union if issubclass(cls, ctypes.Union) else ctypes.Structure,
    )


def members_of(cls: Any) -> Iterator[tuple[Type, int, int]]:
    """(type, count, offset) of each field, those of base classes first."""
    for owner in reversed(cls.__mro__):
        fields = vars(owner).get("_fields_", ())
        if any(len(field) > 2 for field in fields):
            _check_bit_fields(owner, fields)
        seen = set()
        for place, (name, field_type, *bits) in enumerate(fields):
            where = f"{owner.__qualname__}.{name}"
            if name in seen:
                raise UnsupportedTypeError(f"{where}: two fields have this name")
            seen.add(name)
            if bits:
                yield bit_field(_bits(owner, name, field_type))
                continue
            is_last = place == len(fields) - 1
            if count_in(field_type) == 0 and is_last and not issubclass(cls, ctypes.Union):
                continue  # a flexible array member
            yield (*_member(field_type, where), _offset(owner, name, field_type, where))


def bit_field(place: _layout.Place) -> tuple[Type, int, int]:
    """A member that is one."""
    start, size = _layout.bytes_of(place)
    return Type.bits(size), 1, start


def _offset(owner: Any, name: str, field_type: Any, where: str) -> int:
    """Where ctypes put the field; _fields_ may have changed since it did."""
    field: Any = vars(owner).get(name)
    if getattr(field, "size", None) != ctypes.sizeof(field_type):
        raise UnsupportedTypeError(f"{where}: _fields_ is not what the class was made with")
    return int(field.offset)


def _bits(owner: Any, name: str, field_type: Any) -> _layout.Place:
    """Where ctypes put a bit-field."""
    field: Any = vars(owner).get(name)
    size = getattr(field, "size", 0)
    if size >> 16 == 0:
        where = f"{owner.__qualname__}.{name}"
        raise UnsupportedTypeError(f"{where}: _fields_ is not what the class was made with")
    width, low, unit = size >> 16, size & 0xFFFF, ctypes.sizeof(field_type)
    if low + width > 8 * unit:  # nor does ctypes itself find it there
        _refuse_bit_field(owner, name, f"bits {low} to {low + width} of {unit} bytes")
    first = _layout.from_low_end(low, width, unit)
    return _layout.Place(8 * int(field.offset) + first, width)


def _check_bit_fields(owner: Any, fields: Any) -> None:
    """UnsupportedTypeError unless C places the fields of owner where ctypes did."""
    described = [_described(owner)] if _described(owner) else []
    skipped = len(described)
    for _, field_type, *bits in fields:
        size, alignment = ctypes.sizeof(field_type), ctypes.alignment(field_type)
        described.append(_layout.Field(size, alignment, bits[0] if bits else None))
    explicit = int(getattr(owner, "_align_", 0) or 1)
    pack = int(getattr(owner, "_pack_", 0))
    is_union = issubclass(owner, ctypes.Union)
    layout = _layout.lay_out(described, is_union=is_union, explicit=explicit, pack=pack)
    if layout.is_disputed:
        raise UnsupportedTypeError(
            f"{owner.__qualname__}: compilers do not agree on how to pass its packed bit-fields"
        )
    for (name, *_), field in zip(fields, described[skipped:], strict=True):
        if is_union and not _layout.is_alike_in(described, field, pack):
            where = f"{owner.__qualname__}.{name}"
            raise UnsupportedTypeError(f"{where}: compilers do not agree on such a bit-field")
    last = ""
    for (name, kind, *bits), place in zip(fields, layout.places[skipped:], strict=True):
        first = _bits(owner, name, kind).bit if bits else 8 * vars(owner)[name].offset
        last = name if bits else last
        if first != place.bit:
            _refuse_bit_field(owner, last, f"bit {place.bit} of {name!r} to bit {first}")
    if layout.size != ctypes.sizeof(owner):
        _refuse_bit_field(owner, last, f"{layout.size} bytes to {ctypes.sizeof(owner)}")


def _described(owner: Any) -> Any:
    """The fields of base classes as one."""
    base = owner.__mro__[1]
    if not getattr(base, "_fields_", None):
        return None
    return _layout.Field(ctypes.sizeof(base), ctypes.alignment(base))


def _refuse_bit_field(owner: Any, name: str, what: str) -> None:
    raise UnsupportedTypeError(
        f"{owner.__qualname__}.{name}: ctypes lays this bit-field out in another way than a C "
        f"compiler ({what}): declare the struct with pytramp.cdef()"
    )


def count_in(field_type: Any) -> int:
    """How many elements an array of arrays has; 1 for what is none."""
    count = 1
    while issubclass(field_type, ctypes.Array):
        count *= field_type._length_
        field_type = field_type._type_
    return count


def _member(field_type: Any, where: str) -> tuple[Type, int]:
    """The type of a field's elements, and how many there are."""
    count = count_in(field_type)
    if count == 0:
        raise UnsupportedTypeError(f"{where}: an array without elements cannot be passed by value")
    counted = count_of(count, issubclass(field_type, ctypes.Array))
    return element(element_class(field_type), where), counted


def element(field_type: Any, where: str) -> Type:
    """The type of a field that is no array; UnsupportedTypeError says where there is none."""
    if issubclass(field_type, _ADDRESSES):
        return Type.pointer("void *")
    if issubclass(field_type, (ctypes.Structure, ctypes.Union)):
        inner = aggregate(field_type)
        if inner.alignment > ctypes.alignment(field_type):
            raise UnsupportedTypeError(
                f"{where}: ctypes does not know that {inner.spelling!r} is aligned to "
                f"{inner.alignment} bytes: declare the struct around it with pytramp.cdef(), too"
            )
        return inner
    for base in field_type.__mro__:
        if base in _SPELLINGS:
            return Type.scalar(_SPELLINGS[base])
    what = f"{field_type.__qualname__!r} cannot be passed in a struct"
    is_object = field_type is ctypes.py_object
    why = "its reference would be lost" if is_object else "no native C type has its layout"
    raise UnsupportedTypeError(f"{where}: {what}: {why}")
