"""loop=: C calls from any thread, and an event loop runs the callable."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import functools
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import native
import pytest
import tools

import pytramp

SOURCE = """
#include <pthread.h>
#include <string.h>

/* n threads at once; thread i calls f(i * 1000), f(i * 1000 + 1) ... */
struct job { void (*f)(int); int first, calls; };

static void *run(void *p) {
    struct job *job = p;
    for (int i = 0; i < job->calls; i++) job->f(job->first + i);
    return 0;
}

void at_once(void (*f)(int), int n, int calls) {
    pthread_t ids[16];
    struct job jobs[16];
    for (int i = 0; i < n; i++) {
        jobs[i] = (struct job){f, i * 1000, calls};
        pthread_create(&ids[i], 0, run, &jobs[i]);
    }
    for (int i = 0; i < n; i++) pthread_join(ids[i], 0);
}

int ask(int (*f)(int), int n) { return f(n); }

/* A struct that is gone, and overwritten, when the call returns. */
struct point { double x, y; char name[8]; };
void give_point(void (*f)(struct point)) {
    struct point p = {1.5, -2, "origin"};
    f(p);
    memset(&p, 0xff, sizeof p);
}
"""


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double), ("name", ctypes.c_char * 8)]


def plain_loop() -> Any:
    return asyncio.new_event_loop()


def uv_loop() -> Any:
    if sys.version_info >= (3, 15):  # where none can be had yet
        pytest.importorskip("uvloop")
    return tools.need("uvloop").new_event_loop()


def selector_loop() -> Any:
    return asyncio.SelectorEventLoop()


@pytest.fixture(params=[plain_loop, selector_loop if tools.WINDOWS else uv_loop])
def loop(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture(scope="module")
def lib() -> ctypes.CDLL:
    return tools.library(SOURCE)


def settle(loop: Any, seconds: float = 0) -> None:
    """Runs what has been scheduled."""
    loop.run_until_complete(asyncio.sleep(seconds))


def until(loop: Any, condition: Callable[[], object]) -> None:
    """Runs the loop until condition holds; 60 seconds are taken for never."""

    async def wait() -> None:
        for _ in range(60_000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("waited in vain")

    loop.run_until_complete(wait())


# ---- Scheduling ----


def test_calls_from_threads_of_c(loop: Any, lib: ctypes.CDLL) -> None:
    """All of them run, in the loop's thread, those of one thread in its order."""
    seen: list[int] = []
    threads = set()

    def function(n: int) -> None:
        threads.add(threading.get_ident())
        seen.append(n)

    closure = pytramp.callback("void (int)", function, loop=loop)

    async def main() -> None:
        await loop.run_in_executor(None, lib.at_once, closure, 8, 100)

    loop.run_until_complete(main())
    until(loop, lambda: len(seen) == 800)
    for i in range(8):
        assert [n for n in seen if n // 1000 == i] == list(range(i * 1000, i * 1000 + 100))
    assert threads == {threading.get_ident()}


TIMERS = """
#include <signal.h>
#include <time.h>

/* Timers of the C library, which makes a thread when each of them expires, once. */
static timer_t timers[5];

int timers_start(void (*f)(union sigval), void *token) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    event.sigev_value.sival_ptr = token;
    event.sigev_notify_function = f;
    for (int i = 0; i < 5; i++) {
        struct itimerspec once = {{0, 0}, {0, 1000000 * (i + 1)}};
        if (timer_create(CLOCK_MONOTONIC, &event, &timers[i])) return -1;
        if (timer_settime(timers[i], 0, &once, 0)) return -1;
    }
    return 0;
}
void timers_end(void) { for (int i = 0; i < 5; i++) timer_delete(timers[i]); }
"""


@tools.posix("timer_create")
def test_timers_of_c(loop: Any) -> None:
    """timer_create with SIGEV_THREAD; a void * is a token, an int."""
    seen: list[Any] = []
    ended = asyncio.Event()

    @pytramp.callback("void (void *)", loop=loop)
    async def tick(token: int) -> None:
        seen.append((token, threading.get_ident()))
        if len(seen) == 5:
            ended.set()

    lib = tools.library(TIMERS)
    lib.timers_start.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    token = sys.maxsize - 0xDEAD
    assert lib.timers_start(tick, token) == 0
    try:
        loop.run_until_complete(asyncio.wait_for(ended.wait(), 60))
    finally:
        lib.timers_end()
    assert seen == [(token, threading.get_ident())] * 5


def test_calls_from_the_loops_own_thread_wait_their_turn(loop: Any, lib: ctypes.CDLL) -> None:
    seen: list[int] = []
    closure = pytramp.callback("void (int)", seen.append, loop=loop)

    async def main() -> list[int]:
        lib.at_once(closure, 1, 3)
        return list(seen)

    assert loop.run_until_complete(main()) == []
    until(loop, lambda: seen == [0, 1, 2])


def test_a_loop_of_another_kind() -> None:
    """Whatever has call_soon_threadsafe, and nothing else."""
    queue: list[Any] = []

    class Loop:
        def call_soon_threadsafe(self, call: Any) -> None:
            queue.append(call)

    seen: list[int] = []
    loop: Any = Loop()
    closure = pytramp.callback("void (int)", seen.append, loop=loop, name="it")
    closure.as_ctypes()(3)
    (call,) = queue
    assert seen == []
    assert "'it' (void (int))" in repr(call)
    call()
    call()
    assert seen == [3]

    async def later(n: int) -> None:
        seen.append(n)

    failing = [(lambda n: 1 / n, ZeroDivisionError, "division"), (later, TypeError, "create_task")]
    for function, error, text in failing:
        pytramp.callback("void (int)", function, loop=loop).as_ctypes()(0)
        with pytest.raises(error, match=text):
            queue.pop()()
    assert seen == [3]


@pytest.mark.parametrize(
    "wrong", [3, "running", asyncio, asyncio.AbstractEventLoop, asyncio.get_running_loop]
)
def test_what_is_no_loop(wrong: Any) -> None:
    with pytest.raises(TypeError, match="loop must be an event loop"):
        pytramp.callback("void (int)", print, loop=wrong)


def test_none_is_no_loop() -> None:
    seen: list[int] = []
    pytramp.callback("void (int)", seen.append, loop=None, result=None).as_ctypes()(1)
    assert seen == [1]


# ---- What C gets at once ----

KINDS: list[tuple[Any, Any, Any]] = [
    ("int", -5, -5),
    ("unsigned long long", (1 << 64) - 1, (1 << 64) - 1),
    ("_Bool", True, True),
    ("char", b"x", b"x"),
    ("double", 2.5, 2.5),
    ("float", 1, 1.0),
    ("long double", 0.25, 0.25),
    ("void *", 0x1234, 0x1234),
    (ctypes.c_long, 7, 7),
]


@pytest.mark.parametrize(("kind", "result", "expected"), KINDS)
def test_the_result(loop: Any, kind: Any, result: Any, expected: Any) -> None:
    """Of every class, whatever the callable returns later."""
    signature = pytramp.Signature.from_types(kind, "int")
    closure = signature(lambda n: "nobody sees it", loop=loop, result=result, error=0)
    assert closure.as_ctypes()(1) == expected
    settle(loop)


def test_the_result_is_converted_once(loop: Any) -> None:
    """...when the closure is made: what the value is later does not matter."""
    value = Point(1, 2, b"a")
    closure = pytramp.Signature.from_types(Point)(lambda: None, loop=loop, result=value)
    value.x = 3
    got = closure.as_ctypes()()
    assert (got.x, got.y, got.name) == (1, 2, b"a")
    settle(loop)


def test_a_function_as_the_result_is_kept(loop: Any) -> None:
    inner = pytramp.callback("int (int)", lambda n: n + 1)
    ref = weakref.ref(inner)
    closure = pytramp.callback("int (*(void))(int)", lambda: None, loop=loop, result=inner)
    del inner
    gc.collect()
    assert closure.as_ctypes()()(4) == 5
    settle(loop)
    del closure
    gc.collect()
    assert ref() is None


async def nothing_yet(exception: BaseException) -> None:
    raise AssertionError("somebody called it")


WRONG: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("int (int)", {}, TypeError, r"say with result= which, or declare void"),
    ("int (int)", {"result": None}, TypeError, r"say with result="),
    ("void (int)", {"result": 3}, TypeError, r"result=3: void \(int\) returns nothing"),
    ("char (int)", {"result": 300}, OverflowError, r"result=300"),
    ("int (int)", {"result": "x"}, TypeError, r"result='x'"),
    ("PyObject *(int)", {"result": 1}, TypeError, r"'PyObject \*' cannot be returned before"),
    ("void (int)", {"onerror": 3}, TypeError, r"onerror must be callable"),
    ("void (int)", {"onerror": nothing_yet}, TypeError, r"onerror: .* is an async or a generator"),
    ("void (int)", {"nothing": 3}, TypeError, r"'nothing'"),
    ("void (int, int)", {}, TypeError, r"takes 1 positional argument, but .* passes 2"),
]


