"""C structs and unions -> ctypes classes of exactly that layout, and their types by value.

Classes are made once per Record, under one lock; imports ctypes. A Record that ctypes cannot lay
out as C does keeps its class, without fields, for pointers to it.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pytramp import _ctypes
from pytramp._core import Type, UnsupportedTypeError
from pytramp._layout import Layout
from pytramp._lock import LOCK
from pytramp.cdecl import fields, instances
from pytramp.cdecl.model import (
    MAX_DEPTH,
    Array,
    Enumeration,
    Function,
    Member,
    Pointer,
    Record,
    Refused,
    Scalar,
    Special,
    Use,
    counted,
    depth,
    is_object,
    keeps_code,
    plain,
)


class _Round:
    """The classes that one request leads to. Nobody hears of them before all are complete."""

    def __init__(self) -> None:
        self.begun: list[Record] = []
        self.functions: dict[Function, Any] = {}  # one may be a parameter of another many times
        self.has_failed = False


class Built:
    """What was made of a Record. error: why ctypes cannot lay it out; reason: the same, or whatever
    else keeps the class without fields."""

    def __init__(self, cls: Any, made_in: _Round) -> None:
        self.cls = cls
        self.made_in = made_in
        self.is_complete = False
        self.error: str | None = None
        self.reason: str | None = None
        self.type: Type | None = None


def class_of(record: Record) -> Any:
    """The complete class; UnsupportedTypeError where there is none."""
    return _whole(_complete, record)


def class_for(use: Use) -> Any:
    """The ctypes class of a type, None for void. UnsupportedTypeError where ctypes has none."""
    return _whole(_class_for, use)


def pointed_class(record: Record) -> Any:
    """The class, without fields where it has none: for ctypes.POINTER, and for incomplete types."""
    try:
        return class_of(record)
    except UnsupportedTypeError:
        return record.built.cls


def aggregate(record: Record, cls: Any = None) -> Type:
    """The type by value; cls is a subclass to make instances of. Errors as class_of."""
    own = class_of(record)
    if cls is not None and cls is not own:
        return _aggregate(record, cls)
    with LOCK:
        if record.built.type is None:
            record.built.type = _aggregate(record, own)
        made: Type = record.built.type
        return made


_round = _Round()  # guarded by LOCK


def _whole(make: Callable[[Any], Any], of: Any) -> Any:
    """What make returns, with all that its classes point to.

    An exception that is not about the types, as MemoryError or KeyboardInterrupt, has the classes
    forgotten that were made: some would have no fields.
    """
    global _round
    with LOCK:
        before, _round = _round, (this := _Round())
        try:
            try:
                return make(of)
            finally:
                _complete_all(this.begun)
        except UnsupportedTypeError:
            raise
        except BaseException:
            this.has_failed = True
            raise
        finally:
            _round = before


def _complete_all(begun: list[Record]) -> None:
    """Each may begin more of them."""
    for record in begun:
        try:
            _complete(record)
        except UnsupportedTypeError:
            pass  # who passes it by value hears of it


def _begin(record: Record) -> Any:
    """The class, maybe without fields yet."""
    if record.built is None or record.built.made_in.has_failed:
        base = ctypes.Union if record.keyword == "union" else ctypes.Structure
        name = record.tag or record.name or "anonymous"
        namespace = {"__module__": "pytramp", "_pytramp_record_": record}
        namespace |= instances.namespace(record)
        record.built = Built(type(name, (base,), namespace), _round)
        _round.begun.append(record)
    return record.built.cls


def _complete(record: Record) -> Any:
    """The class, with its fields; where it gets none, nobody can make instances of it."""
    cls = _begin(record)
    try:
        return _with_fields(record, cls)
    except UnsupportedTypeError as error:
        instances.refuse(cls, record, str(error))
        raise


def _with_fields(record: Record, cls: Any) -> Any:
    built = record.built
    if built.error is not None:
        raise UnsupportedTypeError(built.error)
    if built.is_complete:
        return cls
    if record.refused is not None:
        raise UnsupportedTypeError(record.refused.reason)
    if record.layout is None or record.members is None:
        raise UnsupportedTypeError(f"{record.spelling!r} is incomplete: its members are not known")
    built.is_complete = True
    try:
        fields.give(cls, record, _members(record))
    except UnsupportedTypeError as error:
        built.is_complete = False
        built.error = str(error)
        raise
    return cls


def _members(record: Record) -> list[fields.Given]:
    """The members with their ctypes classes."""
    given = []
    layout, members = record.layout, record.members
    assert layout is not None
    assert members is not None
    for member, place in zip(members, layout.places, strict=True):
        where = (
            f"member {record.tag or record.name or record.keyword}.{member.name or '(anonymous)'}"
        )
        is_bits = member.bits is not None
        if is_bits and member.name is None:
            continue
        try:
            kind = _bit_class(member.use) if is_bits else _class_for(member.use)
        except UnsupportedTypeError as error:
            raise UnsupportedTypeError(f"{where}: {error}") from None
        given.append(fields.Given(member.name, kind, place.bit, member.bits))
    return given


# ---- Types -> ctypes classes ----


def _scalar_class(scalar: Scalar) -> Any:
    if scalar.spelling not in _ctypes._SCALARS:
        raise UnsupportedTypeError(f"ctypes has no type for {scalar.spelling!r}")
    return _ctypes._SCALARS[scalar.spelling]


def _bit_class(use: Use) -> Any:
    """The class of a bit-field, which is a number even where the type is char or wchar_t."""
    from pytramp.cdecl.integers import is_unsigned

    kind = plain(use).type
    scalar = kind.base if isinstance(kind, Enumeration) else kind
    assert isinstance(scalar, Scalar)
    if scalar.spelling == "_Bool":
        return ctypes.c_bool
    size = Type.scalar(scalar.spelling).size
    names = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}
    if size not in names:
        raise UnsupportedTypeError(f"ctypes has no bit-fields of type {scalar.spelling!r}")
    return getattr(ctypes, f"c_{'u' if is_unsigned(scalar) else ''}{names[size]}")


def _class_for(use: Use) -> Any:
    """class_for(); of what is pointed to it may have no fields yet."""
    kind = plain(use).type
    if isinstance(kind, Scalar):
        return _scalar_class(kind)
    if isinstance(kind, Enumeration):
        return _scalar_class(kind.base)
    if isinstance(kind, Pointer):
        return _pointer_class(kind.target)
    if isinstance(kind, Record):
        return _complete(kind)
    if isinstance(kind, Array):
        return _array_class(kind)
    if isinstance(kind, Refused):
        raise UnsupportedTypeError(kind.reason)
    what = repr(kind.name) if isinstance(kind, Special) else "a function"
    raise UnsupportedTypeError(f"ctypes has no type for {what}")


def _array_class(array: Array) -> Any:
    element = _class_for(array.element)
    length = 0 if array.length is None else array.length
    if isinstance(length, Refused):
        raise UnsupportedTypeError(length.reason)
    if not isinstance(length, int):
        raise UnsupportedTypeError("ctypes has no array whose length is a parameter")
    try:
        return element * length
    except (OverflowError, ValueError):
        raise UnsupportedTypeError(f"ctypes has no array of {length} elements") from None


_TEXT = {"char": ctypes.c_char_p, "wchar_t": ctypes.c_wchar_p}


def _pointer_class(target: Use) -> Any:
    """Of `const char *` c_char_p; c_void_p where ctypes cannot say what is pointed at."""
    kind, qualifiers = plain(target)
    if isinstance(kind, Scalar):
        if kind.spelling in _TEXT and "const" in qualifiers:
            return _TEXT[kind.spelling]
        if kind.spelling == "void":
            return ctypes.c_void_p
    if isinstance(kind, Function):
        return _function_class(kind)
    if is_object(target):
        return ctypes.py_object
    if isinstance(kind, Record):
        return ctypes.POINTER(_begin(kind))
    if depth(target) >= MAX_DEPTH:
        return ctypes.c_void_p
    try:
        return ctypes.POINTER(_class_for(target))
    except UnsupportedTypeError:
        return ctypes.c_void_p


def _function_class(function: Function) -> Any:
    """The class that a Closure's as_ctypes() makes for the same signature."""
    if function not in _round.functions:
        _round.functions[function] = _new_function_class(function)
    return _round.functions[function]


