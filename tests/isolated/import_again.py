"""import_again.py: an import that failed for want of something of the system's works later."""

import ctypes
import sys

libc = ctypes.CDLL(None)
key, taken = ctypes.c_uint(), []
while not libc.pthread_key_create(ctypes.byref(key), None):
    taken.append(key.value)

for _ in range(2):
    try:
        import pytramp
    except ImportError as error:
        assert isinstance(error.__cause__, OSError), repr(error.__cause__)
    else:
        raise AssertionError("imported without a key")
    for name in [name for name in sys.modules if name.startswith("pytramp")]:
        del sys.modules[name]

for each in taken:
    libc.pthread_key_delete(each)
import pytramp  # noqa: E402

assert pytramp.callback("int (int)", lambda n: n + 1).as_ctypes()(1) == 2
print("done")
