"""Closures that C made, with an owner in Python."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from typing import Any

import pytest
import tools

import pytramp

pytestmark = tools.posix("libraries that leave Python's symbols to the process")

# Makes closures through the table of the capsule, as an extension would.
SOURCE = """
#include <Python.h>
#include <stdlib.h>
#include "pytramp_import.h"

static int destroyed;

static void destroy(void *userdata) { destroyed++; free(userdata); }

static void add(const pytramp_signature *s, void *result, void *const *args, void *userdata) {
    (void)s;
    *(int *)result = *(const int *)args[0] + *(const int *)userdata;
}

/* A closure that adds n, and what it says after its end. */
void *adder(int n) {
    const pytramp_type *args[] = {&pytramp_type_int};
    static const int error = -7;
    const pytramp_signature *signature;
    void *code;
    int *userdata = malloc(sizeof *userdata);
    *userdata = n;
    pytramp_closure_options options = {.size = sizeof options, .handler = add, .name = "adder",
                                       .userdata = userdata, .error = &error, .destroy = destroy};
    if (pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 1, args) ||
        pytramp_closure_new_ex(&code, signature, &options)) {
        free(userdata);
        return NULL;
    }
    return code;
}

static void nothing(void) {}

void *bare(void) {
    void *code;
    return pytramp_alloc(&code) || pytramp_init(code, nothing, NULL) ? NULL : code;
}

int free_it(void *code) { return pytramp_closure_free(code); }
int free_bare(void *code) { return pytramp_free(code); }
int call(int (*function)(int), int n) { return function(n); }
int get_destroyed(void) { return destroyed; }
PyObject *handed_over(int n) {
    void *code = adder(n);
    return code ? pytramp_adopt(code, "int (int)") : PyErr_NoMemory();
}
int import_it(void) { return pytramp_import(); }
"""


class Library:
    """The C of the test."""

    def __init__(self) -> None:
        import sysconfig

        flags = [f"-I{sysconfig.get_paths()['include']}", f"-I{pytramp.get_include()}"]
        lib = ctypes.PyDLL(str(tools.build(SOURCE, flags=flags)))
        lib.adder.restype = lib.bare.restype = ctypes.c_void_p
        lib.handed_over.restype = ctypes.py_object
        for function in (lib.free_it, lib.free_bare):
            function.argtypes = [ctypes.c_void_p]
        lib.call.argtypes = [ctypes.c_void_p, ctypes.c_int]
        assert lib.import_it() == 0
        self.lib = lib

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lib, name)


@pytest.fixture(scope="module")
def lib() -> Library:
    return Library()


FREED = 7  # PYTRAMP_E_FREED


def test_it_is_called(lib: Library) -> None:
    address = lib.adder(10)
    closure = pytramp.adopt(address, "int (int)")
    assert closure.address == int(closure) == address
    assert closure.native
    assert not closure.closed
    assert closure.name == "adder"
    assert repr(closure) == f"<pytramp.Closure 'adder' int (int) at {tools.shown(address)}>"
    assert "test_adopt.py:" in closure.origin
    assert closure(5) == 15
    assert lib.call(closure, 6) == 16
    assert closure.as_ctypes()(7) == 17
    closure.close()


def test_close_frees_it(lib: Library) -> None:
    address, before = lib.adder(10), lib.get_destroyed()
    closure = pytramp.adopt(address, pytramp.Signature("int (int)"))
    function = closure.__wrapped__
    with closure:
        assert lib.get_destroyed() == before
    assert lib.get_destroyed() == before + 1
    assert closure.closed
    assert lib.free_it(address) == FREED
    with pytest.raises(pytramp.FreedCallbackError):
        _ = closure.address
    with pytest.raises(pytramp.FreedCallbackError):
        closure(5)
    closure.close()
    assert lib.get_destroyed() == before + 1
    assert function is not None


def test_its_end_frees_it(lib: Library) -> None:
    before = lib.get_destroyed()
    closure = pytramp.adopt(lib.adder(10), "int (int)")
    function = closure.as_ctypes()
    reference = weakref.ref(closure)
    del closure
    gc.collect()
    assert reference()
    assert function(1) == 11
    del function
    gc.collect()
    assert not reference()
    assert lib.get_destroyed() == before + 1


def test_by_c(lib: Library) -> None:
    closure = lib.handed_over(3)
    assert closure(4) == 7
    closure.close()


def test_it_has_one_owner(lib: Library) -> None:
    address = lib.adder(1)
    closure = pytramp.adopt(address, "int (int)")
    with pytest.raises(ValueError, match="has an owner already"):
        pytramp.adopt(address, "int (int)")
    assert closure(1) == 2
    closure.close()


def test_what_was_free_has_no_owner(lib: Library) -> None:
    """A slot that is used again."""
    seen = set()
    for n in range(3000):
        address = lib.adder(n)
        seen.add(address)
        with pytramp.adopt(address, "int (int)") as closure:
            assert lib.call(closure, 1) == n + 1
    assert len(seen) < 3000


def test_what_is_refused(lib: Library) -> None:
    address, bare = lib.adder(1), lib.bare()
    python = pytramp.callback("int (int)", abs)
    with pytest.raises(TypeError, match=r"is of type int \(int\), not int \(double\)"):
        pytramp.adopt(address, "int (double)")
    for other in (python.address, bare):
        with pytest.raises(ValueError, match="a Python callback or a bare trampoline"):
            pytramp.adopt(other, "int (int)")
    for other in (address + 1, id(python)):
        with pytest.raises(ValueError, match="is no closure of this copy"):
            pytramp.adopt(other, "int (int)")
    with pytest.raises(ValueError, match="NULL"):
        pytramp.adopt(0, "int (int)")
    with pytest.raises(OverflowError):
        pytramp.adopt(1 << 80, "int (int)")
    with pytest.raises(TypeError):
        pytramp.adopt("text", "int (int)")  # type: ignore[arg-type]
    with pytest.raises(pytramp.DeclarationError):
        pytramp.adopt(address, "int (")
    # None of these has taken it.
    assert lib.free_it(address) == 0
    with pytest.raises(pytramp.FreedCallbackError, match="was freed"):
        pytramp.adopt(address, "int (int)")
    assert lib.free_bare(bare) == 0


def test_many_threads_want_it(lib: Library) -> None:
    for _ in range(50):
        address, before = lib.adder(1), lib.get_destroyed()
        barrier, owners = threading.Barrier(4), []

        def adopt(address: int = address, barrier: Any = barrier, owners: Any = owners) -> None:
            barrier.wait()
            try:
                owners.append(pytramp.adopt(address, "int (int)"))
            except ValueError:
                pass

        threads = [threading.Thread(target=adopt) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(owners) == 1
        assert lib.get_destroyed() == before
        owners.pop().close()
        assert lib.get_destroyed() == before + 1
