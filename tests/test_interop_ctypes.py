"""pytramp.interop.ctypes: prototypes that are ctypes' in every respect but their callbacks."""

from __future__ import annotations

import ctypes
import errno
import functools
import gc
import importlib.util
import os
import pickle
import re
import subprocess
import sys
import sysconfig
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from ctypes import CFUNCTYPE as IMPORTED_BEFORE
from ctypes import c_char_p, c_double, c_int, c_short, c_size_t, c_void_p, c_wchar_p
from pathlib import Path
from typing import Any

import pytest
import tools

import pytramp
from pytramp import interop
from pytramp.interop import ctypes as ours

SOURCE = """
#include <errno.h>
#include <stdlib.h>

typedef int (*function)(int);
struct pair { function first; function many[2]; };

int call(function f, int n) { return f(n); }
int call_pair(struct pair *p, int n) { return p->first(n) + p->many[0](n) + p->many[1](n); }
int call_with_errno(function f, int before) {
    errno = before;
    int n = f(1);
    return n * 1000 + errno;
}
"""

BEFORE = ctypes.CFUNCTYPE(c_short, c_short)  # made before anything was installed


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


def live() -> int:
    if gc.isenabled():
        gc.collect()
    number: int = pytramp.stats()["live"]
    return number


def closure_of(function: Any) -> pytramp.Closure:
    closure: pytramp.Closure = function._objects["0"]
    return closure


# ---- Prototypes ----


def test_a_prototype_is_one_of_ctypes() -> None:
    prototype = ours.CFUNCTYPE(c_int, c_int, c_double)
    theirs = ctypes.CFUNCTYPE(c_int, c_int, c_double)
    assert issubclass(prototype, theirs)
    assert prototype is ours.CFUNCTYPE(c_int, c_int, c_double)
    assert prototype._restype_ is c_int
    assert prototype._argtypes_ == (c_int, c_double)
    assert prototype._flags_ == theirs._flags_
    assert ctypes.sizeof(prototype) == ctypes.sizeof(c_void_p)
    assert not prototype()
    assert ctypes.POINTER(prototype)
    assert prototype * 2


def test_calls_go_through_c() -> None:
    function = ours.CFUNCTYPE(c_int, c_int, c_double)(lambda n, x: n + int(x))
    assert function(1, 2.5) == 3
    assert pytramp._core.owns(ctypes.cast(function, c_void_p).value)
    with pytest.raises(ctypes.ArgumentError):
        function(1, "2")


def test_where_ctypes_asks_for_its_own_prototype(lib: ctypes.CDLL) -> None:
    theirs = ctypes.CFUNCTYPE(c_int, c_int)

    class Pair(ctypes.Structure):
        _fields_ = [("first", theirs), ("many", theirs * 2)]

    make = ours.CFUNCTYPE(c_int, c_int)
    lib.call.argtypes = [theirs, c_int]
    assert lib.call(make(lambda n: n + 1), 1) == 2
    before = live()
    pair = Pair(make(lambda n: n), (theirs * 2)(make(lambda n: 10 * n), make(lambda n: 100 * n)))
    gc.disable()
    try:
        assert lib.call_pair(ctypes.byref(pair), 3) == 333
        assert live() == before + 3
        pair.first = make(lambda n: n + 1)
        assert lib.call_pair(ctypes.byref(pair), 3) == 334
        assert live() == before + 3
        del pair
        assert live() == before  # without the help of the collector
    finally:
        gc.enable()


def test_a_cast_keeps_the_closure() -> None:
    before = live()
    number = ctypes.cast(ours.CFUNCTYPE(c_int)(lambda: 7), c_void_p)
    gc.collect()
    assert live() == before + 1
    assert number.value is not None
    assert ctypes.CFUNCTYPE(c_int)(number.value)() == 7
    del number
    gc.collect()
    assert live() == before


class Holder(ctypes.Structure):
    _fields_ = [("function", ctypes.CFUNCTYPE(c_int, c_int))]


CYCLES = {
    "function": ours.CFUNCTYPE(c_int, c_int),
    "errno": ours.CFUNCTYPE(c_int, c_int, use_errno=True),
    "installed": ctypes.CFUNCTYPE(c_int, c_int),
    "cast": lambda f: ctypes.cast(ours.CFUNCTYPE(c_int, c_int)(f), c_void_p),
    "pointer": lambda f: ctypes.pointer(ours.CFUNCTYPE(c_int, c_int)(f)),
    "struct": lambda f: Holder(ours.CFUNCTYPE(c_int, c_int)(f)),
    "array": lambda f: (ctypes.CFUNCTYPE(c_int, c_int) * 2)(ours.CFUNCTYPE(c_int, c_int)(f)),
}


