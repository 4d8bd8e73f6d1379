"""Types: the names that a header declared, as Python objects."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from pytramp import _typenames
from pytramp._core import Signature, Type, UnsupportedTypeError
from pytramp._errors import Source
from pytramp._lock import LOCK
from pytramp.cdecl import macros
from pytramp.cdecl.model import (
    Array,
    CType,
    Enumeration,
    Function,
    Named,
    Pointer,
    Record,
    Refused,
    Scalar,
    Special,
    Use,
    plain,
)
from pytramp.cdecl.scope import BUILTINS, Declared, Entry, Enumerator, Scope
from pytramp.cdecl.types import Place, parameter_type, prototype_declared

if TYPE_CHECKING:
    from enum import IntEnum

_SHOWN = 6


class Types:
    """What pytramp.cdef() declared: attributes, or items where a name is no attribute.

    A struct or union is its ctypes class, by its typedef's name and by its tag ("struct point"
    where another thing is called point); an enum an IntEnum, its constants ints; a function, a
    function type or a function pointer a Signature; any other type its ctypes class, or a Type
    where ctypes has none. UnsupportedTypeError where C has the type, but pytramp or ctypes cannot
    express it. Immutable; any thread.
    """

    __slots__ = ("__weakref__", "_made", "_scope")

    _scope: Scope
    _made: dict[str, Any]

    def __init__(self, scope: Scope) -> None:
        object.__setattr__(self, "_scope", scope)
        object.__setattr__(self, "_made", {})

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name) from None
            raise AttributeError(str(error.args[0])) from None

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise TypeError(f"names of C are str, not {type(name).__name__}")
        made = self._made
        if name not in made:
            with LOCK:
                if name not in made:
                    made[name] = self._make(name)
        return made[name]

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("what cdef() declared cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("what cdef() declared cannot be changed")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _find(name, self._scope) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(_names(self._scope))

    def __len__(self) -> int:
        return len(_names(self._scope))

    def __dir__(self) -> list[str]:
        return [name for name in _names(self._scope) if name.isidentifier()]

    def __repr__(self) -> str:
        names = _names(self._scope)
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        return f"<pytramp.Types of {len(names)} names: {shown}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("what cdef() declared cannot be pickled: its classes are its own")

    def _make(self, name: str) -> Any:
        found = _find(name, self._scope)
        if found is None:
            number = macros.value(name, self._scope) if name.isidentifier() else None
            if number is not None:
                return number
            raise KeyError(_unknown(name, self._scope))
        return _object(name, found)


def _find(name: str, scope: Scope) -> Entry | None:
    """What name means: an identifier first, then a tag, which may be spelled with its keyword."""
    keyword, _, tag = name.partition(" ")
    if keyword in _typenames.TAGGED and tag:
        found = scope.tag(tag.strip())
        kind = "enum" if isinstance(found, Enumeration) else getattr(found, "keyword", None)
        return found if kind == keyword else None
    entry = scope.entry(name)
    if entry is None and any(name in level.names for level in scope.chain()):
        return BUILTINS.get(name)
    return scope.tag(name) if entry is None else entry


def _names(scope: Scope) -> list[str]:
    """Every name once; a tag with its keyword where its bare name is taken by something else."""
    names: dict[str, None] = {}
    levels = list(scope.chain())
    for level in reversed(levels):
        names |= dict.fromkeys(level.names)
    for level in reversed(levels):
        for tag, kind in level.tags.items():
            entry = scope.entry(tag)
            if entry is None:
                names[tag] = None
            elif not isinstance(entry, Named) or entry.use.type is not kind:
                names[f"enum {tag}" if isinstance(kind, Enumeration) else kind.spelling] = None
    return list(names)


def _unknown(name: str, scope: Scope) -> str:
    message = f"nothing is declared as {name!r}"
    if close := difflib.get_close_matches(name, _names(scope), n=1):
        message += f"; did you mean {close[0]!r}?"
    return message


# ---- Entries -> objects ----


def _object(name: str, entry: Entry) -> Any:
    if isinstance(entry, Enumerator):
        number = entry.enumeration.values[name]
        cls = _enum_class(entry.enumeration)
        return number if cls is None else cls(number)
    if isinstance(entry, Declared):
        return _signature(entry.function, name)
    return _type_object(name, Use(entry))


def _signature(use: Use, name: str | None) -> Signature:
    return Signature._from_prototype(prototype_declared(use, name))


def _type_object(name: str, use: Use) -> Any:
    kind = plain(use).type
    if isinstance(kind, Record):
        return _record_class(kind)
    if isinstance(kind, Enumeration):
        return _enum_or_integer(kind)
    if isinstance(kind, Function):
        return _signature(use, None)
    if isinstance(kind, Pointer) and isinstance(plain(kind.target).type, Function):
        return _signature(kind.target, None)
    if isinstance(kind, Refused):
        raise kind.error()
    return _ctypes_or_type(name, use, kind)


def _record_class(record: Record) -> Any:
    from pytramp.cdecl import records

    if record.members is None:
        return records.pointed_class(record)
    if record.refused is not None:
        raise record.refused.error()
    return records.class_of(record)


def _ctypes_or_type(name: str, use: Use, kind: CType) -> Any:
    if not isinstance(kind, Special) and not _is_void(kind):
        from pytramp.cdecl import records

        try:
            return records.class_for(use)
        except UnsupportedTypeError:
            if isinstance(kind, Array):
                raise
    if isinstance(kind, Special) and kind.name == "PyObject":
        return Type.opaque(name)
    return parameter_type(use, Place(Source(name), 0, "", {}))


def _is_void(kind: CType) -> bool:
    return isinstance(kind, Scalar) and kind.spelling == "void"


def _enum_or_integer(enumeration: Enumeration) -> Any:
    cls = _enum_class(enumeration)
    if cls is not None:
        return cls
    from pytramp.cdecl import records

    return records.class_for(Use(enumeration))


def _enum_class(enumeration: Enumeration) -> type[IntEnum] | None:
    """The IntEnum; None for an enum without a name, or whose constants Python cannot name."""
    name = enumeration.tag or enumeration.name
    if name is None or not enumeration.values:
        return None
    with LOCK:
        if enumeration.built is None:
            import enum

            make: Any = enum.IntEnum
            try:
                enumeration.built = make(name, enumeration.values, module="pytramp")
            except (ValueError, TypeError):
                enumeration.built = False
    return enumeration.built or None
