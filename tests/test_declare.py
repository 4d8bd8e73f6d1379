"""C declarations as text: what is accepted, what it means, and where errors point."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading

import pytest
import tools

import pytramp
from pytramp import declare

LP64_ONLY = pytest.mark.skipif(
    sys.platform == "win32" or sys.maxsize < 2**32, reason="states the widths of LP64"
)

ACCEPTED = [
    ("int (int, double)", "int (int, double)"),
    ("int (*)(const void *, const void *)", "int (const void *, const void *)"),
    ("int compare(const void *a, const void *b);", "int (const void *, const void *)"),
    ("typedef int (*compare)(const void *, const void *);", "int (const void *, const void *)"),
    ("extern double area(double, double);", "double (double, double)"),
    ("static inline int f(int)", "int (int)"),
    ("int (f)(int)", "int (int)"),
    ("int (*const f)(int)", "int (int)"),
    ("int (((f)))(int)", "int (int)"),
    ("int f(int (a))", "int (int)"),
    ("void (void)", "void (void)"),
    ("void ()", "void (void)"),
    ("const int (const int)", "int (int)"),
    ("int (int const volatile)", "int (int)"),
    ("void (void *const)", "void (void *)"),
    (
        "void (void *restrict, void *__restrict, void *__restrict__)",
        "void (void *, void *, void *)",
    ),
    ("void (void const *)", "void (const void *)"),
    ("void (void volatile const *)", "void (const volatile void *)"),
    ("int (signed)", "int (int)"),
    ("int (unsigned)", "int (unsigned int)"),
    ("int (signed char, unsigned char, char)", "int (signed char, unsigned char, char)"),
    ("int (short int, int unsigned short)", "int (short, unsigned short)"),
    ("int (long signed int, long unsigned)", "int (long, unsigned long)"),
    ("int (long int const long unsigned)", "int (unsigned long long)"),
    ("int (__signed__ long long)", "int (long long)"),
    ("int (_Bool, bool)", "int (_Bool, bool)"),
    ("int (double long, float)", "int (long double, float)"),
    ("int (wchar_t, char16_t, char32_t)", "int (wchar_t, char16_t, char32_t)"),
    ("void (int8_t, uint_least16_t, uint32_t)", "void (int8_t, uint_least16_t, uint32_t)"),
    ("size_t (ssize_t, ptrdiff_t, uintptr_t)", "size_t (ssize_t, ptrdiff_t, uintptr_t)"),
    ("enum color (enum color c)", "enum color (enum color)"),
    ("int (/* first */ int, // second\n int)", "int (int, int)"),
    ("int\n(\tint\f,\v int\r\n)", "int (int, int)"),
]

POINTERS = [
    ("int (int *p)", "int (int *)"),
    ("int (int, char **, const char *const*)", "int (int, char **, const char *const *)"),
    ("char *f(int32_t const*, void**)", "char *(const int32_t *, void **)"),
    ("int (struct s *, const union u *, enum e *)", "int (struct s *, const union u *, enum e *)"),
    ("int (volatile int *restrict p)", "int (volatile int *)"),
    ("int (double (*rows)[3])", "int (double (*)[3])"),
    ("int (double rows[][3], int x[])", "int (double (*)[3], int *)"),
    ("int (va_list *, PyObject **)", "int (va_list *, PyObject **)"),
    ("int *(*f)(void)", "int *(void)"),
    ("int (*f(int))[3]", "int (*(int))[3]"),
]

ARRAYS = [
    ("void (int n, const double x[n])", "void (int n, const double [n])"),
    ("void (double x[static n + 1], long n)", "void (double [n + 1], long n)"),
    ("void (int m, int n, float a[m][n])", "void (int m, int n, float [m][n])"),
    ("void (long n, int a[const 2 * n], int b[n][3])", "void (long n, int [2 * n], int [n][3])"),
    ("void (int *n, char *a[*n])", "void (int *n, char *[*n])"),
    ("void (int a[(2 + 1) * 4], int k)", "void (int [12], int)"),
    ("void (int n, int a[n - (1 - n)])", "void (int n, int [n - (1 - n)])"),
    ("void (int n, int a[n ? n << 1 : 3])", "void (int n, int [n ? n << 1 : 3])"),
    ("void (int n, int a[sizeof(int) * n])", "void (int n, int [4 * n])"),
    ("void (int n, int a[- -n], int b[*])", "void (int n, int [- -n], int *)"),
]

FUNCTIONS = [
    ("int (int (*cmp)(const void *, const void *))", "int (int (*)(const void *, const void *))"),
    ("void (*signal(int n, void (*)(int)))(int)", "void (*(int, void (*)(int)))(int)"),
    ("int (int f(int), int (int))", "int (int (*)(int), int (*)(int))"),
    ("int (int (**f)(int), int (*g[3])(int))", "int (int (**)(int), int (*[3])(int))"),
    ("int (int (*)(int n, double x[n]))", "int (int (*)(int n, double [n]))"),
    ("int (const char *format, ...)", "int (const char *, ...)"),
    ("int (const char *, va_list ap)", "int (const char *, va_list)"),
    ("int (void (*)(int, ...))", "int (void (*)(int, ...))"),
    ("PyObject *f(PyObject *self, PyObject *)", "PyObject *(PyObject *, PyObject *)"),
    ("int (_Float32, _Float64)", "int (float, double)"),
    *([("int (__int128, unsigned __int128)",) * 2] if tools.INT128 else []),
    *([("_Float16 (void)", "_Float16 (void)")] if tools.FLOAT16 else []),
]

COMPLEX = [
    ("int (float _Complex, _Complex double)", "int (float _Complex, double _Complex)"),
    ("int (double complex x, complex long double)", "int (double _Complex, long double _Complex)"),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED + COMPLEX + POINTERS + ARRAYS + FUNCTIONS)
def test_canonical_spelling(text: str, expected: str) -> None:
    assert str(pytramp.Signature(text)) == expected
    assert pytramp.Signature(text) == pytramp.Signature(expected)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("int (int)", "int (unsigned)"),
        ("int (int)", "int (long)"),
        ("int (int)", "int (int, int)"),
        ("int (int)", "void (int)"),
        ("int (char)", "int (signed char)"),
        ("int (long)", "int (void *)"),
    ],
)
def test_different_types_are_different_signatures(text: str, other: str) -> None:
    assert pytramp.Signature(text) != pytramp.Signature(other)


@pytest.mark.parametrize(
    ("typedef", "size"),
    [("int8_t", 1), ("uint16_t", 2), ("int32_t", 4), ("uint64_t", 8), ("intmax_t", 8)]
    + [("int_least8_t", 1), ("uint_fast64_t", 8), ("bool", 1)]
    + ([] if tools.WINDOWS else [("pid_t", 4)]),
)
def test_typedefs_have_their_width(typedef: str, size: int) -> None:
    assert declare.type_of(typedef).size == size
    assert declare.type_of(typedef).spelling == typedef


@LP64_ONLY
@pytest.mark.parametrize(
    ("typedef", "base"),
    [("int64_t", "long"), ("size_t", "unsigned long"), ("intptr_t", "long"), ("time_t", "long")]
    + [("uint8_t", "unsigned char"), ("uint32_t", "unsigned int"), ("bool", "_Bool")]
    + [("enum color", "int"), ("__uint128_t", "unsigned __int128")],
)
def test_a_typedef_is_the_type_it_stands_for(typedef: str, base: str) -> None:
    assert pytramp.Signature(f"void ({typedef})") == pytramp.Signature(f"void ({base})")


def test_what_a_parameter_is() -> None:
    prototype = declare.parse("int (int n, const double x[2 * n][3], char *const *p, ...)")
    n, x, p = prototype.arguments
    assert (n.kind, x.kind, p.kind) == ("scalar", "array", "pointer")
    assert x.dimensions == ((2, "n", "*"), (3,))
    assert (x.readonly, p.readonly) == (True, True)
    assert (x.target and x.target.spelling, p.target and p.target.spelling) == ("double", "char *")
    assert prototype.names == ("n", "x", "p")
    assert prototype.variadic


@pytest.mark.parametrize(
    ("text", "readonly"),
    [
        ("int (const double (*rows)[3])", True),
        ("int (double (*rows)[3])", False),
        ("int (const int a[][3][2])", True),
        ("int (int *const *)", True),
        ("int (const int **)", False),
        ("int (const void *)", True),
        ("int (volatile int *)", False),
    ],
)
def test_what_is_const_cannot_be_written(text: str, readonly: bool) -> None:
    assert declare.parse(text).arguments[0].readonly is readonly


def test_unknown_structs_are_opaque_by_address() -> None:
    (argument,) = declare.parse("int (struct foo *)").arguments
    assert argument.target is not None
    assert (argument.target.kind, argument.target.spelling) == ("opaque", "struct foo")
    assert pytramp.Signature("int (struct foo *)") != pytramp.Signature("int (struct bar *)")


# ---- Function pointers: what a callable gets and returns ----


def call_with(declaration: str, function: object, argument: int) -> int:
    """What C gets from a callback that takes and returns one pointer."""
    closure = pytramp.Signature(declaration)(function)  # type: ignore[arg-type]
    prototype = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    return ctypes.cast(closure.address, prototype)(argument) or 0


CHOOSE = "int (*choose(int (*)(int)))(int)"


def test_a_function_pointer_arrives_as_a_ctypes_function() -> None:
    got = []
    twice = pytramp.callback("int (int)", lambda n: 2 * n)
    assert call_with(CHOOSE, lambda f: got.append(f), twice.address) == 0
    assert call_with(CHOOSE, lambda f: got.append(f), 0) == 0
    assert got[0](21) == 42
    assert isinstance(got[0], ctypes._CFuncPtr)
    assert got[1] is None


def test_what_can_be_returned_for_a_function_pointer() -> None:
    same = pytramp.callback("int (int)", lambda n: n)
    for value in (same, same.as_ctypes(), same.address):
        assert call_with(CHOOSE, lambda _, value=value: value, 0) == same.address
    assert call_with(CHOOSE, lambda f: f, same.address) == same.address


@pytest.mark.parametrize(
    ("value", "error", "fragment"),
    [
        (pytramp.callback("int (long)", abs), TypeError, "'int (int)', not of 'int (long)'"),
        (lambda n: n, TypeError, 'wrap it in pytramp.callback("int (int)", ...)'),
        (len, TypeError, "wrap it in pytramp.callback"),
        ("text", TypeError, "expected a function pointer 'int (*)(int)', not str"),
        (-1, OverflowError, "-1 is no address"),
        (1 << 64, OverflowError, "is no address"),
    ],
)
def test_what_cannot_be_returned(value: object, error: type[Exception], fragment: str) -> None:
    with tools.reports() as seen:
        assert call_with(CHOOSE, lambda _: value, 0) == 0
    assert type(seen[0].exception) is error
    assert fragment in seen[0].text


def test_a_function_that_ctypes_cannot_call_is_a_pointer() -> None:
    got = []
    call_with("void *(void (*)(int, ...))", got.append, 16)
    if tools.INT128:
        call_with("void *(__int128 (*)(int))", got.append, 16)
    assert {type(value) for value in got} == {pytramp._core.Pointer}
    assert {value.address for value in got} == {16}


# ---- Names and errors ----


def test_names_are_kept() -> None:
    prototype = declare.parse("int compare(int a, double, const void *data)")
    assert prototype.name == "compare"
    assert prototype.names == ("a", None, "data")


def test_an_unnamed_prototype_has_no_name() -> None:
    assert declare.parse("int (*)(int)").name is None
    assert declare.parse("int (*callback)(int)").name == "callback"


def test_a_pointer_result() -> None:
    prototype = declare.parse("const void *find(int)")
    assert prototype.result.spelling == "const void *"
    assert prototype.name == "find"


INVALID = [
    ("", 1, "there is no declaration"),
    (" ; ", 1, "there is no declaration"),
    ("static", 1, "there is no declaration"),
    ("int", 1, "declares no function"),
    ("int (**f)(int)", 1, "declares no function"),
    ("int f[3](int)", 1, "declares no function"),
    ("int f(int)(int)", 1, "cannot return a function"),
    ("int f(int)[3]", 1, "cannot return an array"),
    ("int (", 5, "this '(' is not closed"),
    ("int (int", 5, "this '(' is not closed"),
    ("int (int a[)", 11, "this '[' is not closed"),
    ("int (int a])", 11, "this ']' closes nothing"),
    ("int (int))", 10, "this ')' closes nothing"),
    ("int f(int) ); void g(int", 12, "this ')' closes nothing"),
    ("int f(int); int g(int);", 11, "only one declaration"),
    ("int f(int), g(int)", 11, "only one declaration"),
    ("int f(int);;", 11, "only one declaration"),
    ("int f(int) { }", 12, "unexpected '{'"),
    ("int f(int x = 3)", 13, "unexpected '='"),
    ("int f(int x : 3)", 13, "unexpected ':'"),
    ("int f(3)", 7, "unexpected '3'"),
    ("int (int x y)", 12, "unexpected 'y'"),
    ("int f int", 7, "unexpected 'int'"),
    ("int f(int) const", 12, "unexpected 'const'"),
    ("int (int,)", 10, "a type is missing before ')'"),
    ("int (,int)", 6, "a type is missing before ','"),
    ("int (const)", 11, "a type is missing before ')'"),
    ("int (int, const *p)", 17, "a type is missing before '*'"),
    ("*", 1, "a type is missing before '*'"),
    ("(int)", 1, "a type is missing before '('"),
    ("const", 1, "a type is missing after this qualifier"),
    ("int (flot x)", 6, "unknown type name 'flot'; did you mean 'float'?"),
    ("int (size x)", 6, "did you mean 'size_t'?"),
    ("int (const uint3_t x)", 12, "unknown type name 'uint3_t'"),
    ("foo (int)", 1, "unknown type name 'foo'"),
    ("int (foo)", 6, "unknown type name 'foo'"),
    ("int f(foo)", 7, "unknown type name 'foo'"),
    ("int f(foo)(int)", 7, "unknown type name 'foo'"),
    ("int f(int, b)", 12, "unknown type name 'b'"),
    ("int (FILE *f)", 6, "unknown type name 'FILE' (a pointer to a type of your own"),
    ("int (void, int)", 6, "parameter 1: 'void' is no type for a parameter"),
    ("int (int, void)", 11, "parameter 2: 'void' is no type for a parameter"),
    ("int (void v)", 6, "parameter 'v': 'void' is no type for a parameter"),
    ("int (const void)", 12, "parameter 1: 'void' is no type for a parameter"),
    ("int (unsigned float)", 6, "parameter 1: 'unsigned float' is no C type"),
    ("int (int, long long long x)", 11, "parameter 'x': 'long long long' is no C type"),
    ("signed unsigned (int)", 1, "the result: 'signed unsigned' is no C type"),
    ("int (size_t unsigned)", 6, "parameter 1: 'size_t unsigned' is no C type"),
    ("int (int restrict x)", 6, "parameter 'x': only a pointer can be 'restrict'"),
    ("int (int a, double a)", 20, "two parameters are named 'a'"),
    ("int (int size_t)", 10, "'size_t' is a type and cannot be a name here"),
    ("int (unsigned uint8_t)", 15, "'uint8_t' is a type and cannot be a name here"),
    ("int bool(int)", 5, "'bool' is a type and cannot be a name here"),
    ("int f(static int x)", 7, "'static' can only stand at the beginning"),
    ("int f(register int x)", 7, "'register' is not understood"),
    ("int f(int) __attribute__((pure))", 12, "not understood in a prototype: cdef() reads it"),
    ("int f(int) __attribute__((cdecl, pure))", 12, "'__attribute__' is not understood"),
    ("int f(int) __attribute__(())", 12, "'__attribute__' is not understood"),
    ("int (int\0)", 9, "a NUL character"),
    ("int (int $x)", 10, "unexpected '$'"),
    ('int (int "x")', 10, "unexpected '\"'"),
    ("int (int \\\n x)", 10, "unexpected '\\\\'"),
    ("int (\u00a0int)", 6, "unexpected character U+00A0"),
    ("int (int \u00e9)", 10, "unexpected character U+00E9"),
    ("int (int \ud800)", 10, "unexpected character U+D800"),
    ("int (/* int)", 6, "this comment is not closed"),
    ("/* (, */ int (foo x)", 15, "unknown type name 'foo'"),
    ("int (int a, // one\n foo b)", 21, "unknown type name 'foo'"),
    ("int (__restrict foo)", 17, "unknown type name 'foo'"),
    ("int (...)", 6, "'...' comes last, after at least one parameter"),
    ("int (int, ..., int)", 14, "unexpected ','"),
    ("int (int x[m])", 12, "the length of 'x' uses 'm', which is no parameter"),
    ("int (int num, int x[nun])", 21, "did you mean 'num'?"),
    ("int (double n, int x[n])", 22, "the length of 'x' uses 'n', which is not an integer"),
    ("int (int n, int x[*n])", 20, "which is not a pointer to an integer"),
    ("int (int n, int x[n][])", 13, "only the first length of an array can be left out"),
    ("int (int x[-1])", 12, "an array cannot have -1 elements"),
    ("int (int x[1 / 0])", 14, "a division by zero"),
    ("int (int x[1.5])", 12, "1.5 is no integer constant"),
    ("int (struct s *s, int x[s->n])", 25, "a length is computed from integer parameters"),
    ("int (int *n, int x[n[1]])", 20, "an item of an array cannot be part of"),
    ("int (int n, int x[(int)n])", 19, "a cast of a parameter cannot be part of a length"),
    ("int (int x[3)", 11, "this '[' is not closed"),
    ("int (void x[3])", 6, "parameter 'x': an array cannot hold 'void'"),
    ("int (int x[2](int))", 6, "parameter 'x': an array cannot hold functions"),
    ("int (PyObject o)", 6, "'PyObject' is incomplete: it is passed by address"),
    ("va_list (int)", 1, "a function cannot return a 'va_list'"),
    ("int (struct *x)", 13, "unexpected '*'"),
    ("int (struct s { int x; } y)", 15, "unexpected '{'"),
]


if tools.INT128:
    INVALID += [
        ("int (__int128 n, int x[n])", 24, "'n', which is not an integer of at most 64 bits"),
        ("int (__int128 *n, int x[*n])", 26, "which is not a pointer to an integer of at most 64"),
    ]


@pytest.mark.parametrize(("text", "column", "fragment"), INVALID)
def test_invalid_declaration(text: str, column: int, fragment: str) -> None:
    with pytest.raises(pytramp.DeclarationError) as caught:
        pytramp.Signature(text)
    assert fragment in str(caught.value)
    assert caught.value.column == column
    assert caret_column(caught.value) == column


UNSUPPORTED = [
    ("int (struct point p)", 6, "parameter 'p': 'struct point' by value is unknown"),
    ("int (const union u)", 12, "declare it with cdef() and pass types="),
    ("struct point (int)", 1, "the result: 'struct point' by value"),
    ("__float128 (int)", 1, "the result: '__float128' is not supported: use float, double"),
    ("int (__float128 *)", 6, "parameter 1: '__float128'"),
    ("int (_Float128, int)", 6, "parameter 1: '_Float128'"),
    ("int (int, __bf16 x)", 11, "parameter 'x': '__bf16'"),
    ("int (_Decimal64)", 6, "parameter 1: '_Decimal64'"),
    ("int (_Float16 _Complex)", 6, "parameter 1: '_Float16 _Complex'"),
    ("int (int, _Atomic int x)", 11, "parameter 2: '_Atomic'"),
    ("int (_Atomic(int) x)", 6, "parameter 1: '_Atomic'"),
    ("int (unsigned _BitInt(7) x)", 15, "parameter 1: '_BitInt'"),
    ("int (__m128)", 6, "parameter 1: '__m128': vector types are not supported"),
    ("int (int, __m256d v)", 11, "parameter 'v': '__m256d': vector types"),
    ("float32x4_t (int)", 1, "the result: 'float32x4_t': vector types"),
    ("int (int __attribute__((vector_size(16))) v)", 10, "parameter 1: 'vector_size'"),
    ("int (int n, int a[][n])", 13, "parameter 'a': a pointer to an array whose length"),
    ("int (int n, int *a[n][n])", 13, "parameter 'a': 'int *[n][n]': an array of more than one"),
    ("int (int n, int (*a)[n])", 13, "parameter 'a': a pointer to an array whose length"),
]


@pytest.mark.parametrize(("text", "column", "fragment"), UNSUPPORTED)
def test_unsupported_type(text: str, column: int, fragment: str) -> None:
    with pytest.raises(pytramp.UnsupportedTypeError) as caught:
        pytramp.Signature(text)
    assert fragment in str(caught.value)
    assert caret_column(caught.value) == column


def caret_column(error: Exception) -> int:
    """The column that the caret in the message stands under; the text must not be clipped."""
    return str(error).splitlines()[-1].index("^") - 4 + 1


def test_a_long_text_is_clipped_around_the_column() -> None:
    text = "void (" + "int, " * 100 + "foo" + ", int" * 100 + ")"
    with pytest.raises(pytramp.DeclarationError) as caught:
        pytramp.Signature(text)
    message, shown, caret = str(caught.value).splitlines()
    assert message == "unknown type name 'foo'"
    assert caught.value.column == 507
    assert shown.startswith("    ...")
    assert shown.endswith("...")
    assert len(shown) < 90
    assert shown[caret.index("^") :].startswith("foo")


@pytest.mark.parametrize("text", [None, 3, b"int (int)", ["int (int)"], int])
def test_only_text_is_a_declaration(text: object) -> None:
    with pytest.raises(TypeError):
        declare.parse(text)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        declare.type_of(text)  # type: ignore[arg-type]


def test_nesting_as_deep_as_c_promises() -> None:
    text = f"int {'(' * 63}f{')' * 63}(int)"
    assert str(pytramp.Signature(text)) == "int (int)"


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
def test_deeper_nesting_is_refused(depth: int) -> None:
    with pytest.raises(pytramp.DeclarationError, match="nested too deeply") as caught:
        pytramp.Signature(f"int {'(' * depth}f{')' * depth}(int)")
    assert caught.value.column == 69


def test_a_long_chain_of_pointers_is_refused() -> None:
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"'void \*\*\.\.\.' is nested too"):
        pytramp.Signature(f"int (void {'*' * 5000})")


def test_ten_thousand_arguments() -> None:
    prototype = declare.parse("void (" + ", ".join(["int"] * 10_000) + ")")
    assert len(prototype.arguments) == 10_000
    with pytest.raises(pytramp.DeclarationError) as caught:
        declare.parse("void (" + ", ".join(["int"] * 10_000) + ", foo)")
    assert caught.value.column == 7 + 5 * 10_000


def test_results_are_cached() -> None:
    assert declare.parse("int (short, long)") is declare.parse("int (short, long)")


def test_threads_get_equal_results() -> None:
    texts = [f"int f{i}(int, double, const void *)" for i in range(50)]
    results: list[list[str | None]] = []

    def run() -> None:
        results.append([declare.parse(text).name for text in texts])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[f"f{i}" for i in range(50)]] * 8


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("unsigned long", "unsigned long"),
        ("long unsigned int const", "unsigned long"),
        ("const void*", "const void *"),
        ("void", "void"),
        ("enum color", "enum color"),
    ],
)
def test_type_of(spelling: str, expected: str) -> None:
    assert declare.type_of(spelling).spelling == expected


@pytest.mark.parametrize(
    ("spelling", "column", "fragment"),
    [
        ("int x", 5, "remove 'x'"),
        ("const void *data", 13, "remove 'data'"),
        ("int, int", 4, "only one declaration"),
        ("flot", 1, "did you mean 'float'?"),
        ("", 1, "there is no declaration"),
    ],
)
def test_type_of_refuses(spelling: str, column: int, fragment: str) -> None:
    with pytest.raises(pytramp.DeclarationError) as caught:
        declare.type_of(spelling)
    assert fragment in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("spelling", "kind", "declared"),
    [
        ("const double*", "pointer", "const double *x"),
        ("double [n]", "array", "double x[n]"),
        ("int[3]", "array", "int x[3]"),
        ("int (int)", "custom", "int (*x)(int)"),
        ("int (*)(int)", "custom", "int (*x)(int)"),
        ("struct s *", "pointer", "struct s *x"),
        ("double (*)[3]", "pointer", "double (*x)[3]"),
        ("PyObject *", "object", "PyObject *x"),
        ("va_list", "va_list", "va_list x"),
    ],
)
def test_type_of_other_kinds(spelling: str, kind: str, declared: str) -> None:
    made = declare.type_of(spelling)
    assert made.kind == kind
    assert made.declared("x") == declared
    assert declare.type_of(made.spelling) == made


def test_type_of_refuses_unknown_structs() -> None:
    with pytest.raises(pytramp.UnsupportedTypeError, match="'struct s' by value") as caught:
        declare.type_of("struct s")
    assert caret_column(caught.value) == 1


def test_importing_pytramp_does_not_import_the_parser() -> None:
    code = "import pytramp, sys; print({'pycparser', 'ctypes'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_missing_parser_is_not_an_error_of_the_declaration() -> None:
    code = """
import sys
import pytramp
sys.modules["pycparser"] = sys.modules["pycparser.c_parser"] = None
try:
    pytramp.Signature("int (int)")
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pycparser" in run.stdout
