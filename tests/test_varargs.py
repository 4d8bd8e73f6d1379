"""Variable arguments: '...' and va_list, read by C's own means."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import pytest
import tools

import pytramp

SOURCE = """
#include <complex.h>
#include <stdarg.h>
#include <stddef.h>
typedef struct { double x, y; } pair;
typedef struct { long a, b, c; } big;
typedef struct { int n; float x; } mixed;

int scalars(int (*f)(const char *, ...)) {
    return f("x", -1, 4000000000u, -5l, 1ull << 63, 2.5, 3.5L, (void *)64, "text",
             1.0 + 2.0 * I, (float)1 + (float)2 * I);
}
#ifdef __SIZEOF_INT128__
int wide(int (*f)(int, ...)) { return f(1, (__int128)1 << 100, 2); }
#endif
int many_ints(long (*f)(int, ...)) { return f(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10); }
double many_doubles(double (*f)(double, ...)) {
    return f(0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10.);
}
int structs(int (*f)(int, ...)) {
    pair p = {1.5, 2.5};
    big b = {1, 2, 3};
    mixed m = {7, 0.5f};
    return f(1, p, b, m, 11, p, p, p, p, m, b, m, m, 12);
}
big memory_result(big (*f)(int, ...)) { return f(1, 2, 3); }
long named_on_the_stack(long (*f)(long, long, long, long, long, long, long, ...)) {
    return f(1, 2, 3, 4, 5, 6, 7, 8, 9L, 2.5);
}
int none(int (*f)(int, ...)) { return f(5); }

