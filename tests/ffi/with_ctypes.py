"""ctypes' callbacks: more than libffi's pages hold, structs, narrow and wide results."""

import ctypes as c
import os
import sys
import threading

import sandbox

MANY = 10000  # more than are built in

libc = c.CDLL(None)


class Point(c.Structure):
    _fields_ = [("x", c.c_double), ("y", c.c_double)]


class Bits(c.Structure):
    _fields_ = [("a", c.c_uint, 3), ("b", c.c_uint, 29)]


class Packed(c.Structure):
    _pack_ = 1
    _fields_ = [("c", c.c_char), ("x", c.c_double)]


class Texts(c.Structure):
    _fields_ = [("text", c.c_char * 8), ("n", c.c_int)]


def through_c(prototype, function, *args):
    """Called by its address, so that C's side is ctypes' other half."""
    callback = prototype(function)
    return prototype(c.cast(callback, c.c_void_p).value)(*args)


def sort():
    prototype = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_int), c.POINTER(c.c_int))
    numbers = (c.c_int * 1000)(*[(i * 7919) % 1000 for i in range(1000)])
    libc.qsort(numbers, 1000, c.sizeof(c.c_int), prototype(lambda a, b: a[0] - b[0]))
    assert list(numbers) == sorted(numbers)


def scalars():
    for kind, values in {
        c.c_byte: [-128, 127],
        c.c_ubyte: [255],
        c.c_short: [-32768],
        c.c_ushort: [65535],
        c.c_int: [-(2**31)],
        c.c_uint: [2**32 - 1],
        c.c_longlong: [-(2**63)],
        c.c_ulonglong: [2**64 - 1],
        c.c_float: [1.5],
        c.c_double: [2.25],
        c.c_longdouble: [3.125],
        c.c_bool: [True, False],
        c.c_char: [b"c"],
    }.items():
        for value in values:
            assert through_c(c.CFUNCTYPE(kind, kind), lambda x: x, value) == value, kind
    many = c.CFUNCTYPE(c.c_double, *[c.c_double, c.c_int] * 10)
    assert through_c(many, lambda *args: sum(args), *range(20)) == sum(range(20))


def structs():
    seen = []
    prototype = c.CFUNCTYPE(c.c_int, Point, Bits, c.POINTER(Point))
    point = Point(1.5, -2.5)
    answer = through_c(
        prototype,
        lambda p, bits, q: seen.append((p.x, p.y, bits.a, bits.b, q[0].y)) or 7,
        point,
        Bits(5, 12345),
        c.byref(point),
    )
    assert (answer, seen) == (7, [(1.5, -2.5, 5, 12345, -2.5)])
    texts = c.CFUNCTYPE(c.c_int, Texts)
    assert through_c(texts, lambda t: t.n + len(t.text), Texts(b"four", 3)) == 7


def freed():
    prototype = c.CFUNCTYPE(c.c_int)
    for i in range(MANY):
        assert through_c(prototype, lambda i=i: i) == i
    kept = [prototype(lambda i=i: i) for i in range(MANY)]
    assert [callback() for callback in kept] == list(range(MANY))


def threads():
    prototype = c.CFUNCTYPE(c.c_int, c.c_int)

    def work():
        for i in range(200):
            assert through_c(prototype, lambda n: n + 1, i) == i + 1

    running = [threading.Thread(target=work) for _ in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def forks():
    """A child frees its copies and makes others: the parent's are its own."""
    prototype = c.CFUNCTYPE(c.c_int)
    kept = [prototype(lambda i=i: i) for i in range(100)]
    child = os.fork()
    if not child:
        kept.clear()
        others = [prototype(lambda i=i: -i) for i in range(100)]
        os._exit(sum(function() for function in others) != -sum(range(100)))
    assert os.waitpid(child, 0)[1] == 0
    assert [function() for function in kept] == list(range(100))


sandbox.refuse_exec_gain()
for test in (sort, scalars, structs, freed, threads):
    test()
if "--fork" in sys.argv:  # libffi's own do not survive it under MDWE
    forks()
sandbox.finish()
