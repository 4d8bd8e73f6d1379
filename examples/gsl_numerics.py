"""GSL calls Python: integration, an ordinary differential equation, and its error handler.

python examples/gsl_numerics.py          (Debian: libgsl27)

The integral and the equation with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways gsl_numerics
"""

from __future__ import annotations

import ctypes
import math
import sys
from ctypes.util import find_library
from typing import Any

import pytramp

types = pytramp.cdef("""
    typedef struct {
        double (*function)(double x, void *params);
        void *params;
    } gsl_function;

    typedef struct {
        int (*function)(double t, const double y[2], double dydt[2], void *params);
        int (*jacobian)(double t, const double y[2], double *dfdy, double dfdt[2], void *params);
        size_t dimension;
        void *params;
    } gsl_odeiv2_system;
""")


def load() -> Any:
    cblas, gsl = find_library("gslcblas"), find_library("gsl")
    if cblas is None or gsl is None:
        print("there is no GSL here")
        sys.exit(77)
    ctypes.CDLL(cblas, ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(gsl)
    for maker in (
        lib.gsl_integration_workspace_alloc,
        lib.gsl_odeiv2_driver_alloc_y_new,
        lib.gsl_set_error_handler,
    ):
        maker.restype = ctypes.c_void_p
    return lib


def integrate(lib: Any) -> None:
    """The integral of x^a log(x) from 0 to 1 is -1/(a+1)^2; a comes through params."""

    @pytramp.callback("double (double x, const double *a)")
    def integrand(x: float, a: Any) -> float:
        return float(x ** a[0] * math.log(x))

    a = ctypes.c_double(0.5)
    function = types.gsl_function(params=ctypes.addressof(a))
    function.function = integrand.as_ctypes(type(function.function))
    result, error = integral(lib, function)
    print(f"integral: {result:.10f}, error {error:.1e}")
    assert math.isclose(result, -1 / (a.value + 1) ** 2, rel_tol=1e-8)


def oscillate(lib: Any) -> None:
    """y'' = -y as a system of two: the state comes and the slope goes as arrays of C."""
    types_of_arrays = pytramp.Signature("int (double t, const double y[2], double dydt[2], void *)")

    @types_of_arrays
    def slope(_t: float, y: Any, dydt: Any, _params: int | None) -> int:
        dydt[0], dydt[1] = y[1], -y[0]
        return 0

    system = types.gsl_odeiv2_system(dimension=2)
    system.function = slope.as_ctypes(type(system.function))
    y = solution(lib, system, 10.0)
    print(f"oscillator: y(10) = {y[0]:.9f}, cos(10) = {math.cos(10):.9f}")
    assert math.isclose(y[0], math.cos(10), abs_tol=1e-7)


def handle_errors(lib: Any) -> None:
    """Without a handler GSL ends the process."""
    seen = []

    @pytramp.callback("void (const char *reason, const char *file, int line, int gsl_errno)")
    def handler(reason: Any, file: Any, line: int, gsl_errno: int) -> None:
        seen.append((reason.string().decode(), gsl_errno))

    before = lib.gsl_set_error_handler(handler)
    lib.gsl_sf_log.restype, lib.gsl_sf_log.argtypes = ctypes.c_double, [ctypes.c_double]
    assert math.isnan(lib.gsl_sf_log(-1.0))
    lib.gsl_set_error_handler(ctypes.c_void_p(before))
    print("error handler:", seen)
    assert ("domain error", 1) in seen


# ---- What GSL does with them ----


def integral(lib: Any, function: Any) -> tuple[float, float]:
    """Of a gsl_function from 0 to 1, and its error."""
    workspace = ctypes.c_void_p(lib.gsl_integration_workspace_alloc(ctypes.c_size_t(1000)))
    result, error = ctypes.c_double(), ctypes.c_double()
    lib.gsl_integration_qags.argtypes = (
        ctypes.c_void_p,
        *(ctypes.c_double,) * 4,
        ctypes.c_size_t,
        *(ctypes.c_void_p,) * 3,
    )
    status = lib.gsl_integration_qags(
        ctypes.addressof(function),
        *(0.0, 1.0, 0.0, 1e-9),
        1000,
        workspace,
        ctypes.addressof(result),
        ctypes.addressof(error),
    )
    lib.gsl_integration_workspace_free(workspace)
    assert status == 0
    return result.value, error.value


def solution(lib: Any, system: Any, until: float) -> list[float]:
    """What has become of (1, 0), by a Runge-Kutta method of eighth order."""
    step = ctypes.c_void_p.in_dll(lib, "gsl_odeiv2_step_rk8pd")
    make = lib.gsl_odeiv2_driver_alloc_y_new
    make.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_double] * 3]
    driver = ctypes.c_void_p(make(ctypes.addressof(system), step, 1e-3, 1e-10, 1e-10))
    t, y = ctypes.c_double(0.0), (ctypes.c_double * 2)(1.0, 0.0)
    apply = lib.gsl_odeiv2_driver_apply
    apply.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_void_p]
    assert apply(driver, ctypes.addressof(t), until, ctypes.addressof(y)) == 0
    lib.gsl_odeiv2_driver_free(driver)
    return list(y)


if __name__ == "__main__":
    gsl = load()
    integrate(gsl)
    oscillate(gsl)
    handle_errors(gsl)
    print("right")
