"""faults.py ACTION: one allocation of Python's fails, then the next one, then all from each on.

The action succeeds with the right answer or raises MemoryError, and leaves everything in order.

Nothing here may call list.append: in CPython 3.15.0 its specialised form frees the item twice when
the list cannot grow (gh-151818).
"""

import ctypes
import functools
import gc
import sys

import faulty

import pytramp
import pytramp._ctypes

prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
signature = pytramp.Signature("int (int)")


class Memory(ctypes.Structure):
    _fields_ = [("a", ctypes.c_long), ("b", ctypes.c_long), ("c", ctypes.c_long * 20)]


structs = pytramp.Signature.from_types(Memory, Memory, ctypes.c_int)
struct_prototype = ctypes.CFUNCTYPE(Memory, Memory, ctypes.c_int)
many = pytramp.Signature.from_types(ctypes.c_longlong, *[ctypes.c_longlong] * 40)
many_prototype = ctypes.CFUNCTYPE(ctypes.c_longlong, *[ctypes.c_longlong] * 40)
numbers = [1 << 40] * 40


def big(n):
    return (1 << 30) + n - (1 << 30) + 1000


def fails(n):
    raise KeyError(n, [n])


def onerror(exception):
    return 1000 + len(exception.args)  # 2 of the KeyError, none of a MemoryError


class Callable:
    def __call__(self, n):
        return [n, n + 1000][1]


def cycle():
    kept = [None]  # not append(): see the top of this file
    kept[0] = signature(functools.partial(kept.index, 3))


works = signature(big, error=-7)
works_call = prototype(works.address)
raises = signature(fails, error=-7, onerror=onerror)
raises_call = prototype(raises.address)
unhandled = signature(fails, error=-7)
unhandled_call = prototype(unhandled.address)
takes_structs = structs(lambda s, n: (s.a, s.b, s.c), error=(7,))
struct_call = struct_prototype(takes_structs.address)
takes_many = many(lambda *args: sum(args), error=-7)
many_call = many_prototype(takes_many.address)
struct = Memory(5, 6)


class Loop:
    """What loop= needs of an event loop, without its tasks."""

    queue = []

    def call_soon_threadsafe(self, call, context):
        self.queue.append(call)

    def is_closed(self):
        return False

    def call_exception_handler(self, context):
        pass


loop = Loop()
scheduled = signature(big, loop=loop, result=1, error=-7)
scheduled_call = prototype(scheduled.address)


def schedule():
    result = scheduled_call(1)
    while loop.queue:
        loop.queue.pop()()
    return result


def late():
    closure = signature(Callable(), error=-7)
    call = prototype(closure.address)
    closure.close()
    return call(1)


both = (raises, unhandled)


def propagated():
    """Within another block, which has its exception."""
    outer, block, caught = pytramp.propagate(both), pytramp.propagate(both), KeyError()
    outer.__enter__()
    try:
        outer._caught[0] = caught
        raises._settle(), unhandled._settle()
        with block:
            unhandled_call(1)
    finally:
        faulty.leave(block)
        if outer._is_open:  # never left by `with`
            outer._leave()
        assert not block._is_open


# What to do, and what it may give.
ACTIONS = {
    "make": (lambda: signature(big), None),
    "make_with_all": (
        lambda: signature(big, error=-(1 << 30), onerror=onerror, name="some name", immortal=False),
        None,
    ),
    "make_with_a_struct": (lambda: structs(big_struct, error=(1, 2)), None),
    "callback": (lambda: pytramp.callback("int (int)", Callable()), None),
    # Of types that are known: pybind11 itself crashes when it has no memory for a new Type.
    "signature": (lambda: str(pytramp.Signature("int (int)")), None),
    "as_ctypes": (lambda: works.as_ctypes(), None),
    "attributes": (lambda: (works.address, works.name, works.origin, repr(works)), None),
    "close": (lambda: signature(Callable(), name="x").close(), None),
    "with": (lambda: signature(Callable()).__enter__().__exit__(None, None, None), None),
    "cycle": (lambda: (cycle(), gc.collect()), None),
    "call": (lambda: works_call(1), {1001, -7}),
    "call_with_structs": (lambda: struct_call(struct, 1).a, {5, 7}),
    "call_with_many": (lambda: many_call(*numbers), {40 << 40, -7}),
    "call_that_raises": (lambda: raises_call(1), {1002, 1000, -7}),
    "call_unhandled": (lambda: unhandled_call(1), {-7}),
    "make_with_loop": (lambda: signature(big, loop=loop, result=1, error=-7), None),
    "call_with_loop": (schedule, {1, -7}),
    "late_call": (late, {-7}),
    "propagate": (propagated, None),
    "stats": (lambda: pytramp.stats()["live"], None),
}


def big_struct(s, n):
    return s


faulty.run(*ACTIONS[sys.argv[1]])
assert works_call(1) == 1001
assert raises_call(1) == 1002
assert struct_call(struct, 1).b == 6
assert many_call(*numbers) == 40 << 40
print("done")
