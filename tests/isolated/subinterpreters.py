"""Closures of other interpreters: subinterpreters.py CASE LIBRARY own|shared (which GIL)."""

import ctypes
import faulthandler
import os
import sys
import textwrap
import threading
import time

import patience

try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters

faulthandler.dump_traceback_later(patience.seconds(60), exit=True)
case, path, gil = sys.argv[1:]
lib = ctypes.CDLL(path)
held = ctypes.PyDLL(path)
is_new = sys.version_info >= (3, 13)
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

PRELUDE = """
import os, sys, threading
import pytramp
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
here = _interpreters.get_current()
here = int(here[0] if isinstance(here, tuple) else here)
local = threading.local()
seen = set()
INT = pytramp.Signature("int (int)")
alive = 0

class Value:
    def __init__(self):
        global alive
        alive += 1
    def __del__(self):
        global alive
        alive -= 1

@pytramp.callback("int (int)", error=-7)
def count(n):
    local.count = getattr(local, "count", 0) + 1
    seen.add(threading.current_thread())
    return here * 10000 + len(seen) * 1000 + local.count

@pytramp.callback("int (int)", error=-7)
def keep(n):
    local.value = Value()
    return n + 1

@pytramp.callback("int (int)", error=-7)
def add_one(n):
    return n + 1

os.write(out, f"{here} {count.address} {add_one.address} {keep.address}".encode())
"""


class Other:
    """Another interpreter, and the addresses of its closures."""

    def __init__(self):
        own = gil == "own"
        if is_new:
            self.number = _interpreters.create("isolated" if own else "legacy")
        else:
            self.number = _interpreters.create(isolated=own)
        self.pipe = os.pipe()
        self.run(PRELUDE)
        self.id, self.count, self.add_one, self.keep = map(int, self.answer().split())

    def run(self, code):
        # Isolated interpreters of 3.12 take bytes and str only, as literals of their own.
        code = f"out = {self.pipe[1]}\n" + textwrap.dedent(code)
        error = _interpreters.run_string(self.number, code)
        if error:
            raise RuntimeError(error)

    def answer(self):
        return os.read(self.pipe[0], 1000).decode()

    def destroy(self):
        while True:
            try:
                _interpreters.destroy(self.number)
                return
            except RuntimeError as error:  # 3.12 refuses while a thread has a frame there
                if "running" not in str(error):
                    raise
                time.sleep(0.01)


def mine(n):
    return n + 5


own = pytramp_closure = None
if case != "first":
    import pytramp

    own = pytramp.callback("int (int)", mine)
    signature = pytramp.Signature("int (int)")


def pointer(address):
    return ctypes.c_void_p(address)


def threads():
    """From a thread of C: the interpreter that made it, and one thread state there, kept."""
    others = [Other(), Other()]
    lib.worker_start()
    for n in range(1, 6):
        for other in others:
            assert lib.worker_call(pointer(other.count), 0) == other.id * 10000 + 1000 + n
            assert lib.worker_call(own, 1) == 6
    lib.worker_end()
    for other in others:
        assert lib.at_once(pointer(other.add_one), 16, 300) == 16 * 300
        assert lib.in_turn(pointer(other.keep), 200, 2) == 400
        other.run("os.write(out, str(alive).encode())")
        assert other.answer() == "0"
    for other in others:
        other.destroy()


def main():
    """From a thread that runs Python in the main interpreter, holding its GIL or not."""
    other = Other()
    for library in (lib, held):
        for n in (1, 2, 3):
            assert library.call_it(pointer(other.add_one), n) == n + 1
    first = held.call_it(pointer(other.count), 0)
    assert lib.call_it(pointer(other.count), 0) == first + 1
    results = []
    thread = threading.Thread(
        target=lambda: results.extend(lib.call_it(pointer(other.add_one), n) for n in range(3))
    )
    thread.start()
    thread.join()
    assert results == [1, 2, 3]
    assert prototype(mine)(1) == 6  # PyGILState still knows this thread
    other.destroy()
    assert held.call_it(pointer(other.add_one), 1) == -7
    assert lib.call_it(pointer(other.add_one), 1) == -7


def destroyed():
    """The thread of C has a state in an interpreter that ends; afterwards all goes on."""
    lib.worker_start()
    by_ctypes = prototype(mine)
    for _ in range(5):
        other = Other()
        assert lib.worker_call(pointer(other.count), 0) == other.id * 10000 + 1001
        other.destroy()
        assert lib.worker_call(pointer(other.count), 0) == -7
        assert lib.worker_call(own, 1) == 6
        assert lib.worker_call(by_ctypes, 1) == 6
    lib.worker_end()
    other = Other()
    lib.worker_start()
    for n in (1, 2, 3):  # the first one makes the state
        assert lib.worker_call(pointer(other.add_one), n) == n + 1
    other.destroy()
    assert lib.worker_call(by_ctypes, 1) == 6  # PyGILState in a thread that was there only
    lib.worker_end()


