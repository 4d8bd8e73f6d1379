"""A thread of C ends, and what it kept in threading.local runs code: Python, C, Python again."""

import ctypes
import faulthandler
import sys
import threading

import c_library
import patience

import pytramp

faulthandler.dump_traceback_later(patience.seconds(20), exit=True)
lib = ctypes.CDLL(sys.argv[1])
free = ctypes.CDLL(c_library.NAME)
held = ctypes.PyDLL(c_library.NAME)
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
local = threading.local()
log = []


def compare(a, b):
    log.append(threading.get_ident())
    return 0


by_ctypes = prototype(compare)
by_pytramp = pytramp.callback("int (void *, void *)", compare)
other = threading.local()


class Value:
    def __init__(self, library, function):
        self.library, self.function = library, function

    def __del__(self):
        array = (ctypes.c_int * 2)(2, 1)
        other.value = "set while ending"
        self.library.qsort(array, 2, 4, self.function)
        log.append("deleted")


for library in (free, held):
    for function in (by_pytramp, by_ctypes):
        log.clear()

        @pytramp.callback("int (int)")
        def keep(n, library=library, function=function):
            local.value = Value(library, function)
            return n + 1

        assert lib.in_turn(keep, 1, 1) == 1
        assert log.pop() == "deleted", log
        assert log, "C did not call back"
        assert set(log) != {threading.get_ident()}, log
        assert len(set(log)) == 1, log
pytramp._core.pool_check()
print("done")
