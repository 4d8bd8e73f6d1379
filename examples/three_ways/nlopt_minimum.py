"""NLopt minimises a function under two constraints; an exception of the function stops it."""

from __future__ import annotations

import ctypes
import functools
import math
from typing import Any

import pytramp
from nlopt_minimum import NLOPT_LD_MMA, load, solve
from three_ways.job import Job, Pointer, Work, shared_ffi

nlopt = functools.cache(load)


@functools.cache
def optimiser() -> ctypes.c_void_p:
    return ctypes.c_void_p(nlopt().nlopt_create(NLOPT_LD_MMA, 2))


def stop() -> None:
    nlopt().nlopt_force_stop(optimiser())


def minimise(function: Pointer, *constraints: Pointer, y: float = 5.678) -> list[float]:
    """From (1.234, y)."""
    nlopt().nlopt_remove_inequality_constraints(optimiser())
    return solve(nlopt(), optimiser(), function, list(constraints), (1.234, y))[1]


def minimum_with_ctypes(work: Work) -> Any:
    vector, errors = ctypes.POINTER(ctypes.c_double), []
    objective = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_uint, vector, vector, ctypes.c_void_p)

    @objective
    def root_of_y(_n: int, x: Any, grad: Any, _data: Any) -> float:
        try:
            if grad:
                grad[0], grad[1] = 0.0, 0.5 / math.sqrt(x[1])
            return math.sqrt(x[1])
        except BaseException as error:
            errors.append(error)
            stop()
            return 0.0

    def above(a: float, b: float) -> Any:
        @objective
        def constraint(_n: int, x: Any, grad: Any, _data: Any) -> Any:
            if grad:
                grad[0], grad[1] = 3 * a * (a * x[0] + b) ** 2, -1.0
            return (a * x[0] + b) ** 3 - x[1]

        return constraint

    answer = work(root_of_y, above(2.0, 0.0), above(-1.0, 1.0))
    if errors:
        raise errors[0]
    return answer


def minimum_with_cffi(work: Work) -> Any:
    ffi, errors = shared_ffi(), []
    objective = "double(unsigned, const double *, double *, void *)"

    def failed(_type: Any, error: BaseException, _traceback: Any) -> None:
        errors.append(error)
        stop()

    @ffi.callback(objective, onerror=failed)
    def root_of_y(_n: int, x: Any, grad: Any, _data: Any) -> float:
        if grad:
            grad[0], grad[1] = 0.0, 0.5 / math.sqrt(x[1])
        return math.sqrt(x[1])

    def above(a: float, b: float) -> Any:
        @ffi.callback(objective)
        def constraint(_n: int, x: Any, grad: Any, _data: Any) -> Any:
            if grad:
                grad[0], grad[1] = 3 * a * (a * x[0] + b) ** 2, -1.0
            return (a * x[0] + b) ** 3 - x[1]

        return constraint

    answer = work(root_of_y, above(2.0, 0.0), above(-1.0, 1.0))
    if errors:
        raise errors[0]
    return answer


def minimum_with_pytramp(work: Work) -> Any:
    spec = "double (unsigned n, const double x[n], double grad[n], void *)"
    objective = pytramp.Signature(spec)

    @objective
    def root_of_y(_n: int, x: Any, grad: Any, _data: Any) -> float:
        if grad is not None:
            grad[0], grad[1] = 0.0, 0.5 / math.sqrt(x[1])
        return math.sqrt(x[1])

    def above(a: float, b: float) -> Any:
        @objective
        def constraint(_n: int, x: Any, grad: Any, _data: Any) -> Any:
            if grad is not None:
                grad[0], grad[1] = 3 * a * (a * x[0] + b) ** 2, -1.0
            return (a * x[0] + b) ** 3 - x[1]

        return constraint

    with pytramp.propagate(root_of_y, stop=stop):
        return work(root_of_y, above(2.0, 0.0), above(-1.0, 1.0))


JOBS = (
    Job(
        "NLopt minimises sqrt(y)",
        minimise,
        (minimum_with_ctypes, minimum_with_cffi, minimum_with_pytramp),
        lambda x: math.dist(x, (1 / 3, 8 / 27)) < 1e-4,
        raises=functools.partial(minimise, y=-1.0),  # which has no root
    ),
)
