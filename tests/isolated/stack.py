"""stack.py PLACE SIZE LIBRARY: recursion through C until the stack ends; exceptions, no crash.

PLACE is main (SIZE is a recursion limit), thread (Python's) or foreign (C's); SIZE is in KiB.
"""

import ctypes
import sys
import threading

import pytramp

place, size = sys.argv[1], int(sys.argv[2])
lib = ctypes.CDLL(sys.argv[3])
lib.run.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
reports, raised = [], []
sys.unraisablehook = reports.append  # no Python function: there is no room for one
deepest = 0


def function(n):
    global deepest
    deepest = max(deepest, n)
    return call(n + 1)


def general(n, text, array):
    return call_general(n + 1)


closure = pytramp.callback("int (int)", function, error=-1)
call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(closure.address)
many = pytramp.callback("int (int, const char *, double x[2])", general, error=-1)
arguments = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
call_many = ctypes.CFUNCTYPE(ctypes.c_int, *arguments)(many.address)


def call_general(n):
    global deepest
    deepest = max(deepest, n)
    return call_many(n, b"x", None)


def starts(n):
    return (call if n == 0 else call_general)(0)


once = pytramp.callback("int (int)", lambda n: n)


def twice():
    """Each kind of signature, and again: what ran out once is there again."""
    for kind in (0, 1, 0, 1):
        before = len(reports) + len(raised)
        try:
            starts(kind)
        except (RecursionError, ctypes.ArgumentError) as error:
            raised.append(type(error))
        assert len(reports) + len(raised) > before, "nothing was raised"
    assert once(5) == 5


if place == "main":
    sys.setrecursionlimit(size)
    twice()
elif place == "thread":
    threading.stack_size(size * 1024)
    thread = threading.Thread(target=twice)
    thread.start()
    thread.join()
else:
    for _ in range(3):
        assert lib.run(closure.address, size * 1024) == 0
raised += [report.exc_type for report in reports]
assert raised
assert set(raised) <= {RecursionError, ctypes.ArgumentError}, raised
assert len(raised) < 20, len(raised)
print(deepest)
pytramp._core.pool_check()
print("done")
