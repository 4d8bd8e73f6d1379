"""Closures that go while C calls them: in races, through the collector, from inside."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import threading
import weakref
from typing import Any

import pytest
import tools

import pytramp
from pytramp import _core

INT = pytramp.Signature("int (int)")
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)

SOURCE = """
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

typedef int (*function)(int);

/* ---- One call, when something goes ---- */

int result;
static function current;
void set_current(function f) { current = f; }
void reset(void) { result = 0; }
void call_current(void *unused) { (void)unused; result = current(1); }

/* ---- Threads that call whatever is in a table, until they are told to stop ---- */

#define PLACES 8

static _Atomic(function) table[PLACES];
static _Atomic int stopping, wrong;
static int addresses_return;
static _Atomic long calls;
static pthread_t callers[8];
static int ncallers;

int added(int place) { return addresses_return ? 1 : 1 + 1000 * place; }

static void *call_all(void *unused) {
    (void)unused;
    for (int n = 0; !stopping; n = (n + 1) % 1000) {
        int place = n % PLACES;
        function f = table[place];
        if (!f) continue;
        int got = f(n);
        wrong += got != n + added(place) && got != -7 && !(addresses_return && got == 0);
        calls++;
    }
    return 0;
}

void use(int place, function f) { table[place] = f; }
long callers_calls(void) { return calls; }

void callers_start(int n, int they_return) {
    addresses_return = they_return;
    stopping = wrong = 0;
    calls = 0;
    ncallers = n;
    for (int i = 0; i < n; i++) pthread_create(&callers[i], 0, call_all, 0);
}

int callers_end(void) {
    stopping = 1;
    for (int i = 0; i < ncallers; i++) pthread_join(callers[i], 0);
    for (int i = 0; i < PLACES; i++) table[i] = 0;
    return wrong;
}

/* ---- A library that runs until it is told to stop ---- */

static _Atomic int stopped;
void begin(void) { stopped = 0; }
void stop(void) { stopped = 1; }

/* Calls f in this thread until stop(); a signal comes after a while, from within. */
intptr_t run(function f, int signal_after) {
    intptr_t n = 0;
    for (; !stopped; n++) {
        if (n == signal_after) raise(SIGINT);
        f((int)(n % 1000));
    }
    return n;
}

static void *run_in(void *f) { return (void *)run((function)f, -1); }

