"""Runs an action again and again, while one allocation of Python's after the other fails."""

import _testcapi
import atexit
import ctypes
import gc
import sys

import pytramp

sys.unraisablehook = lambda args: None

# "All that follow" is so many. When there is no memory for a number, CPython from 3.11 on may
# look for the handler of an exception again and again, until there is.
ALL = 10_000

# Actions with functions in Python that raise.
RAISING = {"propagate", "stopped", "cdef", "completed"}

# Where CPython itself loses memory: re, when there is none for what it has begun to repeat; 3.11
# and 3.12 the arguments of a function, when there is none for a cell.
LOSING = {"cdef", "completed"}
if sys.version_info[:2] in ((3, 11), (3, 12)):
    LOSING |= {"as_ctypes", "make_with_loop", "explain"}


def is_expected(error):
    """Some of Python's own modules give their lack of memory another type.

    And where a Python function raises, Python may lose the exception together with the frame.
    """
    if isinstance(error, ctypes.ArgumentError):
        return "MemoryError" in str(error)
    if isinstance(error, RuntimeError):
        return str(error) == "can't allocate lock"
    if isinstance(error, SystemError) and sys.argv[1] in RAISING:
        return str(error) == "error return without exception set"
    return isinstance(error, (MemoryError, KeyError))


def leave(*blocks):
    """Where there was no memory for the frame of __exit__, which was never called: 3.10."""
    _testcapi.remove_mem_hooks()
    if sys.version_info < (3, 11):
        for block in blocks:
            if block._is_open:
                block._leave()


def attempt(action, results, start, stop):
    """The type of what it raised, or None. The allocations from start to before stop fail."""
    try:
        _testcapi.set_nomemory(start, stop)
        try:
            result = action()
        finally:
            _testcapi.remove_mem_hooks()
    except Exception as error:
        if not is_expected(error):
            raise
        return type(error)
    assert results is None or result in results, (result, start, stop)
    return None


def run(action, results):
    """Each allocation alone, and all from each one on; results are the answers that are right."""
    if sys.argv[1] in LOSING and "leakcheck" in sys.modules:  # of .ci/sanitize
        atexit.unregister(sys.modules["leakcheck"].check)
    never = 1 << 30
    usual = attempt(action, results, never, never)  # what is made once and kept is made now
    gc.collect()
    live = pytramp.stats()["live"]
    in_a_row = start = 0
    while in_a_row <= 60:
        start += 1
        assert start < ALL, "the last allocation is never reached"
        is_usual = attempt(action, results, start, start + 1) is usual
        attempt(action, results, start, start + ALL)
        in_a_row = in_a_row + 1 if is_usual else 0
    gc.collect()
    assert pytramp.stats()["live"] == live, (pytramp.stats()["live"], live)
    pytramp._core.pool_check()
    print(start, "allocations")
