"""faults_calls.py ACTION LIBRARY: faults.py for calls of every kind, made by C.

No action makes a Python function (nor does it ask for current_thread): CPython 3.12 and 3.13 free
its code twice where memory lacks.
"""

import ctypes
import sys
import threading

import c_library
import faulty

import pytramp

lib = ctypes.CDLL(sys.argv[2])
held = ctypes.PyDLL(sys.argv[2])
for name in ("call_variadic", "call_list", "call_in_thread"):
    getattr(lib, name).argtypes = [ctypes.c_void_p]
held.call_object.argtypes = [ctypes.c_void_p, ctypes.py_object]
held.call_object.restype = ctypes.py_object
int_of_int = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
types = pytramp.cdef("typedef struct { int a; double b[40]; } record;")
records = (types.record * 3)()
records[1].a = 11
numbers = (ctypes.c_double * 6)(1, 2, 3, 4, 5, 6)
text = ctypes.create_string_buffer(b"some text of C")
kept = threading.local()


def closure(declaration, function, **options):
    return pytramp.callback(declaration, function, types=types, **options)


def caller(of, result, *arguments):
    """C's call of a closure, which lives as long."""
    call = ctypes.CFUNCTYPE(result, *arguments)(of.address)
    call.closure = of
    return call


def caller_of(declaration, function, result, *arguments, **options):
    return caller(closure(declaration, function, **options), result, *arguments)


# ---- Values ----


def scalars(*values):
    assert values == (b"c", True, "\u20ac", 1 << 60, 0.5, -3), values
    return 1.5


SCALARS = (ctypes.c_char, ctypes.c_bool, ctypes.c_wchar, ctypes.c_uint64, ctypes.c_float)
call_scalars = caller_of(
    "double (char, _Bool, wchar_t, uint64_t, float, short)",
    scalars,
    ctypes.c_double,
    *SCALARS,
    ctypes.c_short,
    error=-7,
)
call_pointer = caller_of(
    "int (record *p, const char *s, int *n)",
    lambda p, s, n: p[1].a + (p + 1).a + len(s.string()) + (n[0] & 1) + len(n.view(2)),
    ctypes.c_int,
    *[ctypes.c_void_p] * 3,
    error=-7,
)
call_arrays = caller_of(
    "double (int n, const double x[n], double y[n][2], const char s[n], record r[n])",
    lambda n, x, y, s, r: sum(x) + y[1, 1] + len(s) + r[1].a,
    ctypes.c_double,
    ctypes.c_int,
    *[ctypes.c_void_p] * 4,
    error=-7,
)
leaked = []
call_kept_view = caller_of(
    "double (int n, double x[n])",
    lambda n, x: leaked.append(x[1:]) or x[1],
    ctypes.c_double,
    ctypes.c_int,
    ctypes.c_void_p,
    error=-7,
)


def kept_views():
    leaked.clear()
    result = call_kept_view(3, numbers)
    for view in leaked:
        try:
            view[0]
        except ValueError:
            continue
        raise AssertionError("a view outlives its call")
    return result


def variadic(n, va):
    first = va.arg("int")
    if n == 0:
        return first
    second = va.arg("double")
    return int(2 * second) if n == 1 else len(va.format(b"%s"))


reads_variadic = closure("int (int, ...)", variadic, error=-7)
reads_list = closure("int (int, va_list)", variadic, error=-7)
call_functions = caller_of(
    "int (*(int (*)(int)))(int)",
    lambda f: f if f(2) else None,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
abs_address = ctypes.cast(ctypes.CDLL(c_library.NAME).abs, ctypes.c_void_p).value
gives_object = closure("PyObject *(PyObject *)", lambda x: [x, x])
fails_object = closure("PyObject *(PyObject *)", lambda x: [][x])


def call_failing_object():
    try:
        held.call_object(fails_object.address, 3)
    except IndexError:
        return 1
    raise AssertionError("no exception")


# ---- Failures ----


def fails(n):
    raise KeyError(n, [n])


def onerror_fails(exception):
    raise ValueError(str(exception))


call_failing_onerror = caller_of(
    "int (int)", fails, ctypes.c_int, ctypes.c_int, error=-7, onerror=onerror_fails
)
call_wrong_result = caller_of("int (int)", lambda n: 1 << 40, ctypes.c_int, ctypes.c_int, error=-7)
unhandled = closure("int (int)", fails, error=-7)
int_signature = pytramp.Signature("int (int)")
object_signature = pytramp.Signature("PyObject *(PyObject *)")


def stopped():
    """The first exception, once."""
    block = pytramp.propagate(unhandled, stop=sys.getrecursionlimit)
    try:
        with block:
            int_of_int(unhandled.address)(1)
            int_of_int(unhandled.address)(1)
    finally:
        faulty.leave(block)
        assert not block._is_open


class ClosesItself:
    def __call__(self, n):
        self.closure.close()
        return n + (1 << 20) - (1 << 20)


def closes_itself():
    function = ClosesItself()
    function.closure = int_signature(function, error=-7)
    return int_of_int(function.closure.address)(5)


def same(x):
    return x


def late_object():
    made = object_signature(same)
    address = made.address
    made.close()
    try:
        held.call_object(address, 3)
    except pytramp.FreedCallbackError:
        return 1
    raise AssertionError("a late call gave an object")


# ---- Threads that Python did not make ----


def in_thread(n):
    kept.values = [n, [n + 1000]]
    return n + 1


thread_closure = closure("int (int)", in_thread, error=-7)


def profile(*event):
    pass


def thread_with_hooks():
    """As a debugger or coverage sets them."""
    threading.setprofile(profile)
    try:
        return lib.call_in_thread(thread_closure.address)
    finally:
        threading.setprofile(None)


# What to do, and what it may give.
ACTIONS = {
    "scalars": (lambda: call_scalars(b"c", True, "\u20ac", 1 << 60, 0.5, -3), {1.5, -7}),
    "pointer": (lambda: call_pointer(records, text, numbers), {11 + 11 + 14 + 2, -7}),
    "arrays": (lambda: call_arrays(3, numbers, numbers, text, records), {6 + 4 + 3 + 11, -7}),
    "kept_views": (kept_views, {2, -7}),
    "variadic": (lambda: lib.call_variadic(reads_variadic.address), {3 + 5 + 4, -7}),
    "list": (lambda: lib.call_list(reads_list.address), {3 + 5 + 4, -7}),
    "functions": (lambda: call_functions(abs_address), {abs_address, None}),
    "object": (lambda: len(held.call_object(gives_object.address, 3)), {2}),
    "failing_object": (call_failing_object, {1}),
    "failing_onerror": (lambda: call_failing_onerror(1), {-7}),
    "wrong_result": (lambda: call_wrong_result(1), {-7}),
    "stopped": (stopped, None),
    "closes_itself": (closes_itself, {5, -7}),
    "late_object": (late_object, {1}),
    "thread": (lambda: lib.call_in_thread(thread_closure.address), {6, -7, 0}),
    "thread_with_hooks": (thread_with_hooks, {6, -7, 0}),
}

faulty.run(*ACTIONS[sys.argv[1]])
print("done")