/* The same in n threads of C, while this one waits. */
void run_in_threads(function f, int n) {
    pthread_t ids[8];
    for (int i = 0; i < n; i++) pthread_create(&ids[i], 0, run_in, (void *)f);
    for (int i = 0; i < n; i++) pthread_join(ids[i], 0);
}
"""


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


@pytest.mark.parametrize(
    "case",
    [
        "weak_reference",
        "weak_reference_in_a_cycle",
        "long_chain",
        "callable",
        "cleared_function",
        "cleared_callable",
        "entered_while_cleared",
        "entered_while_finalized",
    ],
)
def test_calls_from_what_goes_with_it(case: str) -> None:
    tools.script("dying.py", case, tools.build(SOURCE))


def test_resurrection() -> None:
    tools.script("resurrection.py")


# ---- Races ----

# Memory that was freed is overwritten, where no sanitizer looks after it.
FREED_SHOWS = {} if tools.SANITIZED else {"PYTHONMALLOC": "debug"}

RACES = ["close", "drop", "collect", "leave", "inside", "churn"]


@pytest.mark.parametrize("case", RACES)
def test_races(case: str) -> None:
    """Threads of C call what is freed meanwhile: the right answer or the error value."""
    tools.script("races.py", case, tools.build(SOURCE), python=("-W", "error"), env=FREED_SHOWS)


# ---- From inside ----


def test_it_closes_itself_and_raises_under_propagate() -> None:
    def function(n: int) -> int:
        closure.close()
        raise KeyError(n)

    for options, result in (({}, 0), ({"error": -7}, -7)):
        closure = INT(function, **options)
        pointer = PROTOTYPE(closure.address)
        with pytest.raises(KeyError), pytramp.propagate(closure):
            assert pointer(3) == result
        with tools.reports() as seen:
            assert pointer(3) == result
        assert "was called after it was closed" in seen[0].text


def test_the_last_reference_goes_and_it_raises() -> None:
    """onerror and the error value outlive the closure for as long as the call needs them."""
    kept: list[Any] = []

    def function(n: int) -> int:
        kept.clear()
        gc.collect()
        raise KeyError(n)

    def onerror(exception: BaseException) -> None:
        seen.append(type(exception))

    seen: list[type] = []
    kept.append(INT(function, onerror=onerror, error=-7))
    ref, pointer = weakref.ref(kept[0]), PROTOTYPE(kept[0].address)
    assert pointer(3) == -7
    assert seen == [KeyError]
    gc.collect()
    assert ref() is None


def test_recursion_through_c_that_frees_on_the_way_back() -> None:
    """Each level closes or drops the closure of the level below, which has returned."""
    closures: dict[int, Any] = {}
    dead: list[Any] = []

    def level(n: int) -> int:
        if n == 0:
            return 0
        below = closures[n - 1] = INT(level, error=-7)
        pointer = PROTOTYPE(below.address)
        total = n + pointer(n - 1)
        if n % 2:
            below.close()
        del below, closures[n - 1]
        dead.append(pointer)
        return total

    with INT(level) as top:
        assert PROTOTYPE(top.address)(50) == sum(range(51))
    with tools.reports() as seen:
        assert [pointer(1) for pointer in dead] == [-7] * 50
    assert len(seen) == 50
    _core.pool_check()


# ---- Immortal ones ----


def test_an_immortal_one_in_a_cycle() -> None:
    """It is held from outside: the collector leaves it, and what it refers to, alone."""

    def make() -> Any:
        def function(n: int) -> int:
            return n + 1 if closure else 0

        closure = INT(function, immortal=True)
        return weakref.ref(closure), PROTOTYPE(closure.address)

    ref, pointer = make()
    gc.collect()
    assert pointer(1) == 2
    ref().close()
    gc.collect()
    assert ref() is None
    with tools.reports() as seen:
        assert pointer(1) == 0
    assert len(seen) == 1


def test_an_immortal_one_closes_itself(lib: ctypes.CDLL) -> None:
    """...with the last reference to it, in a call, twice."""

    def function(n: int) -> int:
        closure = ref()
        assert closure is not None
        closure.close()
        closure.close()
        return n + 1

    ref = weakref.ref(INT(function, immortal=True, error=-7))
    pointer = PROTOTYPE(ref().address)  # type: ignore[union-attr]
    assert pointer(1) == 2
    assert ref() is None
    with tools.reports():
        assert pointer(1) == -7


def test_many_threads_close_an_immortal_one() -> None:
    """One of them lets go of it, once."""
    for _ in range(50):
        closure = INT(abs, immortal=True)
        barrier = threading.Barrier(4)

        def close(closure: Any = closure, barrier: Any = barrier) -> None:
            barrier.wait(60)
            closure.close()

        threads = [threading.Thread(target=close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        del close, threads, thread
        ref = weakref.ref(closure)
        del closure
        if ref() is not None:
            gc.collect()
        assert ref() is None
    _core.pool_check()


# ---- Scopes ----


def test_scopes_and_calls_that_are_inside(lib: ctypes.CDLL) -> None:
    """with does not wait: a call that is inside ends after the block, with its own result."""
    inside, left = threading.Event(), threading.Event()

    def function(n: int) -> int:
        inside.set()
        assert left.wait(60)
        return n + 1

    results: list[int] = []
    with INT(function, error=-7) as closure:
        pointer = PROTOTYPE(closure.address)
        thread = threading.Thread(target=lambda: results.append(pointer(1)))
        thread.start()
        assert inside.wait(60)
    with tools.reports():
        assert pointer(1) == -7
    left.set()
    thread.join()
    assert results == [2]


# ---- Ends ----


def test_ctrl_c_in_a_library_that_runs(lib: ctypes.CDLL) -> None:
    """A real SIGINT while C calls back: KeyboardInterrupt leaves the block, C was stopped."""
    calls = 0

    def function(n: int) -> int:
        nonlocal calls
        calls += 1
        return n

    closure = INT(function)
    lib.begin()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), pytramp.propagate(closure, stop=lib.stop):
            lib.run(closure, 100)
    finally:
        signal.signal(signal.SIGINT, before)
    assert 100 <= calls < 10_000


def test_ctrl_c_while_threads_of_c_call(lib: ctypes.CDLL) -> None:
    """Signals are the main thread's, which has to run Python: here it is called, too."""
    ident = threading.get_ident()
    idents = set()
    once = threading.Lock()

    def function(n: int) -> int:
        idents.add(threading.get_ident())
        if len(idents) == 3 and threading.get_ident() != ident and once.acquire(blocking=False):
            signal.raise_signal(signal.SIGINT)
        return n

    closure = INT(function)
    lib.begin()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=lib.run_in_threads, args=(closure, 2))

    def run() -> None:
        with pytramp.propagate(closure, stop=lib.stop):
            thread.start()
            lib.run(closure, -1)

    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.signal(signal.SIGINT, before)
        lib.stop()
        thread.join(60)
    assert not thread.is_alive()
    assert len(idents) == 3


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["here", "threads of C", "a thread"])
def test_exits_with_propagate(lib: ctypes.CDLL, kind: Any, where: str) -> None:
    """sys.exit in a callback, wherever it runs, ends the block and no thread."""

    def function(n: int) -> int:
        if n == 5:
            raise kind(n) if kind is KeyboardInterrupt else sys.exit(n)
        return n

    closure = INT(function)
    lib.begin()
    caught: list[Any] = []

    def block(run: Any, *args: Any) -> None:
        try:
            with pytramp.propagate(closure, stop=lib.stop):
                run(closure, *args)
        except kind as exception:
            caught.append(exception.args)

    if where == "here":
        block(lib.run, -1)
    elif where == "threads of C":
        block(lib.run_in_threads, 3)
    else:
        thread = threading.Thread(target=block, args=(lib.run, -1))
        thread.start()
        thread.join(60)
    assert caught == [(5,)]
    assert PROTOTYPE(closure.address)(4) == 4
