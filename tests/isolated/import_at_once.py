"""import_at_once.py SLOW: two interpreters, each with its own GIL, import pytramp first of all.

SLOW is preloaded, and makes what the first of them does take long.
"""

import ctypes
import faulthandler
import os
import sys
import threading

import patience

try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters

faulthandler.dump_traceback_later(patience.seconds(30), exit=True)
CODE = f"""
import sys
sys.path[:] = {sys.path!r}
import pytramp
assert pytramp.callback("int (int)", lambda n: n).address
"""


def make():
    if sys.version_info >= (3, 13):
        return _interpreters.create("isolated")
    return _interpreters.create(isolated=True)


def work(interpreter):
    both.wait()
    failures.append(_interpreters.run_string(interpreter, CODE))


both, failures = threading.Barrier(2), []
threads = [threading.Thread(target=work, args=(make(),)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert failures == [None, None], failures
slow = ctypes.CDLL(sys.argv[1])
assert slow.status_of_a_child() == 0  # would hang
assert slow.keys_made() == 1
print("done", flush=True)
os._exit(0)
