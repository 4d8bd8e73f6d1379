"""ctypes classes -> types. Imported only when a ctypes class is met."""

from __future__ import annotations

import ctypes
from typing import Any

from pytramp import _aggregates, declare
from pytramp._core import Type, UnsupportedTypeError

# Where two names of ctypes are one class, the later entry counts: the usual name of the type.
_SIMPLE: dict[type, str] = {
    ctypes.c_bool: "_Bool",
    ctypes.c_char: "char",
    ctypes.c_wchar: "wchar_t",
    ctypes.c_byte: "signed char",
    ctypes.c_ubyte: "unsigned char",
    ctypes.c_short: "short",
    ctypes.c_ushort: "unsigned short",
    ctypes.c_longlong: "long long",
    ctypes.c_ulonglong: "unsigned long long",
    ctypes.c_long: "long",
    ctypes.c_ulong: "unsigned long",
    ctypes.c_int: "int",
    ctypes.c_uint: "unsigned int",
    ctypes.c_longdouble: "long double",
    ctypes.c_float: "float",
    ctypes.c_double: "double",
    ctypes.c_void_p: "void *",
}
_SIMPLE |= {
    getattr(ctypes, name): spelling
    for name, spelling in (
        ("c_float_complex", "float _Complex"),
        ("c_longdouble_complex", "long double _Complex"),
        ("c_double_complex", "double _Complex"),
    )
    if hasattr(ctypes, name)  # Python 3.14, where the C compiler has complex numbers
}

_SimpleCData: Any = ctypes.c_int.__base__
_Pointer: Any = ctypes.POINTER(ctypes.c_int).__base__
_CFuncPtr: Any = ctypes.CFUNCTYPE(None).__base__
_TEXT_POINTERS = (ctypes.c_char_p, ctypes.c_wchar_p)
_ADDRESSES = (_Pointer, _CFuncPtr, *_TEXT_POINTERS)


def argument(cls: Any) -> Type | None:
    """The type of an argument or result of class cls; None where cls is no ctypes class.

    Raises UnsupportedTypeError for ctypes classes that cannot be passed yet.
    """
    if cls in _SIMPLE:
        return declare.type_of(_SIMPLE[cls])
    if issubclass(cls, (ctypes.Structure, ctypes.Union)):
        return _aggregates.aggregate(cls)
    if issubclass(cls, (_SimpleCData, ctypes.Array, _Pointer, _CFuncPtr)):
        raise UnsupportedTypeError(_refusal(cls))
    return None


def _refusal(cls: Any) -> str:
    """Why a value of cls cannot be passed."""
    name = repr(cls.__qualname__)
    if issubclass(cls, _ADDRESSES):
        return f"{name} is not supported yet: use ctypes.c_void_p, which gives the address"
    if issubclass(cls, ctypes.Array):
        return f"{name}: C passes no arrays, only their address: use ctypes.c_void_p"
    if issubclass(cls, ctypes.py_object):
        return f"{name}: a 'PyObject *' is not supported yet"
    if any(base in _SIMPLE for base in cls.__mro__):
        return f"{name}: a subclass of a simple ctypes type is not supported yet: use that type"
    return f"{name} is not supported: no native C type has its layout"
