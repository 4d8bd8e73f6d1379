"""The type names that a declaration may use: C's own, and the typedefs of the standard headers.

A typedef whose width pytramp cannot know on this platform is left out: an unknown type name is an
error, a wrong width would be a wrong value.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator

QUALIFIERS = frozenset({"const", "volatile", "restrict"})
TAGGED = frozenset({"struct", "union", "enum"})
KEYWORDS = frozenset(
    "void _Bool char short int long signed unsigned float double __int128 _Complex".split()
)

# Compilers' and <complex.h>'s other names for the same keywords.
SYNONYMS = {
    "__restrict": "restrict",
    "__restrict__": "restrict",
    "__const": "const",
    "__const__": "const",
    "__volatile": "volatile",
    "__volatile__": "volatile",
    "__signed": "signed",
    "__signed__": "signed",
    "__complex__": "_Complex",
    "complex": "_Complex",
}

# Legal C, but a value of such a type cannot be passed yet: the type and what to do instead.
UNSUPPORTED = {
    **dict.fromkeys(
        ("va_list", "__builtin_va_list", "__gnuc_va_list"),
        "a C function of a variable argument list cannot be a callback yet",
    ),
    **dict.fromkeys(
        "_Float32 _Float64 _Float128 _Float32x _Float64x __float128 __fp16 __bf16 "
        "_Decimal32 _Decimal64 _Decimal128".split(),
        "use float, double or long double where the C library offers them",
    ),
}


_INTEGERS = {
    "": "int",
    "short": "short",
    "short int": "short",
    "int": "int",
    "long": "long",
    "long int": "long",
    "long long": "long long",
    "long long int": "long long",
    "__int128": "__int128",
}


def _scalars() -> Iterator[tuple[str, str]]:
    """(one order of the specifiers, canonical spelling) of every type that C spells in words."""
    for words, canonical in _INTEGERS.items():
        yield words, canonical
        yield f"signed {words}", canonical
        yield f"unsigned {words}", f"unsigned {canonical}"
    yield "_Float16", "_Float16"
    for name in ("float", "double", "long double"):
        yield name, name
        yield f"{name} _Complex", f"{name} _Complex"
    for name in ("void", "_Bool", "char", "signed char", "unsigned char"):
        yield name, name
    for name in ("wchar_t", "char16_t", "char32_t"):
        yield name, name


def _key(words: list[str]) -> str:
    return " ".join(sorted(words))


_SCALARS = {_key(words.split()): canonical for words, canonical in _scalars() if words}


def scalar(words: list[str]) -> str | None:
    """The canonical spelling of these specifiers, which C allows in any order; None for no type."""
    return _SCALARS.get(_key(words))


_LONG = struct.calcsize("l")
_POINTER = struct.calcsize("P")
_INT64 = "long" if _LONG == 8 else "long long"
_WORD = "int" if _POINTER == 4 else _INT64
_BY_SIZE = {1: "signed char", 2: "short", 4: "int", 8: _INT64}


def _unsigned(spelling: str) -> str:
    return "unsigned " + spelling.removeprefix("signed ")


def _pair(prefix: str, suffix: str, spelling: str) -> dict[str, str]:
    """The signed and the unsigned typedef: intptr_t and uintptr_t, and so on."""
    signed, unsigned = f"{prefix}int{suffix}_t", f"{prefix}uint{suffix}_t"
    return {signed: spelling, unsigned: _unsigned(spelling)}


def _fast_sizes() -> dict[int, int]:
    """Bytes of int_fastN_t for each N that is known here: every C library has its own."""
    sizes = {8: 1, 64: 8}
    if sys.platform == "darwin":
        sizes |= {16: 2, 32: 4}
    elif sys.platform == "linux":
        wide = _LONG if _is_glibc() else 4
        sizes |= {16: wide, 32: wide}
    return sizes


def _is_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def _standard() -> dict[str, str]:
    """<stdint.h>, <stddef.h> and <stdbool.h>."""
    table = {"bool": "_Bool", "sig_atomic_t": "int", "char8_t": "unsigned char"}
    table |= {"__int128_t": "__int128", "__uint128_t": "unsigned __int128"}
    for bits in (8, 16, 32, 64):
        table |= _pair("", f"{bits}", _BY_SIZE[bits // 8])
        table |= _pair("", f"_least{bits}", _BY_SIZE[bits // 8])
    for bits, size in _fast_sizes().items():
        table |= _pair("", f"_fast{bits}", _word_sized(size))
    table |= _pair("", "ptr", _WORD) | _pair("", "max", _INT64)
    return table | {"ptrdiff_t": _WORD, "ssize_t": _WORD, "size_t": _unsigned(_WORD)}


def _word_sized(size: int) -> str:
    """int_fastN_t is a long where it is as wide as one."""
    return "long" if size == _LONG else _BY_SIZE[size]


def _system() -> dict[str, str]:
    """<sys/types.h> and <time.h>, where the platform alone decides their widths."""
    if sys.platform == "win32":
        return {"time_t": "long long", "off_t": "long", "clock_t": "long"}
    table = dict.fromkeys(("uid_t", "gid_t", "id_t", "socklen_t", "useconds_t"), "unsigned int")
    table["pid_t"] = "int"
    if sys.platform == "darwin":
        table |= {"time_t": "long", "off_t": "long long", "clock_t": "unsigned long"}
        table |= {"mode_t": "unsigned short", "dev_t": "int", "suseconds_t": "int"}
    elif sys.platform == "linux":
        table |= dict.fromkeys(("mode_t", "wint_t"), "unsigned int")
        table |= {"clockid_t": "int", "key_t": "int"}
        if _LONG == 8:  # with a 32-bit long they depend on how the C library's user was compiled
            table |= dict.fromkeys(
                ("time_t", "off_t", "off64_t", "clock_t", "suseconds_t", "blkcnt_t"), "long"
            )
            table |= dict.fromkeys(("dev_t", "ino_t"), "unsigned long")
    return table


# typedef name -> canonical spelling of the type that it stands for
TYPEDEFS = _standard() | _system()

# Names that pycparser must be told are types.
TYPEDEF_NAMES = frozenset({*TYPEDEFS, "_Float16", "wchar_t", "char16_t", "char32_t", *UNSUPPORTED})

# Words that a type may begin with, after its qualifiers.
TYPE_WORDS = KEYWORDS | TAGGED | TYPEDEF_NAMES
