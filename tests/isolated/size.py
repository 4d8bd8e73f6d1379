"""What a live closure costs: all of its memory, the object, the slot, the code page, the record."""

import gc
import os

import common

import pytramp


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


N = 200_000
function = common.add(1)
closures = [None] * N
common.make(10)
gc.collect()
before = resident()
for i in range(N):
    closures[i] = common.signature(function)
each = (resident() - before) / N
print(f"{each:.0f} bytes each")
assert 50 < each < 300, each
common.check_maps("mremap")
pytramp._core.pool_check()
print("done")