@pytest.mark.parametrize("way", CYCLES)
def test_a_callback_in_its_own_cycle_goes(way: str, request: pytest.FixtureRequest) -> None:
    """...with the object that holds it and that its callable refers to."""

    class Owner:
        def __init__(self) -> None:
            self.held = CYCLES[way](self.method)

        def method(self, n: int) -> int:
            return n

    if way == "installed":
        request.getfixturevalue("installed")
    before = live()
    owner = Owner()
    assert live() == before + 1
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
    assert live() == before


def test_the_standard_example() -> None:
    """From the documentation of ctypes."""
    libc = tools.c_library()
    numbers = (c_int * 5)(5, 1, 7, 33, 99)
    compare = ours.CFUNCTYPE(c_int, ctypes.POINTER(c_int), ctypes.POINTER(c_int))
    seen = []

    def difference(a: Any, b: Any) -> int:
        seen.append((a[0], b[0]))
        return int(a[0] - b[0])

    libc.qsort(numbers, c_size_t(5), c_size_t(4), compare(difference))
    assert list(numbers) == [1, 5, 7, 33, 99]
    assert len(seen) > 4


def test_foreign_functions_by_name() -> None:
    prototype = ours.CFUNCTYPE(c_int, c_int)
    function = prototype(("abs", tools.c_library()))
    assert function(-4) == 4
    flagged = prototype(("abs", tools.c_library()), ((1, "n", -9),))
    assert flagged() == 9
    assert flagged(n=-3) == 3
    assert prototype(ctypes.cast(function, c_void_p).value)(-5) == 5
    with pytest.raises(AttributeError, match="no_such_function"):
        prototype(("no_such_function", tools.c_library()))


def test_objects_with_the_gil() -> None:
    function = ours.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, c_int)(lambda x, n: [x] * n)
    marker = object()
    assert function(marker, 2) == [marker, marker]


def test_errors_are_those_of_ctypes() -> None:
    prototype = ours.CFUNCTYPE(c_int, c_int)
    theirs = ctypes.CFUNCTYPE(c_int, c_int)
    for arguments in [("text",), (1.5,), (1, 2), (("abs",),)]:
        with pytest.raises(Exception) as wanted:  # noqa: PT011 (whatever it is)
            theirs(*arguments)
        with pytest.raises(type(wanted.value), match=re.escape(str(wanted.value))):
            prototype(*arguments)
    with pytest.raises(ValueError, match="pickle"):
        pickle.dumps(prototype(abs))
    with pytest.raises(ValueError, match="unexpected keyword"):
        ours.CFUNCTYPE(c_int, use_nothing=True)
    with pytest.raises(pytramp.UnsupportedTypeError, match=r"argument 1: .*C passes no arrays"):
        ours.CFUNCTYPE(c_int, c_int * 3)(abs)


# ---- Callbacks ----


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda args: seen.append((args.exc_type, args.err_msg, args.object))
    )
    return seen


def reports(function: Any) -> Any:
    """What ctypes itself reports of a call of this function; its results are not initialised."""
    prototype = ctypes.CFUNCTYPE(c_short, c_short)
    return prototype(function)(1)


@pytest.mark.parametrize(
    "function", [lambda n: 1 / 0, lambda n: "text", lambda: 5], ids=["raises", "result", "arity"]
)
def test_failures_are_reported_as_by_ctypes(function: Any, unraisable: list[Any]) -> None:
    reports(function)
    (wanted,) = unraisable
    assert ours.CFUNCTYPE(c_short, c_short)(function)(1) == 0  # and not what was in a register
    assert unraisable == [wanted, wanted]


def test_a_result_out_of_range_is_an_error(unraisable: list[Any]) -> None:
    """ctypes takes its low bits."""
    assert ours.CFUNCTYPE(c_short, c_short)(lambda n: 70000)(1) == 0
    assert [kind for kind, *_ in unraisable] == [OverflowError]


class Text(c_char_p):
    pass


class Bytes(bytes):
    pass


class Str(str):
    __slots__ = ()


