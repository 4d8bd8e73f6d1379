"""A cycle through the class of a result, in a process that has started no thread.

Free-threaded 3.13 makes every class immortal when the first one starts.
"""

import ctypes
import gc
import weakref

import pytramp


def make():
    class Result(ctypes.Structure):
        _fields_ = [("x", ctypes.c_int)]

    Result.closure = pytramp.Signature.from_types(Result, ctypes.c_int)(lambda n: (n,))
    return weakref.ref(Result.closure)


ref = make()
assert ref() is not None
gc.collect()
assert ref() is None
assert pytramp.stats()["live"] == 0
print("done")
