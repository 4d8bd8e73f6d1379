"""C's scalars: random values, their text in C, and what Python should see."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from random import Random
from typing import Any

import tools


@dataclass(frozen=True)
class Scalar:
    spelling: str
    size: int
    kind: str  # "signed", "unsigned", "bool", "byte", "text", "float", "complex", "address"
    sees: Any  # the class of what a callable gets

    @property
    def definition(self) -> str:
        return ""

    def value(self, r: Random) -> Any:
        """An int, a float or a complex."""
        bits = 8 * self.size
        if self.kind == "float":
            return self._real(r, self.size)
        if self.kind == "complex":
            return complex(self._real(r, self.size // 2), self._real(r, self.size // 2))
        if self.kind == "bool":
            return r.randint(0, 1)
        if self.kind == "byte":
            return r.randint(1, 255)
        if self.kind == "text":  # a character, not a surrogate
            return r.choice([r.randint(1, 0xD7FF), r.randint(0xE000, 0xFFFD), 65])
        if self.kind == "signed":
            return integer(r, bits, signed=True)
        return integer(r, bits, signed=False)

    def _real(self, r: Random, size: int) -> float:
        number = r.choice([0.0, -0.0, 1.0, float("inf"), r.uniform(-9, 9), r.uniform(-6e4, 6e4)])
        code = _FORMATS.get(size, "d")
        return float(struct.unpack(code, struct.pack(code, number))[0])

    def literal(self, value: Any) -> str:
        if self.kind == "complex":
            real = self.spelling.replace(" _Complex", "")
            return f"__builtin_complex(({real}){_real(value.real)}, ({real}){_real(value.imag)})"
        if self.kind == "float":
            return f"({self.spelling}){_real(value)}"
        word = value % (1 << 8 * self.size)
        if self.size == 16:
            high, low = word >> 64, word % (1 << 64)
            return f"({self.spelling})((unsigned __int128){high:#x}ull << 64 | {low:#x}ull)"
        return f"({self.spelling}){word:#x}ull"

    def checks(self, place: str, value: Any) -> list[str]:
        """C expressions that hold when place has this value."""
        if self.kind == "complex":
            pairs = [(f"__real__ {place}", value.real), (f"__imag__ {place}", value.imag)]
        elif self.kind == "float":
            pairs = [(place, value)]
        else:
            return [f"{place} == {self.literal(value)}"]
        return [f"SAME({at}, {_real(number)})" for at, number in pairs]

    def same(self, actual: Any, value: Any) -> bool:
        """Is this what Python should see?"""
        if isinstance(actual, (bytes, str)):
            return ord(actual) == value
        if isinstance(value, complex):
            return repr((actual.real, actual.imag)) == repr((value.real, value.imag))
        # repr: zeros have a sign; cffi has a long double of its own
        return repr(float(actual)) == repr(value) if self.kind == "float" else actual == value

    def made(self, value: Any, types: Any) -> Any:
        """What a callable returns for it."""
        if self.kind == "byte":
            return bytes([value])
        return chr(value) if self.kind == "text" else value


def _real(number: float) -> str:
    if number == float("inf"):
        return "__builtin_inf()"
    return number.hex()


_FORMATS = {2: "e", 4: "f"}  # and as Python itself has it


def integer(r: Random, bits: int, *, signed: bool) -> int:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return r.choice([low, high, r.randint(low, high), r.randint(max(low, -9), min(high, 9))])


def _integers(*spellings: str, size: int) -> list[Scalar]:
    kinds = ["unsigned" if name.startswith(("u", "size")) else "signed" for name in spellings]
    return [Scalar(name, size, kind, int) for name, kind in zip(spellings, kinds, strict=True)]


BOOL = Scalar("_Bool", 1, "bool", bool)
CHAR = Scalar("char", 1, "byte", bytes)
WCHAR = Scalar("wchar_t", ctypes.sizeof(ctypes.c_wchar), "text", str)
FLOAT = Scalar("float", 4, "float", float)
DOUBLE = Scalar("double", 8, "float", float)
POINTER = Scalar("void *", ctypes.sizeof(ctypes.c_void_p), "address", int)
INTEGERS = [
    *_integers("signed char", "unsigned char", "int8_t", "uint8_t", size=1),
    *_integers("short", "unsigned short", "uint16_t", size=2),
    *_integers("int", "unsigned", "int32_t", size=4),
    *_integers("long", "unsigned long", size=ctypes.sizeof(ctypes.c_long)),
    *_integers("long long", "uint64_t", size=8),
    *_integers("size_t", size=ctypes.sizeof(ctypes.c_size_t)),
]
# What ctypes has, and so structs can have
LONG_DOUBLE = Scalar("long double", ctypes.sizeof(ctypes.c_longdouble), "float", float)
COMMON = [*INTEGERS, BOOL, CHAR, WCHAR, FLOAT, DOUBLE, LONG_DOUBLE]
RARE = [
    *(_integers("__int128", "unsigned __int128", size=16) if tools.INT128 else []),
    Scalar("char16_t", 2, "text", str),
    Scalar("char32_t", 4, "text", str),
    Scalar("float _Complex", 8, "complex", complex),
    Scalar("double _Complex", 16, "complex", complex),
    Scalar("long double _Complex", 2 * LONG_DOUBLE.size, "complex", complex),
]
FLOAT16 = Scalar("_Float16", 2, "float", float)
