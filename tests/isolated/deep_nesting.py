"""A closure of a closure of a closure: freeing the last one frees them all."""

import pytramp

signature = pytramp.Signature("int (int)")
closure = signature(abs)
live = pytramp.stats()["live"]
for _ in range(200_000):
    closure = signature(closure)
try:
    closure(1)
except RecursionError:
    pass
else:
    raise AssertionError("200 000 calls deep")
del closure
assert pytramp.stats()["live"] == live - 1
pytramp._core.pool_check()
print("done")
