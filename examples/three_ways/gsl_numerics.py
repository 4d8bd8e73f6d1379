"""GSL integrates a function, and solves a differential equation."""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any

import pytramp
from gsl_numerics import integral, load, solution, types
from three_ways.job import Job, Pointer, Work, shared_ffi

gsl = functools.cache(load)

# ---- x^a log(x), where a comes through a pointer ----

EXPONENT = ctypes.c_double(0.5)


def integrate(integrand: Pointer) -> float:
    described = types.gsl_function(params=ctypes.addressof(EXPONENT))
    described.function = type(described.function)(integrand.value)
    return integral(gsl(), described)[0]


def integral_with_ctypes(work: Work) -> Any:
    number = ctypes.POINTER(ctypes.c_double)

    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, number)
    def integrand(x: float, a: Any) -> Any:
        return x ** a[0] * math.log(x)

    return work(integrand)


def integral_with_cffi(work: Work) -> Any:
    @shared_ffi().callback("double(double, const double *)")
    def integrand(x: float, a: Any) -> Any:
        return x ** a[0] * math.log(x)

    return work(integrand)


def integral_with_pytramp(work: Work) -> Any:
    @pytramp.callback("double (double x, const double *a)")
    def integrand(x: float, a: Any) -> Any:
        return x ** a[0] * math.log(x)

    return work(integrand)


# ---- y'' = -y: the state comes and the slope goes as arrays ----


def solve(slope: Pointer) -> list[float]:
    system = types.gsl_odeiv2_system(dimension=2)
    system.function = type(system.function)(slope.value)
    return solution(gsl(), system, 10.0)


def oscillator_with_ctypes(work: Work) -> Any:
    vector = ctypes.POINTER(ctypes.c_double)

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double, vector, vector, ctypes.c_void_p)
    def slope(_t: float, y: Any, dydt: Any, _params: Any) -> int:
        dydt[0], dydt[1] = y[1], -y[0]
        return 0

    return work(slope)


def oscillator_with_cffi(work: Work) -> Any:
    @shared_ffi().callback("int(double, const double *, double *, void *)")
    def slope(_t: float, y: Any, dydt: Any, _params: Any) -> int:
        dydt[0], dydt[1] = y[1], -y[0]
        return 0

    return work(slope)


def oscillator_with_pytramp(work: Work) -> Any:
    @pytramp.callback("int (double t, const double y[2], double dydt[2], void *)")
    def slope(_t: float, y: Any, dydt: Any, _params: Any) -> int:
        dydt[0], dydt[1] = y[1], -y[0]
        return 0

    return work(slope)


JOBS = (
    Job(
        "GSL integrates x^a log(x)",
        integrate,
        (integral_with_ctypes, integral_with_cffi, integral_with_pytramp),
        lambda result: math.isclose(result, -1 / (EXPONENT.value + 1) ** 2, rel_tol=1e-8),
    ),
    Job(
        "GSL solves y'' = -y",
        solve,
        (oscillator_with_ctypes, oscillator_with_cffi, oscillator_with_pytramp),
        lambda y: math.isclose(y[0], math.cos(10), abs_tol=1e-7),
    ),
)
