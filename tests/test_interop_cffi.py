"""pytramp.interop.cffi: ffi.callback, as it is in cffi but for who makes it."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import native
import pytest
import tools

import pytramp
from pytramp import interop
from pytramp.interop import cffi as ours

cffi = tools.need("cffi")

CDEF = """
    typedef int function(int);
    typedef struct { int x; double y; } point;
    enum color { RED, GREEN = 5 };
    int call(function *f, int n);
    point call_point(point (*f)(point), point p);
    int call_with_errno(function *f, int before);
"""
SOURCE = """
#include <errno.h>
typedef int function(int);
typedef struct { int x; double y; } point;
int call(function *f, int n) { return f(n); }
point call_point(point (*f)(point), point p) { return f(p); }
int call_with_errno(function *f, int before) {
    errno = before;
    int n = f(1);
    return n * 1000 + errno;
}
"""


@pytest.fixture(scope="module")
def ffi() -> Any:
    made = cffi.FFI()
    made.cdef(CDEF)
    return made


@pytest.fixture(scope="module")
def lib(ffi: Any) -> Any:
    return ffi.dlopen(str(tools.build(SOURCE)))


def live() -> int:
    if gc.isenabled():
        gc.collect()
    number: int = pytramp.stats()["live"]
    return number


@pytest.mark.parametrize("cdecl", ["int(int)", "int(*)(int)", "function", "function *"])
def test_ways_to_name_the_type(ffi: Any, lib: Any, cdecl: str) -> None:
    function = ours.callback(ffi, cdecl, lambda n: n + 1)
    assert ffi.typeof(function) is ffi.typeof("int(*)(int)")
    assert lib.call(function, 1) == function(1) == 2
    assert pytramp._core.owns(int(ffi.cast("uintptr_t", function)))


def test_a_ctype(ffi: Any) -> None:
    assert ours.callback(ffi, ffi.typeof("function *"), lambda n: n + 1)(1) == 2


def test_the_decorator(ffi: Any, lib: Any) -> None:
    @ours.callback(ffi, "int(int)", error=-3)
    def function(n: int) -> int:
        return 6 // n

    assert lib.call(function, 2) == 3


def test_a_compiled_ffi() -> None:
    """Of a module that cffi made: its FFI object has types of its own, and cannot be changed."""
    tools.need_cffi(1, 16)  # which writes to a file that is given
    made = cffi.FFI()
    made.cdef("typedef struct { int x; } thing; typedef int use(thing *, int);")
    made.set_source("pytramp_test_types", None)
    text = __import__("io").StringIO()
    made.emit_python_code(text)
    namespace: dict[str, Any] = {}
    exec(text.getvalue(), namespace)
    compiled = namespace["ffi"]
    with pytest.raises((AttributeError, TypeError)):
        compiled.callback = None
    thing = compiled.new("thing *", {"x": 4})
    for cdecl in ("use", "int(thing *, int)", "int(*)(thing *, int)"):
        assert ours.callback(compiled, cdecl, lambda t, n: t.x + n)(thing, 1) == 5


def test_values_are_those_of_cffi(ffi: Any, lib: Any) -> None:
    function = ours.callback(ffi, "point(point)", lambda p: {"x": p.x + 1, "y": p.y / 2})
    point = lib.call_point(function, {"x": 1, "y": 5.0})
    assert (point.x, point.y) == (2, 2.5)
    handle = ffi.new_handle(self := object())
    assert ours.callback(ffi, "int(void *)", lambda p: ffi.from_handle(p) is self)(handle) == 1
    assert ours.callback(ffi, "enum color(enum color)", lambda c: c + 5)(0) == 5


def test_the_callback_keeps_its_closure(ffi: Any) -> None:
    before = live()
    gc.disable()
    try:
        function = ours.callback(ffi, "int(int)", lambda n: n)
        assert live() == before + 1
        again = function
        del function
        assert again(7) == 7
        del again
        assert live() == before
    finally:
        gc.enable()


@pytest.mark.parametrize("way", ["callback", "onerror", "closure"])
def test_a_callback_in_its_own_cycle_goes(ffi: Any, way: str) -> None:
    ways: dict[str, Callable[..., Any]] = {
        "callback": lambda f: ours.callback(ffi, "int(int)", f),
        "onerror": lambda f: ours.callback(ffi, "int(int)", int, -1, f),
        "closure": lambda f: pytramp.callback("int (int)", f).as_cffi(ffi),
    }
    before = live()

    class Owner:
        def __init__(self) -> None:
            self.function = ways[way](self.method)

        def method(self, n: int, *args: object) -> int:
            return n

    assert Owner().function(1) == 1
    gc.collect()
    assert live() == before


def test_a_callback_returned_as_a_pointer_is_kept(ffi: Any) -> None:
    """C may call it for as long as the callback that gave it lives."""
    get = pytramp.callback(
        ffi.typeof("function *(*)(void)"), lambda: ours.callback(ffi, "function", lambda n: n + 1)
    )
    address = ctypes.CFUNCTYPE(ctypes.c_void_p)(get.address)()
    gc.collect()
    assert ffi.cast("function *", address)(1) == 2


def test_release(ffi: Any) -> None:
    before = live()
    function = ours.callback(ffi, "int(int)", lambda n: n)
    assert live() == before + 1
    ffi.release(function)
    assert live() == before


def test_a_text_is_read_once() -> None:
    class Counting(cffi.FFI):  # type: ignore[misc, name-defined]
        def typeof(self, cdecl: Any) -> Any:
            seen.append(cdecl)
            return super().typeof(cdecl)

    seen: list[Any] = []
    counting = Counting()
    for cdecl in ("int(*)(int)", "long(*)(int)", "int(*)(int)"):
        assert ours.callback(counting, cdecl, lambda n: n + 1)(1) == 2
    assert seen == ["int(*)(int)", "long(*)(int)"]


def test_more_objects_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of compiled modules, which take no attributes."""
    monkeypatch.setattr(ours, "_MANY", 2)
    made = [sys.modules["_cffi_backend"].FFI() for _ in range(3)]
    for compiled in made * 2:
        for cdecl in ("int(int)", "int(*)(short)"):
            assert ours.callback(compiled, cdecl, lambda n: n + 1)(1) == 2
        assert len(pytramp._core.cffi_makers) <= 2


