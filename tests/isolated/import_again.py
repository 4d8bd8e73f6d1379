"""import_again.py: an import that failed for want of something of the system's works later."""

import ctypes
import sys

libc = ctypes.CDLL(None)
key, taken = ctypes.c_uint(), []
while not libc.pthread_key_create(ctypes.byref(key), None):
    taken.append(key.value)


def attempt():
    """What kept it from being imported, or None."""
    try:
        import pytramp
    except ImportError as error:
        for name in [name for name in sys.modules if name.startswith("pytramp")]:
            del sys.modules[name]
        return error
    assert pytramp.callback("int (int)", lambda n: n + 1).as_ctypes()(1) == 2
    return None


errors = []
while error := attempt():  # pybind11 wants some, too
    errors.append(error)
    libc.pthread_key_delete(taken.pop())
assert isinstance(errors[-1].__cause__, OSError), errors
print("done")
