"""Objects that come back to life with their closures: these work, or are closed, never half."""

import ctypes
import gc
import sys
import weakref

import pytramp

signature = pytramp.Signature("int (int)")
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
reports = []
sys.unraisablehook = lambda args: reports.append(args.exc_value)
risen = []


class Owner:
    """Has a closure of its own method, and saves itself."""

    def __init__(self):
        self.closure = signature(self.method, error=-7)

    def method(self, n):
        return n + 1

    def __del__(self):
        during.append(prototype(self.closure.address)(1))
        risen.append(self)


class Quiet(Owner):
    def __del__(self):
        risen.append(self)


class Plain:
    """Has a closure that is in no cycle."""

    def __init__(self):
        self.closure = signature(abs, error=-7)

    def __del__(self):
        risen.append(self.closure)


class Function:
    """A callable that saves the closure that calls it, through the cycle that they are in."""

    def __call__(self, n):
        return n + 1

    def __del__(self):
        risen.append(self.closure)


def is_whole(closure):
    """Everything about it says open, and it works."""
    assert not closure.closed
    assert pytramp._core.owns(closure.address)
    assert closure.__wrapped__ is not None
    assert prototype(closure.address)(1) in (1, 2)
    assert closure.as_ctypes()(1) in (1, 2)
    assert closure.signature == signature
    return True


def is_gone(ref, address):
    gc.collect()  # also the cycles of as_ctypes()
    assert ref() is None
    before = len(reports)
    assert prototype(address)(1) == -7
    (error,) = reports[before:]
    assert "was called after it was garbage-collected" in str(error)
    return True


for _ in range(50):
    # In a cycle: the finalizer runs while the closure is whole, and saves it.
    during = []
    ref = weakref.ref(Owner().closure)
    gc.collect()
    assert during == [2]
    owner = risen.pop()  # its finalizer has run, and will not again
    assert is_whole(owner.closure)
    # Weak references are as for any object: from 3.15 on finalizers run first.
    assert ref() is (None if sys.version_info < (3, 15) else owner.closure)
    ref, address = weakref.ref(owner.closure), owner.closure.address
    del owner
    assert is_gone(ref, address)

    # Without a cycle.
    Plain()
    closure = risen.pop()
    assert is_whole(closure)
    ref, address = weakref.ref(closure), closure.address
    del closure
    assert is_gone(ref, address)

    # The callable saves the closure.
    function = Function()
    function.closure = signature(function, error=-7)
    del function
    gc.collect()
    closure = risen.pop()
    assert is_whole(closure)
    ref, address = weakref.ref(closure), closure.address
    del closure
    assert is_gone(ref, address)

    # What was closed stays closed.
    quiet = Quiet()
    quiet.closure.close()
    del quiet
    gc.collect()
    closure = risen.pop().closure
    assert closure.closed
    try:
        int(closure)
    except pytramp.FreedCallbackError:
        pass
    else:
        raise AssertionError("it has an address")

assert risen == []
gc.collect()
pytramp._core.pool_check()
print("done")