@pytest.mark.parametrize(("declaration", "options", "error", "text"), WRONG)
def test_wrong_options(
    declaration: str, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    loop = plain_loop()
    try:
        with pytest.raises(error, match=text):
            pytramp.callback(declaration, lambda n: n, loop=loop, **options)
    finally:
        loop.close()


def test_generator_functions_are_refused() -> None:
    def generator(n: int) -> Any:
        yield n

    async def asynchronous(n: int) -> Any:
        yield n

    loop = plain_loop()
    try:
        for function in (generator, asynchronous):
            with pytest.raises(TypeError, match="is a generator function"):
                pytramp.callback("void (int)", function, loop=loop)
    finally:
        loop.close()


def test_result_without_loop() -> None:
    with pytest.raises(TypeError, match="result= goes with loop="):
        pytramp.callback("int (int)", abs, result=3)


# ---- Arguments ----

CFFI = """
struct plain { int n; double x[2]; void *token; };
struct bad { int n; struct { const char *name; } in[2]; };
"""


class Inner(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int), ("names", ctypes.c_char_p * 2)]


class Outer(ctypes.Structure):
    _fields_ = [("token", ctypes.c_void_p), ("inner", Inner)]


class Either(ctypes.Union):
    _fields_ = [("n", ctypes.c_int), ("p", ctypes.POINTER(ctypes.c_int))]


