"""ctypes as the caller: does it pass structs where C looks for them?

ctypes tells libffi which members a struct has, and not where they are: to libffi they lie one
after another, each aligned as its type is. What is packed, or a union, it passes in other registers
than C, or crashes. ctypes' own callbacks read it as wrongly and never notice. Imports ctypes; any
thread.
"""

from __future__ import annotations

import ctypes
import functools
from _ctypes import CFuncPtr
from collections.abc import Iterator
from typing import Any

from pytramp._core import Signature, Type, UnsupportedTypeError
from pytramp._members import count_of

_Aggregate = (ctypes.Structure, ctypes.Union)


def careful(prototype: Any) -> Any:
    """The prototype, or a subclass of it, where it has structs by value: see look_and_call."""
    return _careful(prototype) if has_aggregates(prototype) else prototype


@functools.cache
def _careful(prototype: Any) -> Any:
    body = {name: getattr(prototype, name) for name in ("_flags_", "_restype_", "_argtypes_")}
    return type(prototype)(prototype.__name__, (prototype,), {**body, "__call__": look_and_call})


def has_aggregates(prototype: Any) -> bool:
    """Does it pass or return structs or unions by value?"""
    passed = (prototype._restype_, *prototype._argtypes_)
    return any(isinstance(cls, type) and issubclass(cls, _Aggregate) for cls in passed)


def look_and_call(self: Any, *args: Any) -> Any:
    """The ``__call__`` of a prototype that has_aggregates: UnsupportedTypeError names what libffi
    would pass in another way than C does."""
    prototype: Any = type(self)
    _check(prototype)
    return CFuncPtr.__call__(self, *args)


@functools.cache
def _check(prototype: Any) -> None:
    signature = Signature(prototype)
    classes = (prototype._restype_, *prototype._argtypes_)
    types = (signature.result, *signature.arguments)
    seen = [
        _as_seen(cls) if type_.kind == "aggregate" else type_
        for cls, type_ in zip(classes, types, strict=True)
    ]
    places = signature._places("default")
    seen_places = Signature.from_types(*seen)._places("default") if all(seen) else []
    for i, (cls, type_) in enumerate(zip(classes, types, strict=True)):
        is_known = seen[i] and (not seen_places or seen_places[i] == places[i])
        if type_.kind == "aggregate" and not is_known:
            where = f"argument {i}" if i else "result"
            raise UnsupportedTypeError(
                f"{where}: libffi, by which ctypes calls, does not know how C passes "
                f"{cls.__name__!r} (it takes it for a plain struct): only C can call this"
            )


def _as_seen(cls: Any) -> Type | None:
    """The type that libffi takes it for; None where that is larger than cls."""
    from pytramp._aggregates import count_in, element, element_class

    members: list[tuple[Type, int, int]] = []
    end = 0
    for kind in _field_types(cls):
        item, count = element_class(kind), count_in(kind)
        type_ = _as_seen(item) if issubclass(item, _Aggregate) else element(item, cls.__name__)
        if type_ is None:
            return None
        start = -(-end // type_.alignment) * type_.alignment
        if count:
            members.append((type_, count_of(count, item is not kind), start))
        end = start + count * type_.size
    size, alignment = ctypes.sizeof(cls), ctypes.alignment(cls)
    if end > size:
        return None
    return Type.aggregate(cls, f"struct {cls.__name__}", size, alignment, members, False, alignment)


def _field_types(cls: Any) -> Iterator[Any]:
    """Those of base classes first; of a bit-field, the type that it is declared with."""
    for owner in reversed(cls.__mro__):
        for _, kind, *_ in vars(owner).get("_fields_", ()):
            yield kind
