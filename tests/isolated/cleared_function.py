"""The collector clears a function before the closure that calls it."""

import gc

import pytramp

gc.disable()


def make():
    def function(n):
        return kept

    kept = [pytramp.callback("int (int)", function)]
    kept.append(kept)


for _ in range(100):
    make()
gc.collect()
assert pytramp.stats()["live"] == 0
pytramp._core.pool_check()
print("done")
