"""leak_report.py CASE: what is alive when the interpreter ends."""

import atexit
import builtins
import contextvars
import ctypes
import functools
import gc
import sys
import threading

import pytramp

case = sys.argv[1]
signature = pytramp.Signature("int (int a, const char *b)")
variable = contextvars.ContextVar("variable")


def function(a, b):
    return 1


def make(name, **options):
    return signature(function, name=name, **options)


def leak(closure):
    """A reference that C holds and never gives back."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(closure))


class Class:
    attribute = make("in a class")

    def method(self, a, b):
        return 1


class Field(ctypes.Structure):
    _fields_ = [("function", type(Class.attribute.as_ctypes()))]


# ---- What goes with the interpreter, one way or another ----

module_level = make("module level")
containers = {"list": [make("in a list"), {make("in a set")}]}
field = Field(make("in a field").as_ctypes())
instance = Class()
instance.bound = signature(instance.method)
local = threading.local()
local.value = make("thread local")
variable.set(make("context variable"))
immortal = make("immortal", immortal=True)
builtins.left_behind = make("in builtins")
sys.left_behind = make("in sys")
sys.modules["left_behind"] = make("in sys.modules")
atexit.register(make("in atexit").__wrapped__, 1, make("in atexit, too"))


@functools.lru_cache
def cached():
    return make("cached")


def cycle():
    def inner(a, b):
        return closure

    closure = signature(inner, name="in a cycle")


def kept_by_a_thread():
    closure = make("in the frame of a thread")
    started.set()
    threading.Event().wait()
    return closure


gc.disable()
cached()
cycle()

# ---- What does not ----

if case == "leaks":
    leak(make("dropped"))
    leak(module_level)
    leak(instance.bound)
    leak(signature(print))
    leak(signature(functools.partial(function)))
    leak(pytramp.callback("double (int (*)(int), const double x[n], int n, ...)", lambda *a: 1.0))
    silenced = make("silenced")
    pytramp.propagate(silenced).__enter__()
    leak(silenced)
    closed = make("closed")
    leak(closed)
    closed.close()
elif case == "thread":
    started = threading.Event()
    threading.Thread(target=kept_by_a_thread, daemon=True).start()
    started.wait()
elif case == "many":
    for n in range(1000):
        leak(make(f"number {n}"))
elif case == "strange":
    leak(make("\ud800 \xe9 \u20ac \U0001f600"))
    exec(compile("leak(signature(function, name='strange'))", "\udcff", "exec"))
else:
    assert case == "nothing"
print("done", flush=True)
