"""What a callback may return for a pointer besides None and an int."""

from __future__ import annotations

import struct
import sys
from typing import Any

from pytramp._core import Closure, Pointer

_SIZE = struct.calcsize("P")


def address_of(value: Any, wanted: str = "void *") -> int | None:
    """The address that value stands for, or has its memory at; None for NULL.

    Pointers and functions of ctypes and cffi stand for what they point at; objects with an
    ``address`` (a Closure, a Pointer) or ``__index__`` for that; ctypes data, arrays of cffi and
    writable contiguous buffers for their memory, which their owner must keep. TypeError for
    anything else, which names the type that is wanted.
    """
    if isinstance(value, (bytes, str)):
        raise TypeError(
            f"{wanted} cannot be {type(value).__name__}: nobody would keep the text while C uses "
            "it. Keep a ctypes.create_string_buffer() or create_unicode_buffer() and give that"
        )
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        if isinstance(value, _pointers(ctypes)):
            # ctypes.cast would add itself to _objects of value, which casts share: to those of an
            # array that was cast, for one, and with each call.
            address: int | None = ctypes.c_void_p.from_buffer_copy(value).value
            return address
        if isinstance(value, ctypes._SimpleCData.__mro__[1]):
            return int(ctypes.addressof(value))
    cffi = sys.modules.get("_cffi_backend")
    if cffi is not None and isinstance(value, cffi.FFI.CData):
        from pytramp import _cffi_types

        return _cffi_types.address(value, wanted)
    if isinstance(getattr(value, "address", None), int):
        return int(value.address)
    if _is_number(value):
        return int(value.__index__())
    return _buffer_address(value, wanted)


def _is_number(value: object) -> bool:
    """All arrays of NumPy have ``__index__``, which is for some with one element."""
    return hasattr(type(value), "__index__") and not hasattr(type(value), "__len__")


def address_bytes(value: Any, wanted: str) -> bytes:
    """The pointer that address_of() finds, as C stores it. OverflowError for other ints."""
    address = 0 if value is None else address_of(value, wanted) or 0
    if not 0 <= address < 1 << 8 * _SIZE:
        raise OverflowError(f"{address} is out of range for {wanted}")
    return address.to_bytes(_SIZE, sys.byteorder)


def owner_of(function: Any) -> Any:
    """What keeps the code that a returned function pointer points at; None for a mere address."""
    if isinstance(function, (int, Pointer)):
        return None
    ctypes = sys.modules.get("_ctypes")
    if ctypes is not None and isinstance(function, ctypes.CFuncPtr):
        return _ctypes_owner(function)
    if type(function).__module__ == "_cffi_backend":
        name = type(function).__name__  # __CDataOwnGC of ffi.callback(), __CDataGCP of ffi.gc()
        return function if "Own" in name or "GC" in name else None
    has_address = isinstance(function, Closure) or hasattr(function, "address")
    return function if has_address or not hasattr(type(function), "__index__") else None


def _ctypes_owner(function: Any) -> Any:
    """The library, the code of a Python callable, the Closure: many objects may share one."""
    held = function._objects
    return held.get("0", function) if held else None


def _pointers(ctypes: Any) -> tuple[Any, ...]:
    simple = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p)
    return (*simple, ctypes._Pointer, ctypes._CFuncPtr)


def _buffer_address(value: Any, wanted: str) -> int:
    import ctypes

    try:
        return ctypes.addressof((ctypes.c_char * 0).from_buffer(value))
    except TypeError:
        raise TypeError(
            f"{wanted} must be None, an int, or something with an address or a writable buffer, "
            f"not {_described(value)}"
        ) from None


def _described(value: Any) -> str:
    """The class, and what is wrong with its buffer if it has one."""
    name = type(value).__name__
    try:
        view = memoryview(value)
    except (TypeError, BufferError):
        return name
    if view.readonly:
        return f"{name}: it is read-only"
    return name if view.c_contiguous else f"{name}: its elements are not one after another"
