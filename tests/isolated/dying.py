"""dying.py CASE LIBRARY: C calls a closure while it goes, from what goes with it."""

import ctypes
import faulthandler
import functools
import gc
import sys
import threading
import weakref

import patience

import pytramp
from pytramp import _core

faulthandler.dump_traceback_later(patience.seconds(100), exit=True)
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


def calls_when_it_goes(function):
    """An object that the garbage collector does not know: it goes while others are cleared."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
    return new(1, None, ctypes.cast(function, ctypes.c_void_p))


def capsule(closure):
    lib.set_current(ctypes.c_void_p(closure.address))
    return calls_when_it_goes(held.call_current)


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


def cleared_callable():
    """The same of what is no function: a partial without its function would crash."""

    ways = [
        lambda f: functools.partial(f, []),
        functools.lru_cache,
        # Cleared itself, or the function in it, whichever comes first.
        lambda f: functools.partial(f.__get__([])),
    ]
    for way in ways:
        for _ in range(50):

            def function(*args):
                return len("ab") + args[-1]

            function = way(function)
            closure = signature(function, error=-7)
            function.last = capsule(closure)
            function.closure = closure
            lib.reset()
            del function, closure
            gc.collect()
            assert last_result() == -7
    assert len(reports) == 50 * len(ways)


act = None


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def act_once(_):
    global act
    todo, act = act, None
    if todo:
        todo()


SIZES = [
    type(f"Of{n}", (), {"__slots__": ["first", "closure", *(f"slot{i}" for i in range(n))]})
    for n in range(0, 60, 2)
]


def containers():
    """Of all sizes: without a GIL the collector goes by size."""
    made = [of_size() for of_size in SIZES]
    for container in made:
        container.first = calls_when_it_goes(act_once)
    return made


class Garbage:
    """A closure in a cycle with things that call when they go: C calls it in another thread, which
    stays in the function until the collector is done."""

    def __init__(self, way=lambda function: function, **options):
        inside, resume, answers, thirty = threading.Event(), threading.Event(), [], [None] * 30
        around = containers()

        def function(n):
            inside.set()
            resume.wait(60)
            return n // len(thirty)

        called = way(function)
        closure = signature(called, error=-7, **options)
        called.around = around + containers()
        for container in called.around:
            container.closure = closure
        pointer = prototype(closure.address)
        thread = threading.Thread(target=lambda: answers.append(pointer(90)))

        def call():
            thread.start()
            while thread.is_alive() and not inside.wait(0.001):
                pass

        self.call, self.thread, self.resume, self.answers = call, thread, resume, answers
        self.closure, self.pointer = closure, pointer

    def collect(self):
        del self.closure
        gc.collect()
        self.resume.set()
        self.thread.join()
        return self.answers


def entered_while_cleared():
    """When the collector has begun to clear, and the function is whole yet: it would be cleared
    while it runs."""
    global act
    for _ in range(20):
        garbage = Garbage()
        act = garbage.call
        assert garbage.collect() == [-7]
    assert len(reports) == 20
    assert all("garbage-collected" in str(error) and "dying.py" in str(error) for error in reports)


class Finalized:
    def __init__(self, call):
        self.call = call

    def __del__(self):
        self.call()


def entered_while_finalized():
    """When the collector calls finalizers: what the call needs lives until it has returned."""
    ways = [
        lambda: Garbage(),
        lambda: Garbage(functools.lru_cache(maxsize=None)),  # which then writes to its cache
        lambda: Garbage(lambda f: lambda n: f(n) // 0, onerror=lambda e, made=[]: 3 + len(made)),
    ]
    for make in ways:
        for _ in range(10):
            garbage = make()
            garbage.closure.__wrapped__.finalized = Finalized(garbage.call)
            ref = weakref.ref(garbage.closure)
            assert garbage.collect() == [3]
            gc.collect()
            assert garbage.pointer(1) == -7
            assert ref() is None
    assert len(reports) == 10 * len(ways)


gc.disable()
{
    "weak_reference": weak_reference,
    "weak_reference_in_a_cycle": weak_reference_in_a_cycle,
    "long_chain": long_chain,
    "callable": callable_of_it,
    "cleared_function": cleared_function,
    "cleared_callable": cleared_callable,
    "entered_while_cleared": entered_while_cleared,
    "entered_while_finalized": entered_while_finalized,
}[case]()
gc.collect()
assert pytramp.stats()["live"] == 0
_core.pool_check()
print("done")
