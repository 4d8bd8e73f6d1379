"""faults_types.py ACTION: faults.py for whatever makes a C type, from each notation."""

import _testcapi
import ctypes
import sys

import faulty

import pytramp
from pytramp import c
from pytramp.annotations import of_callable

Type = pytramp._core.Type
number = Type.scalar("int")
pointer = Type.pointer("int *", number)
word = ctypes.sizeof(ctypes.c_void_p)
binary = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double)]


MEMBERS = [(number, 1, 0), (Type.scalar("double"), 1, 8)]


def annotated(x: c.double, p: c.const_int_p) -> c.int:
    return 0


def custom():
    return Type.custom("my_int", number, ctypes.c_int, int, None)


# The same text is read once.
texts = iter([f"typedef struct {{ int a[{n}]; char *b; }} pair_t;" for n in range(1, 10_000)])


def completed():
    """What memory was missing for has its fields when there is memory."""
    types = pytramp.cdef(next(texts))
    try:
        return types.pair_t
    finally:
        _testcapi.remove_mem_hooks()
        assert [name for name, *_ in types.pair_t._fields_] == ["a", "b"]
        assert types.pair_t.b.offset + word == ctypes.sizeof(types.pair_t)


# What to do, and what it may give.
ACTIONS = {
    "scalar": (lambda: Type.scalar("unsigned long").size, {ctypes.sizeof(ctypes.c_ulong)}),
    "alias": (lambda: Type.alias("my_int", number).size, {4}),
    "opaque": (lambda: Type.opaque("struct s").spelling, {"struct s"}),
    "pointer": (lambda: Type.pointer("int *", number, True).target.size, {4}),
    "array": (lambda: Type.array("int", number, ((3,),), False, -1).dimensions, {((3,),)}),
    "aggregate": (lambda: Type.aggregate(Pair, "struct pair", 16, 8, MEMBERS, False).size, {16}),
    "custom": (lambda: custom().size, {4}),
    "object": (lambda: Type.object().size, {word}),
    "va_list": (lambda: Type.va_list().kind, None),
    "attributes": (lambda: (pointer.target, pointer.kind, repr(pointer), hash(pointer)), None),
    "compared": (lambda: Type.pointer("int *", number) == pointer, {True}),
    "signature": (lambda: str(pytramp.Signature("int (int *, double)")), None),
    "signature_of_arrays": (lambda: str(pytramp.Signature("int (int n, double x[n])")), None),
    "signature_parts": (
        lambda: [t.size for t in pytramp.Signature("int (int *, double)").arguments] == [word, 8],
        {True},
    ),
    "from_types": (lambda: str(pytramp.Signature.from_types(Pair, Pair, ctypes.c_char_p)), None),
    "prototype": (lambda: pytramp.callback(binary, abs).close(), None),
    "annotations": (lambda: str(of_callable(annotated)), None),
    "cdef": (lambda: pytramp.cdef(next(texts)).pair_t, None),
    "completed": (completed, None),
    "pointer_object": (lambda: pytramp.Pointer("int *", 4096).address, {4096}),
    "cast": (lambda: pytramp.Pointer("int *", 4096).cast("char *").address, {4096}),
    "explain": (lambda: str(pytramp.Signature("int (int *, double)").explain()), None),
}

faulty.run(*ACTIONS[sys.argv[1]])
print("done")
