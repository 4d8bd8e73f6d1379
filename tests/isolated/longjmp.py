"""longjmp.py CASE LIBRARY: C jumps over a Python callback, which is forbidden; what is left then.

held: its caller has kept the GIL. released: it has not.
"""

import ctypes
import os
import signal
import sys
import sysconfig

import pytramp

case = sys.argv[1]
held, released = ctypes.PyDLL(sys.argv[2]), ctypes.CDLL(sys.argv[2])
# The C stack that was left is where these versions look next.
survives = not (3, 11) <= sys.version_info < (3, 13)


def function(n):
    if n:
        held.jump()
    return n + 1


def blocked(n):
    signal.alarm(3)
    held.jump()


signature = pytramp.Signature("int (int)")
if case == "released":
    print("done", flush=True)  # nothing comes after it
    released.guarded(signature(blocked))
    os._exit(3)

closure = signature(function, error=-7)
JUMPS = 100 if survives else 1
# Without a GIL a call names its closure in its thread instead, and this one does for good.
takes_reference = not sysconfig.get_config_var("Py_GIL_DISABLED")
before = sys.getrefcount(closure)
results = []
for _ in range(JUMPS):
    results.append(held.guarded(closure, 5))
    if survives:
        results.append(held.guarded(closure, 0))
left = sys.getrefcount(closure) - before
os.write(1, b"%d references\ndone\n" % left)
assert results == ([99, 1] * JUMPS if survives else [99])
assert left == (JUMPS if takes_reference else 0)
os._exit(0)
