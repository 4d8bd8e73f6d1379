"""ctypes classes as C declarations, for messages and signatures. Imports ctypes."""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr, _Pointer
from typing import Any

from pytramp import _ctypes_scalars

_NAME = "\0"


def spelled(cls: Any) -> tuple[str, int]:
    """How C spells cls, and where in it a name goes; -1 at the end: "int (*)(int)" and 6."""
    text = declared(cls, _NAME)
    place = text.index(_NAME)
    text = text.replace(_NAME, "").rstrip()
    return text, place if place < len(text) else -1


def declared(cls: Any, name: str) -> str:
    """The declaration of a variable of that name. What ctypes lets say only halfway is "void"."""
    if cls is None:
        return f"void {name}"
    if not isinstance(cls, type):  # a restype that is a Python function
        return f"int {name}"
    if issubclass(cls, CFuncPtr):
        return _function(cls, name)
    if issubclass(cls, _Pointer):
        target = getattr(cls, "_type_", None)
        is_array = isinstance(target, type) and issubclass(target, ctypes.Array)
        return declared(target, f"(*{name})" if is_array else f"*{name}")
    if issubclass(cls, ctypes.Array):
        return declared(cls._type_, f"{name}[{cls._length_}]")
    return _base(cls, name)


def _function(cls: Any, name: str) -> str:
    arguments = [declared(kind, "").rstrip() for kind in getattr(cls, "_argtypes_", ())]
    listed = ", ".join(arguments) or "void"
    return declared(getattr(cls, "_restype_", ctypes.c_int), f"(*{name})({listed})")


def _base(cls: Any, name: str) -> str:
    if issubclass(cls, ctypes.Union):
        return f"union {cls.__name__} {name}"
    if _ctypes_scalars.is_simple(cls):
        known = _ctypes_scalars.spelling(cls) or cls.__name__
        return f"{known}{name}" if known.endswith("*") else f"{known} {name}"
    return f"struct {cls.__name__} {name}"