@pytest.mark.parametrize("wrong", [5, {}, {"int(int)": 5}, {"int(int)": abs}])
def test_what_stands_where_the_makers_are(wrong: Any) -> None:
    made = cffi.FFI()
    made._pytramp_makers_ = wrong
    if isinstance(wrong, dict):
        assert ours.callback(made, "int(int)", lambda n: n + 1)(1) == 2
        assert isinstance(wrong["int(int)"], pytramp._core.CffiMaker)
    else:
        with pytest.raises(TypeError):
            ours.callback(made, "int(int)", abs)


# ---- Who made it ----


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: seen.append(args))
    return seen


def origin_of(ffi: Any, functions: list[Any], unraisable: list[Any]) -> str:
    """As the report of a late call says it; functions is emptied."""
    address = ffi.cast("int(*)(int)", functions[0])
    functions.clear()
    assert address(1) == 0
    found = re.search(r"made at (.*), was called", str(unraisable.pop().exc_value))
    assert found
    return found[1]


def line() -> int:
    return sys._getframe(1).f_lineno


def test_who_made_it(ffi: Any, unraisable: list[Any]) -> None:
    made = [(line(), ours.callback(ffi, "int(int)", abs))]
    made += [(line(), ours.callback(ffi, "int(int)")(abs))]
    interop.install()
    try:
        made += [(line(), ffi.callback("int(int)", abs))]
        made += [(line(), ffi.callback("int(int)")(abs))]
    finally:
        interop.uninstall()
    while made:
        number, function = made.pop()
        functions = [function]
        del function
        assert origin_of(ffi, functions, unraisable) == f"{__file__}:{number}"


# ---- Errors ----


@pytest.mark.parametrize("bad", ["int", "int(", "nothing(int)", "point *", "struct unknown(int)"])
def test_bad_types(ffi: Any, bad: str) -> None:
    with pytest.raises(Exception) as wanted:  # noqa: PT011 (whatever it is)
        ffi.callback(bad, abs)
    kind = type(wanted.value)
    wanted_kinds = (kind, TypeError) if kind is NotImplementedError else kind
    with pytest.raises(wanted_kinds):
        ours.callback(ffi, bad, abs)


