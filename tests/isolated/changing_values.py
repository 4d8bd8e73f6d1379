"""What a value's __index__ and a key's __hash__ do to the container that they are read from."""

import ctypes
import sys

import pytramp

N = 40
types = pytramp.cdef(
    f"struct many {{ long {', '.join(f'm{i}' for i in range(N))}; }};"
    "struct outer { struct many inner; int z; };"
)
expected = [1, *range(10**6, 10**6 + N - 1)]
junk = []


class Clears:
    """An int that empties a container, whose memory others then have."""

    def __init__(self, container):
        self.container = container

    def __index__(self):
        self.container.clear()
        size = sys.getsizeof((0,) * N) - sys.getsizeof(b"")
        junk[:] = [b"A" * size for _ in range(2000)]
        return 1


class Key(str):
    """A name that empties a dict when it is looked up."""

    armed = False

    def __hash__(self):
        if self.armed:
            keyed.clear()
        return str.__hash__(self)


def row(container):
    return (Clears(container), *expected[1:])


def values_of(many):
    return [getattr(many, f"m{i}") for i in range(N)]


def returned(outer):
    function = pytramp.callback("struct outer (void)", lambda: outer, types=types)
    return ctypes.CFUNCTYPE(types.outer)(function.address)()


# ---- A dict ----

outer = {}
outer["inner"] = row(outer)
assert values_of(returned(outer).inner) == expected

reports = []
sys.unraisablehook = lambda unraisable: reports.append(unraisable.exc_type)
for _ in range(50):
    Key.armed = False
    keyed = {Key("nobody" * 50): 1}
    Key.armed = True
    returned(keyed)
Key.armed = False
assert reports == [TypeError] * 50

# ---- A list, by a slice ----

rows = []
rows[:] = [row(rows), ()]
memory = (types.many * 2)()
pytramp.Pointer(ctypes.POINTER(types.many), memory)[0:2] = rows
assert values_of(memory[0]) == expected

print("done")