static int forward(int (*f)(const char *, va_list), const char *format, ...) {
    va_list list;
    va_start(list, format);
    va_arg(list, int);
    int result = f(format, list);
    va_end(list);
    return result;
}
int as_list(int (*f)(const char *, va_list)) {
    return forward(f, "%d %s %.1f", 0, 42, "text", 2.5);
}
int printed(int (*f)(void *, const char *, ...)) {
    return f(NULL, "%s is %d%% of %5.2f%c%llu", "this", 50, 12.5, '!', 1ull << 40);
}
int long_text(int (*f)(void *, const char *, ...)) { return f(NULL, "%1000d|%s", 7, "end"); }
"""


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


def test_scalars(lib: ctypes.CDLL) -> None:
    seen: list[Any] = []

    @pytramp.callback("int (const char *, ...)")
    def f(text: Any, va: pytramp.VarArgs) -> int:
        assert type(va) is pytramp.VarArgs
        kinds = ["int", "unsigned int", "long", "unsigned long long", "double", "long double"]
        kinds += ["void *", "const char *", "double _Complex", "float _Complex"]
        seen.extend(va.arg(kind) for kind in kinds)
        return 7

    assert lib.scalars(f) == 7
    assert seen[7].string() == b"text"
    expected = [-1, 4000000000, -5, 1 << 63, 2.5, 3.5, 64, 1 + 2j, 1 + 2j]
    assert [*seen[:7], *seen[8:]] == expected


def test_names_of_a_header(lib: ctypes.CDLL) -> None:
    types = pytramp.cdef("typedef int number; typedef const char *text;")
    seen: list[Any] = []

    @pytramp.callback("int (const char *, ...)")
    def f(text: Any, va: pytramp.VarArgs) -> int:
        with pytest.raises(pytramp.DeclarationError, match="unknown type name 'number'"):
            va.arg("number")
        seen.append(va.arg("number", types=types))
        return 7

    assert lib.scalars(f) == 7
    assert seen == [-1]


@tools.int128
def test_wide(lib: ctypes.CDLL) -> None:
    f = pytramp.callback("int (int, ...)", lambda n, va: va.arg("__int128") >> 98 | va.arg("int"))
    assert lib.wide(f) == 6


def test_more_than_the_registers_hold(lib: ctypes.CDLL) -> None:
    ints: list[int] = []
    doubles: list[float] = []
    f = pytramp.callback(
        "long (int, ...)", lambda n, va: ints.extend(va.arg("int") for _ in range(10)) or 1
    )
    g = pytramp.callback(
        "double (double, ...)", lambda x, va: doubles.extend(va.arg("double") for _ in range(10))
    )
    assert lib.many_ints(f) == 1
    assert ints == list(range(1, 11))
    with tools.reports():  # None is no double
        lib.many_doubles(g)
    assert doubles == [float(n) for n in range(1, 11)]


def test_structs(lib: ctypes.CDLL) -> None:
    types = pytramp.cdef(
        "typedef struct { double x, y; } pair; typedef struct { long a, b, c; } big;"
        "typedef struct { int n; float x; } mixed;"
    )
    seen: list[tuple[Any, ...]] = []

    def f(n: int, va: pytramp.VarArgs) -> int:
        for kind in "pbmippppmbmmi":
            if kind == "i":
                seen.append((va.arg("int"),))
                continue
            value = va.arg({"p": types.pair, "b": types.big, "m": types.mixed}[kind])
            seen.append(tuple(getattr(value, name) for name, *_ in value._fields_))
        return n

    assert lib.structs(pytramp.callback("int (int, ...)", f)) == 1
    pair, big, mixed = (1.5, 2.5), (1, 2, 3), (7, 0.5)
    assert seen == [pair, big, mixed, (11,), *[pair] * 4, mixed, big, mixed, mixed, (12,)]


def test_a_result_in_memory_takes_a_register(lib: ctypes.CDLL) -> None:
    types = pytramp.cdef("typedef struct { long a, b, c; } big;")
    lib.memory_result.restype = types.big
    f = pytramp.callback(
        "big (int, ...)", lambda n, va: (n, va.arg("int"), va.arg("int")), types=types
    )
    result = lib.memory_result(f)
    assert (result.a, result.b, result.c) == (1, 2, 3)


def test_named_arguments_on_the_stack(lib: ctypes.CDLL) -> None:
    seen = []

    def f(*arguments: Any) -> int:
        *named, va = arguments
        seen.extend([*named, va.arg("int"), va.arg("long"), va.arg("double")])
        return 3

    lib.named_on_the_stack.restype = ctypes.c_long
    cb = pytramp.callback("long (long, long, long, long, long, long, long, ...)", f)
    assert lib.named_on_the_stack(cb) == 3
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 9, 2.5]


def test_nothing_behind_the_named_ones(lib: ctypes.CDLL) -> None:
    assert lib.none(pytramp.callback("int (int, ...)", lambda n, va: n + 1)) == 6


def test_a_va_list(lib: ctypes.CDLL) -> None:
    seen: list[Any] = []

    @pytramp.callback("int (const char *format, va_list list)")
    def f(format: Any, va: pytramp.VarArgs) -> int:
        seen.append(va.format(format))
        seen.extend([va.arg("int"), va.arg("const char *").string(), va.arg("double")])
        return 9

    assert lib.as_list(f) == 9
    assert seen == [b"42 text 2.5", 42, b"text", 2.5]


def test_format(lib: ctypes.CDLL) -> None:
    seen: list[Any] = []

    def f(_: None, format: Any, va: pytramp.VarArgs) -> int:
        seen.append(va.format(format))
        seen.append(va.format(format))  # reads a copy
        seen.append(va.format(b"%s"))
        seen.append(va.format("%s"))
        seen.append(va.arg("char *").string())
        return len(seen[0])

    cb = pytramp.callback("int (void *ctx, const char *format, ...)", f)
    assert lib.printed(cb) == len(seen[0])
    text = b"this is 50% of 12.50!1099511627776"
    assert seen == [text, text, b"this", b"this", b"this"]


def test_long_text(lib: ctypes.CDLL) -> None:
    seen: list[bytes] = []

    @pytramp.callback("int (void *, const char *, ...)")
    def f(_: None, format: Any, va: pytramp.VarArgs) -> int:
        seen.append(va.format(format))
        return len(seen[0])

    assert lib.long_text(f) == 1004
    assert seen == [b" " * 999 + b"7|end"]


GROWING = """
#include <printf.h>
#include <stdio.h>