TEXTS = [
    (c_char_p, b"abc", b"abd"),
    (c_char_p, b"", Bytes(b"x")),
    (Text, b"abc", b"abd"),
    (c_wchar_p, "a\U0001f600", "b"),
    (c_wchar_p, "", Str("x")),
]


@pytest.mark.parametrize(("kind", "first", "second"), TEXTS)
def test_text(kind: Any, first: Any, second: Any) -> None:
    """ctypes keeps one more at each call; here it is each text once, and equal ones are one."""
    texts = iter([first, second, first[:0] + first, type(second)(second), None])
    function = ours.CFUNCTYPE(kind)(lambda: next(texts))
    addresses = [ctypes.cast(function, ctypes.CFUNCTYPE(c_void_p))() for _ in range(5)]
    assert addresses[:2] == addresses[2:4]
    assert addresses[4] is None
    read = ctypes.string_at if issubclass(kind, c_char_p) else ctypes.wstring_at
    gc.collect()
    assert [read(address) for address in addresses[:2]] == [first, second]


def test_text_goes_with_the_callback() -> None:
    function = ours.CFUNCTYPE(c_wchar_p)(lambda: "x" * 1_000_000)
    tracemalloc.start()
    try:
        for _ in range(10):
            assert len(function()) == 1_000_000
        assert 4e6 <= tracemalloc.get_traced_memory()[0] * 4 / tools.WCHAR < 20e6
        del function
        assert tracemalloc.get_traced_memory()[0] < 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "text"), [(c_char_p, "abc"), (c_wchar_p, b"abc")])
def test_text_of_the_other_kind(kind: Any, text: Any, unraisable: list[Any]) -> None:
    assert ours.CFUNCTYPE(kind)(lambda: text)() is None
    assert [error for error, *_ in unraisable] == [TypeError]


def test_a_bytearray_is_a_character(unraisable: list[Any]) -> None:
    assert ours.CFUNCTYPE(ctypes.c_char)(lambda: bytearray(b"a"))() == b"a"
    assert ours.CFUNCTYPE(ctypes.c_char)(lambda: bytearray(b"ab"))() == b"\0"
    assert [error for error, *_ in unraisable] == [TypeError]


def test_types_that_ctypes_refuses() -> None:
    class Point(ctypes.Structure):
        _fields_ = [("x", c_int), ("y", c_int)]

    function = ours.CFUNCTYPE(Point, c_int)(lambda n: Point(n, -n))
    assert (function(3).x, function(3).y) == (3, -3)
    buffer = ctypes.create_string_buffer(b"kept")
    assert ours.CFUNCTYPE(c_char_p)(lambda: ctypes.addressof(buffer))() == b"kept"


def test_errno_survives(lib: ctypes.CDLL) -> None:
    open_ = tools.c_library()["_open" if tools.WINDOWS else "open"]

    def clobbers(n: int) -> int:
        open_(os.fsencode(__file__ + ".is not there"), 0)
        return n

    assert lib.call_with_errno(ours.CFUNCTYPE(c_int, c_int)(clobbers), 42) == 1042


def test_use_errno(lib: ctypes.CDLL) -> None:
    def function(n: int) -> int:
        seen.append(ctypes.get_errno())
        ctypes.set_errno(errno.EPIPE)
        return n

    seen: list[int] = []
    prototype = ours.CFUNCTYPE(c_int, c_int, use_errno=True)
    ctypes.set_errno(5)
    made = prototype(function)
    assert lib.call_with_errno(made, 42) == 1000 + errno.EPIPE
    assert seen == [42]
    assert ctypes.get_errno() == 5  # this thread's copy is as before
    assert closure_of(made).name == function.__qualname__


def test_who_made_it() -> None:
    made = ours.CFUNCTYPE(c_int)(lambda: 1)
    assert closure_of(made).origin.startswith(__file__)
    assert closure_of(made).signature == pytramp.Signature("int (void)")


@pytest.mark.parametrize("make", [lambda f: f, functools.partial, lambda f: f.__call__])
def test_any_callable(make: Any) -> None:
    assert ours.CFUNCTYPE(c_int, c_int)(make(lambda n: n + 1))(1) == 2


# ---- The classes ----


