"""What C needs for as long as it has a value: the code of function pointers, and text.

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


def has_functions(cls: Any) -> bool:
    """Is there a function pointer among the members?"""
    while issubclass(cls, ctypes.Array):
        cls = cls._type_
    if issubclass(cls, (ctypes.Structure, ctypes.Union)):
        kinds = [kind for owner in cls.__mro__ for _, kind, *_ in vars(owner).get("_fields_", ())]
        return any(has_functions(kind) for kind in kinds)
    return issubclass(cls, CFuncPtr)


def all_of(instance: Any) -> tuple[Any, ...]:
    """Whatever the instance keeps, also if it keeps something else later."""
    return tuple(_leaves(_objects(instance)))


def code_of(value: Any) -> tuple[Any, ...]:
    """What the function pointer, or those in a struct, belongs to."""
    if isinstance(value, (ctypes.Structure, ctypes.Union)):
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
    """What is in these dicts of dicts, which may be in a circle."""
    rest, seen = [objects], set()
    while rest:
        each = rest.pop()
        if not isinstance(each, dict):
            if each is not None:
                yield each
        elif id(each) not in seen:
            seen.add(id(each))
            rest.extend(list(each.values()))


def _code(leaf: Any) -> Iterator[Any]:
    if isinstance(leaf, _Holder):
        yield leaf.closure
    elif isinstance(leaf, CFuncPtr):
        yield from _leaves(leaf._objects)
    elif not isinstance(leaf, (bytes, str, memoryview, _CData)):
        yield leaf