/* As text that other threads write, it may be longer the next time it is looked at. */
static int print_more(FILE *to, const struct printf_info *info, const void *const *args) {
    static int n = 300;
    (void)info, (void)args;
    for (int i = 0; i < n; i++)
        fputc('x', to);
    if (n < 900) n += 300;
    return n;
}
static int takes_none(const struct printf_info *info, size_t n, int *types, int *sizes) {
    (void)info, (void)n, (void)types, (void)sizes;
    return 0;
}
int grows(int (*f)(const char *, ...)) {
    register_printf_specifier('Y', print_more, takes_none);
    return f("%Y");
}
"""


@pytest.mark.skipif(
    not hasattr(tools.c_library(), "register_printf_specifier"), reason="glibc's own"
)
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer knows the formats of others only")
def test_text_that_grows_meanwhile() -> None:
    texts: list[bytes] = []

    @pytramp.callback("int (const char *, ...)")
    def f(format: Any, va: pytramp.VarArgs) -> int:
        texts.append(va.format(format))
        return len(texts[0])

    assert tools.library(GROWING).grows(f) == 900
    assert texts == [b"x" * 900]


@pytest.mark.parametrize(
    ("kind", "instead"),
    [("char", "int"), ("short", "int"), ("_Bool", "int"), ("char16_t", "int"), ("float", "double")],
)
def test_types_that_c_promotes(lib: ctypes.CDLL, kind: str, instead: str) -> None:
    errors = []

    def f(n: int, va: pytramp.VarArgs) -> int:
        with pytest.raises(TypeError, match=f"C passes no {kind} behind '...': ask for {instead}"):
            va.arg(kind)
        for wrong in ("void", "int [3]", "va_list", 5, None):
            with pytest.raises((TypeError, pytramp.DeclarationError)):
                va.arg(wrong)
        with pytest.raises(TypeError):
            va.format(1.5)
        with pytest.raises(ValueError, match="NULL"):
            va.format(None)
        errors.append(n)
        return 0

    lib.none(pytramp.callback("int (int, ...)", f))
    assert errors == [5]


def test_it_ends_with_the_call(lib: ctypes.CDLL) -> None:
    kept: list[pytramp.VarArgs] = []
    lib.none(pytramp.callback("int (int, ...)", lambda n, va: kept.append(va) or 0))
    lib.as_list(pytramp.callback("int (const char *, va_list)", lambda f, va: kept.append(va) or 0))
    for va in kept:
        for use in (lambda: va.arg("int"), lambda: va.format(b"%d")):  # noqa: B023
            with pytest.raises(ValueError, match="when the callback returns"):
                use()
    with pytest.raises(TypeError, match="only a callback gets"):
        pytramp.VarArgs()


def test_the_signature_says_it() -> None:
    signature = pytramp.Signature("void (void *ctx, const char *format, ...)")
    assert signature.variadic
    assert str(signature) == "void (void *, const char *, ...)"
    assert signature == pytramp.Signature(str(signature))
    assert signature != pytramp.Signature("void (void *, const char *)")
    assert not pytramp.Signature("void (int)").variadic
    with pytest.raises(TypeError, match=r"takes 2 positional arguments, but .* passes 3"):
        signature(lambda ctx, format: None)


def test_libxml2_tells_its_errors() -> None:
    """A handler that nobody here wrote calls with '...' and a format."""
    name = ctypes.util.find_library("xml2")
    if name is None:
        tools.missing("libxml2 is not installed")
    xml = ctypes.CDLL(name)
    seen: list[bytes] = []

    @pytramp.callback("void (void *ctx, const char *msg, ...)")
    def on_error(ctx: int | None, msg: Any, va: pytramp.VarArgs) -> None:
        assert ctx == 5
        seen.append(va.format(msg))

    text = b"<a><b></a>"
    xml.xmlReadMemory.restype = ctypes.c_void_p
    xml.xmlSetGenericErrorFunc(ctypes.c_void_p(5), on_error)
    try:
        assert xml.xmlReadMemory(text, len(text), b"test.xml", None, 0) is None
    finally:
        xml.xmlSetGenericErrorFunc(None, None)
    message = b"".join(seen)
    assert b"test.xml:1: parser error : Opening and ending tag mismatch: b line 1 and a" in message
