"""ctypes classes -> types, whose values are those of ctypes itself. Imports ctypes.

Instances are made by from_buffer_copy, which calls neither __new__ nor __init__ and gives exactly
the class: what ctypes' own callbacks get. Every function here may be called from any thread.
"""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr, _Pointer
from collections.abc import Callable
from typing import Any

from pytramp import _ctypes_results as results
from pytramp import _ctypes_scalars as scalars
from pytramp._aggregates import aggregate, refuse_objects
from pytramp._core import Signature, Type, UnsupportedTypeError
from pytramp._ctypes_spelling import spelled
from pytramp.prototype import Prototype

_CData: Any = ctypes.c_int.__mro__[-2]


def argument(cls: Any) -> Type | None:
    """The type of an argument of class cls; None where cls is no ctypes class.

    Raises UnsupportedTypeError for ctypes classes that C cannot pass.
    """
    if not issubclass(cls, _CData):
        return None
    if issubclass(cls, (ctypes.Structure, ctypes.Union)):
        made = aggregate(cls)
        refuse_objects(cls)
        return made
    if issubclass(cls, CFuncPtr):
        return _function(cls)
    if issubclass(cls, _Pointer):
        return _address(cls, results.pointer(cls))
    if issubclass(cls, ctypes.Array):
        element = getattr(cls, "_type_", None)  # ctypes.Array itself has none
        typed = f"ctypes.POINTER({element.__name__}) or " if element else ""
        raise UnsupportedTypeError(
            f"{cls.__qualname__!r}: C passes no arrays, only their address: use {typed}"
            "ctypes.c_void_p"
        )
    return _simple(cls)


def result(cls: Any) -> Type | None:
    """The same for a result: a subclass of py_object takes any object, as in ctypes."""
    if scalars.is_simple(cls) and scalars.root(cls) is ctypes.py_object:
        return Type.object()
    return argument(cls)


def prototype(cls: Any) -> Prototype:
    """The function type of a CFUNCTYPE, PYFUNCTYPE or WINFUNCTYPE class.

    TypeError where the class does not say everything, UnsupportedTypeError for what C cannot pass;
    both name the argument.
    """
    from pytramp import annotations

    for name in ("_restype_", "_argtypes_"):
        if not hasattr(cls, name):
            raise TypeError(f"{cls.__qualname__!r} has no {name}: use ctypes.CFUNCTYPE")
    if cls._restype_ is not None and not isinstance(cls._restype_, type):
        raise UnsupportedTypeError(
            f"result: {cls._restype_!r} is a Python function, which ctypes calls with the result: "
            "give the result's class"
        )
    if not isinstance(cls._argtypes_, (tuple, list)):
        raise TypeError(f"{cls.__qualname__!r}: _argtypes_ must be a sequence of types")
    types = tuple(
        annotations.to_type(kind, f"argument {i}") for i, kind in enumerate(cls._argtypes_, 1)
    )
    return Prototype(
        annotations.to_type(cls._restype_, "result"), types, (None,) * len(types), None
    )


def pointer_target(cls: Any) -> tuple[str, Any] | None:
    """(spelling, class) of what a pointer class points at; None for void and what is no pointer."""
    if issubclass(cls, _Pointer):
        target = getattr(cls, "_type_", None)
        return None if target is None else (spelled(cls)[0], target)
    if scalars.is_simple(cls):
        known = {"char *": ctypes.c_char, "wchar_t *": ctypes.c_wchar}
        spelling = scalars.spelling(cls) or ""
        return (spelling, known[spelling]) if spelling in known else None
    return None


def _simple(cls: Any) -> Type:
    if not scalars.is_simple(cls) or (spelling := scalars.spelling(cls)) is None:
        raise UnsupportedTypeError(
            f"{cls.__qualname__!r} is not supported: no native C type has its layout"
        )
    root = scalars.root(cls)
    if root is ctypes.py_object:
        return Type.object() if cls is root else _object_instance(cls)
    if spelling in scalars.TEXT.values():
        return _text(cls, is_plain=cls is root)
    base = Type.scalar(spelling)
    if cls is root:
        return base
    store = results.subclass(cls, base, root)
    return Type.custom(spelling, base, cls, cls.from_buffer_copy, store)


def _text(cls: Any, *, is_plain: bool) -> Type:
    """char * or wchar_t *: bytes or str up to the zero, None for NULL."""
    copy = cls.from_buffer_copy
    load = (lambda data: copy(data).value) if is_plain else copy
    return _address(cls, results.text(cls), load)


def _object_instance(cls: Any) -> Type:
    """PyObject * as an instance of a subclass of py_object, which has a reference of its own."""

    def load(data: bytes) -> Any:
        made = cls.from_buffer_copy(data)
        if made:
            made.value = ctypes.py_object.from_buffer_copy(data).value
        return made

    return _address(cls, None, load)


def _function(cls: Any) -> Type:
    signature = Signature._from_prototype(prototype(cls))
    spelling, name_at = spelled(cls)
    store = results.function(cls, signature)
    base = Type.scalar("void *")
    return Type.custom(spelling, base, cls, cls.from_buffer_copy, store, signature, name_at)


def _address(
    cls: Any, store: Callable[[Any], Any] | None, load: Callable[[bytes], Any] | None = None
) -> Type:
    spelling, name_at = spelled(cls)
    base = Type.scalar("void *")
    return Type.custom(spelling, base, cls, load or cls.from_buffer_copy, store, name_at=name_at)
