"""What a callback may return for a pointer besides None and an int."""

from __future__ import annotations

import sys
from typing import Any


def address_of(value: Any, wanted: str = "void *") -> int | None:
    """The address that value stands for, or has its memory at; None for NULL.

    ctypes pointers and functions stand for what they point at; objects with an ``address`` (a
    Closure, a Pointer) or ``__index__`` for that; ctypes data and writable contiguous buffers for
    their memory, which their owner must keep. TypeError for anything else, which names the type
    that is wanted.
    """
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        if isinstance(value, _pointers(ctypes)):
            address: int | None = ctypes.cast(value, ctypes.c_void_p).value
            return address
        if isinstance(value, ctypes._SimpleCData.__mro__[1]):
            return int(ctypes.addressof(value))
    if isinstance(getattr(value, "address", None), int):
        return int(value.address)
    if hasattr(type(value), "__index__"):
        return int(value.__index__())
    return _buffer_address(value, wanted)


def _pointers(ctypes: Any) -> tuple[Any, ...]:
    simple = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p)
    return (*simple, ctypes._Pointer, ctypes._CFuncPtr)


def _buffer_address(value: Any, wanted: str) -> int:
    import ctypes

    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(value))
    except TypeError:
        raise TypeError(
            f"{wanted} must be None, an int, or something with an address or a writable buffer, "
            f"not {type(value).__name__}"
        ) from None
