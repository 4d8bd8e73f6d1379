"""C types for annotations: a type checker sees the Python type, pytramp the C type.

    import pytramp
    from pytramp import c

    @pytramp.callback
    def area(width: c.double, height: c.double) -> c.double:
        return width * height

Some names here are those of builtins, so do not import them by `*` or from this module one by one.
A type that has no name here: `Annotated[int, CType("mode_t")]`.
"""

from __future__ import annotations

import builtins
from typing import Annotated, NamedTuple, TypeAlias


class CType(NamedTuple):
    """Marks an Annotated type as the C type with this spelling; immutable, hashable."""

    spelling: str


bool: TypeAlias = Annotated[builtins.bool, CType("_Bool")]

char: TypeAlias = Annotated[bytes, CType("char")]
wchar: TypeAlias = Annotated[str, CType("wchar_t")]
char16: TypeAlias = Annotated[str, CType("char16_t")]
char32: TypeAlias = Annotated[str, CType("char32_t")]

schar: TypeAlias = Annotated[builtins.int, CType("signed char")]
uchar: TypeAlias = Annotated[builtins.int, CType("unsigned char")]
short: TypeAlias = Annotated[builtins.int, CType("short")]
ushort: TypeAlias = Annotated[builtins.int, CType("unsigned short")]
int: TypeAlias = Annotated[builtins.int, CType("int")]
uint: TypeAlias = Annotated[builtins.int, CType("unsigned int")]
long: TypeAlias = Annotated[builtins.int, CType("long")]
ulong: TypeAlias = Annotated[builtins.int, CType("unsigned long")]
longlong: TypeAlias = Annotated[builtins.int, CType("long long")]
ulonglong: TypeAlias = Annotated[builtins.int, CType("unsigned long long")]

int8: TypeAlias = Annotated[builtins.int, CType("int8_t")]
int16: TypeAlias = Annotated[builtins.int, CType("int16_t")]
int32: TypeAlias = Annotated[builtins.int, CType("int32_t")]
int64: TypeAlias = Annotated[builtins.int, CType("int64_t")]
int128: TypeAlias = Annotated[builtins.int, CType("__int128")]
uint8: TypeAlias = Annotated[builtins.int, CType("uint8_t")]
uint16: TypeAlias = Annotated[builtins.int, CType("uint16_t")]
uint32: TypeAlias = Annotated[builtins.int, CType("uint32_t")]
uint64: TypeAlias = Annotated[builtins.int, CType("uint64_t")]
uint128: TypeAlias = Annotated[builtins.int, CType("unsigned __int128")]

size_t: TypeAlias = Annotated[builtins.int, CType("size_t")]
ssize_t: TypeAlias = Annotated[builtins.int, CType("ssize_t")]
ptrdiff: TypeAlias = Annotated[builtins.int, CType("ptrdiff_t")]
intptr: TypeAlias = Annotated[builtins.int, CType("intptr_t")]
uintptr: TypeAlias = Annotated[builtins.int, CType("uintptr_t")]

float: TypeAlias = Annotated[builtins.float, CType("float")]
double: TypeAlias = Annotated[builtins.float, CType("double")]
longdouble: TypeAlias = Annotated[builtins.float, CType("long double")]

complex_float: TypeAlias = Annotated[builtins.complex, CType("float _Complex")]
complex_double: TypeAlias = Annotated[builtins.complex, CType("double _Complex")]
complex_longdouble: TypeAlias = Annotated[builtins.complex, CType("long double _Complex")]

void_p: TypeAlias = Annotated[builtins.int | None, CType("void *")]
