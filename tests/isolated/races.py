"""races.py CASE LIBRARY: threads of C call closures that are freed meanwhile, in every way."""

import ctypes
import faulthandler
import gc
import sys
import threading
import time
import warnings

import patience

import pytramp

faulthandler.dump_traceback_later(patience.seconds(100), exit=True)
case = sys.argv[1]
lib = ctypes.CDLL(sys.argv[2])
lib.callers_calls.restype = ctypes.c_long
signature = pytramp.Signature("int (int)")
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
PLACES, ROUNDS = 8, 400
late = []
sys.unraisablehook = lambda args: late.append(args.exc_type)
sys.setswitchinterval(1e-5)
warnings.simplefilter("ignore", ResourceWarning)  # of a file that the collector closes


# Each makes a closure that adds k, which no other does at this time: an answer shows who gave it.


def plain(k):
    return signature(lambda n: n + k, error=-7)


def in_a_cycle(k):
    def function(n):
        return n + k if closure else 0

    closure = signature(function, error=-7)
    return closure


def owned(k):
    """A method of an object that has the closure, among things that take time to go."""

    class Owner:
        def method(self, n):
            return n + k

        def __del__(self):
            time.sleep(0)

    owner = Owner()
    owner.closure = signature(owner.method, error=-7)
    owner.things = [threading.Lock(), open(__file__), {}, set()]
    return owner.closure


def frees_itself(k):
    """Its only reference is in a cell, which the first call empties."""

    def function(n):
        holder.clear()
        return n + k

    holder = [signature(function, error=-7)]
    return holder[0]


def makes_and_frees(k):
    def function(n):
        made = [plain(k) for _ in range(30)]
        assert prototype(made[0].address)(n) == n + k
        for closure in made[::2]:
            closure.close()
        return n + k

    return signature(function, error=-7)


def use(place, closure):
    lib.use(place, ctypes.c_void_p(closure.address))


def collect():
    while not ended.is_set():
        gc.collect(0)


make = {
    "close": [plain],
    "leave": [plain, owned],
    "drop": [plain],
    "collect": [in_a_cycle, owned],
    "inside": [frees_itself],
    "churn": [makes_and_frees, plain],
}[case]
ended = threading.Event()
collector = threading.Thread(target=collect)
if case != "collect":
    gc.set_threshold(100)
else:
    gc.disable()
    collector.start()

# A call that waits for the GIL while a thousand others are freed outlives its quarantine, and with
# it the error value: it gets zero. An address that outlives it may be another place's by then:
# there all places add the same.
lib.callers_start(3, case == "churn")
for n in range(ROUNDS):
    place = n % PLACES
    closure = make[n % len(make)](lib.added(place))
    use(place, closure)
    if n % 16 == 0:
        time.sleep(0.001)  # C gets its turn
    if case in ("close", "churn"):
        closure.close()
    elif case == "leave":
        with closure:
            pass
    del closure
    if n % 3 == 0:
        time.sleep(0)  # before the memory is used again
calls = lib.callers_calls()
while lib.callers_calls() < calls + 1000:
    time.sleep(0.001)
wrong = lib.callers_end()
ended.set()
if collector.ident:
    collector.join()
gc.collect()
assert wrong == 0, wrong
assert set(late) <= {pytramp.FreedCallbackError}, set(late)
assert pytramp.stats()["live"] == 0, pytramp.stats()
pytramp._core.pool_check()
print("done")
