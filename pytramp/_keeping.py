"""What C needs for as long as it has a value: the code of function pointers, objects, and text.

ctypes has it in `_objects` of the instance that it was put into. Imports ctypes; any thread.
"""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr
from collections.abc import Iterator
from typing import Any

from pytramp._address import owner_of
from pytramp._ctypes import _Holder
from pytramp._lock import LOCK
from pytramp._members import fields_of

_CData: Any = ctypes.c_int.__mro__[-2]
_at: dict[int, dict[int, tuple[Any, ...]]] = {}  # put into C's memory: by address, and by size


def paths_to(kinds: tuple[Any, ...], cls: Any) -> Iterator[str]:
    """The members of these ctypes classes: ".a.b", "" for cls itself."""
    while issubclass(cls, ctypes.Array):
        cls = cls._type_
    if issubclass(cls, kinds):
        yield ""
    elif issubclass(cls, (ctypes.Structure, ctypes.Union)):
        for name, kind, *_ in fields_of(cls):
            yield from (f".{name}{path}" for path in paths_to(kinds, kind))


def is_kept(cls: Any) -> bool:
    """Is there a function pointer or an object among the members?"""
    return _has((CFuncPtr, ctypes.py_object), cls)


def _has(kinds: tuple[Any, ...], cls: Any) -> bool:
    return next(paths_to(kinds, cls), None) is not None


def all_of(instance: Any) -> tuple[Any, ...]:
    """Whatever the instance keeps, also if it keeps something else later."""
    return tuple(_nodes(_objects(instance)))


def code_of(value: Any) -> tuple[Any, ...]:
    """What the function pointer, or those in a struct, belongs to; and all objects in a struct."""
    if isinstance(value, (ctypes.Structure, ctypes.Union)):
        if _has((ctypes.py_object,), type(value)):
            return all_of(value)
        return tuple(code for leaf in _leaves(_objects(value)) for code in _code(leaf))
    owner = owner_of(value)
    return () if owner is None else (owner,)


def keep_at(address: int, size: int, cls: Any, name: str | None, code: tuple[Any, ...]) -> None:
    """Code of an instance of cls, or of its member of that name, until something else is put where
    all of that is: nobody can know how long C calls it."""
    if name is not None:
        if _is_bit_field(cls, name):
            return
        place = getattr(cls, name)
        address, size = address + place.offset, place.size
    with LOCK:
        before = list(_taken(address, size))
        if code:
            _at.setdefault(address, {})[size] = code
    del before  # which may run whatever code


def _is_bit_field(cls: Any, name: str) -> bool:
    """Their places are none of whole bytes; those of cdef()'s classes are properties."""
    is_own = any(field[0] == name and len(field) > 2 for field in fields_of(cls))
    return is_own or isinstance(getattr(cls, name), property)


def _taken(address: int, size: int) -> Iterator[tuple[Any, ...]]:
    """What is kept of places that lie in these bytes, and no more kept now."""
    places = range(address, address + size)
    starts = filter(_at.__contains__, places) if size < len(_at) else list(_at)
    for start in [start for start in starts if start in places]:
        kept = _at[start]
        for length in [length for length in kept if start + length <= address + size]:
            yield kept.pop(length)
        if not kept:
            del _at[start]


def _objects(instance: Any) -> Any:
    """Those of a member are kept by the instance that it is part of."""
    while instance._b_base_ is not None:
        instance = instance._b_base_
    return instance._objects


def _leaves(objects: Any) -> Iterator[Any]:
    return (each for each in _nodes(objects) if not isinstance(each, dict))


def _nodes(objects: Any) -> Iterator[Any]:
    """These dicts of dicts, which may be in a circle, and what is in them. One of the dicts may be
    the object that a member points at."""
    rest, seen = [objects], set()
    while rest:
        each = rest.pop()
        if each is None or id(each) in seen:
            continue
        yield each
        if isinstance(each, dict):
            seen.add(id(each))
            rest.extend(list(each.values()))


def _code(leaf: Any) -> Iterator[Any]:
    if isinstance(leaf, _Holder):
        yield leaf.closure
    elif isinstance(leaf, CFuncPtr):
        yield from _leaves(leaf._objects)
    elif not isinstance(leaf, (bytes, str, memoryview, _CData)):
        yield leaf
