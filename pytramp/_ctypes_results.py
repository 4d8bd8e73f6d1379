"""What a callback may return where C wants a ctypes class: converters to something with a buffer.

Each maker returns a function that raises TypeError, or OverflowError for an int out of range. The
memory that a returned pointer points at is kept by whoever made it, not by the callback; only a
function pointer is kept. Any thread. Imports ctypes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from pytramp._address import address_bytes
from pytramp._agreement import address_for
from pytramp._core import Closure, Pointer, Signature, Type
from pytramp._ctypes_spelling import spelled

_CData: Any = ctypes.c_int.__mro__[-2]
_ByReference: Any = type(ctypes.byref(ctypes.c_int()))

Store = Callable[[Any], Any]


def pointer(cls: Any) -> Store:
    """POINTER(T): what cls.from_param takes, None, an int, a Pointer, anything with an address."""
    spelling, _ = spelled(cls)

    def store(value: Any) -> Any:
        if type(value) is cls:
            return value
        if isinstance(value, _CData) and not isinstance(value, ctypes.c_void_p):
            cls.from_param(value)  # TypeError for one to another type
        elif isinstance(value, _ByReference):
            value = ctypes.cast(cls.from_param(value), ctypes.c_void_p).value
        return address_bytes(value, spelling)

    return store


def text(cls: Any) -> Store:
    """c_char_p and c_wchar_p: no text, since nobody could know how long C needs it."""
    spelling, _ = spelled(cls)
    return lambda value: address_bytes(value, spelling)


def kept_text(kept: dict[Any, Any], cls: Any, value: bytes | str) -> Any:
    """What a callback that stands for one of ctypes' returns instead of text: a pointer to it.

    It is in `kept`, once for each text. Where cls is no c_char_p for bytes, or c_wchar_p for str,
    it is value itself.
    """
    root: Any = ctypes.c_char_p if isinstance(value, bytes) else ctypes.c_wchar_p
    if not issubclass(cls, root):
        return value
    text = bytes(memoryview(value)) if isinstance(value, bytes) else str.__str__(value)
    found = kept.get(text)
    return found if found is not None else kept.setdefault(text, root(text))


def in_cell(base: Type, root: Any) -> Store:
    """What base takes, as an instance of root."""
    target = Type.pointer(f"{base.spelling} *", target=base)

    def store(value: Any) -> Any:
        cell = root()
        Pointer(target, ctypes.addressof(cell))[0] = value
        return cell

    return store


def subclass(cls: Any, base: Type, root: Any) -> Store:
    """A subclass of a simple class: an instance, or what base takes."""
    store = in_cell(base, root)
    return lambda value: value if isinstance(value, cls) else store(value)


def function(cls: Any, signature: Signature) -> Store:
    """A function prototype: a Closure that agrees, an instance, None or an address."""
    spelling, _ = spelled(cls)

    def store(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if isinstance(value, Closure):
            return address_bytes(address_for(value, signature), spelling)
        if value is None or hasattr(type(value), "__index__"):
            return address_bytes(value, spelling)
        hint = f'; wrap it in pytramp.callback("{signature}", ...)' if callable(value) else ""
        raise TypeError(
            f"{spelling} must be a Closure, an instance of {cls.__name__}, None or an int, not "
            f"{type(value).__name__}{hint}"
        )

    return store
