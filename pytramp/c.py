"""C types for annotations: a type checker sees the Python type, pytramp the C type.

    import pytramp
    from pytramp import c

    @pytramp.callback
    def area(width: c.double, height: c.double) -> c.double:
        return width * height

Some names here are those of builtins, so do not import them by `*` or from this module one by one.
X_p is a pointer to X, const_X_p one through which nothing is written: a pytramp.Pointer. One that
may be NULL, which is None, is written out: `Annotated[Pointer[int] | None, CType("int *")]`; so is
a type that has no name here, `Annotated[int, CType("mode_t")]`, and an array whose length is
another parameter, `Annotated[memoryview, CType("const double [n]")]`.
"""

from __future__ import annotations

import builtins
from typing import Annotated, Any, NamedTuple, TypeAlias

from pytramp._core import Pointer, VarArgs


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

float16: TypeAlias = Annotated[builtins.float, CType("_Float16")]
float: TypeAlias = Annotated[builtins.float, CType("float")]
double: TypeAlias = Annotated[builtins.float, CType("double")]
longdouble: TypeAlias = Annotated[builtins.float, CType("long double")]

complex_float: TypeAlias = Annotated[builtins.complex, CType("float _Complex")]
complex_double: TypeAlias = Annotated[builtins.complex, CType("double _Complex")]
complex_longdouble: TypeAlias = Annotated[builtins.complex, CType("long double _Complex")]

void_p: TypeAlias = Annotated[builtins.int | None, CType("void *")]
const_void_p: TypeAlias = Annotated[builtins.int | None, CType("const void *")]
py_object: TypeAlias = Annotated[Any, CType("PyObject *")]

va_list: TypeAlias = Annotated[VarArgs, CType("va_list")]
varargs: TypeAlias = Annotated[VarArgs, CType("...")]  # of the last parameter: a variadic function

bool_p: TypeAlias = Annotated[Pointer[builtins.bool], CType("_Bool *")]
const_bool_p: TypeAlias = Annotated[Pointer[builtins.bool], CType("const _Bool *")]
char_p: TypeAlias = Annotated[Pointer[bytes], CType("char *")]
const_char_p: TypeAlias = Annotated[Pointer[bytes], CType("const char *")]
wchar_p: TypeAlias = Annotated[Pointer[str], CType("wchar_t *")]
const_wchar_p: TypeAlias = Annotated[Pointer[str], CType("const wchar_t *")]
char16_p: TypeAlias = Annotated[Pointer[str], CType("char16_t *")]
const_char16_p: TypeAlias = Annotated[Pointer[str], CType("const char16_t *")]
char32_p: TypeAlias = Annotated[Pointer[str], CType("char32_t *")]
const_char32_p: TypeAlias = Annotated[Pointer[str], CType("const char32_t *")]
schar_p: TypeAlias = Annotated[Pointer[builtins.int], CType("signed char *")]
const_schar_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const signed char *")]
uchar_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned char *")]
const_uchar_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned char *")]
short_p: TypeAlias = Annotated[Pointer[builtins.int], CType("short *")]
const_short_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const short *")]
ushort_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned short *")]
const_ushort_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned short *")]
int_p: TypeAlias = Annotated[Pointer[builtins.int], CType("int *")]
const_int_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const int *")]
uint_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned int *")]
const_uint_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned int *")]
long_p: TypeAlias = Annotated[Pointer[builtins.int], CType("long *")]
const_long_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const long *")]
ulong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned long *")]
const_ulong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned long *")]
longlong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("long long *")]
const_longlong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const long long *")]
ulonglong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned long long *")]
const_ulonglong_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned long long *")]
int8_p: TypeAlias = Annotated[Pointer[builtins.int], CType("int8_t *")]
const_int8_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const int8_t *")]
int16_p: TypeAlias = Annotated[Pointer[builtins.int], CType("int16_t *")]
const_int16_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const int16_t *")]
int32_p: TypeAlias = Annotated[Pointer[builtins.int], CType("int32_t *")]
const_int32_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const int32_t *")]
int64_p: TypeAlias = Annotated[Pointer[builtins.int], CType("int64_t *")]
const_int64_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const int64_t *")]
int128_p: TypeAlias = Annotated[Pointer[builtins.int], CType("__int128 *")]
const_int128_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const __int128 *")]
uint8_p: TypeAlias = Annotated[Pointer[builtins.int], CType("uint8_t *")]
const_uint8_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const uint8_t *")]
uint16_p: TypeAlias = Annotated[Pointer[builtins.int], CType("uint16_t *")]
const_uint16_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const uint16_t *")]
uint32_p: TypeAlias = Annotated[Pointer[builtins.int], CType("uint32_t *")]
const_uint32_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const uint32_t *")]
uint64_p: TypeAlias = Annotated[Pointer[builtins.int], CType("uint64_t *")]
const_uint64_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const uint64_t *")]
uint128_p: TypeAlias = Annotated[Pointer[builtins.int], CType("unsigned __int128 *")]
const_uint128_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const unsigned __int128 *")]
size_t_p: TypeAlias = Annotated[Pointer[builtins.int], CType("size_t *")]
const_size_t_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const size_t *")]
ssize_t_p: TypeAlias = Annotated[Pointer[builtins.int], CType("ssize_t *")]
const_ssize_t_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const ssize_t *")]
ptrdiff_p: TypeAlias = Annotated[Pointer[builtins.int], CType("ptrdiff_t *")]
const_ptrdiff_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const ptrdiff_t *")]
intptr_p: TypeAlias = Annotated[Pointer[builtins.int], CType("intptr_t *")]
const_intptr_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const intptr_t *")]
uintptr_p: TypeAlias = Annotated[Pointer[builtins.int], CType("uintptr_t *")]
const_uintptr_p: TypeAlias = Annotated[Pointer[builtins.int], CType("const uintptr_t *")]
float16_p: TypeAlias = Annotated[Pointer[builtins.float], CType("_Float16 *")]
const_float16_p: TypeAlias = Annotated[Pointer[builtins.float], CType("const _Float16 *")]
float_p: TypeAlias = Annotated[Pointer[builtins.float], CType("float *")]
const_float_p: TypeAlias = Annotated[Pointer[builtins.float], CType("const float *")]
double_p: TypeAlias = Annotated[Pointer[builtins.float], CType("double *")]
const_double_p: TypeAlias = Annotated[Pointer[builtins.float], CType("const double *")]
longdouble_p: TypeAlias = Annotated[Pointer[builtins.float], CType("long double *")]
const_longdouble_p: TypeAlias = Annotated[Pointer[builtins.float], CType("const long double *")]
complex_float_p: TypeAlias = Annotated[Pointer[builtins.complex], CType("float _Complex *")]
const_complex_float_p: TypeAlias = Annotated[
    Pointer[builtins.complex], CType("const float _Complex *")
]
complex_double_p: TypeAlias = Annotated[Pointer[builtins.complex], CType("double _Complex *")]
const_complex_double_p: TypeAlias = Annotated[
    Pointer[builtins.complex], CType("const double _Complex *")
]
complex_longdouble_p: TypeAlias = Annotated[
    Pointer[builtins.complex], CType("long double _Complex *")
]
const_complex_longdouble_p: TypeAlias = Annotated[
    Pointer[builtins.complex], CType("const long double _Complex *")
]
