"""A `PyObject *` that is NULL, in function pointers of ctypes, which itself crashes there."""

import ctypes
import sys

import pytramp
import pytramp.interop
from pytramp.interop import ctypes as ours

PLAIN = ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object)
sys.unraisablehook = lambda args: reported.append(type(args.exc_value))
reported = []


def fail(thing):
    raise KeyError(thing)


def closure(function=fail, **options):
    return pytramp.callback("PyObject *(PyObject *)", function, **options)


def expect(exception, function, *args):
    try:
        function(*args)
    except exception:
        return
    raise AssertionError(f"no {exception}")


def test_failures():
    expect(KeyError, closure().as_ctypes(), 3)
    expect(KeyError, ours.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(fail), 3)
    assert not reported
    as_ours = ours.CFUNCTYPE(ctypes.py_object, ctypes.py_object)(fail)
    for function in (closure().as_ctypes(PLAIN), as_ours):
        expect(ValueError, function, 3)
        assert reported == [KeyError]
        reported.clear()
    pytramp.interop.install()
    try:
        expect(ValueError, ctypes.CFUNCTYPE(ctypes.py_object, ctypes.py_object)(fail), 3)
        assert reported == [KeyError]
        reported.clear()
    finally:
        pytramp.interop.uninstall()


def test_closed():
    for prototype, exception in ((None, pytramp.FreedCallbackError), (PLAIN, ValueError)):
        callback = closure()
        function = callback.as_ctypes(prototype)
        callback.close()
        expect(exception, function, 3)


def test_exceptions_that_went_elsewhere():
    callback = closure()
    for prototype, exception in ((None, RuntimeError), (PLAIN, ValueError)):
        function = callback.as_ctypes(prototype)
        try:
            with pytramp.propagate(callback):
                expect(exception, function, 3)
                expect(exception, function, 3)
        except KeyError:
            continue
        raise AssertionError("nothing was propagated")
    seen = []
    for prototype, exception in ((None, RuntimeError), (PLAIN, ValueError)):
        expect(exception, closure(onerror=seen.append).as_ctypes(prototype), 3)
    assert len(seen) == 2


def test_objects():
    for prototype in (None, PLAIN):
        for thing in (object(), [1], None):
            before = sys.getrefcount(thing)
            function = closure(lambda o: o).as_ctypes(prototype)
            assert all(function(thing) is thing for _ in range(100))
            assert thing is None or sys.getrefcount(thing) == before


def test_function_pointers_of_c():
    """An argument, and a member of a struct."""
    types = pytramp.cdef("struct s { PyObject *(*make)(PyObject *); };")
    address = closure().as_ctypes()
    call = pytramp.callback("void (PyObject *(*f)(PyObject *))", lambda f: expect(KeyError, f, 3))
    call.as_ctypes()(address)
    expect(KeyError, types["struct s"](address).make, 3)


test_failures()
test_closed()
reported.clear()
test_exceptions_that_went_elsewhere()
test_objects()
test_function_pointers_of_c()
assert not reported, reported
print("done")
