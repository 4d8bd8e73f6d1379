"""Callables that are C functions already: their address serves as well as a closure of them.

Where the type is the same, C may call them without Python in between.
"""

from __future__ import annotations

import sys
from typing import Any

from pytramp._agreement import agree
from pytramp._core import Closure, Signature

# _ctypes.FUNCFLAG_CDECL: no GIL, no copy of errno. What has no flag at all is stdcall, which on
# 64-bit Windows is the same.
_PLAIN = {1} if sys.maxsize < 2**32 else {0, 1}


def address_of(function: Any, wanted: Signature) -> int | None:
    """The address of what function is in C; None where it is nothing of this type, or does more
    than C would see when Python calls it.

    Knows Closures, ctypes functions, cffi function pointers, numba's cfuncs and SciPy's
    LowLevelCallables without user data. FreedCallbackError for a closed Closure. Any thread.
    """
    if isinstance(function, Closure):
        return function.address if agree(function.signature, wanted) else None
    try:
        address, signature = _described(function) or (None, wanted)
    except (TypeError, ValueError):  # its type has no name in pytramp
        return None
    return address if agree(signature, wanted) else None


def _described(function: Any) -> tuple[int, Signature] | None:
    kind = type(function)
    ctypes, scipy = sys.modules.get("_ctypes"), sys.modules.get("scipy")
    if ctypes is not None and isinstance(function, ctypes.CFuncPtr):
        return _of_ctypes(function)
    if kind.__module__ == "_cffi_backend":
        return _of_cffi(function)
    if kind.__module__.startswith("numba.") and hasattr(kind, "native_name"):
        return _of_ctypes(function.ctypes)
    if scipy is not None and isinstance(function, scipy.LowLevelCallable):
        return _of_scipy(function)
    return None


def _of_ctypes(function: Any) -> tuple[int, Signature] | None:
    """Only where its argtypes are known, and nothing happens before or after the call."""
    import ctypes

    is_plain = function._flags_ in _PLAIN and function.errcheck is None
    address = ctypes.c_void_p.from_buffer_copy(function).value
    if not is_plain or function.argtypes is None or address is None:
        return None
    return address, Signature.from_types(function.restype, *function.argtypes)


def _of_cffi(function: Any) -> tuple[int, Signature] | None:
    backend = sys.modules["_cffi_backend"]
    ctype = backend.typeof(function)
    if ctype.kind != "function" or not function:
        return None
    from pytramp import _cffi_types

    return _cffi_types.address(function, "a function"), Signature(ctype)


def _of_scipy(function: Any) -> tuple[int, Signature] | None:
    import ctypes

    if function.user_data is not None:  # C would pass another
        return None
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer_of = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))
    address = pointer_of(tuple.__getitem__(function, 0), function.signature.encode())
    return address, Signature(function.signature)
