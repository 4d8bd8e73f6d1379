"""ctypes as the caller of function pointers with structs: what arrives is right, or refused."""

from __future__ import annotations

import ctypes
import platform
import re
from typing import Any

import pytest
import tools

import pytramp
from pytramp.interop import ctypes as interop_ctypes

x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="places of x86-64")

DECLARATIONS = """
struct plain { char c; double d; };
struct small { short s[2]; int n; };
struct floats { float x[3]; };
struct nested { struct plain p; int n; };
struct large { long long n[5]; };
struct packed { char c; double d; } __attribute__((packed));
struct within { struct packed p; };
struct unaligned { char c; float x; char e; short s; } __attribute__((packed));
struct anonymous { union { double d; long long n; }; };
union either { double d; long long n; };
union sized { float x; char c[16]; };
struct raised { float x; } __attribute__((aligned(16)));
"""
TYPES = pytramp.cdef(DECLARATIONS)
PLAIN = ["struct plain", "struct small", "struct floats", "struct nested", "struct large"]
# What libffi 3.4 passes on x86-64 in other places than C.
OTHERS = ["struct packed", "struct within", "struct unaligned", "struct anonymous"]
OTHERS += ["union either", "union sized"]

REFUSED = "libffi, .* does not know how C passes '{}' .*: only C can call this"


def one(cls: Any) -> Any:
    return cls.from_buffer_copy(bytes(range(64, 64 + ctypes.sizeof(cls))))


@pytest.mark.parametrize("name", PLAIN)
def test_plain(name: str) -> None:
    value = one(TYPES[name])
    echo = pytramp.callback(
        f"{name} ({name}, int)", lambda s, n: s if n == 7 else None, types=TYPES
    )
    assert bytes(echo.as_ctypes()(value, 7)) == bytes(value)


@pytest.mark.parametrize("name", OTHERS)
def test_right_or_refused(name: str) -> None:
    """As a result: unions as arguments ctypes refuses itself."""
    cls = TYPES[name]
    value = one(cls)
    function = pytramp.callback(f"{name} (int)", lambda n: value, types=TYPES).as_ctypes()
    if platform.machine() == "x86_64":
        for _ in range(2):
            with pytest.raises(
                pytramp.UnsupportedTypeError, match="result: " + REFUSED.format(cls.__name__)
            ):
                function(7)
    else:
        try:
            got = bytes(function(7))
        except pytramp.UnsupportedTypeError:
            got = bytes(value)
        assert got == bytes(value)


class Packed(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("c", ctypes.c_char), ("d", ctypes.c_double)]


PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, Packed)


@x86_64
def test_prototypes() -> None:
    """C calls them, of whatever class they are; ctypes does not."""
    closure = pytramp.callback(PROTOTYPE, lambda n, s: int(n + s.d))
    made = [closure.as_ctypes(), closure.as_ctypes(PROTOTYPE)]
    made += [interop_ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, Packed)(closure.__wrapped__)]
    lib = tools.library(
        "struct __attribute__((packed)) packed { char c; double d; };"
        "int call(int (*f)(int, struct packed)) { return f(1, (struct packed){'a', 2.5}); }"
    )
    lib.call.argtypes = [PROTOTYPE]
    for function in made:
        assert isinstance(function, PROTOTYPE)
        assert lib.call(function) == 3
        message = "argument 2: " + REFUSED.format("Packed")
        with pytest.raises(pytramp.UnsupportedTypeError, match=message):
            function(1, Packed(b"a", 2.5))
    assert closure(1, Packed(b"a", 2.5)) == 3


@x86_64
def test_functions_that_c_gives() -> None:
    lib = tools.library(
        "struct __attribute__((packed)) packed { char c; double d; };"
        "static struct packed make(int n) { return (struct packed){'a', n}; }"
        "int call(int (*f)(struct packed (*)(int))) { return f(make); }"
    )
    errors: list[BaseException] = []

    def use(make: Any) -> int:
        try:
            return int(make(3).d)
        except pytramp.UnsupportedTypeError as error:
            errors.append(error)
            return -1

    types = pytramp.cdef(DECLARATIONS + "typedef struct packed (*maker)(int);")
    assert lib.call(pytramp.callback("int (maker make)", use, types=types)) == -1
    assert re.match("result: " + REFUSED.format("packed"), str(errors[0]))
