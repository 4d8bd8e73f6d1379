"""Types of function pointers: what a callable gets for one, and what it may return."""

from __future__ import annotations

import struct
import sys
from typing import Any

from pytramp._address import address_of
from pytramp._agreement import address_for
from pytramp._core import Closure, Signature, Type, UnsupportedTypeError
from pytramp.prototype import Prototype

_SIZE = struct.calcsize("P")


def function_type(prototype: Prototype, spelling: str, name_at: int) -> Type:
    """The type of a pointer to a function; spelling and name_at are the pointer's.

    A callable gets a ctypes function object, None for NULL; where ctypes cannot express the
    function, a pytramp.Pointer. It may return None, an int, a Closure of the same C type, a
    ctypes function or whatever has an address. Any thread.
    """
    signature = Signature._from_prototype(prototype)
    ctype = _ctypes_prototype(prototype, signature)
    if ctype is None:
        opaque = Type.opaque(str(signature))
        return Type.pointer(spelling, target=opaque, name_at=name_at)

    def load(data: bytes) -> object:
        address = int.from_bytes(data, sys.byteorder)
        return ctype(address) if address else None

    def store(value: object) -> bytes:
        return _address_for(value, signature, spelling).to_bytes(_SIZE, sys.byteorder)

    base = Type.pointer("void *")
    return Type.custom(spelling, base, ctype, load, store, signature=signature, name_at=name_at)


def _ctypes_prototype(prototype: Prototype, signature: Signature) -> Any:
    """The CFUNCTYPE class, or None where ctypes has no such function type."""
    if prototype.variadic:
        return None
    from pytramp import _ctypes  # imports ctypes

    try:
        return _ctypes.prototype_of(signature)
    except UnsupportedTypeError:
        return None


def _address_for(value: object, signature: Signature, spelling: str) -> int:
    """The address to store; TypeError or OverflowError where value cannot be this function."""
    if isinstance(value, Closure):
        return address_for(value, signature)
    if callable(value) and not hasattr(type(value), "__index__") and _is_python(value):
        raise TypeError(
            f"expected a function pointer '{spelling}', not a Python callable: "
            f'wrap it in pytramp.callback("{signature}", ...)'
        )
    if isinstance(value, (bytes, str)):
        raise TypeError(f"expected a function pointer '{spelling}', not {type(value).__name__}")
    address = 0 if value is None else address_of(value) or 0
    if not 0 <= address < 1 << (8 * _SIZE):
        raise OverflowError(f"{address} is no address")
    return address


def _is_python(value: object) -> bool:
    """Is this callable something else than a ctypes function, or an object that has an address?"""
    ctypes = sys.modules.get("ctypes")
    is_foreign = ctypes is not None and isinstance(value, ctypes._CFuncPtr)
    return not is_foreign and not isinstance(getattr(value, "address", None), int)
