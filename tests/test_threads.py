"""Calls from many threads, made by Python or not; fork."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import time
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
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

typedef int (*function)(int);

/* Threads at once, each with its calls: how many answers were n + 1. */
struct job { function f; int calls; int right; };

static void *run(void *p) {
    struct job *job = p;
    for (int n = 0; n < job->calls; n++) job->right += job->f(n) == n + 1;
    return 0;
}

int at_once(function f, int threads, int calls) {
    pthread_t ids[64];
    struct job jobs[64];
    int right = 0;
    for (int i = 0; i < threads; i++) {
        jobs[i] = (struct job){f, calls, 0};
        if (pthread_create(&ids[i], 0, run, &jobs[i])) return -1;
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], 0);
        right += jobs[i].right;
    }
    return right;
}

int in_turn(function f, int threads, int calls) {
    int right = 0;
    for (int i = 0; i < threads; i++) {
        int one = at_once(f, 1, calls);
        if (one < 0) return -1;
        right += one;
    }
    return right;
}

/* One thread that calls when it is told to. */
struct worker { pthread_t id; sem_t asked, answered; function f; int n, result; };
static struct worker worker;

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        sem_wait(&worker.asked);
        if (!worker.f) return 0;
        worker.result = worker.f(worker.n);
        sem_post(&worker.answered);
    }
}

int worker_start(void) {
    sem_init(&worker.asked, 0, 0);
    sem_init(&worker.answered, 0, 0);
    return pthread_create(&worker.id, 0, work, 0);
}

int worker_call(function f, int n) {
    worker.f = f;
    worker.n = n;
    sem_post(&worker.asked);
    while (sem_wait(&worker.answered)) {}
    return worker.result;
}

void worker_end(void) {
    worker.f = 0;
    sem_post(&worker.asked);
    pthread_join(worker.id, 0);
}

/* Threads that call whatever `current` is, until they are told to stop. */
static _Atomic(function) current;
static _Atomic int stopping, wrong, calls;
static pthread_t callers[8];
static int ncallers;

static void *call_current(void *unused) {
    (void)unused;
    for (int n = 0; !stopping; n = (n + 1) % 1000) {
        function f = current; /* called in place, gcc reads it without being atomic */
        int got = f(n);
        wrong += got != n + 1 && got != -7;
        calls++;
    }
    return 0;
}

void callers_start(function f, int n) {
    current = f;
    stopping = wrong = calls = 0;
    ncallers = n;
    for (int i = 0; i < n; i++) pthread_create(&callers[i], 0, call_current, 0);
}
void callers_use(function f) { current = f; }
int callers_calls(void) { return calls; }
int callers_end(void) {
    stopping = 1;
    for (int i = 0; i < ncallers; i++) pthread_join(callers[i], 0);
    return wrong;
}

/* A thread that calls once more when it ends, from the destructor of a key of its own. */
static pthread_key_t key;
static function last_call;
static int last_result;

static void on_end(void *rounds) {
    last_result += last_call(10);
    if ((intptr_t)rounds > 1) pthread_setspecific(key, (void *)((intptr_t)rounds - 1));
}

static void *run_with_key(void *rounds) {
    pthread_setspecific(key, rounds);
    last_result = last_call(1);
    return 0;
}

int calls_at_its_end(function f, intptr_t rounds) {
    pthread_t id;
    last_call = f;
    pthread_key_create(&key, on_end);
    pthread_create(&id, 0, run_with_key, (void *)rounds);
    pthread_join(id, 0);
    pthread_key_delete(key);
    return last_result;
}
"""


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


@pytest.fixture(scope="module")
def held() -> ctypes.PyDLL:
    """The same; its calls keep the GIL."""
    return ctypes.PyDLL(str(tools.build(SOURCE)))


def add_one(n: int) -> int:
    return n + 1


@tools.posix("pthread_create")
def test_a_thread_that_runs_a_closure() -> None:
    """pthread_create with the closure itself as the start routine."""
    libc = tools.c_library()
    seen = []

    @pytramp.callback("void *(void *)")
    def start(argument: int) -> int:
        seen.append((argument, threading.get_ident()))
        return argument * 2

    thread, result = ctypes.c_ulong(), ctypes.c_void_p()
    assert libc.pthread_create(ctypes.byref(thread), None, start, ctypes.c_void_p(0x1234)) == 0
    libc.pthread_join.argtypes = [ctypes.c_ulong, ctypes.c_void_p]
    assert libc.pthread_join(thread.value, ctypes.byref(result)) == 0
    assert result.value == 0x2468
    ((argument, ident),) = seen
    assert argument == 0x1234
    assert ident == thread.value != threading.get_ident()