def _new_function_class(function: Function) -> Any:
    if function.variadic or function.depth > MAX_DEPTH:
        return ctypes.c_void_p
    try:
        result = _passed_class(function.result)
        arguments = [_passed_class(parameter.use) for parameter in function.parameters]
        return _ctypes.function_class(result, *arguments)
    except (UnsupportedTypeError, TypeError):
        return ctypes.c_void_p


def _passed_class(use: Use) -> Any:
    """Pointers are plain addresses there, as in pytramp._ctypes.prototype_of."""
    kind = plain(use).type
    if isinstance(kind, Pointer) and isinstance(plain(kind.target).type, Function):
        return _pointer_class(kind.target)
    if isinstance(kind, Pointer) and is_object(kind.target):
        return ctypes.py_object
    if isinstance(kind, (Pointer, Array)):
        return ctypes.c_void_p
    if isinstance(kind, Function):
        return _function_class(kind)
    if isinstance(kind, Record):
        return _begin(kind)
    return _class_for(use)


# ---- Types by value ----


class _Leaf(NamedTuple):
    """A scalar or a pointer in a struct, or bytes of bit-fields."""

    offset: int
    size: int
    is_integer: bool
    is_named: bool


def _aggregate(record: Record, cls: Any) -> Type:
    from pytramp._aggregates import bit_field
    from pytramp._members import count_of

    layout, members = record.layout, record.members
    assert layout is not None
    assert members is not None
    _refuse_disputed(record)
    parts: list[tuple[Type, int, int]] = []
    for member, place in zip(members, layout.places, strict=True):
        if member.bits is not None:
            if member.bits:  # without a name, too: it may keep a struct from being all floats
                parts.append(bit_field(place))
            continue
        element, count = counted(member.use)
        if count:
            counted_as = count_of(count, element is not member.use)
            parts.append((_element(element), counted_as, place.bit // 8))
    size, alignment, natural = layout.size, layout.alignment, layout.natural
    is_union = record.keyword == "union"
    try:
        return Type.aggregate(
            cls, record.spelling, size, alignment, parts, is_union, natural, keeps_code(record)
        )
    except ValueError as error:
        raise UnsupportedTypeError(f"{record.spelling!r}: {error}") from None


def _element(use: Use) -> Type:
    kind = plain(use).type
    if isinstance(kind, Record):
        return aggregate(kind)
    if isinstance(kind, Pointer):
        return Type.pointer("void *")
    scalar = kind.base if isinstance(kind, Enumeration) else kind
    assert isinstance(scalar, Scalar)
    return Type.scalar(scalar.spelling)


# There `{ float x; int : 0; }` is not passed like `{ float x; }`, whatever the size.
_ZERO_WIDTH_COUNTS = platform.machine().startswith(("s390x", "ppc64", "mips64"))


def _has_zero_width(record: Record) -> bool:
    for member in record.members or ():
        kind = plain(counted(member.use)[0]).type
        if member.bits == 0 or (isinstance(kind, Record) and _has_zero_width(kind)):
            return True
    return False


def _refuse_disputed(record: Record) -> None:
    """What GCC and clang pass differently."""
    layout = record.layout
    if layout and layout.is_disputed:
        raise UnsupportedTypeError(
            f"{record.spelling!r} by value: compilers do not agree on how to pass its packed "
            "bit-fields"
        )
    if _ZERO_WIDTH_COUNTS and _has_zero_width(record):
        raise UnsupportedTypeError(
            f"{record.spelling!r} by value: on this machine a bit-field of no width decides how "
            "the struct is passed, and that is not supported"
        )
    if layout is None or layout.size > 16:  # not in registers
        return
    _refuse_disputed_alignment(record)
    if _has_unnamed(record):
        _refuse_disputed_bits(record, layout)


def _refuse_disputed_alignment(record: Record) -> None:
    """Where something is not aligned, the whole goes to memory. GCC looks at the first element of
    an array only, but at bit-fields of unions, too."""
    unaligned = [
        is_agreed for offset, unit, is_agreed in _alignments(record, 0, True) if offset % unit
    ]
    if unaligned and not any(unaligned):
        raise UnsupportedTypeError(
            f"{record.spelling!r} by value: compilers do not agree on how to pass its members that "
            "are not aligned"
        )


def _alignments(record: Record, base: int, agreed: bool) -> Iterator[tuple[int, int, bool]]:
    """(offset, alignment, do all compilers look at it?) of everything in a small struct."""
    assert record.layout is not None
    for member, place in zip(record.members or (), record.layout.places, strict=True):
        offset = base + place.bit // 8
        if member.bits is not None:
            if member.bits and record.keyword == "union":
                yield offset, 1 << ((member.bits + 7) // 8 - 1).bit_length(), False
            continue
        element, count = counted(member.use)
        kind = plain(element).type
        for k in range(min(count, 16)):
            if isinstance(kind, Record):
                assert kind.layout is not None
                yield from _alignments(kind, offset + k * kind.layout.size, agreed and not k)
            elif not k:
                yield offset, _element(element).alignment, agreed


def _refuse_disputed_bits(record: Record, layout: Layout) -> None:
    """GCC lets unnamed bit-fields decide about registers, clang does not."""
    leaves = list(_leaves(record, 0))
    for start in range(0, layout.size, 8):
        here = [
            leaf for leaf in leaves if leaf.offset < start + 8 and leaf.offset + leaf.size > start
        ]
        is_integer = any(leaf.is_integer for leaf in here if leaf.is_named)
        if not is_integer and any(not leaf.is_named for leaf in here):
            raise UnsupportedTypeError(
                f"{record.spelling!r} by value: compilers do not agree on how to pass its unnamed "
                "bit-fields: give them names"
            )


def _may_count(record: Record, member: Member) -> bool:
    """Can this bit-field decide about registers? GCC lets those of no width do so in unions."""
    return bool(member.bits) or record.keyword == "union"


def _has_unnamed(record: Record) -> bool:
    for member in record.members or ():
        if member.bits is not None and member.name is None and _may_count(record, member):
            return True
        kind = plain(counted(member.use)[0]).type
        if isinstance(kind, Record) and _has_unnamed(kind):
            return True
    return False


def _leaves(record: Record, base: int) -> list[_Leaf]:
    """Everything in a small struct, from offset base on."""
    found = []
    layout = record.layout
    assert layout is not None
    for member, place in zip(record.members or (), layout.places, strict=True):
        offset = base + place.bit // 8
        if member.bits is not None:
            end = base + (place.bit + place.bits + 7) // 8
            if _may_count(record, member):
                end = max(end, offset + 1)
                found.append(_Leaf(offset, end - offset, True, member.name is not None))
            continue
        element, count = counted(member.use)
        kind = plain(element).type
        for _ in range(min(count, 16)):
            if isinstance(kind, Record):
                found += _leaves(kind, offset)
                assert kind.layout is not None
                offset += kind.layout.size
            else:
                type_ = _element(element)
                is_integer = (
                    not type_.canonical.split()[0]
                    .strip("_")
                    .startswith(("float", "double", "Float"))
                )
                found.append(_Leaf(offset, type_.size, is_integer, True))
                offset += type_.size
    return found
