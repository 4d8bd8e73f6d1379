"""ctypes as the caller of function pointers with structs: what arrives is right, or refused."""

from __future__ import annotations

import ctypes
import platform
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import tools

import pytramp
from pytramp import interop
from pytramp._stand_ins import stand_in
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
union broad { char c[32]; int n; };
struct bits { int a : 4, b : 12; double d; };
struct raised { float x; } __attribute__((aligned(16)));
"""
TYPES = pytramp.cdef(DECLARATIONS)
PLAIN = ["struct plain", "struct small", "struct floats", "struct nested", "struct large"]
# What libffi 3.4 passes on x86-64 in other places than C; and what it happens to pass right.
WRONG = ["struct packed", "struct within", "struct unaligned", "struct anonymous", "union either"]
WRONG += ["union sized"]
OTHERS = [*WRONG, "union broad", "struct bits"]

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
    if platform.machine() == "x86_64" and name in WRONG:
        for _ in range(2):
            with pytest.raises(
                pytramp.UnsupportedTypeError, match="result: " + REFUSED.format(cls.__name__)
            ):
                function(7)
    else:
        try:
            got = bytes(function(7))
        except pytramp.UnsupportedTypeError:
            assert platform.machine() != "x86_64"
            got = bytes(value)
        assert got == bytes(value)


class Packed(ctypes.Structure):
    _layout_ = "ms"
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


# ---- Prototypes of others ----


class Pair(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


SUM = "struct pair { double x, y; }; double sum(struct pair p) { return p.x + p.y; }"


def total(pair: Any) -> float:
    return float(pair.x + pair.y)


def test_calls_of_ctypes_own_stay_what_they_are(installed: None) -> None:
    """Also of a class that has made a callback: keywords, types of an instance, a __call__."""
    lib = tools.library(SUM)
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, Pair)
    logged: list[Any] = []

    class Logging(prototype):  # type: ignore[misc, valid-type]
        _flags_, _restype_, _argtypes_ = prototype._flags_, ctypes.c_double, (Pair,)

        def __call__(self, *args: Any) -> Any:
            logged.append(args)
            return super().__call__(*args)

    class Derived(Logging):
        _flags_, _restype_, _argtypes_ = prototype._flags_, ctypes.c_double, (Pair,)

    for made in (prototype(total), Derived(total)):
        assert made(Pair(1, 2)) == 3
    assert len(logged) == 1
    assert prototype(("sum", lib), ((1, "pair"),))(pair=Pair(1, 2)) == 3
    other = prototype(ctypes.cast(tools.c_library().abs, ctypes.c_void_p).value)
    other.argtypes, other.restype = [ctypes.c_int], ctypes.c_int
    assert other(-3) == 3


def test_uninstall_leaves_no_trace(installed: None) -> None:
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, Pair, ctypes.c_int)
    before = set(vars(prototype))
    prototype(total)
    interop.uninstall()
    assert set(vars(prototype)) - before <= {"_pytramp_maker_"}


def test_fields_take_what_ctypes_made() -> None:
    types = pytramp.cdef(
        "struct pair { double x, y; }; typedef double (*f)(struct pair); struct h { f f; };"
    )
    pair, holder = types["struct pair"], types["struct h"]
    makers = [ctypes.CFUNCTYPE, interop_ctypes.CFUNCTYPE]
    for made in [make(ctypes.c_double, pair)(total) for make in makers]:
        assert holder(made).f(pair(1, 2)) == 3
        box = pytramp.Pointer("struct h *", memory := holder(), types=types)
        box.f = made
        assert memory.f(pair(1, 2)) == 3


def test_one_class_for_all_who_ask_at_once() -> None:
    """Who comes while it is being made waits for it."""
    prototype = ctypes.CFUNCTYPE(None, Pair, Pair)
    begun, ended = threading.Event(), threading.Event()

    def ready(_: Any) -> None:
        begun.set()
        ended.wait(0.5)

    def second() -> Any:
        begun.wait()
        made = stand_in(prototype, "_test_", lambda _: None)
        ended.set()
        return made

    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(second)
        assert stand_in(prototype, "_test_", ready) is other.result()
    assert interop_ctypes.CFUNCTYPE(None, Pair) is interop_ctypes.CFUNCTYPE(None, Pair)