def test_many_threads_at_once(lib: ctypes.CDLL) -> None:
    idents = set()

    def function(n: int) -> int:
        idents.add(threading.get_ident())
        return n + 1

    assert lib.at_once(INT(function), 16, 300) == 16 * 300
    assert threading.get_ident() not in idents


def test_they_are_inside_at_once(lib: ctypes.CDLL) -> None:
    """A callback that waits lets the others in."""
    barrier = threading.Barrier(5)

    def function(n: int) -> int:
        barrier.wait(20)
        return n + 1

    assert lib.at_once(INT(function), 5, 3) == 15


@pytest.mark.parametrize("name", ["lib", "held"])
def test_the_caller_may_hold_the_gil_or_not(name: str, request: pytest.FixtureRequest) -> None:
    """...in the main thread and in another one, and the thread stays the same one."""
    library = request.getfixturevalue(name)
    apply = tools.build("int apply(int (*f)(int), int n) { return f(n); }")
    call = type(library)(str(apply)).apply
    idents = []

    def function(n: int) -> int:
        idents.append(threading.get_ident())
        return n + 1

    results = [call(INT(function), 1)]
    thread = threading.Thread(target=lambda: results.append(call(INT(function), 2)))
    thread.start()
    ident = thread.ident
    thread.join()
    assert results == [2, 3]
    assert idents == [threading.get_ident(), ident]


def test_python_threads_keep_their_locals(lib: ctypes.CDLL) -> None:
    local = threading.local()

    def function(n: int) -> int:
        return local.value + n

    def run(value: int) -> None:
        local.value = value
        results[value] = pointer(1)

    closure = INT(function)
    pointer, results = closure.as_ctypes(), {}
    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: i + 1 for i in range(8)}


# ---- Threads that Python did not make ----


def test_a_thread_keeps_its_locals_between_calls(lib: ctypes.CDLL) -> None:
    local = threading.local()
    names = set()

    def function(n: int) -> int:
        local.count = getattr(local, "count", 0) + 1
        names.add((threading.current_thread().name, threading.get_ident()))
        return local.count

    closure = INT(function)
    lib.worker_start()
    results = [lib.worker_call(closure, 0) for _ in range(20)]
    other = INT(function)
    results.append(lib.worker_call(other, 0))
    lib.worker_end()
    assert results == list(range(1, 22))
    assert len(names) == 1
    assert not hasattr(local, "count")


def test_what_a_thread_had_goes_with_it(lib: ctypes.CDLL) -> None:
    """No locals stay behind, and none of threading's objects."""
    local = threading.local()
    kept: list[weakref.ref[Any]] = []

    class Value:
        pass

    def function(n: int) -> int:
        if n == 0:
            local.value = Value()
            kept.append(weakref.ref(local.value))
            threading.current_thread()
        return n + 1

    assert lib.in_turn(INT(function), 500, 2) == 1000
    gc.collect()
    assert [ref() for ref in kept] == [None] * 500
    assert not any(isinstance(at, threading._DummyThread) for at in threading.enumerate())


def thread_states() -> int:
    """Of this interpreter, counted in its own list."""
    api = ctypes.pythonapi
    head, step = api.PyInterpreterState_ThreadHead, api.PyThreadState_Next
    for function in (head, step):
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    count, state = 0, head(api.PyInterpreterState_Get())
    while state:
        count, state = count + 1, step(state)
    return count