def test_a_class_that_is_derived() -> None:
    base = ours.CFUNCTYPE(c_int, c_short, c_short)

    class Derived(base):  # type: ignore[misc, valid-type]
        _flags_, _restype_, _argtypes_ = base._flags_, c_int, (c_short,)

        def __init__(self, *arguments: Any) -> None:
            self.arguments = arguments

    for _ in range(2):
        function = Derived(abs)
        assert type(function) is Derived
        assert function.arguments == (abs,)
        assert function(-3) == 3
        assert closure_of(function).signature == pytramp.Signature("int (short)")


def test_a_class_that_is_changed() -> None:
    prototype = ours.CFUNCTYPE(c_int, c_short, c_short, c_short)
    seen = []
    new = prototype.__new__
    assert prototype(max)(1, 3, 2) == 3
    prototype.__new__ = lambda cls, *arguments: seen.append("new") or new(cls, *arguments)
    assert prototype(max)(1, 3, 2) == 3
    prototype.__new__ = new
    prototype.__init__ = lambda self, *arguments: seen.append("init")
    assert prototype(max)(1, 3, 2) == 3
    del prototype.__init__
    assert prototype(max)(1, 3, 2) == 3
    assert seen == ["new", "init"]


def test_what_stands_where_a_class_has_its_maker() -> None:
    prototype = ours.CFUNCTYPE(c_int, c_short, c_double)
    other = ours.CFUNCTYPE(c_int)
    assert other(lambda: 1)() == 1
    signature = pytramp.Signature("int (void)")
    for wrong in (5, (prototype, signature, None), other._pytramp_maker_):
        prototype._pytramp_maker_ = wrong
        assert prototype(lambda n, x: n)(4, 1.5) == 4
    with pytest.raises(TypeError, match="no class of ctypes"):
        pytramp._core.CtypesMaker(int, signature, None)
    with pytest.raises(TypeError):
        pytramp._core.CtypesMaker(prototype, None, None)  # type: ignore[arg-type]


def test_what_is_no_prototype() -> None:
    core, closure = pytramp._core, pytramp.callback("int (void)", lambda: 1)
    for wrong in (int, ctypes.c_int, ctypes.Structure):
        for function in (core.prototype_new, lambda cls, _: core.quicken(cls)):
            with pytest.raises(TypeError, match="no class of ctypes"):
                function(wrong, 5)
        with pytest.raises(TypeError, match="no argtypes"):
            core.prototype_new(wrong, abs)
        with pytest.raises(TypeError, match="no class of ctypes"):
            core.function_at(wrong, closure)
    with pytest.raises(TypeError, match="5 is no class"):
        core.quicken(5)
    with pytest.raises(TypeError, match="abstract class"):
        core.function_at(ctypes._CFuncPtr, closure)  # type: ignore[attr-defined]
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError):
        core.function_at(ctypes.CFUNCTYPE(c_int), closure)


def test_classes_are_collected(installed: None) -> None:
    class Prototype(ctypes._CFuncPtr):  # type: ignore[misc, name-defined]
        _flags_, _restype_, _argtypes_ = BEFORE._flags_, c_int, ()

    assert Prototype(lambda: 1)() == 1
    reference = weakref.ref(Prototype)
    del Prototype
    gc.collect()
    assert reference() is None


# ---- For the whole process ----


def test_install_covers_what_exists(installed: None, lib: ctypes.CDLL) -> None:
    before = live()
    for prototype in (
        BEFORE,
        IMPORTED_BEFORE(c_int, c_int),
        ctypes.CFUNCTYPE(c_int, c_int),
        ctypes.CFUNCTYPE(c_double, c_double),
        ctypes.PYFUNCTYPE(c_int, c_int),
    ):
        function = prototype(lambda n: n + 1)
        assert function(1) == 2
        assert live() == before + 1
        assert type(function) is prototype
    assert isinstance(lib.call, ctypes._CFuncPtr)
    assert isinstance(function, ctypes._CFuncPtr)
    with pytest.raises(TypeError, match="abstract class"):
        ctypes._CFuncPtr.from_buffer(bytearray(8))  # type: ignore[attr-defined]
    assert ctypes.CFUNCTYPE(c_int, c_int)(("abs", tools.c_library()))(-1) == 1


