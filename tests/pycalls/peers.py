"""The same callables behind callbacks of ctypes and cffi, for what those can express."""

from __future__ import annotations

import ctypes
import platform
from types import SimpleNamespace
from typing import Any

from pycalls.aggregates import Aggregate, Enum
from pycalls.header import Function, Header
from pycalls.parameters import Array, Callback, Pointed, Text, Value
from pycalls.scalars import CHAR, COMMON, POINTER, Scalar


class Elements:
    """A bare pointer of a peer, seen as the array that the declaration says."""

    def __init__(self, pointer: Any, array: Array) -> None:
        self.pointer = pointer
        self.array = array

    def __len__(self) -> int:
        return self.array.rows

    def __getitem__(self, at: Any) -> Any:
        return self.pointer[at[0]][at[1]] if self.array.columns else self.pointer[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        made = bytes([value]) if self.array.kind is CHAR else value
        if self.array.columns:
            self.pointer[at[0]][at[1]] = made
        else:
            self.pointer[at] = made


def can_pass(kind: Any) -> bool:
    """By value, to a callback of either peer."""
    if isinstance(kind, Aggregate):
        return kind.is_plain
    return kind is None or isinstance(kind, Enum) or kind in COMMON or kind is POINTER


def can_receive(f: Function) -> bool:
    """Every argument."""
    kinds = [p.kind for p in f.parameters if isinstance(p, (Value, Pointed, Array))]
    return all(map(can_pass, kinds))


# ---- ctypes ----

_INTEGERS = {
    (size, signed): getattr(ctypes, f"c_{'' if signed else 'u'}int{8 * size}")
    for size in (1, 2, 4, 8)
    for signed in (False, True)
}
_OTHERS = {
    "_Bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "wchar_t": ctypes.c_wchar,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "long double": ctypes.c_longdouble,
    "void *": ctypes.c_void_p,
}


def _class(kind: Any, types: Any) -> Any:
    if isinstance(kind, Aggregate):
        return types[kind.spelling]
    if isinstance(kind, Enum):
        return ctypes.c_int if kind.is_signed else ctypes.c_uint
    assert isinstance(kind, Scalar)
    return _OTHERS.get(kind.spelling) or _INTEGERS[kind.size, kind.kind == "signed"]


def _argument(p: Any, types: Any) -> Any:
    if isinstance(p, Text):
        return ctypes.c_char_p
    if isinstance(p, Callback):
        return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    cls = _class(p.kind, types)
    if isinstance(p, Value):
        return cls
    return ctypes.POINTER(cls * p.columns if isinstance(p, Array) and p.columns else cls)


def _from_ctypes(p: Any, actual: Any) -> Any:
    if isinstance(p, Text):
        return SimpleNamespace(string=lambda: actual)
    return Elements(actual, p) if isinstance(p, Array) else actual


# There a caller takes a narrow result for extended to the whole register. ctypes leaves the rest of
# it as it was.
_EXTENDED = not platform.machine().lower().startswith(("x86", "amd64", "i", "aarch64", "arm64"))


def ctypes_callback(f: Function, types: Any, wrong: list[str]) -> Any:
    """The callback; None where ctypes cannot make it: it returns no structs."""
    if isinstance(f.result, Aggregate) or not can_pass(f.result) or not can_receive(f):
        return None
    result = _class(f.result, types) if f.result else None
    if result and _EXTENDED and ctypes.sizeof(result) < ctypes.sizeof(ctypes.c_long):
        return None
    prototype = ctypes.CFUNCTYPE(result, *(_argument(p, types) for p in f.parameters))
    return prototype(f.callable(types, wrong, _from_ctypes))


# ---- cffi ----


class Cffi:
    """What cffi reads of a header, and its callbacks."""

    def __init__(self, header: Header) -> None:
        import cffi

        self.ffi = cffi.FFI()
        for kind in header.maker.made:
            if can_pass(kind):
                self.ffi.cdef(kind.definition)

    def _adapt(self, p: Any, actual: Any) -> Any:
        if isinstance(p, Text):
            return SimpleNamespace(string=lambda: self.ffi.string(actual))
        if isinstance(p, Array):
            return Elements(actual, p)
        if isinstance(p, Value) and p.kind is POINTER:
            return int(self.ffi.cast("uintptr_t", actual)) or None
        is_long_double = isinstance(p, Value) and p.kind.spelling == "long double"
        return float(actual) if is_long_double else actual

    def callback(self, f: Function, wrong: list[str]) -> Any:
        """The callback; None where cffi cannot make it."""
        if f.result is POINTER or not can_pass(f.result) or not can_receive(f):
            return None
        if f.result is CHAR and _EXTENDED:  # with zeros, also where it is signed
            return None
        self.ffi.cdef(f.for_c)
        return self.ffi.callback(f"{f.name} *", f.callable(None, wrong, self._adapt))

    def address(self, callback: Any) -> int:
        return int(self.ffi.cast("uintptr_t", callback))
