"""SciPy, numba and NumPy call closures, each against an answer of its own."""

from __future__ import annotations

import ctypes
import gc
import math
from typing import Any

import pytest
import tools

import pytramp

scipy = tools.need_module("scipy")
np = tools.need_module("numpy")
integrate = tools.need_module("scipy.integrate")
ndimage = tools.need_module("scipy.ndimage")


def low_level(closure: pytramp.Closure, **options: Any) -> Any:
    return scipy.LowLevelCallable(closure.as_capsule(), **options)


def live() -> int:
    gc.collect()
    number: int = pytramp.stats()["live"]
    return number


# ---- The capsule ----


@pytest.mark.parametrize(
    ("declaration", "name"),
    [
        ("double f(double x)", "double (double)"),
        ("double (int n, const double *x, void *data)", "double (int, double *, void *)"),
        ("int (double *x, intptr_t n, void *)", "int (double *, intptr_t, void *)"),
        ("double (unsigned n, const double x[n])", "double (unsigned int, double *)"),
    ],
)
def test_the_name_is_the_type(declaration: str, name: str) -> None:
    closure = pytramp.callback(declaration, lambda *args: 0)
    assert low_level(closure).signature == name


def test_a_name_that_is_given() -> None:
    closure = pytramp.callback("int (int64_t n)", lambda n: 0)
    name = "int (long)"
    assert scipy.LowLevelCallable(closure.as_capsule(name)).signature == name
    with pytest.raises(TypeError, match=r"'int \(int64_t\)' is no 'int \(int\)'"):
        closure.as_capsule("int (int)")
    with pytest.raises(pytramp.DeclarationError):
        closure.as_capsule("no type")
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError):
        closure.as_capsule()


def test_the_capsule_keeps_the_closure() -> None:
    before = live()
    capsule = pytramp.callback("double (double)", math.sqrt).as_capsule()
    assert live() == before + 1
    low = scipy.LowLevelCallable(capsule)
    del capsule
    assert live() == before + 1
    assert integrate.quad(low, 0, 1)[0] == pytest.approx(2 / 3)
    del low
    assert live() == before


# ---- SciPy ----


def test_quad() -> None:
    @pytramp.callback("double (double x)")
    def bell(x: float) -> float:
        return math.exp(-x * x)

    area, _error = integrate.quad(low_level(bell), -math.inf, math.inf)
    assert area == pytest.approx(math.sqrt(math.pi))


def test_quad_with_user_data() -> None:
    @pytramp.callback("double (double x, void *data)")
    def power(x: float, data: int) -> float:
        n: float = ctypes.c_double.from_address(data).value
        return x**n

    exponent = ctypes.c_double(3.0)
    low = low_level(power, user_data=ctypes.cast(ctypes.pointer(exponent), ctypes.c_void_p))
    assert integrate.quad(low, 0, 2)[0] == pytest.approx(4.0)


def test_nquad() -> None:
    @pytramp.callback("double (int n, const double x[n])")
    def product(n: int, x: Any) -> float:
        return float(math.prod(x))

    low = low_level(product)
    assert integrate.nquad(low, [[0, 1], [0, 2], [0, 3]])[0] == pytest.approx(0.5 * 2 * 4.5)


@pytest.mark.filterwarnings("ignore:The occurrence of roundoff error")
def test_an_exception_is_the_error_value() -> None:
    """ctypes leaves what was in the register, and SciPy takes it for the answer."""
    with tools.reports() as seen:
        closure = pytramp.callback("double (double)", lambda x: 1 / 0, error=math.nan)
        assert math.isnan(integrate.quad(low_level(closure), 0, 1)[0])
    assert {type(report.exception) for report in seen} == {ZeroDivisionError}


def test_propagate() -> None:
    closure = pytramp.callback("double (double)", lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError), pytramp.propagate(closure):
        integrate.quad(low_level(closure), 0, 1)


def test_generic_filter() -> None:
    @pytramp.callback("int (double *values, npy_intp n, double *result, void *)", types=TYPES)
    def middle(values: Any, n: int, result: Any, _: Any) -> int:
        result[0] = sorted(values.view(n))[n // 2]
        return 1

    image = np.random.default_rng(1).random((9, 11))
    low = scipy.LowLevelCallable(
        middle.as_capsule("int (double *, intptr_t, double *, void *)"),
    )
    assert np.array_equal(
        ndimage.generic_filter(image, low, size=3), ndimage.median_filter(image, size=3)
    )


TYPES = pytramp.cdef("typedef long npy_intp;")


def test_geometric_transform() -> None:
    declaration = "int (const npy_intp *out, double *in, int n, int m, void *data)"

    @pytramp.callback(declaration, types=TYPES)
    def shift(out: Any, into: Any, n: int, m: int, data: int) -> int:
        by = (ctypes.c_double * m).from_address(data)
        for i in range(m):
            into[i] = out[i] - by[i]
        return 1

    image = np.arange(20.0).reshape(4, 5)
    by = (ctypes.c_double * 2)(1.0, 2.0)
    low = scipy.LowLevelCallable(
        shift.as_capsule("int (intptr_t *, double *, int, int, void *)"),
        user_data=ctypes.cast(by, ctypes.c_void_p),
    )
    moved = ndimage.geometric_transform(image, low, order=1)
    assert np.allclose(moved, ndimage.shift(image, (1.0, 2.0), order=1))


# ---- numba and NumPy ----


def test_numba_calls_a_closure() -> None:
    numba = tools.need_module("numba")
    step = pytramp.callback("double (double)", lambda x: x / 2 + 1 / x).as_ctypes()

    @numba.njit
    def fixed_point(x: float) -> float:
        for _ in range(30):
            x = step(x)
        return x

    assert fixed_point(1.0) == pytest.approx(math.sqrt(2))


def test_arrays_of_ctypeslib() -> None:
    """What numpy.ctypeslib makes of a pointer is C's memory."""
    pointer = np.ctypeslib.ndpointer(dtype=np.float64, ndim=1)
    fill = pytramp.callback("void (double *x, int n)", lambda x, n: np.asarray(x.view(n)).fill(7))
    function = fill.as_ctypes(ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int))
    numbers = np.zeros(5)
    assert pointer.from_param(numbers)
    function(numbers.ctypes.data, 5)
    assert numbers.tolist() == [7.0] * 5
    prototype = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.c_size_t)
    total = pytramp.callback(
        prototype, lambda x, n: float(np.ctypeslib.as_array(x, shape=(n,)).sum())
    )
    data = numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    assert total.as_ctypes()(data, 5) == 35.0
