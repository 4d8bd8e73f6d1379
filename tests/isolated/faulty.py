"""Runs an action again and again, while one allocation of Python's after the other fails."""

import _testcapi
import ctypes
import gc
import sys

import pytramp

sys.unraisablehook = lambda args: None


def is_expected(error):
    """Some of Python's own modules give their lack of memory another type.

    And where a Python function raises, Python may lose the exception together with the frame.
    """
    if isinstance(error, ctypes.ArgumentError):
        return "MemoryError" in str(error)
    if isinstance(error, RuntimeError):
        return str(error) == "can't allocate lock"
    if isinstance(error, SystemError) and sys.argv[1] in ("propagate", "stopped"):
        return str(error) == "error return without exception set"
    return isinstance(error, (MemoryError, KeyError))


def attempt(action, results, start, stop):
    """Whether it came through. Allocations start to stop fail, with stop 0 all from start on."""
    try:
        _testcapi.set_nomemory(start, stop)
        try:
            result = action()
        finally:
            _testcapi.remove_mem_hooks()
    except Exception as error:
        if not is_expected(error):
            raise
        return False
    assert results is None or result in results, (result, start, stop)
    return True


def run(action, results, step=1, alone=False):
    """Each allocation alone, and all from each one on; results are the answers that are right.

    step > 1 leaves some out: for what makes tens of thousands of them. alone: only the first half,
    for modules of Python's that never end without memory (inspect of 3.11).
    """
    try:
        action()  # what is made once and kept is made now
    except KeyError:
        pass
    gc.collect()
    live = pytramp.stats()["live"]
    in_a_row = 0
    for start in range(1, 1000 * step, step):
        came_through = attempt(action, results, start, start + 1)
        if not alone:
            attempt(action, results, start, 0)
        in_a_row = in_a_row + 1 if came_through else 0
        if in_a_row > (60 if step == 1 else 3):
            break
    gc.collect()
    assert pytramp.stats()["live"] == live, (pytramp.stats()["live"], live)
    pytramp._core.pool_check()
