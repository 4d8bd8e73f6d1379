"""Both sides of a fork use, free and make closures."""

import ctypes
import faulthandler
import itertools
import os
import signal
import sys
import threading

import patience

import pytramp

faulthandler.dump_traceback_later(patience.seconds(40), exit=True)
lib = ctypes.CDLL(sys.argv[1])
case = sys.argv[2]
signature = pytramp.Signature("int (int)")
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def add_one(n):
    return n + 1


before = [signature(add_one, error=-7) for _ in range(2000)]
pointers = [prototype(closure.address) for closure in before]
for closure in before[:500]:
    closure.close()


def use(check):
    """The whole life of closures, of those from before the fork and of new ones."""
    late = []
    # Not the reports: the garbage collector does not see into them, and they lead to this frame.
    hook, sys.unraisablehook = sys.unraisablehook, lambda report: late.append(report.exc_type)
    assert [pointers[i](1) for i in (0, 499, 500, 1999)] == [-7, -7, 2, 2]
    assert len(late) == 2, late
    for closure in before[500:1000]:
        closure.close()
    assert pointers[600](1) == -7
    made = [signature(lambda n, k=k: n + k) for k in range(9000)]
    assert [prototype(made[k].address)(1) for k in (0, 10, 8999)] == [1, 11, 9000]
    addresses = {closure.address for closure in made}
    assert len(addresses) == len(made)
    assert not addresses & {closure.address for closure in before[1000:]}
    assert lib.at_once(before[1500], 4, 20) == 80
    for closure in made[::2]:
        closure.close()
    if check:
        pytramp._core.pool_check()
    sys.unraisablehook = hook
    return 0


def in_child(check=True):
    """Ends the process, with 0 if all is well."""
    code = 1
    try:
        code = use(check)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child failed"


def fork_here(check=True):
    pid = os.fork()
    if not pid:
        in_child(check)
    wait(pid)


def grandchild():
    pid = os.fork()
    if not pid:
        fork_here()
        os._exit(0)
    wait(pid)


def fork_beside(work, times, in_child):
    """While three threads do their work over and over; the child ends with what in_child gives."""
    enough = threading.Event()

    def work_on():
        while not enough.is_set():
            work()

    threads = [threading.Thread(target=work_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(times):
        pid = os.fork()
        if not pid:
            signal.alarm(patience.seconds(40))
            os._exit(in_child())
        wait(pid)
    enough.set()
    for thread in threads:
        thread.join()


@signature
def forking(n):
    """Forks inside a call: the child is in the callback, too, and returns from it."""
    global child
    child = os.fork()
    return n + 1


if case == "plain":
    fork_here()
    grandchild()
    use(True)
elif case == "worker":  # a thread of C that has been in Python, and is outside
    lib.worker_start()
    assert lib.worker_call(before[1600], 1) == 2
    fork_here()
    assert lib.worker_call(before[1600], 2) == 3
    lib.worker_end()
    use(True)
elif case == "callers":  # threads of C that are calling all the time
    # Without a GIL, 3.13 stops the world for the state of the first new thread, and the child of
    # a fork at that moment waits for it for ever; with ctypes' callbacks, too.
    assert lib.in_turn(before[1600], 1, 1) == 1
    lib.callers_start(before[1600], 3)
    for _ in range(10):
        fork_here()
    assert lib.callers_end() == 0
    use(True)
elif case == "declaring":  # threads that hold the lock of the Python code most of the time

    def declare(n):
        header = f"struct s {{ int x[{n % 50 + 1}]; }}; int f(struct s);"
        return pytramp.cdef(header).f(lambda s: n, error=-7)

    def declare_in_child():
        declare(1)
        with pytramp.propagate(declare(2)):
            return 0

    declare(0)  # a child that imports what another thread was importing waits for ever, in Python
    numbers = itertools.count(1)
    fork_beside(lambda: declare(next(numbers)), 40, declare_in_child)
elif case == "newcomers":  # threads of C that call for the first time, and get a thread state
    fork_beside(lambda: lib.in_turn(before[1500], 1, 1), 400, lambda: int(pointers[1500](1) != 2))
elif case == "inside":
    assert prototype(forking.address)(1) == 2
    if not child:
        in_child()
    wait(child)
    use(True)
else:  # inside a call from a thread of C: that thread is the child's only one

    @signature
    def forking_thread(n):
        pid = os.fork()
        if not pid:
            in_child()
        wait(pid)
        return n + 1

    assert lib.in_turn(forking_thread, 2, 1) == 2
    thread = threading.Thread(target=fork_here)
    thread.start()
    thread.join()
    use(True)
print("done")
