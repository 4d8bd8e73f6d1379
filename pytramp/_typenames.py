"""The type names that a declaration may use: C's own, and the typedefs of the standard headers.

A typedef whose width pytramp cannot know on this platform is left out: an unknown type name is an
error, a wrong width would be a wrong value.
"""

from __future__ import annotations

import os
import platform
import re
import struct
import sys
from collections.abc import Iterator

QUALIFIERS = frozenset({"const", "volatile", "restrict"})
TAGGED = frozenset({"struct", "union", "enum"})
KEYWORDS = frozenset(
    "void _Bool char short int long signed unsigned float double __int128 _Float16 _Complex "
    "_Float32 _Float64 _Float32x _Float64x".split()
)

# Compilers' other names for the same keywords.
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
}

_BY_BITS = "use float, double or long double where the C library offers them"
_VECTOR = "vector types are not supported: pass a pointer to their elements"

# Legal C, but a value of such a type cannot be passed: the type and what to do instead.
UNSUPPORTED = dict.fromkeys(
    "_Float128 _Float128x __float128 __fp16 __bf16 _Decimal32 _Decimal64 _Decimal128 "
    "__ibm128 _Imaginary".split(),
    _BY_BITS,
) | {
    "_Atomic": "a pointer to it, or to a struct that has one, can be declared 'void *'",
    "_BitInt": "use one of the standard integer types",
}
# The words of real types, to some compilers names that a header declares.
FLOATS = frozenset(
    word for word in KEYWORDS | UNSUPPORTED.keys() if re.search("float|double|Float", word)
) | {"long"}
_VECTOR_NAME = re.compile(r"__m(64|128|256|512)[a-z]*|s?v?(u?int|b?float|poly)\d+x\d+(x\d+)?_t")


def refusal(name: str) -> str | None:
    """Why a type of this name cannot be passed; None where that is not so."""
    reason = UNSUPPORTED.get(name)
    if reason is not None:
        return f"{name!r} is not supported: {reason}"
    return f"{name!r}: {_VECTOR}" if _VECTOR_NAME.fullmatch(name) else None


VA_LISTS = frozenset({"va_list", "__builtin_va_list", "__gnuc_va_list"})

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
    for name in ("float", "double", "long double"):
        yield name, name
        yield f"{name} _Complex", f"{name} _Complex"
    for name in ("void", "_Bool", "char", "signed char", "unsigned char", "_Float16"):
        yield name, name
    for name in ("wchar_t", "char16_t", "char32_t"):
        yield name, name


def _key(words: list[str]) -> str:
    return " ".join(sorted(words))


_SCALARS = {_key(words.split()): canonical for words, canonical in _scalars() if words}


def scalar(words: list[str]) -> str | None:
    """The canonical spelling of these specifiers, which C allows in any order; None for no type."""
    return _SCALARS.get(_key(" ".join(_SAME.get(word, word) for word in words).split()))


# ISO/IEC TS 18661: types of their own to the compiler, passed as what they are made of.
_SAME = {"_Float32": "float", "_Float64": "double", "_Float32x": "double"}
if platform.machine().lower() in ("x86_64", "amd64", "i686", "aarch64"):
    _SAME["_Float64x"] = "long double"


_LONG = struct.calcsize("l")
_POINTER = struct.calcsize("P")
_INT64 = "long" if _LONG == 8 else "long long"
_WORD = "int" if _POINTER == 4 else _INT64
_BY_SIZE = {1: "signed char", 2: "short", 4: "int", 8: _INT64}


def unsigned(spelling: str) -> str:
    """The unsigned type beside a signed one."""
    return "unsigned " + spelling.removeprefix("signed ")


def integer_of(size: int | None) -> str:
    """The signed integer type of so many bytes; None for those of a pointer."""
    return "__int128" if size == 16 else _BY_SIZE[_POINTER if size is None else size]


def _pair(prefix: str, suffix: str, spelling: str) -> dict[str, str]:
    """The signed and the unsigned typedef: intptr_t and uintptr_t, and so on."""
    names = f"{prefix}int{suffix}_t", f"{prefix}uint{suffix}_t"
    return {names[0]: spelling, names[1]: unsigned(spelling)}


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
    return table | {"ptrdiff_t": _WORD, "ssize_t": _WORD, "size_t": unsigned(_WORD)}


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

# Scalars of C that are no keywords.
CHARACTERS = frozenset({"wchar_t", "char16_t", "char32_t"})

# Names of types that need no declaration.
TYPEDEF_NAMES = frozenset({*TYPEDEFS, *CHARACTERS, *VA_LISTS, "PyObject"})

# Words that a type may begin with, after its qualifiers.
TYPE_WORDS = KEYWORDS | TAGGED | TYPEDEF_NAMES | frozenset(UNSUPPORTED)
