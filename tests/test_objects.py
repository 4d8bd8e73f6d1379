"""PyObject * as argument and result: objects, references and exceptions as in CPython's API."""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from typing import Any

import pytest
import tools

import pytramp

# Called under the GIL, as CPython calls a C function; and without it, as no one should.
SOURCE = """
#include <stddef.h>
void *call(void *(*f)(void *), void *object) { return f(object); }
void *call_twice(void *(*f)(void *), void *object) { f(object); return f(object); }
"""


@pytest.fixture(scope="module")
def held() -> Any:
    lib = ctypes.PyDLL(str(tools.build(SOURCE)))
    lib.call.restype = ctypes.py_object
    lib.call.argtypes = [ctypes.c_void_p, ctypes.py_object]
    return lib


class Thing:
    pass


def closure(function: Any, **options: Any) -> pytramp.Closure:
    return pytramp.callback("PyObject *(PyObject *object)", function, **options)


def test_objects_are_themselves(held: Any) -> None:
    thing = Thing()
    cb = closure(lambda o: o)
    assert held.call(int(cb), thing) is thing
    in_a_list = closure(lambda o: [o])
    assert held.call(int(in_a_list), thing) == [thing]


def test_references(held: Any) -> None:
    """One more while the callable has it, one that the caller gets, none that stays."""
    thing = Thing()
    seen: list[int] = []
    cb = closure(lambda o: seen.append(sys.getrefcount(o)) or o)
    before = sys.getrefcount(thing)
    for _ in range(10):
        held.call(int(cb), thing)
    assert sys.getrefcount(thing) == before
    assert len(set(seen)) == 1
    make = closure(lambda o: Thing())
    new = weakref.ref(held.call(int(make), thing))
    gc.collect()
    assert new() is None


def test_exceptions_reach_the_caller(held: Any) -> None:
    """NULL with the exception set: ctypes' callbacks crash here."""

    def fail(o: Any) -> Any:
        raise KeyError(o)

    cb = closure(fail)
    with tools.reports() as seen, pytest.raises(KeyError) as caught:
        held.call(int(cb), 5)
    assert caught.value.args == (5,)
    assert caught.value.__traceback__ is not None
    assert seen == []


def test_onerror_comes_first(held: Any) -> None:
    errors: list[BaseException] = []

    def fail(o: Any) -> Any:
        raise KeyError(o)

    cb = closure(fail, onerror=lambda e: errors.append(e) or "instead")
    assert held.call(int(cb), 5) == "instead"
    assert [type(e) for e in errors] == [KeyError]


def test_propagate_comes_first(held: Any) -> None:
    def fail(o: Any) -> Any:
        raise KeyError(o)

    cb = closure(fail)
    with pytest.raises(KeyError) as caught, pytramp.propagate(cb):
        held.call(int(cb), 5)
    assert "went to propagate" in str(caught.value.__context__)


def test_null_in_function_pointers_of_ctypes() -> None:
    tools.script("null_objects.py")


def test_a_caller_without_the_gil() -> None:
    """Nobody could see the exception: it is reported."""
    lib = tools.library(SOURCE)
    lib.call_twice.restype = ctypes.c_void_p
    thing = Thing()

    def fail(o: Any) -> Any:
        raise KeyError("mine")

    cb = closure(fail)
    with tools.reports() as seen:
        assert lib.call_twice(cb, ctypes.py_object(thing)) is None
    assert [type(report.exception) for report in seen] == [KeyError, KeyError]


def test_null(held: Any) -> None:
    held.call.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    try:
        cb = closure(lambda o: o)
        with pytest.raises(ValueError, match=r"PyObject \* is NULL"):
            held.call(int(cb), None)
    finally:
        held.call.argtypes = [ctypes.c_void_p, ctypes.py_object]


