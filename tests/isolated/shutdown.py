"""shutdown.py CASE LIBRARY RUNS: C calls while the interpreter ends, and after, and writes results.

Each run is a child of its own, which goes on below and ends as any interpreter does. What they
wrote is printed, a line for each. Without fork a child is told that it is one: RUNS is "child".
"""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import patience

case = sys.argv[1]
lib = ctypes.CDLL(sys.argv[2])
held = ctypes.PyDLL(sys.argv[2])  # the same; its calls keep the GIL


def registered_early():
    if not in_child:
        return
    if case == "atexit":
        lib.call_now(b"early", pointer, 1)
    elif case == "worker_ends":
        held.worker_end()
    elif case == "guarded":
        lib.worker_go()


in_child = False
atexit.register(registered_early)

import pytramp  # noqa: E402 (what was registered before it runs after)

signature = pytramp.Signature("int (int)")
TOO_LONG = patience.seconds(100)  # seconds; a call that never returns


def run_anew():
    """What a child wrote that begins like this process."""
    command = [*sys.orig_argv[:-1], "child"]
    done = subprocess.run(command, stdout=-1, stderr=-2, text=True, timeout=TOO_LONG, check=False)
    assert done.returncode == 0, f"a run ended with {done.returncode}: {done.stdout}"
    return done.stdout


def run_in_child():
    """In the child, returns None; in its parent, what the child wrote, when it has ended well."""
    if sys.argv[3] == "child":
        return None
    if not hasattr(os, "fork"):
        return run_anew()
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(into, 1)
        os.dup2(into, 2)
        os.close(into)
        os.close(out)
        signal.alarm(TOO_LONG)
        return None
    os.close(into)
    with open(out, errors="backslashreplace") as file:
        text = file.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, f"a run ended with {status}: {text}"
    return text


for _ in range(1 if sys.argv[3] == "child" else int(sys.argv[3])):
    written = run_in_child()
    if written is None:
        in_child = True
        break
    print(repr(written), flush=True)
else:
    print("done")
    sys.exit()


def add_one(n):
    return n + 1


def add_slowly(n):
    time.sleep(0.0005)
    return n + 1


closure = signature(add_one, error=-7, name="shutdown")
pointer = ctypes.c_void_p(closure.address)


class AtTheEnd:
    """A module-level object that calls C when the module is torn down."""

    def __init__(self, call, pointer):
        self.call, self.pointer = call, pointer

    def method(self, n):
        return n

    def __del__(self):
        self.call(b"del", self.pointer, 1)


def registered_late():
    lib.call_now(b"late", pointer, 1)


if case == "del":
    at_the_end = AtTheEnd(lib.call_now, pointer)
elif case == "del_of_immortal":
    immortal = signature(abs, error=-7, immortal=True)
    at_the_end = AtTheEnd(lib.call_now, ctypes.c_void_p(immortal.address))
    del immortal
elif case == "cycle":
    at_the_end = AtTheEnd(lib.call_now, pointer)
    at_the_end.closure = signature(at_the_end.method)
    at_the_end.itself = at_the_end
elif case == "atexit":
    atexit.register(registered_late)
elif case == "c_atexit":
    lib.at_exit(pointer, 0)
elif case == "c_atexit_closed":
    lib.at_exit(pointer, 0)
    closure.close()
elif case == "c_atexit_thread":
    lib.at_exit(pointer, 1)
elif case == "worker":  # its thread ends after the interpreter
    lib.worker_start(pointer)
    lib.at_exit(pointer, 2)
elif case == "worker_ends":  # when callbacks are closed to it, and it could not get the GIL
    lib.worker_start(pointer)
elif case == "nobody_is_lost":
    # While this closure's callable runs, no other thread can: Python has no time to end in between.
    closure = signature(abs, error=-7)
    lib.at_exit(ctypes.c_void_p(closure.address), 3)
    lib.counters_start(3, 1)
    time.sleep(0.003)
elif case == "nobody_is_lost_waiting":  # for the GIL, for longer than calls inside are waited for
    atexit.register(lib.be_slow)
    closure = signature(held.same, error=-7)
    lib.at_exit(ctypes.c_void_p(closure.address), 3)
    lib.counters_start(3, 0)
    time.sleep(0.003)
elif case == "callers":
    lib.callers_start(pointer, 3)
    time.sleep(0.02)
elif case == "crowd":  # most of them have no CPU, at whatever point of a call that was
    lib.callers_start(pointer, 32)
    time.sleep(0.02)
elif case == "slow_callers":
    closure = signature(add_slowly, error=-7)
    lib.callers_start(ctypes.c_void_p(closure.address), 3)
    time.sleep(0.02)
elif case == "callers_of_closed":
    lib.callers_start(pointer, 3)
    time.sleep(0.01)
    sys.unraisablehook = lambda args: None
    closure.close()
elif case == "daemon":

    def call_for_ever():
        while True:
            lib.call_quietly(pointer)

    for _ in range(3):
        threading.Thread(target=call_for_ever, daemon=True).start()
    time.sleep(0.01)
elif case == "inside":  # a thread of C is inside a call when the interpreter ends

    @signature
    def waits(n):
        started.set()
        time.sleep(0.03)
        return n + 1

    started = threading.Event()
    lib.callers_start(waits, 1)
    started.wait()
elif case == "guarded":  # something keeps Python from its end, after callbacks were closed
    api = ctypes.pythonapi
    api.PyInterpreterGuard_FromCurrent.restype = ctypes.c_void_p
    guard = ctypes.c_void_p(api.PyInterpreterGuard_FromCurrent())

    @signature
    def lets_go(n):
        api.PyInterpreterGuard_Close(guard)
        time.sleep(0.02)  # but this call does
        return n + 1

    lib.worker_start_later(pointer, lets_go)
    lib.at_exit(pointer, 4)
elif case == "propagate":
    pytramp.propagate(closure).__enter__()
    lib.at_exit(pointer, 0)
else:
    raise AssertionError(case)
print("ends", flush=True)
