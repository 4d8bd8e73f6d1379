"""dying.py CASE LIBRARY: C calls a closure while it goes, from what goes with it."""

import ctypes
import faulthandler
import gc
import sys
import weakref

import pytramp
from pytramp import _core

faulthandler.dump_traceback_later(100, exit=True)
case = sys.argv[1]
lib = ctypes.CDLL(sys.argv[2])
held = ctypes.PyDLL(sys.argv[2])
signature = pytramp.Signature("int (int)")
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
reports = []
sys.unraisablehook = lambda args: reports.append(args.exc_value)


def add_one(n):
    return n + 1


class Caller:
    """Calls an address when it goes."""

    def __init__(self, address, answers):
        self.function, self.answers = prototype(address), answers

    def __call__(self, *args):
        return 0

    def __del__(self):
        self.answers.append(self.function(1))


def capsule(closure):
    """Calls C when it goes, without being known to the garbage collector."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    lib.set_current(ctypes.c_void_p(closure.address))
    return new(1, None, ctypes.cast(held.call_current, ctypes.c_void_p))


def last_result():
    return ctypes.c_int.in_dll(lib, "result").value


def weak_reference():
    """Its callback sees a closure that is closed to C."""
    for with_name in (False, True):
        for _ in range(500):
            answers, dead = [], []
            closure = signature(add_one, error=-7, **({"name": "it"} if with_name else {}))
            function = prototype(closure.address)

            def gone(ref, function=function, answers=answers, dead=dead):
                dead.append(ref())
                answers.append(function(1))
                gc.collect()
                answers.append(function(2))

            ref = weakref.ref(closure, gone)
            del closure
            assert (answers, dead, ref()) == ([-7, -7], [None], None)
    assert len(reports) == 1000
    assert all("was called after it was garbage-collected" in str(e) for e in reports)


def in_a_cycle():
    def function(n):
        return n + 1 if closure else 0

    closure = signature(function, error=-7)
    return closure


def weak_reference_in_a_cycle():
    """The collector calls the callback while all is whole: the call is a call like any other."""
    for _ in range(100):
        answers = []
        closure = in_a_cycle()
        pointer = prototype(closure.address)
        ref = weakref.ref(closure, lambda ref, f=pointer, a=answers: a.append(f(1)))
        del closure
        assert ref() is not None
        gc.collect()
        assert answers == [2]
        assert ref() is None
        assert pointer(1) == -7
    assert len(reports) == 100


def long_chain():
    """Deep nesting has Python put deallocations off: one that waits for its own is not called any
    more; those that it still refers to are."""
    for length in (40, 60, 120):
        answers = []
        chain = signature(add_one, error=-7)
        addresses = [chain.address]
        for _ in range(length):
            callers = [Caller(address, answers) for address in addresses[-100:]]
            chain = signature(chain, error=-7, onerror=Callers(callers))
            addresses.append(chain.address)
        del chain, callers
        assert len(answers) > length
        assert set(answers) <= {-7, 2}
        assert -7 in answers


class Callers:
    def __init__(self, callers):
        self.callers = callers

    def __call__(self, exception): ...


def callable_of_it():
    """The callable, which the closure lets go of last, calls the closure."""
    for _ in range(100):
        answers = []
        caller = Caller(0, answers)
        closure = signature(caller, error=-7)
        caller.function = prototype(closure.address)
        assert caller.function(1) == 0
        del caller, closure
        assert answers == [-7]
    assert len(reports) == 100


def cleared_function():
    """The collector has cleared the function, and not the closure yet."""
    for way in (lambda f: f, lambda f: f.__get__(1)):
        for _ in range(50):

            def function(*args):
                return len("ab") + args[-1]

            closure = signature(way(function), error=-7)
            function.__doc__ = capsule(closure)  # let go of when the globals are gone
            function.closure = closure
            ref = weakref.ref(closure)
            lib.reset()
            del function, closure
            gc.collect()
            assert ref() is None
            assert last_result() == -7
    assert len(reports) == 100
    assert all("garbage-collected" in str(error) and "dying.py" in str(error) for error in reports)


gc.disable()
{
    "weak_reference": weak_reference,
    "weak_reference_in_a_cycle": weak_reference_in_a_cycle,
    "long_chain": long_chain,
    "callable": callable_of_it,
    "cleared_function": cleared_function,
}[case]()
gc.collect()
assert pytramp.stats()["live"] == 0
_core.pool_check()
print("done")
