"""A closure is closed between C's call and the call of its function: while arguments are made."""

import ctypes
import sys

import pytramp

called = []


class Closing(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int)]

    @classmethod
    def from_buffer_copy(cls, data):
        made = type(cls).from_buffer_copy(cls, data)
        if made.a == 0:
            closure.close()
        if made.a == 1:
            closures.clear()
        return made


reports = []
sys.unraisablehook = lambda args: reports.append(args.exc_type)
for argument, options in ((0, {}), (1, {}), (0, {"error": -7}), (1, {"onerror": print})):
    closures = [
        pytramp.Signature.from_types("int", Closing)(
            lambda value: called.append(value.a) or 5, **options
        )
    ]
    closure = closures[0]
    call = ctypes.CFUNCTYPE(ctypes.c_int, Closing)(closure.address)
    if argument == 1:
        del closure
    # The call began before the end: it may still run, or be late, but nothing else.
    before, error = len(called), options.get("error", 0)
    assert call(Closing(argument)) == (5 if len(called) > before else error)
    assert call(Closing(2)) == error
assert reports, "late calls are reported"
pytramp._core.pool_check()
print("done")