def inside():
    """An interpreter waits for the calls that are inside."""
    other = Other()
    other.run("""
    read, write = os.pipe()
    @pytramp.callback("int (int)", error=-7)
    def wait(n):
        os.write(out, b"inside")
        return n + len(os.read(read, 10))
    os.write(out, f"{wait.address} {write}".encode())
    """)
    address, write = map(int, other.answer().split())
    results = []
    caller = threading.Thread(target=lambda: results.append(lib.at_once(pointer(address), 1, 1)))
    caller.start()
    assert other.answer() == "inside"
    released = []

    def release():
        time.sleep(0.3)
        released.append(True)
        os.write(write, b"x")

    releaser = threading.Thread(target=release)
    releaser.start()
    other.destroy()
    assert released
    caller.join()
    releaser.join()
    assert results == [1]


def callers():
    """Threads call in a loop while the interpreter ends."""
    for _ in range(10):
        other = Other()
        lib.callers_start(pointer(other.add_one), 3)
        while lib.callers_calls() < 300:
            pass
        other.destroy()
        before = lib.callers_calls()
        while lib.callers_calls() < before + 300:
            pass
        assert lib.callers_end() == 0


def dropped():
    """The last reference to it goes: on 3.12 that is its end, later it lives on."""
    lib.worker_start()
    for _ in range(3):
        other = Other()
        first = other.id * 10000 + 1001
        assert lib.worker_call(pointer(other.count), 0) == first
        del other.number
        assert lib.worker_call(pointer(other.count), 0) == (first + 1 if is_new else -7)
    lib.worker_end()
    other = Other()
    assert lib.call_it(pointer(other.add_one), 1) == 2  # in this thread, too
    lib.callers_start(pointer(other.add_one), 3)
    while lib.callers_calls() < 300:
        pass
    del other.number
    before = lib.callers_calls()
    while lib.callers_calls() < before + 300:
        pass
    assert lib.callers_end() == 0
    assert lib.call_it(pointer(other.add_one), 1) == (2 if is_new else -7)
    if is_new:  # 3.14 warns of those that are left
        for number, _ in _interpreters.list_all():
            if number:
                _interpreters.destroy(number)


def listed():
    """What Python does to all threads of an interpreter, it does to a thread of C."""
    other = Other()
    other.run("""
    def down(n):
        try:
            return down(n + 1)
        except RecursionError:
            return n
    deepest = INT(down, error=-7)

    @pytramp.callback("int (int)", error=-7)
    def fresh(n):
        one = threading.local()
        known = hasattr(one, "n")
        one.n = n
        return n + 1 + known

    os.write(out, f"{deepest.address} {fresh.address}".encode())
    """)
    deepest, fresh = map(pointer, map(int, other.answer().split()))
    lib.worker_start()
    for most in (150, 400, 250):
        other.run(f"sys.setrecursionlimit({most})")
        assert most - 100 < lib.worker_call(deepest, 0) < most
    for n in range(1000):  # in memory where another was
        assert lib.worker_call(fresh, n) == n + 1
    lib.worker_end()
    other.destroy()


def first():
    """The first interpreter that has imported the module is gone."""
    other = Other()
    assert lib.at_once(pointer(other.add_one), 2, 10) == 20
    other.destroy()
    import pytramp

    made = pytramp.callback("int (int)", mine)
    assert lib.call_it(made, 1) == 6
    assert lib.call_it(pointer(other.add_one), 1) == -7
    assert issubclass(pytramp.DeclarationError, ValueError)
    assert pytramp.callback("double (const double x[n], int n)", lambda x, n: sum(x))


def types():
    """Each has its own types, and none of them is changed by another's end."""
    other = Other()
    other.run("""
    P = pytramp.Signature("int (const char *, const int x[2], struct opaque *, ...)")
    assert type(P) is pytramp.Signature
    assert type(pytramp.Pointer("int *", 16)) is pytramp.Pointer
    try:
        pytramp.Signature("nonsense")
    except pytramp.DeclarationError as error:
        os.write(out, str(id(pytramp.DeclarationError)).encode())
    """)
    assert int(other.answer()) != id(pytramp.DeclarationError)
    other.destroy()
    for kind in (pytramp.Closure, pytramp.Signature, pytramp.Pointer, pytramp.VarArgs):
        assert isinstance(kind, type)
    assert str(pytramp.Signature("int (const char *, ...)")) == "int (const char *, ...)"


def objects():
    """A Python object cannot cross to another interpreter: an exception in the caller's."""
    other = Other()
    other.run("""
    @pytramp.callback("PyObject *(int)")
    def make(n):
        return object()
    os.write(out, str(make.address).encode())
    """)
    function = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_int)(int(other.answer()))
    try:
        function(1)
    except RuntimeError as error:
        if "interpreter" not in str(error):
            raise
    else:
        raise AssertionError("it crossed")
    other.destroy()


