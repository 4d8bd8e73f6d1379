"""The simple types of ctypes, by their code: what C calls them. Imports ctypes."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_SimpleCData: Any = ctypes.c_int.__base__

TEXT = {"z": "char *", "Z": "wchar_t *"}
OBJECT = "O"

# Where two names of ctypes are one class, the later entry counts: the usual name of the type.
_NAMES = {
    "c_bool": "_Bool",
    "c_char": "char",
    "c_wchar": "wchar_t",
    "c_byte": "signed char",
    "c_ubyte": "unsigned char",
    "c_short": "short",
    "c_ushort": "unsigned short",
    "c_longlong": "long long",
    "c_ulonglong": "unsigned long long",
    "c_long": "long",
    "c_ulong": "unsigned long",
    "c_int": "int",
    "c_uint": "unsigned int",
    "c_longdouble": "long double",
    "c_float": "float",
    "c_double": "double",
    "c_void_p": "void *",
    "c_float_complex": "float _Complex",  # Python 3.14, where the C compiler has complex numbers
    "c_longdouble_complex": "long double _Complex",
    "c_double_complex": "double _Complex",
}
_SPELLINGS: dict[str, str] = {
    getattr(ctypes, name)._type_: spelling
    for name, spelling in _NAMES.items()
    if hasattr(ctypes, name)
}


def root(cls: Any) -> Any:
    """The class among the bases of a simple cls that says which C type it is: c_int, for one."""
    return next(base for base in cls.__mro__ if base.__base__ is _SimpleCData)


def is_simple(cls: Any) -> bool:
    """Is this a class of numbers, characters, addresses or objects, and not _SimpleCData itself?"""
    return issubclass(cls, _SimpleCData) and cls is not _SimpleCData


def is_native(cls: Any) -> bool:
    """False for __ctype_be__ and __ctype_le__ classes of the other byte order."""
    name = f"__ctype_{sys.byteorder[0]}e__"
    return all(vars(base).get(name, base) is base for base in cls.__mro__)


def spelling(cls: Any) -> str | None:
    """What C calls a simple class or a subclass: "unsigned int"; None where C has no name."""
    if not is_native(cls):
        return None
    code: str = root(cls)._type_
    if code == OBJECT:
        return "PyObject *"
    return TEXT.get(code) or _SPELLINGS.get(code)
