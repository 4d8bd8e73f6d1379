"""stack_limit.py LIBRARY: RLIMIT_STACK is raised after a callback has run in the main thread."""

import ctypes
import resource
import sys

import pytramp

KIB = 1024
using = ctypes.CDLL(sys.argv[1]).using
using.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
if soft in (resource.RLIM_INFINITY, hard) or soft > 64 << 20:
    print("this process's stack has no limit that could be raised")
    sys.exit(77)
reports = []
sys.unraisablehook = reports.append
callback = pytramp.callback("int (int)", lambda n: n + 1, error=-1)
address = int(callback)
assert using(address, 4 * KIB) == 2

assert using(address, soft - 150 * KIB) == 2
resource.setrlimit(resource.RLIMIT_STACK, (2 * soft, hard))
if sys.version_info < (3, 14):
    for room in (150, 60, 30, -1000):
        assert using(address, soft - room * KIB) == 2, room
    assert not reports
else:  # CPython itself keeps to the limit that it found
    assert using(address, soft - 150 * KIB) == 2
    assert not reports
    for room in (60, 30):
        assert using(address, soft - room * KIB) == -1, room
    assert {report.exc_type for report in reports} == {RecursionError}
print("done")
