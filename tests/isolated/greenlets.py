"""greenlets.py CASE LIBRARY HOW: greenlets left within callbacks, and calls that end crosswise.

HOW is held or released: whether C is called with the GIL.
"""

import ctypes
import gc
import random
import sys
import threading
import weakref

import greenlet

import pytramp

case, path, how = sys.argv[1:]
lib = (ctypes.PyDLL if how == "held" else ctypes.CDLL)(path)
main = greenlet.getcurrent()
reports = []
sys.unraisablehook = lambda args: reports.append((args.exc_type, str(args.exc_value)))
POINTER = ctypes.c_void_p
INT = ctypes.c_int
for name, types in (
    ("call_it", [POINTER, INT]),
    ("errno_after", [POINTER, INT]),
    ("corrupted", [POINTER]),
    ("sum_of", [POINTER, INT]),
    ("in_a_thread", [POINTER, INT]),
):
    getattr(lib, name).argtypes = types


def leave(value=0):
    """For the greenlet that is the parent; what that sends when it comes back."""
    return greenlet.getcurrent().parent.switch(value)


def suspended(closure, n=1, call=lib.call_it):
    """A greenlet within a call of closure, which leaves it."""
    made = greenlet.greenlet(lambda: call(closure.address, n))
    made.switch()
    assert not made.dead
    return made


@pytramp.callback("int (int)", error=-1)
def leaving(n):
    leave()
    return n


def finish(made, result):
    assert made.switch() == result
    assert made.dead


def memory():
    """Outside of callbacks set_errno writes nowhere but into errno, wherever a stack was copied."""

    @pytramp.callback("void (void)")
    def sets():
        pytramp.set_errno(0x41414141)

    writes = ctypes.CFUNCTYPE(None)(lambda: pytramp.set_errno(0x41414141))

    def check():
        for function in (writes, sets.address):
            assert lib.corrupted(ctypes.cast(function, POINTER)) == 0

    check()
    first = suspended(leaving)
    check()

    @pytramp.callback("int (int)")
    def ends_the_other(n):
        finish(first, 1)
        check()
        return n

    assert lib.call_it(ends_the_other.address, 2) == 2
    check()


def numbers():
    """Each C caller finds its own errno, or what the callable sets before it returns."""

    @pytramp.callback("int (int)")
    def sets_one_more(before):
        leave()
        pytramp.set_errno(pytramp.get_errno() * 0 + before + 1)
        return 0

    plain = pytramp.callback("int (int)", lambda before: leave())
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        closures = [plain, sets_one_more, plain, sets_one_more]
        made = [suspended(each, 10 * i + 10, lib.errno_after) for i, each in enumerate(closures)]
        for i in order:
            finish(made[i], 10 * i + 10 + i % 2)
        for number in (5, 6):
            pytramp.set_errno(number)
            assert pytramp.get_errno() == number
            read = suspended(leaving, 1)
            finish(read, 1)
    if how == "held":
        pytramp.set_errno(77)
        assert lib.real_errno() == 77  # no call is inside any more


def numbers_of_the_dead():
    """Once no call is inside, nobody's number is left for later ones."""

    @pytramp.callback("int (int)")
    def sets(n):
        pytramp.set_errno(n + 1)
        leave()
        return 0

    plain = pytramp.callback("int (int)", lambda n: leave())
    first = suspended(sets, 76, lib.errno_after)
    second = suspended(plain, 22, lib.errno_after)
    for each in (first, second):
        each.switch()
        assert each.dead
    later = suspended(plain, 33, lib.errno_after)
    last = suspended(sets, 44, lib.errno_after)
    later.switch()
    assert later.dead
    finish(last, 44)  # 45 went to the one that ended before: not 77


def crossed():
    """The call alone keeps what it is in, whichever call of the thread ends first."""
    for _ in range(20):
        first, box = suspended(leaving), []

        def function(n, first=first, box=box):
            finish(first, 1)
            box.pop().close()
            junk = [bytearray(200) for _ in range(500)]
            return n + len(junk)

        closure = pytramp.callback("int (int)", function)
        gone = weakref.ref(closure), weakref.ref(function)
        box.append(closure)
        address = closure.address
        del closure, function
        assert lib.call_it(address, 2) == 502
        gc.collect()
        assert [each() for each in gone] == [None, None]


def closed():
    """...also when it is closed, and dropped, while nobody runs it."""
    for how_many in (1, 3, 20):
        made, gone = [], []
        for i in range(how_many):

            def function(n, i=i):
                return leave() or n + i

            closure = pytramp.callback("int (int)", function)
            made.append(suspended(closure, 100))
            gone += [weakref.ref(closure), weakref.ref(function)]
            if i % 2:
                closure.close()
            del closure, function
        gc.collect()
        for i in random.sample(range(how_many), how_many):
            junk = [bytearray(200) for _ in range(500)]
            finish(made[i], 100 + i)
            del junk
        made.clear()
        gc.collect()
        assert not any(each() for each in gone)


