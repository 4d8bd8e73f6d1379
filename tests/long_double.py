"""C's long double, as this machine has it: x87's, IEEE's quad, a pair of doubles, or a double."""

from __future__ import annotations

import ctypes
import struct
import sys

SIZE = ctypes.sizeof(ctypes.c_longdouble)
_BIAS = 16383  # of x87's exponent and of a quad's


def _format() -> str:
    one = bytes(ctypes.c_longdouble(1))
    head = _BIAS.to_bytes(2, sys.byteorder)
    if one[8:10] == head and one[7] == 0x80:
        return "x87"
    if head in (one[:2], one[-2:]) and SIZE == 16:
        return "quad"
    return "pair" if SIZE == 16 else "double"


FORMAT = _format()
SIGNIFICANT = 10 if FORMAT == "x87" else SIZE  # bytes that are not padding


def _packed(sign: int, exponent: int, fraction: int, bits: int) -> bytes:
    whole = (sign << 15 | exponent) << bits | fraction
    return whole.to_bytes((bits + 16) // 8, sys.byteorder)


def of_int(value: int) -> bytes:
    """The significant bytes of an int of up to 64 bits, which a double does not hold."""
    if FORMAT == "pair":
        return struct.pack("2d", float(value), value - int(float(value)))
    size = abs(value).bit_length()
    bits = 64 if FORMAT == "x87" else 112
    # x87 has the leading one, too.
    fraction = (
        abs(value) << 64 - size if FORMAT == "x87" else (abs(value) << 113 - size) - (1 << 112)
    )
    return _packed(int(value < 0), _BIAS + size - 1, fraction, bits)


def greatest() -> bytes | None:
    """All SIZE bytes of the greatest one; None where it is within a double's range."""
    if FORMAT == "x87":
        return _packed(0, 0x7FFE, (1 << 64) - 1, 64).ljust(SIZE, b"\0")
    return _packed(0, 0x7FFE, (1 << 112) - 1, 112) if FORMAT == "quad" else None
