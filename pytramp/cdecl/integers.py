"""C's integer types on this machine: which they are, and which of them have no sign."""

from __future__ import annotations

import platform
import sys

from pytramp.cdecl.model import Scalar

_INTEGERS = frozenset({"_Bool", "char", "wchar_t", "char16_t", "char32_t"})


def is_integer(scalar: Scalar) -> bool:
    """Is this one of C's integer types?"""
    words = scalar.spelling.split()
    return scalar.spelling in _INTEGERS or words[-1] in ("char", "short", "int", "long", "__int128")


def is_unsigned(scalar: Scalar) -> bool:
    """Is this integer type without a sign, on this platform?"""
    if scalar.spelling == "char":
        return CHAR_IS_UNSIGNED
    if scalar.spelling == "wchar_t":
        return sys.platform == "win32" or (
            CHAR_IS_UNSIGNED and MACHINE.startswith(("arm", "aarch64"))
        )
    return scalar.spelling.startswith(("unsigned", "_Bool", "char1", "char3"))


MACHINE = platform.machine().lower()

# On Linux plain char has no sign on ARM, POWER, RISC-V and z.
CHAR_IS_UNSIGNED = sys.platform == "linux" and MACHINE.startswith(
    ("arm", "aarch64", "ppc", "riscv", "s390")
)
