"""Prototypes that stand for ctypes' own of the same types. Imports ctypes; any thread."""

from __future__ import annotations

from _ctypes import CFuncPtr
from collections.abc import Callable
from typing import Any

from pytramp._lock import LOCK


class StandIn(type(CFuncPtr)):  # type: ignore[misc]
    """What ctypes itself made is an instance of the class that stands for its own, as what that
    makes is of ctypes': in argtypes, fields and arrays."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(stood_for(cls), instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return type.__subclasscheck__(stood_for(cls), subclass)


def stood_for(cls: Any) -> Any:
    """The class that cls stands for, or cls itself."""
    return vars(cls).get("_pytramp_for_", cls)


def stand_in(
    prototype: Any, kind: str, ready: Callable[[Any], object] | None = None, **body: Any
) -> Any:
    """The one subclass of this kind, with that body; the prototype keeps it, as an attribute.

    ready is called with a new one before anybody else knows it.
    """
    with LOCK:
        known = vars(prototype).get(kind)
        if known is None:
            for name in ("_flags_", "_restype_", "_argtypes_"):
                body[name] = getattr(prototype, name)
            body["_pytramp_for_"] = prototype
            meta = type(prototype) if isinstance(prototype, StandIn) else StandIn
            known = meta(prototype.__name__, (prototype,), body)
            if ready is not None:
                ready(known)
            setattr(prototype, kind, known)
        return known
