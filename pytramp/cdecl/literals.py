"""Literals of C: the values of numbers and characters, the sizes of strings."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from pytramp._core import Type
from pytramp.cdecl.constants import LONG_BITS, Value, wrap
from pytramp.cdecl.integers import is_unsigned
from pytramp.cdecl.model import Scalar

# ---- Integers ----

_INTEGER = re.compile(
    r"(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|(?P<oct>0[0-7]*)|(?P<dec>[1-9][0-9]*))"
    r"(?P<suffix>[uUlL]*)\Z"
)
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_SUFFIX = re.compile(r"(?:(u)?(l|ll)?|(l|ll)(u))\Z")


def integer(text: str) -> Value | None:
    """The value of an integer literal; None where text is none."""
    match = _INTEGER.match(text.replace("'", ""))
    suffix = _SUFFIX.match(match["suffix"].lower()) if match else None
    if match is None or suffix is None or len(text) > 200:
        return None
    base = next(name for name in _BASES if match[name])
    number = int(match[base], _BASES[base])
    unsigned_only = bool(suffix[1] or suffix[4])
    least = LONG_BITS if suffix[2] == "l" or suffix[3] == "l" else 32
    least = 64 if suffix[2] == "ll" or suffix[3] == "ll" else least
    for bits in (32, 64):
        if bits < least:
            continue
        if not unsigned_only and number < 1 << (bits - 1):
            return Value(number, bits, False)
        if (unsigned_only or base != "dec") and number < 1 << bits:
            return Value(number, bits, True)
    return None


# ---- Floating constants ----

_FLOATING = re.compile(
    r"(?:(?P<hex>0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)"
    r"|(?P<dec>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+))"
    r"(?P<suffix>[fF]?)\Z"
)


class Floating(NamedTuple):
    """A double, or a float: its value and its size."""

    number: float
    size: int


def floating(text: str) -> Floating | None:
    """The value of a floating constant; None where text is none, or a long double."""
    match = _FLOATING.match(text.replace("'", ""))
    if match is None or text[0] == "'" or len(text) > 200:  # '1.5' is a character
        return None
    try:
        number = float.fromhex(match["hex"]) if match["hex"] else float(match["dec"])
        if match["suffix"]:
            (number,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return None
    return Floating(number, 4 if match["suffix"] else 8)


# ---- Characters and strings ----

# By prefix, the types of units: C11 6.4.4.4p9 and 6.4.5p6, of u8 that of C23.
_TYPES = {
    "": Scalar("char"),
    "u8": Scalar("unsigned char"),
    "u": Scalar("char16_t"),
    "U": Scalar("char32_t"),
    "L": Scalar("wchar_t"),
}
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}  # GCC's and clang's, by bytes of a unit
_PIECE = re.compile(
    r"\\(?:x(?P<hex>[0-9a-fA-F]+)|(?P<oct>[0-7]{1,3})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})|(?P<other>.))"
    r"|(?P<text>[^\\]+)",
    re.DOTALL,
)
_ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "e": 27, "E": 27}
_SPLICE = "\\\n"


def character(text: str) -> Value | None:
    """The value of a character literal; None where a compiler may refuse it.

    Without a prefix it is an int: of one character that was a char before (C11 6.4.4.4p10), of
    more the last four, as digits of base 256 (GCC and clang).
    """
    prefix, _, body = text.partition("'")
    units = _units(body[:-1], _unit_size(prefix))
    if len(units) > 1 and not prefix:
        return wrap(int.from_bytes(bytes(units), "big"), 32, False)
    if len(units) != 1:
        return None
    type_ = _TYPES[prefix]
    value = wrap(units[0], 8 * _unit_size(prefix), is_unsigned(type_))
    return value if prefix else Value(value.number)


def string_size(literals: list[str]) -> int:
    """The bytes of the string that these make which stand side by side, with the NUL at its end.

    A prefix of one is that of all (C11 6.4.5p5), escapes end with the literal that they are in.
    """
    parts = [literal.partition('"') for literal in literals]
    size = max(_unit_size(prefix) for prefix, _, _ in parts)
    return size * (1 + sum(len(_units(body[:-1], size)) for _, _, body in parts))


def _unit_size(prefix: str) -> int:
    return Type.scalar(_TYPES[prefix].spelling).size


def _units(body: str, size: int) -> list[int]:
    """The numbers of so many bytes that stand for what is between the quotes."""
    units: list[int] = []
    for piece in _PIECE.finditer(body.replace(_SPLICE, "")):
        number = _numeric(piece)
        if number is not None:
            units.append(number & ((1 << 8 * size) - 1))
        else:
            units += _encoded(_text(piece), size)
    return units


def _numeric(piece: re.Match[str]) -> int | None:
    """The number that an escape stands for, as it is; None where piece is text."""
    if piece["hex"]:
        return int(piece["hex"], 16)
    return int(piece["oct"], 8) if piece["oct"] else _ESCAPES.get(piece["other"])


def _text(piece: re.Match[str]) -> str:
    """Of an escape that is unknown, GCC and clang take the character."""
    universal = piece["short"] or piece["long"]
    return chr(int(universal, 16)) if universal else piece["text"] or piece["other"]


def _encoded(text: str, size: int) -> list[int]:
    """A byte that was no UTF-8 is one unit, whatever it means: only its place counts."""
    data = text.encode(_ENCODINGS[size], "replace")
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]
