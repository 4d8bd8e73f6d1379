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

_CData: Any = ctypes.c_int.__mro__[-2]
_at: dict[tuple[int, str | None], tuple[Any, ...]] = {}  # what was put into C's memory, by place


def paths_to(kinds: tuple[Any, ...], cls: Any) -> Iterator[str]:
    """The members of these ctypes classes: ".a.b", "" for cls itself."""
    while issubclass(cls, ctypes.Array):
        cls = cls._type_
    if issubclass(cls, kinds):
        yield ""
    elif issubclass(cls, (ctypes.Structure, ctypes.Union)):
        for owner in reversed(cls.__mro__):
            for name, kind, *_ in vars(owner).get("_fields_", ()):
                yield from (f".{name}{path}" for path in paths_to(kinds, kind))


def is_kept(cls: Any) -> bool:
    """Is there a function pointer or an object among the members?"""
    return any(True for _ in paths_to((CFuncPtr, ctypes.py_object), cls))


def all_of(instance: Any) -> tuple[Any, ...]:
    """Whatever the instance keeps, also if it keeps something else later."""
    return tuple(_nodes(_objects(instance)))


def code_of(value: Any) -> tuple[Any, ...]:
    """What the function pointer, or those in a struct, belongs to; and all objects in a struct."""
    if isinstance(value, (ctypes.Structure, ctypes.Union)):
        if any(True for _ in paths_to((ctypes.py_object,), type(value))):
            return all_of(value)
        return tuple(code for leaf in _leaves(_objects(value)) for code in _code(leaf))
    owner = owner_of(value)
    return () if owner is None else (owner,)


def keep_at(address: int, name: str | None, code: tuple[Any, ...]) -> None:
    """Until something else is put there: nobody can know how long C calls it."""
    if code:
        _at[address, name] = code
    else:
        _at.pop((address, name), None)


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
