"""asyncio_shutdown.py CASE LIBRARY: the interpreter ends while calls wait for an event loop."""

import asyncio
import ctypes
import faulthandler
import sys
import threading
import warnings

import patience

import pytramp

case = sys.argv[1]
lib = ctypes.CDLL(sys.argv[2])
faulthandler.dump_traceback_later(patience.seconds(50), exit=True)
warnings.simplefilter("ignore", ResourceWarning)  # of a loop that is not closed, where that is it
signature = pytramp.Signature("int (int)")
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def nothing(n):
    pass


def make(loop, function=nothing):
    return signature(function, loop=loop, result=1, error=-7, name=case)


if case == "pending":  # the loop never ran, and is not closed
    loop = asyncio.new_event_loop()
    closure = make(loop)
    assert [prototype(closure.address)(n) for n in range(100)] == [1] * 100
elif case == "closed":
    loop = asyncio.new_event_loop()
    closure = make(loop)
    assert prototype(closure.address)(1) == 1
    loop.close()
elif case == "callers":  # while the loop runs, when it is closed, and while the interpreter ends
    sys.unraisablehook = lambda args: None  # closed: once per call

    async def main():
        global closure
        closure = make(asyncio.get_running_loop())
        lib.callers_start(ctypes.c_void_p(closure.address), 3)
        await asyncio.sleep(0.05)

    asyncio.run(main())
elif case == "task":  # waits for ever in a loop that stopped

    async def wait(n):
        await asyncio.get_running_loop().create_future()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # "destroyed but it is pending"
    closure = make(loop, wait)
    assert prototype(closure.address)(1) == 1
    loop.run_until_complete(asyncio.sleep(0.01))
elif case == "daemon":  # the loop runs in a daemon thread, C calls it
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    closure = make(loop)
    lib.callers_start(ctypes.c_void_p(closure.address), 2)
    closed = threading.Event()
    loop.call_soon_threadsafe(closed.set)
    closed.wait()
elif case == "after_run":  # nothing waits: nothing to report

    async def run():
        closure = make(asyncio.get_running_loop())
        assert prototype(closure.address)(1) == 1
        await asyncio.sleep(0)

    asyncio.run(run())
elif case == "c_atexit":
    loop = asyncio.new_event_loop()
    closure = make(loop)
    lib.call_at_exit(ctypes.c_void_p(closure.address))
    loop.close()
else:
    raise AssertionError(case)
print("done", flush=True)
