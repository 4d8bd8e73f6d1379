"""A callback that calls itself through C for ever: exceptions and results, no crash."""

import ctypes
import sys

import pytramp

reports = []
sys.unraisablehook = reports.append  # no Python function: there is no room for one
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def function(n):
    return max(n, pointer(n + 1))


sys.setrecursionlimit(500)
closure = pytramp.callback("int (int)", function, error=-1)
pointer = prototype(closure.address)
deepest = pointer(0)
assert 50 < deepest < 500, deepest
assert reports, reports
# ctypes makes an ArgumentError of one that comes up while it converts the argument.
assert {report.exc_type for report in reports} <= {RecursionError, ctypes.ArgumentError}, reports
assert len(reports) < 20, len(reports)

# What ran out once is there again.
assert 50 < pointer(0) < 500
with pytramp.propagate(closure):
    try:
        with pytramp.propagate(closure):
            pointer(0)
    except (RecursionError, ctypes.ArgumentError):
        pass
    else:
        raise AssertionError("no RecursionError")
pytramp._core.pool_check()
print("done")