class WithFunction(ctypes.Structure):
    _fields_ = [("f", ctypes.CFUNCTYPE(None))]


class MyInt(ctypes.c_int):
    pass


class MyAddress(ctypes.c_void_p):
    pass


REFUSED: list[tuple[Any, str]] = [
    ("void (int, const char *text)", r"argument 2: loop=: 'const char \*text' points at memory"),
    ("void (const char *)", r"argument 1: loop=: 'const char \*'"),
    ("void (int *p)", r"argument 1: loop=: 'int \*p'"),
    ("void (struct opaque *p)", r"argument 1: .*'struct opaque \*p'"),
    ("void (void **p)", r"argument 1: "),
    ("void (int n, const double x[n])", r"argument 2: loop=: 'const double x\[n\]'"),
    ("void (const char s[4])", r"argument 1: "),
    ("void (int (*f)(int))", r"argument 1: loop=: 'int \(\*f\)\(int\)'"),
    ("void (int (*f)(int, ...))", r"argument 1: "),
    ("void (int, va_list va)", r"argument 2: loop=: 'va_list va' ends with C's call"),
    ("void (int, ...)", r"'\.\.\.' ends with C's call"),
    (ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(ctypes.c_int)), r"argument 2: "),
    (ctypes.CFUNCTYPE(None, ctypes.c_char_p), r"argument 1: loop=: 'char \*'"),
    (ctypes.CFUNCTYPE(None, ctypes.c_wchar_p), r"argument 1: loop=: 'wchar_t \*'"),
    (ctypes.CFUNCTYPE(None, ctypes.CFUNCTYPE(None)), r"argument 1: "),
    (ctypes.CFUNCTYPE(None, Outer), r"argument 1: .*'struct Outer' has a pointer, 'inner\.names'"),
    (ctypes.CFUNCTYPE(None, Either), r"argument 1: .*has a pointer, 'p'"),
    (ctypes.CFUNCTYPE(None, WithFunction), r"argument 1: .*has a pointer, 'f'"),
    ("cffi: void(*)(int *)", r"argument 1: loop=: 'int \*'"),
    ("cffi: void(*)(char *)", r"argument 1: "),
    ("cffi: void(*)(int, void(*)(int))", r"argument 2: "),
    ("cffi: void(*)(struct bad)", r"argument 1: .*'struct bad' has a pointer, 'in\.name'"),
]

