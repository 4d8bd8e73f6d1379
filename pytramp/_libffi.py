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
from typing import Any

from pytramp._core import Signature, Type, UnsupportedTypeError
from pytramp._members import count_of, fields_of
from pytramp._stand_ins import stand_in

_Aggregate = (ctypes.Structure, ctypes.Union)
_IN_REGISTERS = 16  # bytes, at most, but for homogeneous ones


def careful(prototype: Any) -> Any:
    """The prototype; where it has structs by value, one that stands for it and look_and_calls."""
    if not has_aggregates(prototype):
        return prototype
    return stand_in(prototype, "_pytramp_careful_", __call__=look_and_call)


def has_aggregates(prototype: Any) -> bool:
    """Does it pass or return structs or unions by value?"""
    passed = (prototype._restype_, *prototype._argtypes_)
    return any(isinstance(cls, type) and issubclass(cls, _Aggregate) for cls in passed)


def look_and_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The ``__call__`` of a prototype that has_aggregates: UnsupportedTypeError names what libffi
    would pass in another way than C does."""
    if self.argtypes is not None:
        _check(self.restype, tuple(self.argtypes))
    return CFuncPtr.__call__(self, *args, **kwargs)


@functools.lru_cache(128)  # classes come and go
def _check(restype: Any, argtypes: tuple[Any, ...]) -> None:
    try:
        signature = Signature.from_types(restype, *argtypes)
    except (TypeError, UnsupportedTypeError):
        return  # types that are ctypes' alone
    classes = (restype, *argtypes)
    types = (signature.result, *signature.arguments)
    seen = [
        _as_seen(cls) if type_.kind == "aggregate" else type_
        for cls, type_ in zip(classes, types, strict=True)
    ]
    places = signature._places("default")
    seen_places = Signature.from_types(*seen)._places("default") if all(seen) else places
    for i, type_ in enumerate(types):
        if type_.kind == "aggregate" and (not seen[i] or seen_places[i] != places[i]):
            where = f"argument {i}" if i else "result"
            raise UnsupportedTypeError(
                f"{where}: libffi, by which ctypes calls, does not know how C passes "
                f"{classes[i].__name__!r} (it takes it for a plain struct): only C can call this"
            )


def _as_seen(cls: Any) -> Type | None:
    """The type that libffi takes it for. Of what may go in registers nobody knows what it makes of
    members behind the end, those of unions and bit-fields: None."""
    from pytramp._aggregates import count_in, element, element_class

    members: list[tuple[Type, int, int]] = []
    size, alignment = ctypes.sizeof(cls), ctypes.alignment(cls)
    end = 0
    for _, kind, *_ in fields_of(cls):  # of a bit-field, the type that it is declared with
        item = element_class(kind)
        type_ = _as_seen(item) if issubclass(item, _Aggregate) else element(item, cls.__name__)
        if type_ is None:
            return None
        start = -(-end // type_.alignment) * type_.alignment
        end = start + count_in(kind) * type_.size
        if end > size and size <= _IN_REGISTERS:
            return None
        count = min(count_in(kind), max(size - start, 0) // max(type_.size, 1))
        if count:
            members.append((type_, count_of(count, item is not kind), start))
    return Type.aggregate(cls, f"struct {cls.__name__}", size, alignment, members, False, alignment)