class Mallinfo(ctypes.Structure):
    """The result of mallinfo2; uordblks is what is in use."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def allocated() -> int:
    """Bytes that malloc has given out, in all arenas; 0 where it does not say (glibc 2.33 does)."""
    mallinfo = getattr(tools.c_library(), "mallinfo2", None)
    if not mallinfo or tools.SANITIZED:
        return 0
    mallinfo.restype = Mallinfo
    return int(mallinfo().uordblks)


def test_many_short_threads(lib: ctypes.CDLL) -> None:
    """10 000 threads of C, one call in each: no thread state stays behind, and no memory."""
    closure = INT(add_one)
    lib.in_turn(closure, 200, 1)
    gc.collect()
    states, bytes_before, size = thread_states(), allocated(), resident()
    assert lib.in_turn(closure, 10_000, 1) == 10_000
    assert thread_states() == states
    gc.collect()
    assert allocated() - bytes_before < 10_000 * 4
    # An emulator's threads are more than that, and its memory is all that it can be asked for.
    assert tools.SANITIZED or tools.EMULATED or resident() < size + (4 << 20)


def resident() -> int:
    """0 where there is no /proc but wine's, which is Linux' own."""
    if tools.WINDOWS or not os.path.exists("/proc/self/statm"):
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("rounds", [1, 3])
def test_calls_while_a_thread_ends(lib: ctypes.CDLL, rounds: int) -> None:
    """A destructor of another thread-specific key calls back, before or after ours has run."""
    lib.calls_at_its_end.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]
    closure = INT(add_one)
    assert lib.calls_at_its_end(closure, rounds) == 2 + 11 * rounds
    assert lib.calls_at_its_end(closure, rounds) == 2 + 11 * rounds


def test_python_runs_while_a_thread_ends() -> None:
    """What a thread kept calls C when it goes, with the GIL or not, and that calls Python."""
    tools.script("thread_end.py", tools.build(SOURCE), timeout=60)


def test_hooks_for_threads(lib: ctypes.CDLL) -> None:
    """threading.setprofile and settrace hold for these threads, too."""
    seen = []

    def hook(frame: Any, event: str, argument: Any) -> None:
        seen.append((frame.f_code.co_name, event))

    closure = INT(add_one)
    for set_hook in (threading.setprofile, threading.settrace):
        seen.clear()
        set_hook(hook)
        try:
            assert lib.in_turn(closure, 1, 1) == 1
        finally:
            set_hook(None)
        assert ("add_one", "call") in seen, set_hook.__name__


def test_an_exception_does_not_end_the_thread(lib: ctypes.CDLL) -> None:
    def function(n: int) -> int:
        if n % 2:
            raise SystemExit(n)
        return n + 1

    with tools.reports() as seen:
        assert lib.at_once(INT(function), 2, 10) == 10
    assert len(seen) == 10


def test_a_late_call_from_such_a_thread(lib: ctypes.CDLL) -> None:
    closure = INT(add_one)
    pointer = ctypes.c_void_p(closure.address)
    closure.close()
    with tools.reports() as seen:
        assert lib.at_once(pointer, 4, 10) == 0
    assert len(seen) == 1


def test_closing_races_with_calls(lib: ctypes.CDLL) -> None:
    """Whatever the timing: the right answer or the error value."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    seen = 0

    def count(args: object) -> None:
        nonlocal seen
        seen += 1

    hook, sys.unraisablehook = sys.unraisablehook, count
    try:
        closure = INT(add_one, error=-7)
        lib.callers_start(closure, 3)
        end = time.monotonic() + 2
        rounds = 0
        while time.monotonic() < end:
            made = INT(add_one, error=-7)
            if rounds % 2:
                closure.close()
                lib.callers_use(made)
            else:
                lib.callers_use(made)
                closure.close()
            closure = made
            rounds += 1
            if rounds % 10 == 0:
                time.sleep(0.001)
        assert lib.callers_end() == 0
    finally:
        sys.unraisablehook = hook
        sys.setswitchinterval(interval)
    assert lib.callers_calls() > 0
    assert rounds > 50
    assert seen <= rounds
    closure.close()
    _core.pool_check()


def test_making_and_freeing_in_many_threads() -> None:
    wrong: list[Any] = []

    def run() -> None:
        for n in range(400):
            with INT(add_one) as closure:
                answer = PROTOTYPE(closure.address)(n)
            if answer != n + 1:
                wrong.append((n, answer))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    _core.pool_check()


# ---- fork ----

# Python 3.12 warns of fork in a process that has threads: that is what is tested.
FORK = ("-X", "dev", "-W", "error", "-W", "ignore::DeprecationWarning")


FORKS = ["plain", "worker", "callers", "declaring", "newcomers", "inside", "inside_thread"]


@tools.posix("fork")
@pytest.mark.parametrize("case", FORKS)
def test_fork(case: str) -> None:
    """Parent and child call, free and make closures, of before and after, one not the other's."""
    if case == "declaring" and tools.FREE_THREADED:
        pytest.skip("without a GIL an object may stay locked in the child, by CPython")
    tools.script("fork.py", tools.build(SOURCE), case, python=FORK, timeout=60)
