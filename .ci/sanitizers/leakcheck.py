"""Started by every interpreter of the venv: LeakSanitizer looks while Python still lives.

At the very end it would report all that CPython never frees. Here what Python keeps is reachable,
and unreachable is what nobody can free any more: memory, or an object with a reference too many.
"""

import atexit

LARGEST = 32 << 20  # the sanitizer's own shadow memory is larger by far


def mapped() -> list[tuple[int, int]] | None:
    """Anonymous memory, begin and size: where the pool keeps its records. None without /proc."""
    try:
        with open("/proc/self/maps") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    found = []
    for words in map(str.split, lines):
        begin, end = (int(word, 16) for word in words[0].split("-"))
        # malloc's memory lies below, at 0x6...: a leak is not to be a root.
        if words[1] == "rw-p" and len(words) == 5 and begin >> 44 == 7 and end - begin < LARGEST:
            found.append((begin, end - begin))
    return found


def check() -> None:
    import ctypes
    import gc

    libc = ctypes.CDLL(None)
    find = getattr(libc, "__lsan_do_recoverable_leak_check", None)
    roots = mapped()
    # Where LD_PRELOAD or /proc was taken away, nothing can be found.
    if find is None or roots is None:
        return
    gc.collect()
    for begin, size in roots:
        libc.__lsan_register_root_region(ctypes.c_void_p(begin), ctypes.c_size_t(size))
    find()


atexit.register(check)