TAKEN: list[Any] = [
    "void (char, short, unsigned long, _Bool, float, long double, double _Complex)",
    *(["void (__int128)"] if tools.INT128 else []),
    "void (void *, const void *)",
    "void (PyObject *)",
    "void (enum e, wchar_t, uintptr_t)",
    ctypes.CFUNCTYPE(None, Point),
    ctypes.CFUNCTYPE(None, MyInt, MyAddress, ctypes.c_void_p, ctypes.py_object),
    "cffi: void(*)(struct plain)",
    "cffi: void(*)(void *, long double)",
]


def specification(text: Any) -> Any:
    if not isinstance(text, str) or not text.startswith("cffi: "):
        return text
    ffi = tools.need("cffi").FFI()
    ffi.cdef(CFFI)
    return ffi.typeof(text[6:])


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[str(text) for text, _ in REFUSED])
def test_refused_arguments(text: Any, message: str) -> None:
    """What points at C's memory is refused when it is declared, by name."""
    loop = plain_loop()
    try:
        assert pytramp.callback(specification(text), lambda *args: None)
        with pytest.raises(pytramp.UnsupportedTypeError, match=message):
            pytramp.callback(specification(text), lambda *args: None, loop=loop)
    finally:
        loop.close()


@pytest.mark.parametrize("text", TAKEN, ids=map(str, TAKEN))
def test_arguments_that_last(text: Any) -> None:
    loop = plain_loop()
    try:
        assert pytramp.callback(specification(text), lambda *args: None, loop=loop)
    finally:
        loop.close()


def test_members_of_declared_structs() -> None:
    types = pytramp.cdef(
        "struct good { int n; void *token; unsigned a : 3; }; struct bad { char *name; };"
    )
    loop = plain_loop()
    try:
        assert pytramp.callback("void (struct good)", print, types=types, loop=loop)
        with pytest.raises(pytramp.UnsupportedTypeError, match=r"argument 1: .*'name'"):
            pytramp.callback("void (struct bad b)", print, types=types, loop=loop)
    finally:
        loop.close()


def test_a_struct_is_a_copy(loop: Any, lib: ctypes.CDLL) -> None:
    seen: list[Any] = []
    signature = pytramp.Signature.from_types(None, Point)
    lib.give_point(signature(seen.append, loop=loop))
    settle(loop)
    (point,) = seen
    assert (point.x, point.y, point.name) == (1.5, -2, b"origin")


def test_an_object_is_kept(loop: Any) -> None:
    """C has dropped its reference when the loop runs."""

    class Thing:
        pass

    seen: list[Any] = []
    closure = pytramp.callback("void (PyObject *)", seen.append, loop=loop)
    prototype = ctypes.PYFUNCTYPE(None, ctypes.py_object)
    prototype(closure.address)(Thing())
    gc.collect()
    settle(loop)
    assert type(seen[0]) is Thing
    ref = weakref.ref(seen.pop())
    assert ref() is None


# ---- Coroutines ----


def test_a_coroutine_is_a_task(loop: Any, lib: ctypes.CDLL) -> None:
    seen: list[Any] = []

    @pytramp.callback("void (int)", loop=loop, name="waits")
    async def function(n: int) -> None:
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        seen.append((n, task.get_name()))

    lib.at_once(function, 2, 2)
    until(loop, lambda: len(seen) == 4)
    assert sorted(seen) == [(n, "waits") for n in (0, 1, 1000, 1001)]


def test_a_task_is_kept_until_it_is_done(loop: Any) -> None:
    """The loop refers to it weakly; here nobody else refers to what it waits for, either."""
    futures: list[Any] = []
    seen: list[int] = []

    async def function(n: int) -> None:
        future = loop.create_future()
        futures.append(weakref.ref(future))
        await future
        seen.append(n)

    closure = pytramp.callback("void (int)", function, loop=loop)
    closure.as_ctypes()(3)
    until(loop, lambda: futures)
    del closure
    gc.collect()
    assert futures[0]() is not None
    futures[0]().set_result(None)
    until(loop, lambda: seen)
    gc.collect()
    settle(loop)
    gc.collect()
    assert futures[0]() is None


