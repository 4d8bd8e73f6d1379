"""How instances of a struct's or union's class are made: aligned as in C, or not at all.

A class gets what it needs when its layout is known. Until Python 3.12 ctypes does not see what a
union's class is given later: those have it from the beginning. Imports ctypes.
"""

from __future__ import annotations

import ctypes
from typing import Any, NoReturn

from pytramp.cdecl.model import Record

# What each instance that ctypes makes is aligned to: its memory as all that Python allocates, and
# up to 16 bytes in the object itself, in a union with a long double.
_ALLOCATED = min(2 * ctypes.sizeof(ctypes.c_void_p), ctypes.alignment(ctypes.c_longdouble))


def namespace(record: Record) -> dict[str, Any]:
    """What the class is to be made with."""
    if record.keyword == "union":
        return {"__new__": staticmethod(_new_union), "__init__": initialise, "_names_": ()}
    return {}


def complete(cls: Any, record: Record, *, is_padded: bool) -> None:
    """cls has its fields; is_padded: and others than `_names_`."""
    assert record.layout is not None
    is_struct = record.keyword == "struct"
    if is_struct and is_padded:
        cls.__init__ = initialise
    if record.layout.alignment > _ALLOCATED:
        cls.from_buffer_copy = classmethod(_aligned_copy)
        if is_struct:
            cls.__new__ = staticmethod(_aligned)


def refuse(cls: Any, record: Record, reason: str) -> None:
    """cls has no fields: C would write beyond an instance of no bytes."""
    record.built.reason = reason
    if record.keyword == "struct":
        cls.__new__ = staticmethod(_refuse)


def is_plain(cls: Any) -> bool:
    """Is making one nothing that the class does in a way of its own?"""
    inits = (ctypes.Structure.__init__, ctypes.Union.__init__, initialise)
    news = (ctypes.Structure.__new__, ctypes.Union.__new__, _new_union, _aligned)
    return cls.__init__ in inits and cls.__new__ in news


def initialise(self: Any, *args: Any, **fields: Any) -> None:
    """As ctypes does it, but padding takes no argument."""
    names = type(self)._names_
    if len(args) > len(names):
        raise TypeError("too many initializers")
    for name, value in zip(names, args, strict=False):
        if name in fields:
            raise TypeError(f"duplicate values for field {name!r}")
        setattr(self, name, value)
    for name, value in fields.items():
        setattr(self, name, value)


def _refuse(cls: Any, *args: Any, **fields: Any) -> NoReturn:
    raise TypeError(cls._pytramp_record_.built.reason)


def _new_union(cls: Any, *args: Any, **fields: Any) -> Any:
    record = cls._pytramp_record_
    if record.built.reason is not None:
        _refuse(cls)
    is_aligned = record.layout.alignment > _ALLOCATED
    return _aligned(cls) if is_aligned else ctypes.Union.__new__(cls)


def _aligned(cls: Any, *args: Any, **fields: Any) -> Any:
    """Within a larger block, which the instance keeps."""
    alignment = cls._pytramp_record_.layout.alignment
    block = bytearray(ctypes.sizeof(cls) + alignment)
    address = ctypes.addressof(ctypes.c_char.from_buffer(block))
    return cls.from_buffer(block, -address % alignment)


def _aligned_copy(cls: Any, source: Any, offset: int = 0) -> Any:
    made = _aligned(cls)
    copy_of = type(cls).from_buffer_copy(cls, source, offset)
    ctypes.memmove(ctypes.addressof(made), ctypes.addressof(copy_of), ctypes.sizeof(cls))
    return made
