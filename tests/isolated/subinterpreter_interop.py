"""pytramp.interop in another interpreter: subinterpreter_interop.py CASE LIBRARY own|shared."""

import ctypes
import faulthandler
import os
import sys
import textwrap

import patience

import pytramp
from pytramp import interop

try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters

faulthandler.dump_traceback_later(patience.seconds(60), exit=True)
case, path, gil = sys.argv[1:]
lib = ctypes.CDLL(path)
INT = ctypes.c_int
BEFORE = ctypes.CFUNCTYPE(INT, INT)  # made before anything was installed

PRELUDE = """
import ctypes, os, sys
import pytramp
from pytramp import interop
from pytramp.interop import ctypes as ours
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
here = _interpreters.get_current()
here = int(here[0] if isinstance(here, tuple) else here)
INT = ctypes.c_int
BEFORE = ctypes.CFUNCTYPE(INT, INT)

def function(n):
    current = _interpreters.get_current()
    assert int(current[0] if isinstance(current, tuple) else current) == here
    return n + 1

def is_ours(callback):
    assert callback(1) == 2
    return isinstance(callback._objects["0"], pytramp.Closure)

def address(callback):
    return ctypes.cast(callback, ctypes.c_void_p).value
"""


class Other:
    """Another interpreter."""

    def __init__(self):
        own = gil == "own"
        if sys.version_info >= (3, 13):
            self.number = _interpreters.create("isolated" if own else "legacy")
        else:
            self.number = _interpreters.create(isolated=own)
        self.pipe = os.pipe()
        self.run(PRELUDE)

    def run(self, code):
        code = f"out = {self.pipe[1]}\n" + textwrap.dedent(code)
        if error := _interpreters.run_string(self.number, code):
            raise RuntimeError(error)

    def answer(self, expression):
        self.run(f"os.write(out, str(int({expression})).encode())")
        return int(os.read(self.pipe[0], 100))

    def destroy(self):
        _interpreters.destroy(self.number)


def function(n):
    return n + 1


def is_ours(callback):
    assert callback(1) == 2
    return isinstance(callback._objects["0"], pytramp.Closure)


def made_here():
    """Does ctypes make its callbacks with pytramp here? The same for all prototypes."""
    found = {is_ours(prototype(function)) for prototype in (BEFORE, ctypes.CFUNCTYPE(INT, INT))}
    (answer,) = found
    return answer


def made_there(other):
    """The same in another interpreter."""
    expressions = ("BEFORE(function)", "ctypes.CFUNCTYPE(INT, INT)(function)")
    (answer,) = {bool(other.answer(f"is_ours({each})")) for each in expressions}
    return answer


def prototypes():
    """CFUNCTYPE of both interpreters, for the same types: each closure runs where it was made."""
    from pytramp.interop import ctypes as ours

    others = Other(), Other()
    mine = ours.CFUNCTYPE(INT, INT)(function)
    addresses = []
    for other in others:
        other.run("kept = ours.CFUNCTYPE(INT, INT)(function)")
        assert other.answer("is_ours(kept)")
        addresses.append(ctypes.c_void_p(other.answer("address(kept)")))
    for address in (mine, *addresses):
        assert lib.call_it(address, 1) == 2
        assert lib.at_once(address, 4, 50) == 200
    others[0].destroy()
    assert [lib.call_it(address, 1) for address in (mine, *addresses)] == [2, 0, 2]
    others[1].destroy()
    assert mine(1) == 2


def installed_there():
    """What is installed in another interpreter changes nothing here, nor in a third one."""
    other, third = Other(), Other()
    other.run("interop.install()")
    assert made_there(other)
    assert not made_here()
    assert not made_there(third)
    interop.install()
    assert made_here()
    other.run("interop.uninstall()")
    assert not made_there(other)
    assert made_here()
    other.run("interop.install()")
    interop.uninstall()
    assert not made_here()
    assert made_there(other)
    other.destroy()  # as it is
    assert not made_here()
    assert not made_there(third)
    third.destroy()


def installed_here():
    """... and the other way round, also for an interpreter that is made later."""
    before = Other()
    interop.install()
    after = Other()
    for other in (before, after):
        assert not made_there(other)
    after.run("interop.install()\ninterop.uninstall()")
    before.destroy()
    after.destroy()
    assert made_here()
    interop.uninstall()
    assert not made_here()


globals()[case]()
pytramp._core.pool_check()
print("done")