def test_tasks_are_cancelled_with_the_loop(lib: ctypes.CDLL) -> None:
    """asyncio.run() cancels what is left, as any task: no error."""
    seen: list[str] = []

    async def function(n: int) -> None:
        seen.append("started")
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: seen.append(context["message"]))
        lib.at_once(pytramp.callback("void (int)", function, loop=loop), 1, 1)
        while not seen:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert seen == ["started", "cancelled"]


def test_tasks_are_let_go_with_the_loop(lib: ctypes.CDLL) -> None:
    """Of a loop that was closed before they were done, as asyncio does; that is no failure."""
    told: list[Any] = []

    def once() -> weakref.ref[Any]:
        loop = plain_loop()
        loop.set_exception_handler(lambda loop, context: None)  # "it is pending"

        async def function(n: int) -> None:
            await asyncio.sleep(1000)

        closure = pytramp.callback("void (int)", function, loop=loop, onerror=told.append)
        closure.as_ctypes()(1)
        loop.run_until_complete(asyncio.sleep(0.01))
        (task,) = asyncio.all_tasks(loop)
        loop.close()
        return weakref.ref(task)

    tasks = [once() for _ in range(3)]
    gc.collect()
    assert [task() for task in tasks] == [None] * 3
    assert not told


# ---- Context variables ----

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="nothing")


def test_the_context_is_that_of_the_closures_making(loop: Any, lib: ctypes.CDLL) -> None:
    """Not that of the thread that calls; and each call has its own copy."""
    seen: list[Any] = []

    def function(n: int) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("of a call")

    async def coroutine(n: int) -> None:
        seen.append(VARIABLE.get())
        VARIABLE.set("of a call")

    def make() -> list[pytramp.Closure]:
        VARIABLE.set("of the maker")
        return [pytramp.callback("void (int)", f, loop=loop) for f in (function, coroutine)]

    closures = contextvars.copy_context().run(make)
    token = VARIABLE.set("of the caller")
    try:
        for closure in closures:
            lib.at_once(closure, 1, 2)
            closure.as_ctypes()(1)
        until(loop, lambda: len(seen) == 6)
    finally:
        VARIABLE.reset(token)
    assert set(seen) == {"of the maker"}


# ---- Failures of the callable ----


class Mine(Exception):
    pass


def fails(n: int) -> None:
    raise Mine(n)


async def fails_later(n: int) -> None:
    await asyncio.sleep(0)
    raise Mine(n)


@pytest.mark.parametrize("function", [fails, fails_later])
def test_onerror(loop: Any, lib: ctypes.CDLL, function: Any) -> None:
    """Called in the loop; what it returns is nobody's, for C has its result."""
    seen: list[Any] = []

    def onerror(error: BaseException) -> int:
        seen.append((type(error), error.args, threading.get_ident()))
        return 3

    closure = pytramp.callback("int (int)", function, loop=loop, result=1, onerror=onerror)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lib.ask, closure, 7).result() == 1
    until(loop, lambda: seen)
    assert seen == [(Mine, (7,), threading.get_ident())]


@pytest.mark.parametrize("function", [fails, fails_later])
def test_the_loops_own_handler(loop: Any, function: Any) -> None:
    """...gets what onerror does not, with the name of the callback."""
    seen: list[Any] = []
    loop.set_exception_handler(lambda loop, context: seen.append(context))
    closure = pytramp.callback("void (int)", function, loop=loop, name="it")
    closure.as_ctypes()(7)
    until(loop, lambda: seen)
    (context,) = seen
    assert context["message"].startswith(f"callback 'it' (void (int)), made at {closure.origin}, f")
    assert context["exception"].args == (7,)


@pytest.mark.parametrize("function", [fails, fails_later])
def test_a_failing_onerror(loop: Any, function: Any) -> None:
    def onerror(error: BaseException) -> None:
        raise KeyError from None

    seen: list[Any] = []
    loop.set_exception_handler(lambda loop, context: seen.append(context["exception"]))
    closure = pytramp.callback("void (int)", function, loop=loop, onerror=onerror)
    closure.as_ctypes()(7)
    until(loop, lambda: seen)
    assert [tools.chain(exception) for exception in seen] == [[KeyError, Mine]]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_coroutine", [False, True])
