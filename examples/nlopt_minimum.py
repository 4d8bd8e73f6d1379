"""NLopt minimises a Python function: gradients through an array, and exceptions that stop it.

python examples/nlopt_minimum.py          (Debian: libnlopt0)

The same with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways nlopt_minimum
"""

from __future__ import annotations

import ctypes
import math
import sys
from ctypes.util import find_library
from typing import Any

import pytramp

NLOPT_LD_MMA, NLOPT_LN_COBYLA = 24, 25  # enum nlopt_algorithm
NLOPT_FORCED_STOP = -5
objective = pytramp.Signature("double (unsigned n, const double x[n], double grad[n], void *data)")


def load() -> Any:
    name = find_library("nlopt")
    if name is None:
        print("there is no NLopt here")
        sys.exit(77)
    lib = ctypes.CDLL(name)
    lib.nlopt_create.restype = ctypes.c_void_p
    pointer, double = ctypes.c_void_p, ctypes.c_double
    lib.nlopt_set_xtol_rel.argtypes = [pointer, double]
    lib.nlopt_set_lower_bounds.argtypes = [pointer, pointer]
    lib.nlopt_set_min_objective.argtypes = [pointer, pointer, pointer]
    lib.nlopt_add_inequality_constraint.argtypes = [pointer, pointer, pointer, double]
    lib.nlopt_optimize.argtypes = [pointer, pointer, pointer]
    lib.nlopt_destroy.argtypes = lib.nlopt_force_stop.argtypes = [pointer]
    return lib


@objective
def root_of_y(_n: int, x: Any, grad: Any, _data: int | None) -> float:
    if grad is not None:  # NULL for algorithms that need no gradient
        grad[0], grad[1] = 0.0, 0.5 / math.sqrt(x[1])
    return math.sqrt(x[1])


def above(a: float, b: float) -> pytramp.Closure:
    """The constraint y >= (a x + b)^3."""

    @objective
    def constraint(_n: int, x: Any, grad: Any, _data: int | None) -> float:
        if grad is not None:
            grad[0], grad[1] = 3 * a * (a * x[0] + b) ** 2, -1.0
        return float((a * x[0] + b) ** 3 - x[1])

    return constraint


def minimise(lib: Any, algorithm: int, function: pytramp.Closure) -> tuple[int, list[float], float]:
    """The example of NLopt's own tutorial, with the minimum at (1/3, 8/27)."""
    optimiser = lib.nlopt_create(algorithm, 2)
    lib.nlopt_set_lower_bounds(optimiser, (ctypes.c_double * 2)(-math.inf, 1e-12))
    constraints = [above(2.0, 0.0), above(-1.0, 1.0)]
    try:
        # An exception of the objective stops NLopt, and is raised here.
        with pytramp.propagate(function, stop=lambda: lib.nlopt_force_stop(optimiser)):
            return solve(lib, optimiser, function, constraints, (1.234, 5.678))
    finally:
        lib.nlopt_destroy(optimiser)


def solve(
    lib: Any, optimiser: Any, function: Any, constraints: list[Any], start: tuple[float, float]
) -> tuple[int, list[float], float]:
    """What NLopt does with them: (status, x, f(x))."""
    lib.nlopt_set_min_objective(optimiser, function, None)
    for constraint in constraints:
        lib.nlopt_add_inequality_constraint(optimiser, constraint, None, 1e-10)
    lib.nlopt_set_xtol_rel(optimiser, 1e-8)
    x, found = (ctypes.c_double * 2)(*start), ctypes.c_double()
    status: int = lib.nlopt_optimize(optimiser, x, ctypes.byref(found))
    return status, list(x), found.value


def stop_early(lib: Any) -> None:
    calls = 0

    @objective
    def gives_up(n: int, x: Any, grad: Any, data: int | None) -> float:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise TimeoutError("that is enough")
        return float(root_of_y.__wrapped__(n, x, grad, data))

    try:
        minimise(lib, NLOPT_LD_MMA, gives_up)
    except TimeoutError as error:
        print(f"stopped after {calls} calls: {error}")
    assert calls == 5


def main() -> None:
    lib = load()
    for name, algorithm in (("MMA", NLOPT_LD_MMA), ("COBYLA", NLOPT_LN_COBYLA)):
        status, (x, y), value = minimise(lib, algorithm, root_of_y)
        print(f"{name}: sqrt(y) = {value:.6f} at ({x:.6f}, {y:.6f})")
        assert status > 0
        assert math.isclose(x, 1 / 3, rel_tol=1e-4)
        assert math.isclose(y, 8 / 27, rel_tol=1e-4)
        assert math.isclose(value, math.sqrt(8 / 27), rel_tol=1e-5)
    stop_early(lib)


if __name__ == "__main__":
    main()
    print("right")