def test_late_calls_raise(held: Any) -> None:
    """Every one of them, for NULL alone crashes the caller."""
    cb = closure(lambda o: o, name="late")
    address = int(cb)
    cb.close()
    for _ in range(3):
        with pytest.raises(pytramp.FreedCallbackError, match="callback 'late'"):
            held.call(address, 5)


def test_silenced_calls_raise(held: Any) -> None:
    def fail(o: Any) -> Any:
        raise KeyError(o)

    cb = closure(fail)

    def call_twice() -> None:
        for message in ("went to propagate", "failed before"):
            with pytest.raises(RuntimeError, match=message):
                held.call(int(cb), 5)

    with pytest.raises(KeyError), pytramp.propagate(cb):
        call_twice()


def test_an_error_value_makes_no_sense() -> None:
    with pytest.raises(TypeError, match="NULL on failure, with the exception set"):
        closure(lambda o: o, error=5)


def test_other_results_beside_objects() -> None:
    """An argument that is an object, a result that is not: the exception is reported as ever."""
    cb = pytramp.callback("int (PyObject *object)", lambda o: len(o), error=-1)
    call = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object)(int(cb))
    assert call([1, 2]) == 2
    with tools.reports() as seen:
        assert call(5) == -1
    assert [type(report.exception) for report in seen] == [TypeError]


def test_pointers_to_objects() -> None:
    """As in `int converter(PyObject *, PyObject **out)`."""
    slot = ctypes.py_object()

    def convert(o: Any, out: Any) -> int:
        out[0] = o
        return 1

    cb = pytramp.callback("int (PyObject *o, PyObject **out)", convert)
    prototype = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
    thing = Thing()
    before = sys.getrefcount(thing)
    assert prototype(int(cb))(thing, ctypes.byref(slot)) == 1
    assert slot.value is thing
    assert sys.getrefcount(thing) == before + 1, "C has a reference of its own"
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(thing))


# ---- Members ----

TYPES = pytramp.cdef("struct box { PyObject *o; int n; }; struct boxes { struct box at[2]; };")


@pytest.mark.parametrize("name", ["struct box", "struct boxes"])
def test_by_value_they_are_refused(name: str) -> None:
    """Nobody would say whose the reference is."""
    reason = r"(box|boxes\.at)\.o: an object cannot be passed in a struct"
    for declaration in (f"void ({name})", f"{name} (int)"):
        with pytest.raises(pytramp.UnsupportedTypeError, match=reason):
            pytramp.Signature(declaration, types=TYPES)
    with pytest.raises(pytramp.UnsupportedTypeError, match=f"argument 1: {reason}"):
        pytramp.Signature.from_types(None, TYPES[name])


@pytest.mark.parametrize("make", [Thing, dict, lambda: {"key": Thing()}, lambda: [Thing()]])
def test_members_that_a_pointer_sets(make: Any) -> None:
    """C's memory borrows them, and they live until something else is put there."""
    memory = TYPES["struct box"]()
    box = pytramp.Pointer("struct box *", memory, types=TYPES)
    thing = make()
    before = sys.getrefcount(thing)
    for put in (lambda: (thing, 1), lambda: {"o": thing}, lambda: TYPES["struct box"](thing, 3)):
        box[0] = put()
        gc.collect()
        assert sys.getrefcount(thing) > before
        assert box.o is thing
        box[0] = (None, 0)
        assert sys.getrefcount(thing) == before
    for _ in range(3):
        box.o = thing
    assert box.o is thing
    box.o = None
    assert sys.getrefcount(thing) == before


def test_members_of_what_fails() -> None:
    memory = TYPES["struct boxes"]()
    boxes = pytramp.Pointer("struct boxes *", memory, types=TYPES)
    thing = Thing()
    before = sys.getrefcount(thing)
    for _ in range(3):
        with pytest.raises(TypeError, match=r"member boxes\.at\[1\]\.n: int must be an int"):
            boxes.at = ((thing, 1), (thing, "two"))
    assert sys.getrefcount(thing) == before
    assert bytes(memory) == bytes(ctypes.sizeof(memory))
