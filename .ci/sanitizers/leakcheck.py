"""Started by every interpreter of the venv: LeakSanitizer looks at the process while Python still lives.

At the very end it would report all that CPython never frees. Here what Python keeps is reachable, and
unreachable is what nobody can free any more: memory, or an object with a reference too many.
"""

import atexit


def check() -> None:
    import ctypes
    import gc

    gc.collect()
    find = getattr(ctypes.CDLL(None), "__lsan_do_recoverable_leak_check", None)
    if find is not None:  # None where LD_PRELOAD was taken away
        find()


atexit.register(check)