def test_interrupts_leave_the_loop(loop: Any, kind: Any, is_coroutine: bool) -> None:
    """As from any callback or task of the loop."""

    def function(n: int) -> None:
        raise kind(n)

    async def coroutine(n: int) -> None:
        raise kind(n)

    chosen = coroutine if is_coroutine else function
    pytramp.callback("void (int)", chosen, loop=loop).as_ctypes()(1)
    with pytest.raises(kind):
        loop.run_until_complete(asyncio.sleep(10))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    settle(loop)


def test_interrupts_may_go_to_onerror(loop: Any) -> None:
    seen: list[Any] = []
    closure = pytramp.callback("void (int)", lambda n: sys.exit(n), loop=loop, onerror=seen.append)
    closure.as_ctypes()(1)
    settle(loop)
    assert [type(error) for error in seen] == [SystemExit]


@pytest.mark.parametrize("function", [fails, fails_later])
def test_propagate(loop: Any, lib: ctypes.CDLL, function: Any) -> None:
    """The block may be in another thread, which waits for C; it gets the exception."""
    stopped, seen = threading.Event(), []

    def never(error: BaseException) -> None:
        seen.append(error)

    closure = pytramp.callback("int (int)", function, loop=loop, result=1, error=-1, onerror=never)

    def work() -> None:
        with pytramp.propagate(closure, stop=stopped.set):
            assert lib.ask(closure, 7) == 1
            assert stopped.wait(60)
            assert lib.ask(closure, 8) == -1

    with pytest.raises(Mine, match="7"):
        loop.run_until_complete(loop.run_in_executor(None, work))
    assert seen == []
    assert lib.ask(closure, 9) == 1
    until(loop, lambda: [error.args for error in seen] == [(9,)])


# ---- Failures of scheduling ----


def test_a_closed_loop(loop: Any, lib: ctypes.CDLL) -> None:
    """Reported like an exception of the callable, in the thread of the call; C gets error=."""
    closure = pytramp.callback("int (int)", abs, loop=loop, result=1, error=-1, name="it")
    loop.close()
    with tools.reports() as seen, ThreadPoolExecutor(1) as pool:
        assert pool.submit(lib.ask, closure, 7).result() == -1
    (report,) = seen
    assert report.text == (
        f"callback 'it' (int (int)), made at {closure.origin}, could not be scheduled: "
        "Event loop is closed"
    )
    assert type(report.exception) is RuntimeError
    assert report.object is closure


def test_a_closed_loop_and_onerror(loop: Any, lib: ctypes.CDLL) -> None:
    """The only failure for which onerror still gives the result."""
    closure = pytramp.callback("int (int)", abs, loop=loop, result=1, onerror=lambda error: 33)
    loop.close()
    assert lib.ask(closure, 7) == 33


def test_a_closed_loop_and_propagate(loop: Any, lib: ctypes.CDLL) -> None:
    closure = pytramp.callback("int (int)", abs, loop=loop, result=1, error=-1)
    loop.close()
    with pytest.raises(RuntimeError, match="could not be scheduled"), pytramp.propagate(closure):
        assert lib.ask(closure, 7) == -1


def test_no_callback_of_a_closed_loop(loop: Any) -> None:
    loop.close()
    with pytest.raises(RuntimeError, match="loop is closed"):
        pytramp.callback("void (int)", print, loop=loop)


def test_calls_that_a_closing_loop_throws_away(loop: Any) -> None:
    """...are reported, once per callback."""
    closures = [
        pytramp.callback("void (int)", fails, loop=loop, name=name) for name in ("one", "other")
    ]
    for closure in closures:
        for n in range(10):
            closure.as_ctypes()(n)
    with tools.reports() as seen:
        loop.close()
        gc.collect()
    assert sorted(report.text for report in seen) == [
        f"callback '{closure.name}' (void (int)), made at {closure.origin}, was scheduled, "
        "but its event loop ended before it could run"
        for closure in closures
    ]


def test_arguments_without_a_python_value(loop: Any) -> None:
    """No call is scheduled with them: the error value, and a report."""
    closure = pytramp.callback("int (char32_t)", fails, loop=loop, result=1, error=-1)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    with tools.reports() as seen:
        assert prototype(closure.address)(0x7FFFFFFF) == -1
    assert len(seen) == 1
    settle(loop)


# ---- Lifetime ----