def test_misuse(ffi: Any) -> None:
    with pytest.raises(TypeError, match="not callable"):
        ours.callback(ffi, "int(int)", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable object for 'onerror', not int"):
        ours.callback(ffi, "int(int)", abs, onerror=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="error='text'"):
        ours.callback(ffi, "int(int)", abs, error="text")
    with pytest.raises(OverflowError):
        ours.callback(ffi, "int(int)", abs, error=1 << 40)
    with pytest.raises(TypeError):
        ours.callback(ffi, "void(int)", abs, error=-1)
    with pytest.raises(TypeError, match="expected a function ctype, got 'int'"):
        ours.callback(ffi, 5, abs)
    with pytest.raises(TypeError, match="expected a function ctype, got 'list'"):
        ours.callback(ffi, [], abs)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "missing a required argument: 'ffi'"),
        ((1,), {}, "missing a required argument: 'cdecl'"),
        ((), {"cdecl": "int(int)"}, "missing a required argument: 'ffi'"),
        ((1, "int(int)", abs, 0, None, 0, 7), {}, "takes from 2 to 5 .* 7 were given"),
        ((1, "int(int)", abs), {"errors": 1}, "unexpected keyword argument 'errors'"),
        ((1, "int(int)", abs), {"cdecl": "int(int)"}, "multiple values for argument 'cdecl'"),
        ((1, "int(int)", abs), {"_depth": "1"}, "int"),
    ],
)
def test_wrong_arguments(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        ours.callback(*arguments, **options)


def test_arguments_by_name(ffi: Any) -> None:
    options: Any = {"onerror": lambda *_: None, "error": -3, "cdecl": "int(int)"}
    function = ours.callback(python_callable=lambda n: 6 // n, ffi=ffi, **options)
    assert (function(0), function(2)) == (-3, 3)
    decorate = ours.callback(ffi, cdecl="int(int)", onerror=lambda *_: 9)
    assert decorate(lambda n: 6 // n)(0) == 9
    with pytest.raises(TypeError, match="not callable"):
        decorate(None)


def test_what_is_no_ctype(ffi: Any) -> None:
    core, closure = pytramp._core, pytramp.callback("int (int)", abs)
    imitation = type("_cffi_backend.CType", (), {"kind": "function"})()
    for wrong in (5, ffi.typeof("int"), ffi.typeof("point *"), imitation):
        with pytest.raises(TypeError, match="no function ctype"):
            core.CffiMaker(wrong)
        with pytest.raises(TypeError, match="no function ctype"):
            core.cffi_pointer(wrong, closure)
    ctype = ffi.typeof("int(*)(int)")
    maker: Any = core.CffiMaker(ctype)
    assert maker(None, None, abs)(-4) == 4
    for arguments in ((), (abs,), (None, None, abs, None)):
        with pytest.raises(TypeError, match="takes error, onerror and a callable"):
            maker(*arguments)
    with pytest.raises(TypeError, match="takes error, onerror and a callable"):
        maker(None, None, callable=abs)
    with pytest.raises(TypeError, match="not callable"):
        maker(None, None, None)
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError):
        core.cffi_pointer(ctype, closure)


def test_an_exception(ffi: Any, unraisable: list[Any]) -> None:
    def function(n: int) -> int:
        raise ValueError(n)

    assert ours.callback(ffi, "int(int)", function, -1)(3) == -1
    (report,) = unraisable
    assert repr(report.exc_value) == "ValueError(3)"
    where = f"{report.err_msg} {report.object!r}"
    assert "from cffi callback" in where
    assert repr(function) in where


def test_a_bad_result(ffi: Any, unraisable: list[Any]) -> None:
    assert ours.callback(ffi, "short(short)", lambda n: n * 3, error=-42)(20000) == -42
    (report,) = unraisable
    assert report.exc_type is OverflowError
    assert "trying to convert the result back to C" in report.err_msg


def test_onerror_gets_three_arguments(ffi: Any, unraisable: list[Any]) -> None:
    seen: list[Any] = []

    def onerror(*args: Any) -> Any:
        seen.append(args)
        return answer

    answer: Any = None
    function = ours.callback(ffi, "short(short)", lambda n: n * 3, -42, onerror)
    assert function(20000) == -42
    ((kind, value, traceback),) = seen
    assert kind is OverflowError
    assert isinstance(value, kind)
    assert traceback is value.__traceback__
    answer = 81
    assert function(20000) == 81
    assert not unraisable
    answer = "no number"
    assert function(20000) == -42
    first, report = unraisable  # cffi prints both, too
    assert first.exc_type is OverflowError
    assert report.exc_type is TypeError
    assert isinstance(report.exc_value.__context__, OverflowError)


class Index:
    def __index__(self) -> int:
        return 7


class Number:
    def __init__(self, number: Any) -> None:
        self.number = number

    def __int__(self) -> Any:
        return self.number


class Both(Index, Number):
    """cffi asks for __int__."""


class Real:
    def __float__(self) -> float:
        return 2.5


def results(ffi: Any) -> list[Any]:
    numpy = tools.need_module("numpy")
    return [
        *(None, 0, 1, 65, -1, 300, 1 << 31, 1 << 63, (1 << 64) - 1, 1 << 70, True),
        *(1.5, 1j, b"a", b"ab", "a", "ab", bytearray(b"a"), [1], (1, 2), {"x": 1}, object()),
        *(Index(), Number(7), Number(1 << 70), Number("7"), Number(2.0), Both(3), Real()),
        *(Fraction(1, 2), Fraction(7), Decimal(2), Decimal("1.5"), Decimal("nan")),
        *(numpy.int64(3), numpy.uint8(9), numpy.bool_(True), numpy.float32(1.5)),
        *(numpy.float64(1.5), numpy.array([3]), numpy.array(4)),
        *(ffi.cast(kind, 65) for kind in ("int", "char", "wchar_t", "double", "enum color")),
        ffi.NULL,
    ]


def is_laxer(kind: str, value: Any) -> bool:
    """What docs/coming-from.md says."""
    if kind == "_Bool":
        return True
    if kind in ("char", "wchar_t"):
        return hasattr(type(value), "__index__") or type(value).__module__ == "_cffi_backend"
    return type(value) is Index


@pytest.mark.parametrize(
    "kind",
    [
        *("_Bool", "char", "wchar_t", "signed char", "short", "int", "unsigned int", "int64_t"),
        *("unsigned long", "size_t", "enum color", "float", "double", "void *", "int *"),
    ],
)
def test_what_cffi_takes(ffi: Any, kind: str, unraisable: list[Any]) -> None:
    """The same of each value, and the error value for the same ones."""
    for value in results(ffi):
        unraisable.clear()
        wanted = repr(ffi.callback(f"{kind}(void)", lambda: value)())  # noqa: B023
        is_refused = bool(unraisable)
        if is_refused and is_laxer(kind, value):
            continue
        got = repr(ours.callback(ffi, f"{kind}(void)", lambda: value)())  # noqa: B023
        assert len(unraisable) == 2 * is_refused, (value, unraisable)
        assert got == wanted or (kind, value) == ("_Bool", Fraction(1, 2)), value


def test_an_error_value_that_cffi_takes(ffi: Any, unraisable: list[Any]) -> None:
    assert ours.callback(ffi, "int(void)", lambda: "text", error=Decimal(3))() == 3


def test_errno(ffi: Any, lib: Any) -> None:
    """In a callback ffi.errno is its caller's."""

    def function(n: int) -> int:
        seen.append(ffi.errno)
        ffi.errno = 12
        return n

    seen: list[int] = []
    assert lib.call_with_errno(ours.callback(ffi, "int(int)", function), 42) == 1012
    assert seen == [42]
    ffi.errno = 95

    def change(n: int) -> int:
        ffi.errno -= 6
        return n

    ours.callback(ffi, "int(int)", change)(1)
    assert ffi.errno == 89


def test_pytramps_errno(ffi: Any, lib: Any) -> None:
    """What pytramp.set_errno() says counts there, too, where ffi.errno is left alone."""
    sets = ours.callback(ffi, "int(int)", lambda n: pytramp.set_errno(5) or n)
    assert lib.call_with_errno(sets, 42) == 1005


# ---- For the whole process ----


def test_install(ffi: Any, lib: Any) -> None:
    theirs: Callable[..., Any] = cffi.FFI.callback
    before = live()
    interop.install()
    try:
        function = ffi.callback("int(int)", lambda n: n + 1)
        decorated = ffi.callback("int(int)", error=3)(lambda n: n + 2)
        assert live() == before + 2
        assert lib.call(function, 1) == 2
        assert decorated(1) == 3
    finally:
        interop.uninstall()
    assert cffi.FFI.callback is theirs
    ffi.callback("int(int)", abs)
    assert live() == before + 2
    assert function(2) == 3


def test_uninstall_leaves_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    interop.install()
    monkeypatch.setattr(cffi.FFI, "callback", other := lambda self: None)
    interop.uninstall()
    assert cffi.FFI.callback is other
    interop.uninstall()


@tools.posix("PR_SET_MDWE")
def test_where_memory_is_never_writable_and_executable() -> None:
    assert "done" in tools.script("mdwe_cffi.py")


def test_as_cffi(ffi: Any, lib: Any) -> None:
    before = live()
    closure = pytramp.callback("int (int)", lambda n: n + 1)
    function = closure.as_cffi(ffi)
    assert ffi.typeof(function) is ffi.typeof("int(*)(int)")
    del closure
    assert live() == before + 1
    assert lib.call(function, 1) == 2
    closure = pytramp.callback("int (int)", lambda n: n + 1)
    assert closure.as_cffi(ffi, "function *")(1) == closure.as_cffi(ffi, ffi.typeof("function *"))(
        1
    )
    with pytest.raises(TypeError, match=re.escape("expected a function ctype, got 'point'")):
        closure.as_cffi(ffi, "point")
    for other in ("double(*)(char *)", "int(*)(long long)", "int(*)(int, int)"):
        with pytest.raises(TypeError, match=r"'int \(int\)' is no '\w+ \(.*\)'"):
            closure.as_cffi(ffi, other)
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError):
        closure.as_cffi(ffi)


# ---- cffi's own tests ----

PLUGIN = """
import cffi, pytramp.interop, pytramp.interop.cffi as ours

pytramp.interop.install()

def pytest_collection_modifyitems(items):
    for module in {item.module for item in items}:
        if module.__name__.endswith("test_c"):  # calls the backend's own function
            module.callback = lambda ctype, *args: ours.callback(cffi.FFI(), ctype, *args)
"""
FILES = [
    "src/c/test_c.py",
    "testing/cffi0/test_ffi_backend.py",
    "testing/cffi0/test_function.py",
    "testing/cffi1/test_ffi_obj.py",
    "testing/cffi1/test_new_ffi_1.py",
]
EXPECTED = {
    "src/c/test_c.py::test_callback",  # repr() of the pointer
    "src/c/test_c.py::test_callback_exception",  # the text of an OverflowError
    "testing/cffi0/test_ffi_backend.py::TestFFI::test_functionptr_simple",  # repr() of the pointer
    # What a procedure returns is nobody's business, here.
    "testing/cffi0/test_ffi_backend.py::TestFFI::test_callback_returning_void",
    "testing/cffi0/test_function.py::TestFunction::test_callback_returning_void",
}


@pytest.mark.skipif(not os.environ.get("CI"), reason="fetches cffi's sources")
def test_cffis_own_tests(tmp_path: Path) -> None:
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=cffi"]
    native.execute([*fetch, "-d", tmp_path, f"cffi=={cffi.__version__}"], timeout=300)
    (archive,) = tmp_path.glob("cffi-*.tar.gz")
    shutil.unpack_archive(archive, tmp_path, filter="data")
    (sources,) = (path for path in tmp_path.glob("cffi-*") if path.is_dir())
    (tmp_path / "interop_plugin.py").write_text(PLUGIN)

    def failures(*options: str) -> set[str]:
        pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no"]
        done = subprocess.run(
            [*pytest_, *options, "-k", "callback or functionptr", *FILES],
            cwd=sources,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        passed = re.search(r"(\d+) passed", done.stdout)
        assert passed, done.stdout + done.stderr
        assert int(passed[1]) >= 20
        return set(re.findall(r"^FAILED ([^ ]+)", done.stdout, re.MULTILINE))

    assert failures("-p", "interop_plugin") - failures() == EXPECTED
