"""Calling conventions that a declaration names: some mean the platform's own, which closures have.

Compilers ignore the names that the platform has no convention for: on 64-bit Windows all of the
32-bit ones, as keywords and as attributes; on other systems only the attributes are C.
"""

from __future__ import annotations

import platform
import struct
import sys

_NAMES = ("cdecl", "stdcall", "fastcall", "thiscall", "pascal", "vectorcall", "regcall")
# Keywords of compilers for Windows, and what the words mean.
WORDS = {f"{underscores}{name}": name for underscores in ("_", "__") for name in _NAMES}
# Macros of windows.h. In a header the preprocessor has replaced them; anybody may use the names.
MACROS = dict.fromkeys(("WINAPI", "CALLBACK", "APIENTRY"), "stdcall")

_OF_I386 = frozenset({"stdcall", "fastcall", "thiscall", "pascal", "regparm", "sseregparm"})
ATTRIBUTES = (
    _OF_I386
    | {"cdecl", "ms_abi", "sysv_abi", "vectorcall", "regcall", "preserve_most", "preserve_all"}
    | {"preserve_none", "pcs", "aarch64_vector_pcs", "aarch64_sve_pcs", "riscv_vector_cc"}
    | {"swiftcall", "swiftasynccall"}
)


def _own_words(system: str, bits: int) -> frozenset[str]:
    """Names that mean the system's own convention as keywords."""
    return frozenset({"cdecl"} | (_OF_I386 if system == "win32" and bits == 64 else set()))


def _own_attributes(system: str, machine: str, bits: int) -> frozenset[str]:
    """... as attributes."""
    is_x86 = machine.lower() in ("x86_64", "amd64", "i386", "i486", "i586", "i686", "x86")
    if is_x86 and bits == 32:
        return frozenset({"cdecl"})
    is_windows = is_x86 and system == "win32"
    return _OF_I386 | {"cdecl", "ms_abi" if is_windows else "sysv_abi"}


_BITS = 8 * struct.calcsize("P")
OWN_WORDS = _own_words(sys.platform, _BITS)
OWN_ATTRIBUTES = _own_attributes(sys.platform, platform.machine(), _BITS)


def refused_word(word: str) -> str | None:
    """Why closures cannot have the convention of this keyword or macro; None if it is theirs."""
    name = WORDS.get(word) or MACROS[word]
    return None if name in OWN_WORDS else _reason(word)


def refused_attribute(name: str) -> str | None:
    """The same for an attribute, without underscores; None also if it is of another kind."""
    return _reason(name) if name in ATTRIBUTES and name not in OWN_ATTRIBUTES else None


def _reason(name: str) -> str:
    return (
        f"the calling convention {name!r} cannot be chosen: callbacks of Python have the "
        "platform's own"
    )