def nested():
    """Python code of one interpreter calls, through C, one of another, and that back."""
    other = Other()
    other.run(f"""
    import ctypes
    lib = ctypes.PyDLL({path!r})
    @pytramp.callback("int (int)", error=-7)
    def back(n):
        return lib.call_it(ctypes.c_void_p({own.address}), n) + 100
    os.write(out, str(back.address).encode())
    """)
    address = int(other.answer())
    assert held.call_it(pointer(address), 1) == 106
    assert lib.at_once(pointer(address), 2, 1) == 0  # 106 is not n + 1, but nothing crashed
    assert lib.call_it(pointer(address), 1) == 106
    other.destroy()


def states():
    """How many thread states this interpreter has."""
    api = ctypes.pythonapi
    for function in (api.PyInterpreterState_ThreadHead, api.PyThreadState_Next):
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    state = api.PyInterpreterState_ThreadHead(api.PyInterpreterState_Get())
    found = 0
    while state:
        state = api.PyThreadState_Next(state)
        found += 1
    return found


def in_threads(*jobs):
    """Each in a new one, one after the other."""
    failed = []
    for job in jobs:

        def run(job=job):
            try:
                job()
            except BaseException:
                failed.append(job)
                raise

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert not failed


def home():
    """A thread of Python that is in another interpreter comes back as the one it is here."""
    other = Other()
    other.run(f"""
    import ctypes
    libraries = ctypes.CDLL({path!r}), ctypes.PyDLL({path!r})
    def call(library, address):
        assert libraries[library].call_it(ctypes.c_void_p(address), 1) == 2
    """)
    local = threading.local()

    def visit(library):
        seen = []

        def look(n):
            seen.append((getattr(local, "value", None), threading.current_thread(), states()))
            return n + 1

        made = signature(look, error=-7)
        local.value = object()
        expected = (local.value, threading.current_thread(), states())
        for _ in range(2):
            other.run(f"call({library}, {made.address})")
        assert seen == [expected] * 2, (seen, expected)

    visit(0)
    in_threads(lambda: visit(0), lambda: visit(1))
    other.destroy()


def twice_home():
    """... and so does one that comes back from here to the other."""
    other = Other()
    other.run(f"""
    import ctypes
    lib = ctypes.PyDLL({path!r})
    @pytramp.callback("int (int)", error=-7)
    def look(n):
        return local.value + n
    os.write(out, str(look.address).encode())
    """)
    address = int(other.answer())

    def visit(library):
        back = signature(lambda n: library.call_it(pointer(address), n), error=-7)
        other.run(f"""
        local.value = 3
        assert lib.call_it(ctypes.c_void_p({back.address}), 4) == 7
        """)

    visit(held)
    in_threads(lambda: visit(lib), lambda: visit(held))
    other.destroy()


def traceless():
    """PyGILState finds the code that called C where it was, when C has called elsewhere."""
    other = Other()
    other.run(f"""
    import ctypes
    lib = ctypes.CDLL({path!r})
    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    def by_ctypes(n):
        current = _interpreters.get_current()
        return n if int(current[0] if isinstance(current, tuple) else current) == here else -1
    """)
    local = threading.local()

    @prototype
    def by_ctypes(n):
        return n if getattr(local, "is_known", False) else -1

    def visit():
        local.is_known = True
        made = signature(mine, error=-7)
        for n in range(3):
            assert lib.call_both(pointer(other.add_one), by_ctypes, n) == n + 1
        for _ in range(2):
            other.run(f"""
            made = ctypes.c_void_p({made.address})
            for n in range(3):
                assert lib.call_both(made, by_ctypes, n) == n + 5
            """)

    visit()
    in_threads(visit)
    other.destroy()


def lent():
    """What code of another interpreter ran with is not this thread's for good: see 3.12."""
    other = Other()
    other.run(f"""
    import ctypes
    @pytramp.callback("int (int)", error=-7)
    def depth(n):
        frame = sys._getframe()
        while frame := frame.f_back:
            n += 1
        return n
    assert ctypes.CDLL({path!r}).call_it(ctypes.c_void_p(depth.address), 0) == 1
    read, write = os.pipe()
    os.write(out, f"{{depth.address}} {{write}}".encode())
    """)
    depth, write = map(int, other.answer().split())
    waiting = threading.Thread(target=other.run, args=("os.write(out, b'w')\nos.read(read, 1)",))
    waiting.start()
    assert other.answer() == "w"
    answer = lib.call_it(pointer(depth), 0)
    os.write(write, b"x")
    waiting.join()
    assert answer == 0  # not on top of what waits
    other.destroy()


def many():
    others = [Other() for _ in range(8)]
    for other in others:
        assert lib.at_once(pointer(other.add_one), 2, 20) == 40
    for other in others[::2]:
        other.destroy()
    for k, other in enumerate(others):
        assert lib.at_once(pointer(other.add_one), 1, 5) == 5 * (k % 2)
    for other in others[1::2]:
        other.destroy()


globals()[case]()
if case != "first":
    pytramp._core.pool_check()
print("done")
