"""Array parameters as ndarrays: imported with the first closure that asks for arrays="numpy"."""

from __future__ import annotations

import importlib
from typing import Any

from pytramp._core import Type, UnsupportedTypeError

# canonical spelling -> NumPy's name, where ctypes has no class that numpy.dtype knows
_NAMES = {
    "_Bool": "?",
    "signed char": "b",
    "unsigned char": "B",
    "char": "B",
    "short": "h",
    "unsigned short": "H",
    "int": "i",
    "unsigned int": "I",
    "long": "l",
    "unsigned long": "L",
    "long long": "q",
    "unsigned long long": "Q",
    "_Float16": "e",
    "float": "f",
    "double": "d",
    "long double": "g",
    "float _Complex": "F",
    "double _Complex": "D",
    "long double _Complex": "G",
}


def arrays_of(arrays: object, arguments: tuple[Type, ...]) -> tuple[Any, tuple[Any, ...]]:
    """What ``arrays=`` means for these arguments: the class, and a dtype or None for each.

    None is for what is no array, and for arrays of pointers. ValueError for an unknown word,
    ImportError without NumPy, UnsupportedTypeError for items that no dtype describes.
    """
    if arrays != "numpy":
        raise ValueError(f"arrays must be 'memoryview' or 'numpy', not {arrays!r}")
    numpy: Any = importlib.import_module("numpy")
    return numpy.ndarray, tuple(_dtype(numpy, type_) for type_ in arguments)


def _dtype(numpy: Any, type_: Type) -> Any:
    item = type_.target
    if type_.kind != "array" or item is None or item.kind not in ("scalar", "aggregate"):
        return None
    if item.kind == "scalar":
        name = _NAMES.get(item.canonical)
        return None if name is None else numpy.dtype(name)
    try:
        dtype = numpy.dtype(item.ctype)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UnsupportedTypeError(f"'{type_.spelling}' as an ndarray: {error}") from None
    if dtype.itemsize != item.size:
        raise UnsupportedTypeError(f"'{type_.spelling}' as an ndarray: NumPy lays it out otherwise")
    return dtype