def test_uninstall() -> None:
    theirs = ctypes._CFuncPtr  # type: ignore[attr-defined]
    interop.install()
    interop.install()
    made_meanwhile = ctypes.CFUNCTYPE(c_int, c_int, c_int, c_int)
    function = made_meanwhile(lambda a, b, c: a + b + c)
    own = ours.CFUNCTYPE(c_int, c_int)
    interop.uninstall()
    assert ctypes._CFuncPtr is theirs  # type: ignore[attr-defined]
    before = live()
    for prototype in (BEFORE, ctypes.CFUNCTYPE(c_int, c_int)):
        assert "__new__" not in vars(prototype)
        assert prototype(lambda n: n + 1)(1) == 2
    assert made_meanwhile(lambda a, b, c: a)(1, 2, 3) == 1
    assert live() == before
    assert function(1, 2, 3) == 6  # goes on working
    kept = own(lambda n: n)
    assert live() == before + 1
    assert kept(5) == 5
    interop.uninstall()


def test_uninstall_leaves_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    interop.install()

    class Other(ctypes._CFuncPtr):  # type: ignore[misc, name-defined]
        _flags_ = BEFORE._flags_

    monkeypatch.setattr(ctypes, "_CFuncPtr", Other)
    interop.uninstall()
    assert ctypes._CFuncPtr is Other  # type: ignore[attr-defined]


def test_install_from_many_threads() -> None:
    def work() -> int:
        right = 0
        for n in range(50):
            interop.install()
            right += ctypes.CFUNCTYPE(c_int, c_int)(lambda n: n + 1)(n) == n + 1
            right += BEFORE(lambda n: n + 1)(n) == n + 1
            interop.uninstall()
        return right

    with ThreadPoolExecutor(4) as pool:
        assert [each.result() for each in [pool.submit(work) for _ in range(4)]] == [100] * 4
    assert not hasattr(ctypes._CFuncPtr, "_argtypes_")  # type: ignore[attr-defined]


# ---- CPython's own tests ----

# Before 3.11 the method does not stand behind its class again.
FAILS = re.compile(r"^(?:FAIL|ERROR): (\w+) \([\w.]*?\b(\w+)(?:\.\1)?\)", re.MULTILINE)
# An array as the type of an argument, which C cannot pass, is refused; ctypes does not crash. From
# 3.13 on: the base of all prototypes is a class of Python's.
EXPECTED = {("test", "ArrayTest")}
SINCE_3_13 = {
    ("test_inheritance_hierarchy", "CFuncPtrTestCase"),
    ("test_type_flags", "CFuncPtrTestCase"),
}


def test_cpythons_own_tests() -> None:
    library = Path(sysconfig.get_path("stdlib"))
    folders = [library / "test" / "test_ctypes", library / "ctypes" / "test"]
    folder = next((each for each in folders if (each / "__init__.py").exists()), None)
    if folder is None or not importlib.util.find_spec("_ctypes_test"):
        pytest.skip("this Python comes without its tests of ctypes")
    program = (
        "import sys, unittest; "
        "sys.argv[1] == 'installed' and __import__('pytramp.interop').interop.install(); "
        f"unittest.main(None, argv=['', 'discover', '-s', {str(folder)!r}, "
        f"'-t', {str(library)!r}])"
    )

    def failures(how: str) -> set[tuple[str, ...]]:
        done = subprocess.run(
            [sys.executable, "-c", program, how],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
        assert ran, done.stderr
        assert int(ran[1]) > 300
        return {match.groups() for match in FAILS.finditer(done.stderr)}

    expected = EXPECTED | (SINCE_3_13 if sys.version_info >= (3, 13) else set())
    assert failures("installed") - failures("plain") == expected


def test_what_ctypes_made_goes_where_ours_is_asked_for() -> None:
    """As before a module changed to these: ctypes has one class for all who ask."""
    types = (ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    prototype, theirs = ours.CFUNCTYPE(*types), ctypes.CFUNCTYPE(*types)

    class Operations(ctypes.Structure):
        _fields_ = [("compare", prototype)]

    compare = theirs(lambda a, b: int(a[0] - b[0]))
    sort = tools.c_library().qsort
    sort.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, prototype]
    sort.restype = None
    for function in (compare, Operations(compare).compare, (prototype * 1)(compare)[0]):
        numbers = (ctypes.c_int * 3)(3, 1, 2)
        sort(numbers, 3, ctypes.sizeof(ctypes.c_int), function)
        assert list(numbers) == [1, 2, 3]
    assert isinstance(compare, prototype)
    assert issubclass(theirs, prototype)
    assert not isinstance(ctypes.CFUNCTYPE(ctypes.c_int)(), prototype)
    derived = type(prototype)("Derived", (prototype,), {"_flags_": prototype._flags_})
    assert not isinstance(compare, derived)
