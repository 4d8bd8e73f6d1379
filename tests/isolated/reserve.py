"""pytramp.reserve() before the doors are closed: no system call is needed later."""

import common

import pytramp

pytramp.reserve(30_000)
assert pytramp.stats()["untouched"] >= 30_000
common.deny(
    ["open", "openat", "openat2", "memfd_create", "mremap"], ["mmap", "mprotect", "pkey_mprotect"]
)
closures = common.make(30_000)
common.check(closures)
common.check_maps("mremap")
pytramp._core.pool_check()
print("done")