@pytest.mark.parametrize("free", ["close", "drop"])
def test_what_was_scheduled_runs(loop: Any, free: str) -> None:
    """C has its answer: freeing the closure does not take it back. Later calls are late."""
    seen: list[int] = []
    closure = pytramp.callback("int (int)", seen.append, loop=loop, result=1, error=-1)
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(closure.address)
    assert [function(n) for n in range(3)] == [1] * 3
    if free == "close":
        closure.close()
    del closure
    gc.collect()
    with tools.reports() as reports:
        assert function(3) == -1
    assert [type(report.exception) for report in reports] == [pytramp.FreedCallbackError]
    settle(loop)
    assert seen == [0, 1, 2]


def test_nothing_is_kept(loop: Any) -> None:
    """Neither the callable, nor the closure, nor the loop's: when the calls have run, all go."""

    class Callable_:
        def __call__(self, n: int) -> None:
            pass

    function = Callable_()
    refs: list[Any] = [weakref.ref(function)]
    closure = pytramp.callback("void (int)", function, loop=loop)
    refs.append(weakref.ref(closure))
    closure.as_ctypes()(1)
    del function, closure
    gc.collect()  # as_ctypes() is in a cycle of ctypes
    assert refs[1]() is None
    settle(loop)
    gc.collect()
    assert refs[0]() is None


def test_a_closure_that_its_callable_refers_to_is_collected(loop: Any) -> None:
    def make() -> Any:
        def function(n: int) -> None:
            assert closure

        closure = pytramp.callback("void (int)", function, loop=loop)
        return weakref.ref(closure)

    ref = make()
    gc.collect()
    assert ref() is None


# ---- What it shows ----


class Methods:
    def method(self, n: int) -> int:
        return n


def test_the_callable_is_the_users(loop: Any) -> None:
    """__wrapped__, the name, the origin; calling it in Python calls the callable, at once."""
    method = Methods().method
    line = sys._getframe().f_lineno + 1
    closure = pytramp.callback("void (int)", method, loop=loop)
    signature = pytramp.Signature("void (int)")
    assert closure.__wrapped__ == method
    assert closure.name == "Methods.method"
    assert closure.origin == f"{__file__}:{line}"
    assert closure(3) == 3
    line = sys._getframe().f_lineno + 1
    assert signature(print, loop=loop, name="own").origin == f"{__file__}:{line}"
    assert signature(print, loop=loop, name="own").name == "own"
    assert signature(Methods().method.__func__.__get__(1), loop=loop).name == "Methods.method"
    assert signature(functools.partial(Methods().method), loop=loop).name == "Methods.method"


def test_as_a_decorator(loop: Any) -> None:
    @pytramp.callback("int (int)", loop=loop, result=2)
    def by_declaration(n: int) -> None: ...

    @pytramp.callback(loop=loop)
    async def by_annotation(n: pytramp.c.int) -> None: ...

    assert by_declaration.as_ctypes()(1) == 2
    assert str(by_annotation.signature) == "void (int)"
    settle(loop)


@tools.posix("C library that CDLL(None) is")
def test_the_example() -> None:
    example = native.TESTS.parent / "examples" / "asyncio_callbacks.py"
    command = [sys.executable, "-W", "error", str(example)]
    environment = {**os.environ, "PYTHONDEVMODE": ""}  # there asyncio tells which tasks took long
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "job 2 in MainThread\n" in done.stdout
    assert done.stdout.endswith("finished: [1, 2, 3]\n")


@pytest.mark.parametrize(
    "case", ["pending", "closed", "callers", "task", "daemon", "after_run", "c_atexit"]
)
def test_the_interpreter_ends(case: str) -> None:
    """...with calls that are scheduled, or while C still calls."""
    text = tools.script("asyncio_shutdown.py", case, tools.build(SHUTDOWN), timeout=60)
    assert ("ended before it could run" in text) == (case in ("pending", "closed"))
    assert "in _wait" not in text, "a task that is thrown away says nothing of ours"


SHUTDOWN = """
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static int (*current)(int);

static void *call_for_ever(void *unused) {
    for (int n = 0;; n++) current(n);
    return unused;
}
void callers_start(int (*f)(int), int n) {
    pthread_t id;
    current = f;
    while (n--) pthread_create(&id, 0, call_for_ever, 0);
}

static void at_exit(void) {
    if (current(1) != -7) _exit(9);
}
void call_at_exit(int (*f)(int)) {
    current = f;
    atexit(at_exit);
}
"""
