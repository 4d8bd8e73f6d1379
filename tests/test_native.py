"""Callables that are C functions of the type already: C gets their own address."""

from __future__ import annotations

import ctypes
import functools
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp
from pytramp.interop import ctypes as interop_ctypes

SOURCE = """
int twice(int n) { return 2 * n; }
double half(double x) { return x / 2; }
int call(int (*f)(int), int n) { return f(n); }
"""
SIGNATURE = pytramp.Signature("int (int)")


@pytest.fixture
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


def twice(lib: ctypes.CDLL) -> Any:
    function = lib["twice"]
    function.argtypes = [ctypes.c_int]
    return function


def address(function: Any) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found


def is_passed_through(closure: pytramp.Closure, at: int) -> bool:
    assert closure.native
    assert closure.address == at
    assert pytramp._core.owns(at) == isinstance(closure.__wrapped__, pytramp.Closure)
    return True


def test_a_ctypes_function(lib: ctypes.CDLL) -> None:
    gc.collect()  # what other tests left
    before = pytramp.stats()["live"]
    closure = SIGNATURE(twice(lib))
    assert is_passed_through(closure, address(lib.twice))
    assert pytramp.stats()["live"] == before
    assert lib.call(closure.as_ctypes(), 4) == 8
    assert closure(5) == 10
    assert closure.__wrapped__(6) == 12


def test_a_ctypes_callback() -> None:
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)
    closure = SIGNATURE(function)
    at = address(function)
    del function
    gc.collect()
    assert is_passed_through(closure, at)  # which the closure keeps
    assert closure.as_ctypes()(1) == 2


def test_a_closure() -> None:
    inner = SIGNATURE(lambda n: n + 1)
    outer = SIGNATURE(inner)
    assert is_passed_through(outer, inner.address)
    assert not inner.native
    del inner
    gc.collect()
    assert outer.as_ctypes()(1) == 2


def test_a_closure_of_a_closed_one() -> None:
    """Its address would be another callback's one day."""
    inner = SIGNATURE(lambda n: n + 1)
    outer = SIGNATURE(inner)
    outermost = SIGNATURE(outer)
    assert not outermost.closed
    inner.close()
    assert outer.closed
    assert outermost.closed
    for use in (outer.as_ctypes, outermost.as_ctypes, lambda: outermost.address):
        with pytest.raises(pytramp.FreedCallbackError):
            use()


def test_a_closure_of_a_closure_of_one_that_lives() -> None:
    inner = SIGNATURE(lambda n: n + 1)
    outer = SIGNATURE(inner)
    outermost = SIGNATURE(outer)
    outer.close()
    assert outermost.as_ctypes()(1) == 2
    at = inner.address
    del inner, outer
    gc.collect()
    assert outermost.address == at
    assert outermost.as_ctypes()(1) == 2


def test_a_cffi_function_pointer(lib: ctypes.CDLL) -> None:
    ffi = tools.need("cffi").FFI()
    pointer = ffi.cast("int(*)(int)", address(lib.twice))
    assert is_passed_through(SIGNATURE(pointer), address(lib.twice))
    assert is_passed_through(
        pytramp.callback(ffi.typeof("int(*)(int)"), twice(lib)), address(lib.twice)
    )
    assert not SIGNATURE(ffi.cast("long(*)(int)", address(lib.twice))).native


def test_a_numba_cfunc() -> None:
    numba = tools.need_module("numba")

    @numba.cfunc("float64(float64)")
    def half(x: float) -> float:
        return x / 2

    closure = pytramp.callback("double (double)", half)
    assert is_passed_through(closure, half.address)
    assert closure.as_ctypes()(5.0) == 2.5
    assert not pytramp.callback("float (double)", half).native


def test_a_low_level_callable(lib: ctypes.CDLL) -> None:
    scipy = tools.need_module("scipy")
    half = lib.half
    half.restype, half.argtypes = ctypes.c_double, [ctypes.c_double]
    callable_ = scipy.LowLevelCallable(half)
    assert is_passed_through(pytramp.callback("double (double)", callable_), address(half))
    with pytest.raises(TypeError, match="must be callable, not LowLevelCallable"):
        pytramp.callback("float (double)", callable_)
    closure = pytramp.Signature("double (double, void *)")
    data = scipy.LowLevelCallable(
        ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)(address(half)),
        ctypes.c_void_p(5),
    )
    with pytest.raises(TypeError, match="must be callable"):
        closure(data)


