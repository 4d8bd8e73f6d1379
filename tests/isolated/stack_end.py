"""stack_end.py KIND LIBRARY: calls near the end of a stack; no crash, and no report is lost.

KIND is live or dead (a closure), object (a dead one that returns PyObject *), or released (a live
one of these, for callers without the GIL).
"""

import ctypes
import io
import platform
import sys
import threading

import pytramp

kind, path = sys.argv[1:]
lib = ctypes.CDLL(path)
lib.near_the_end.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
KIB = 1024
# What a refused call takes: seen to be 1.1 KB on x86-64, 2.1 on AArch64, 2 to 2.5 on ppc64le, 2.5
# to 3 on s390x.
LEAST = {"aarch64": 3, "ppc64le": 4, "s390x": 4}.get(platform.machine(), 2) * KIB
SIZE = 512 * KIB
sys.stderr = io.StringIO()  # for Python's own hook, which needs more of a stack than ours would


def function(n):
    return n


def late():
    """One that is freed, and the function pointer that C still has."""
    closure = pytramp.callback("int (int)", function, error=-1)
    address = closure.address
    if kind == "dead":
        closure.close()
    return closure, address, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(address)


def near_the_end():
    results = set()
    for left in range(LEAST, 128 * KIB, 2 * KIB):
        closure, address, call = late()
        result = lib.near_the_end(address, SIZE, left)
        results.add(result)
        if kind == "live" and left >= 6 * KIB:
            told = sys.stderr.getvalue().count("RecursionError: ")
            assert told == (result == -1), (left, told)
        assert call(7) == (7 if kind == "live" else -1)
        text = sys.stderr.getvalue()
        assert text.count("FreedCallbackError: ") == (kind == "dead"), text
        sys.stderr.truncate(0)
        del closure
    assert results == ({-1, 42} if kind == "live" else {-1}), results


def objects():
    """What gets NULL finds an exception, always."""
    call = ctypes.PyDLL(path).object_near_the_end
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    call.restype = ctypes.py_object
    closure = pytramp.callback("PyObject * (int)", function)
    address, raised = closure.address, []
    closure.close()

    def run():
        for left in (300, 100, 60, 50, 40):
            try:
                call(address, SIZE, left * KIB)
            except Exception as error:
                raised.append(type(error))

    in_thread(run)
    assert len(raised) == 5, raised
    assert raised[0] is pytramp.FreedCallbackError, raised
    assert raised[-1] is RecursionError, raised


def released():
    """A caller that gave up the GIL, or never had it, gets NULL alone: the rest is told."""
    closure = pytramp.callback("PyObject * (int)", lambda n: None)
    call = lib.object_near_the_end
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    call.restype = ctypes.c_void_p
    told, results = [], []
    sys.unraisablehook = lambda args: told.append(args.exc_type)

    def run():
        for left in (60, 55, 50):
            results.append(call(closure.address, SIZE, left * KIB))

    in_thread(run)
    assert results == [None] * 3, results
    assert told == [RecursionError] * 3, told
    lib.near_the_end.restype = ctypes.c_void_p
    for left in (60, 55, 50):
        assert not lib.near_the_end(closure.address, SIZE, left * KIB)
    assert told == [RecursionError] * 6, told


def in_thread(run):
    threading.stack_size(SIZE)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


try:
    {"object": objects, "released": released}.get(kind, near_the_end)()
finally:
    sys.stderr = sys.__stderr__
pytramp._core.pool_check()
print("done")