def exceptions():
    """An exception goes where it belongs, whatever the other calls of the thread do."""

    @pytramp.callback("int (int)", error=-1)
    def raises(n):
        leave()
        raise ValueError(n)

    def run():
        with pytramp.propagate(raises):
            lib.call_it(raises.address, 2)

    caught = greenlet.greenlet(run)
    caught.switch()
    first = suspended(leaving)
    raised = None
    try:
        caught.switch()
    except ValueError as error:
        raised = error.args
    assert raised == (2,)
    finish(first, 1)
    assert caught.dead
    assert reports == []
    blamed, first = suspended(raises, 3), suspended(leaving)
    finish(blamed, -1)
    finish(first, 1)
    assert reports.pop() == (ValueError, "3")


def killed():
    """GreenletExit is an exception of the callable: C gets the error value, and goes on."""

    def kill(made):
        made.throw()

    for how_to in (kill, lambda made: None):  # and the last reference goes
        for is_propagated in (False, True):
            results = []

            def run(is_propagated=is_propagated, results=results):
                if not is_propagated:
                    results.append(lib.call_it(leaving.address, 1))
                    return
                with pytramp.propagate(leaving):
                    results.append(lib.call_it(leaving.address, 1))
                results.append("went on")

            made = greenlet.greenlet(run)
            made.switch()
            other = suspended(leaving, 2)
            how_to(made)
            del made
            gc.collect()
            assert results == [-1]
            finish(other, 2)
            assert [kind for kind, _ in reports] == [greenlet.GreenletExit] * (not is_propagated)
            reports.clear()


def threads():
    """A thread that ends takes its greenlets along; who comes after it is not in its calls."""
    gone, kept = [], []

    def function(n):
        leave()
        return n

    def work():
        kept.append([suspended(pytramp.callback("int (int)", function)) for _ in range(12)])

    def work_of_c(n):
        work()
        return n

    closure = pytramp.callback("int (int)", work_of_c)
    for i in range(6):
        if i % 2:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        else:
            assert lib.in_a_thread(closure.address, i) == i
        kept.clear()
        gc.collect()
        other = pytramp.callback("int (int)", lambda n: n)
        gone.append(weakref.ref(other))
        assert lib.in_a_thread(other.address, 9) == 9
        crossed()
        del other
        gc.collect()
    assert not any(each() for each in gone)


def arguments():
    """What ends with a call ends with its own; until then it is usable where the call is."""
    seen = []

    def function(array, n):
        seen.append(array)
        leave()
        total = sum(array)
        leave()
        return total + sum(array)

    closure = pytramp.callback("int (const int array[n], int n)", function)
    made = [suspended(closure, n, lib.sum_of) for n in (3, 5)]
    for each in made:
        each.switch()
    finish(made[0], 2 * (0 + 1 + 2))
    assert len(seen[1]) == 5
    for array in seen[:1]:
        try:
            array[0]
        except ValueError:
            continue
        raise AssertionError("an array outlived its call")
    finish(made[1], 2 * (0 + 1 + 2 + 3 + 4))


def chance():
    """Many greenlets, each of them in several calls of several closures, in any order."""
    rng = random.Random(int(sys.hexversion))
    alive = []

    def function(depth):
        mine = pytramp.callback("int (int)", function, error=-1)
        before = pytramp.get_errno() * 0 + rng.randrange(1, 1000)
        if depth and rng.random() < 0.7:
            inner = lib.call_it(rng.choice([mine, shared]).address, depth - 1)
            assert inner in (depth - 1, -1), inner
        if rng.random() < 0.3:
            mine.close()
        leave()
        pytramp.set_errno(before)
        if rng.random() < 0.1:
            raise KeyError(depth)
        return depth

    shared = pytramp.callback("int (int)", function, error=-1)
    for _ in range(3000):
        if len(alive) < 30 and rng.random() < 0.4:
            made = greenlet.greenlet(lambda: lib.call_it(shared.address, rng.randrange(4)))
            alive.append(made)
        if alive:
            one = rng.choice(alive)
            if rng.random() < 0.05:
                one.throw()
            else:
                one.switch()
            alive = [each for each in alive if not each.dead]
    while alive:
        alive[-1].switch()
        alive = [each for each in alive if not each.dead]
    assert {kind for kind, _ in reports} <= {KeyError, greenlet.GreenletExit}, reports


globals()[case]()
pytramp._core.pool_check()
print("done")