def with_errcheck(lib: ctypes.CDLL) -> Any:
    function = twice(lib)
    function.errcheck = lambda result, function, arguments: result + 1
    return function


def of_another_type(lib: ctypes.CDLL) -> Any:
    function = twice(lib)
    function.argtypes = [ctypes.c_longlong]
    return function


def with_the_gil(lib: ctypes.CDLL) -> Any:
    return ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(address(lib.twice))


def with_errno(lib: ctypes.CDLL) -> Any:
    return ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, use_errno=True)(address(lib.twice))


OTHERS: list[tuple[Callable[[ctypes.CDLL], Any], int]] = [
    (with_errcheck, 9),
    (of_another_type, 8),
    (lambda lib: lib["twice"], 8),
    (with_the_gil, 8),
    (with_errno, 8),
    (lambda lib: functools.partial(twice(lib)), 8),
    (lambda lib: pytramp.callback("long (long)", lambda n: n + 4), 8),
]


@pytest.mark.parametrize(("make", "result"), OTHERS)
def test_what_python_must_call(lib: ctypes.CDLL, make: Any, result: int) -> None:
    closure = SIGNATURE(make(lib))
    assert not closure.native
    assert closure.as_ctypes()(4) == result


@pytest.mark.parametrize(
    "options", [{"error": -1}, {"onerror": lambda error: 3}], ids=["error", "onerror"]
)
def test_options_that_c_would_lose(lib: ctypes.CDLL, options: dict[str, Any]) -> None:
    closure = SIGNATURE(twice(lib), **options)
    assert not closure.native
    assert closure.as_ctypes()(4) == 8


def test_close(lib: ctypes.CDLL) -> None:
    closure = SIGNATURE(twice(lib), immortal=True)
    function = closure.as_ctypes()
    assert not closure.closed
    closure.close()
    closure.close()
    assert closure.closed
    for use in (lambda: closure.native, lambda: closure.address, lambda: closure(1)):
        with pytest.raises(pytramp.FreedCallbackError):
            use()
    assert function(2) == 4  # which is nobody's to free
    with SIGNATURE(twice(lib)) as scoped:
        assert scoped.native
    assert scoped.closed


def test_of_a_closed_closure() -> None:
    inner = SIGNATURE(abs)
    inner.close()
    with pytest.raises(pytramp.FreedCallbackError):
        SIGNATURE(inner)


def test_propagate_has_nothing_to_do(lib: ctypes.CDLL) -> None:
    closure = SIGNATURE(twice(lib))
    with pytramp.propagate(closure):
        assert closure.as_ctypes()(4) == 8


def test_through_the_prototypes_of_interop(lib: ctypes.CDLL) -> None:
    prototype = interop_ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    function = prototype(twice(lib))
    assert address(function) == address(lib.twice)


def test_it_goes_with_its_cycle(lib: ctypes.CDLL) -> None:
    class Owner:
        pass

    owner: Any = Owner()
    function = twice(lib)
    function.owner = owner
    owner.closure = SIGNATURE(function)
    gone = weakref.ref(owner)
    del owner, function
    gc.collect()
    assert gone() is None


def test_structs_of_one_name_and_size() -> None:
    """Each header has its own; those that C passes alike may stand for one another."""
    text = "struct p { %s a, b; }; typedef double (*cb)(struct p); typedef cb get(void);"
    real, whole, again = (pytramp.cdef(text % kind) for kind in ("double", "long", "double"))
    if tools.LONG != 64:
        pytest.skip("a long is no wider than an int")
    total = pytramp.callback(real.cb, lambda p: p.a + p.b)
    assert pytramp.callback(again.cb, total).native
    assert not pytramp.callback(whole.cb, total).native
    getter = pytramp.callback(whole.get, lambda: total)
    with tools.reports() as seen:
        assert not getter.as_ctypes()()
    (report,) = seen
    assert type(report.exception) is TypeError
    assert pytramp.callback(again.get, lambda: total).as_ctypes()()(again["struct p"](1, 2)) == 3
