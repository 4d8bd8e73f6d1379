"""limits.py LIMIT: the system gives no more; what there is goes on, and all does afterwards.

LIMIT is memory (RLIMIT_AS), mappings (vm.max_map_count), files (RLIMIT_NOFILE) or threads
(RLIMIT_NPROC).
"""

import contextlib
import ctypes
import errno
import gc
import mmap
import os
import resource
import sys
import sysconfig
import threading

import common

import pytramp

PAGE = mmap.PAGESIZE
libc = common.libc
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def until_refused(step, give_back):
    """What it gave before, and the text. give_back() gives this function memory for its answer."""
    done = []
    for _ in range(100_000):
        try:
            done.append(step())
        except MemoryError as error:
            give_back()
            return done, str(error)
    raise AssertionError("there is no end")


def extend(closures, n):
    """By n more; number k adds k."""
    for k in range(len(closures), len(closures) + n):
        closures.append(common.signature(common.add(k), error=-7))


def use_up(closures):
    """As many as there are slots, so that the next one needs growth."""
    extend(closures, pytramp.stats()["untouched"])


def works(closures):
    common.check(closures)
    pytramp._core.pool_check()
    common.executable()


# ---- RLIMIT_AS ----


def address_space():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * PAGE


def memory():
    """Closures until none can be had."""
    early = common.make(1000)
    calls = [common.prototype(closure.address) for closure in early[::100]]
    ballast = mmap.mmap(-1, 16 << 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)

    def allow_more():
        resource.setrlimit(resource.RLIMIT_AS, (address_space() + (48 << 20), hard))

    allow_more()
    made, text = until_refused(lambda: common.make(100), ballast.close)
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # its allocator keeps memory that is free
        allow_more()
    results = [call(1000) for call in calls]
    assert results == list(range(1000, 2000, 100)), results
    assert len(made) > 50, len(made)
    print(f"{len(made)}00 closures, then: {text}")
    made = [closure for hundred in made for closure in hundred]
    for k in range(0, len(made), 1000):
        assert common.prototype(made[k].address)(0) == k % 100
    pytramp._core.pool_check()
    for closure in made[: len(made) // 2]:
        closure.close()
    del made[: len(made) // 2], closure
    gc.collect()
    works(common.make(2000))
    growth = common.refused(lambda: [pytramp.reserve(n) for n in range(10_000, 10_000_000, 10_000)])
    assert growth
    assert "Cannot allocate memory" in growth, growth
    works(early)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    pytramp.reserve(pytramp.stats()["untouched"] + 1)
    works(early)


# ---- vm.max_map_count ----


def mapping():
    """A page more than the kernel's limit allows is None. Neighbours differ in their protection."""
    mapping.count += 1
    at = libc.mmap(None, PAGE, mapping.count % 2, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if at == ctypes.c_void_p(-1).value:
        assert ctypes.get_errno() == errno.ENOMEM, os.strerror(ctypes.get_errno())
        return None
    return at


mapping.count = 0


def mappings():
    """As many mappings as a process may have."""
    with open("/proc/sys/vm/max_map_count") as file:
        most = int(file.read())
    if most > 300_000:
        common.skip(f"vm.max_map_count is {most}: using that up takes long")
    early = common.make(1000)
    kept = []
    use_up(kept)
    pytramp._core.set_growth("mremap", "file", "memfd")
    pages = list(iter(mapping, None))
    assert len(pages) > 1000, len(pages)
    print(f"{len(pages)} pages, then no more")
    capacity = pytramp.stats()["capacity"]
    for _ in range(5):
        text = common.refused(lambda: pytramp.reserve(1))
        assert common.refused(lambda: common.make(1)) == text
    print(f"growth: {text}")
    assert "Cannot allocate memory" in text, text
    assert pytramp.stats()["capacity"] == capacity
    # One by one: whatever growth had when it failed, it gave it back.
    tries = 0
    while pytramp.stats()["capacity"] == capacity:
        libc.munmap(pages.pop(), PAGE)
        tries += 1
        try:
            pytramp.reserve(1)
        except MemoryError:
            assert tries < 30, "it does not grow with 30 mappings to spare"
    print(f"it grew with {tries} mappings to spare")
    for page in pages:
        libc.munmap(page, PAGE)
    works(common.make(6000))
    works(early)
    works(kept)


# ---- RLIMIT_NOFILE ----


def files():
    """No descriptor for the step that opens the module's file."""
    kept = []
    use_up(kept)
    pytramp._core.set_growth("file")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    opened = []
    with contextlib.suppress(OSError):
        while True:
            opened.append(os.dup(1))
    text = common.refused(lambda: common.make(1))
    assert "open of the module's file: Too many open files" in text, text
    pytramp._core.set_growth("mremap", "file")
    extend(kept, 1)
    assert pytramp.stats()["source"] == "mremap", pytramp.stats()
    use_up(kept)
    pytramp._core.set_growth("file")
    common.refused(lambda: common.make(1))
    os.close(opened.pop())
    extend(kept, 1)
    works(kept)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for fd in opened:
        os.close(fd)


# ---- RLIMIT_NPROC ----


def threads():
    """No thread, no process: growth and calls need neither."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
    try:
        threading.Thread(target=print).start()
    except RuntimeError as error:
        print(error)
    else:
        common.skip("RLIMIT_NPROC does not hold here")
    kept = []
    use_up(kept)
    for step in ("mremap", "file", "memfd"):
        if step == "file" and not os.access(pytramp._core.__file__, os.R_OK):
            print("nobody may not read the module's file here")
            continue
        use_up(kept)
        pytramp._core.set_growth(step)
        extend(kept, 1)
        works(kept)


LIMITS = {"memory": memory, "mappings": mappings, "files": files, "threads": threads}
LIMITS[sys.argv[1]]()
print("done")
