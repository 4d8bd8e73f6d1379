"""Exceptions in callbacks: what C gets, who is told, and how they reach the caller."""

# ruff: noqa: PT012 (what a block of propagate() does is what is tested)

from __future__ import annotations

import ctypes
import errno
import gc
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import tools

import pytramp
from pytramp import propagate

INT = pytramp.Signature("int (int)")


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Memory(ctypes.Structure):
    _fields_ = [("a", ctypes.c_long), ("b", ctypes.c_long), ("c", ctypes.c_long)]


class Mine(Exception):
    pass


def fails(*args: Any) -> Any:
    raise Mine(*args)


# ---- The error value ----

# result type, error=, what C gets without and with it
RESULTS: list[tuple[Any, Any, Any, Any]] = [
    ("int", -7, 0, -7),
    ("unsigned char", 255, 0, 255),
    ("long long", -(1 << 63), 0, -(1 << 63)),
    ("_Bool", True, False, True),
    ("_Bool", [0], False, True),
    ("char", b"e", b"\0", b"e"),
    ("wchar_t", "é", "\0", "é"),
    ("float", 0.5, 0.0, 0.5),
    ("double", -1.5, 0.0, -1.5),
    ("double", 3, 0.0, 3.0),
    ("long double", 2.25, 0.0, 2.25),
    ("void *", 0x1234, None, 0x1234),
    ("void *", None, None, None),
    ("void", None, None, None),
    (Point, (1, 2), (0, 0), (1, 2)),
    (Point, {"y": 2}, (0, 0), (0, 2)),
    (Memory, Memory(1, 2, 3), (0, 0, 0), (1, 2, 3)),
]


def plain(value: Any) -> Any:
    if isinstance(value, ctypes.Structure):
        return tuple(getattr(value, name) for name, _ in value._fields_)
    return value


@pytest.mark.parametrize(("type_", "error", "without", "expected"), RESULTS)
def test_the_error_value(type_: Any, error: Any, without: Any, expected: Any) -> None:
    """Zero by default, else what error= says, as the result of every class of type."""
    signature = pytramp.Signature.from_types(type_, ctypes.c_int)
    with tools.reports() as seen:
        assert plain(signature(fails).as_ctypes()(1)) == without
        function = signature(fails, error=error).as_ctypes()
        assert plain(function(1)) == plain(function(2)) == expected
    assert [report.exception.args for report in seen] == [(1,), (1,), (2,)]


class Number:
    def __index__(self) -> int:
        raise Mine("mine")


@pytest.mark.parametrize(
    ("type_", "error", "kind", "text"),
    [
        ("int", 1 << 31, OverflowError, f"error={1 << 31}: {1 << 31} is out of range for int"),
        ("int", "x", TypeError, "error='x': int must be an int, not str"),
        ("int", 1.5, TypeError, "error=1.5: int must be an int"),
        ("unsigned char", -1, OverflowError, "error=-1: -1 is out of range for unsigned char"),
        ("float", 1e39, OverflowError, "error=1e\\+39: float too large"),
        ("char", "x", TypeError, "error='x': char must be bytes"),
        ("char", b"ab", TypeError, "an int, not bytes of length 2"),
        ("wchar_t", "", TypeError, "str of length 1 or an int, not str of length 0"),
        ("float", [], TypeError, "float must be a real number, not list"),
        ("double", 1j, TypeError, "double must be a real number, not complex"),
        ("long double", "1", TypeError, "long double must be a real number, not str"),
        ("double", Number(), Mine, "^mine$"),
        ("void", 0, TypeError, "error=0: void must be None"),
        ("void *", "x", TypeError, "error='x': void \\* cannot be str: nobody would keep"),
        (Point, 3, TypeError, "error=3: expected Point"),
        (Point, (1, 2, 3), TypeError, "error=\\(1, 2, 3\\)"),
        ("int", Number(), Mine, "^mine$"),
    ],
)
def test_the_error_value_is_checked_at_once(type_: Any, error: Any, kind: type, text: str) -> None:
    signature = pytramp.Signature.from_types(type_)
    gc.collect()  # of what earlier tests left, not between the two counts
    live = pytramp.stats()["live"]
    with pytest.raises(kind, match=text):
        signature(fails, error=error)
    assert pytramp.stats()["live"] == live


def test_the_error_value_is_a_copy() -> None:
    point = Point(1, 2)
    function = pytramp.Signature.from_types(Point)(fails, error=point).as_ctypes()
    point.x = 99
    with tools.reports():
        assert plain(function()) == (1, 2)


# ---- sys.unraisablehook ----


def test_what_the_hook_gets() -> None:
    """The exception with its traceback, and the closure."""
    closure = INT(fails)
    with tools.reports() as seen:
        assert closure.as_ctypes()(3) == 0
    (report,) = seen
    assert type(report.exception) is Mine
    assert report.exception.args == (3,)
    assert report.object is closure
    assert report.has_traceback
    frames = traceback.extract_tb(report.exception.__traceback__)
    assert [frame.name for frame in frames] == ["fails"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_exceptions_that_are_no_errors(kind: type[BaseException]) -> None:
    """C cannot be left by them: reported as any other, and Python goes on."""

    def function(n: int) -> int:
        raise kind(n)

    with tools.reports() as seen:
        assert INT(function, error=-1).as_ctypes()(5) == -1
    assert [type(report.exception) for report in seen] == [kind]


def test_a_hook_that_fails_does_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    before, sys.unraisablehook = sys.unraisablehook, fails
    try:
        assert INT(fails, error=-1).as_ctypes()(5) == -1
    finally:
        sys.unraisablehook = before
    assert "Mine" in capfd.readouterr().err


def test_an_argument_that_cannot_be_converted() -> None:
    """As for an exception of the callable, which is not run."""
    lib = tools.library("int call_it(int (*f)(unsigned)) { return f(0x110000); }")
    called: list[Any] = []
    signature = pytramp.Signature("int (char32_t)")
    with tools.reports() as seen:
        assert lib.call_it(signature(called.append, error=-3)) == -3
    assert type(seen[0].exception) is ValueError
    assert lib.call_it(signature(called.append, onerror=lambda exception: 44)) == 44
    closure = signature(called.append)
    with pytest.raises(ValueError, match="char32_t"), propagate(closure):
        lib.call_it(closure)
    assert called == []


# ---- onerror ----


def test_onerror_gives_the_result() -> None:
    got = []

    def onerror(exception: BaseException) -> int:
        got.append(exception)
        return 44

    with tools.reports() as seen:
        assert INT(fails, error=-1, onerror=onerror).as_ctypes()(3) == 44
    assert seen == []
    assert type(got[0]) is Mine
    assert got[0].__traceback__ is not None


def test_onerror_without_a_result() -> None:
    """None means the error value, and the exception has been dealt with."""
    with tools.reports() as seen:
        assert INT(fails, error=-1, onerror=lambda exception: None).as_ctypes()(3) == -1
        assert INT(fails, onerror=lambda exception: None).as_ctypes()(3) == 0
        assert INT(fails, error=-1, onerror=None).as_ctypes()(3) == -1
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("result", "kind"), [(1 << 31, OverflowError), ("text", TypeError), (1.5, TypeError)]
)
def test_onerror_with_a_wrong_result(result: Any, kind: type) -> None:
    """The error value; both exceptions are reported."""
    with tools.reports() as seen:
        closure = INT(fails, error=-1, onerror=lambda exception: result, name="it")
        assert closure.as_ctypes()(3) == -1
    first, second = seen
    assert tools.chain(first.exception) == [Mine]
    assert tools.chain(second.exception) == [kind, Mine]
    assert second.text.startswith("result of onerror of 'it': ")


def onerror_raises(exception: BaseException) -> None:
    raise KeyError("onerror")


def onerror_raises_from(exception: BaseException) -> None:
    raise KeyError("onerror") from exception


def onerror_raises_the_same(exception: BaseException) -> None:
    raise exception


def onerror_raises_in_except(exception: BaseException) -> None:
    try:
        raise LookupError
    except LookupError:
        raise KeyError from None


@pytest.mark.parametrize(
    ("onerror", "types"),
    [
        (onerror_raises, [KeyError, Mine]),
        (onerror_raises_from, [KeyError, Mine]),
        (onerror_raises_the_same, [Mine]),
        (onerror_raises_in_except, [KeyError, LookupError, Mine]),
    ],
)
def test_onerror_that_raises(onerror: Callable[[Any], None], types: list[type]) -> None:
    """The error value; the callback's exception is reported, too, and before the one that it is
    the context of, as in an except clause: the hook's own report shows no contexts."""
    closure = INT(fails, error=-1, onerror=onerror)
    with tools.reports() as seen:
        assert closure.as_ctypes()(3) == -1
    assert tools.chain(seen[-1].exception) == types
    assert [type(report.exception) for report in seen[:-1]] == [Mine] * (len(types) > 1)
    assert all(report.object is closure and report.has_traceback for report in seen)


def test_both_exceptions_can_be_read(capfd: pytest.CaptureFixture[str]) -> None:
    """By who has no hook of his own."""
    before, sys.unraisablehook = sys.unraisablehook, sys.__unraisablehook__
    try:
        INT(fails, onerror=onerror_raises).as_ctypes()(3)
    finally:
        sys.unraisablehook = before
    text = capfd.readouterr().err
    assert 0 < text.index("Mine: 3") < text.index("KeyError: 'onerror'")


def test_onerror_may_close_the_closure() -> None:
    closure = INT(fails, onerror=lambda exception: closure.close() or 44)
    function = closure.as_ctypes()
    assert function(1) == 44
    assert closure.closed


def test_struct_results_of_onerror() -> None:
    signature = pytramp.Signature.from_types(Memory)
    assert plain(signature(fails, onerror=lambda e: (1, 2)).as_ctypes()()) == (1, 2, 0)


def test_exceptions_are_not_kept() -> None:
    """Nothing holds on to the exception, and so to the frames, once it has been handled."""
    kept: list[Any] = []

    class Local:
        pass

    def function(n: int) -> int:
        local = Local()
        kept.append(weakref.ref(local))
        raise Mine

    closures = [INT(function, onerror=lambda exception: 1)]
    for closure in closures:
        closure.as_ctypes()(1)
        try:
            with propagate(closure):
                closure.as_ctypes()(1)
        except Mine:
            pass
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


# ---- Results that C has no room for ----


@pytest.mark.parametrize(
    ("type_", "result", "text"),
    [
        ("int", None, "int must be an int, not NoneType"),
        ("int", 1 << 31, "2147483648 is out of range for int"),
        ("char", b"ab", "char must be bytes of length 1 or an int, not bytes of length 2"),
        ("const char *", "text", "const char * cannot be str: nobody would keep the text"),
        (Point, {"z": 1}, ""),
    ],
)
def test_whose_result_it_was(type_: Any, result: Any, text: str) -> None:
    """The report and what propagate raises have no traceback that says it."""
    closure = pytramp.Signature.from_types(type_)(lambda: result, name="compare")
    with tools.reports() as seen:
        closure.as_ctypes()()
    with pytest.raises((TypeError, OverflowError)) as info, propagate(closure):
        closure.as_ctypes()()
    assert seen[0].text.startswith(f"result of 'compare': {text}")
    assert str(info.value) == seen[0].text


def test_what_a_result_raised_stays_as_it_is() -> None:
    with pytest.raises(Mine, match=r"^mine$"), propagate(closure := INT(lambda n: Number())):
        closure.as_ctypes()(1)


# ---- An exception that the caller has set ----


def test_an_exception_set_in_the_caller_stays() -> None:
    """C code that has failed calls back, for cleaning up, before it returns to Python."""
    path = tools.build(
        """
        int call_it(void (*set)(void *, const char *), void *kind, int (*f)(int), int *result) {
            set(kind, "of the caller");
            *result = f(3);
            return 0;
        }
        """
    )
    call_it = ctypes.PyDLL(str(path)).call_it
    set_string = ctypes.cast(ctypes.pythonapi.PyErr_SetString, ctypes.c_void_p)
    call_it.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p]
    result = ctypes.c_int()

    def works(n: int) -> int:
        try:
            raise Mine
        except Mine:
            return 2 * n

    with pytest.raises(OSError, match="of the caller"):
        call_it(set_string, OSError, INT(works), ctypes.byref(result))
    assert result.value == 6
    with tools.reports() as seen, pytest.raises(OSError, match="of the caller"):
        call_it(set_string, OSError, INT(fails, error=-1), ctypes.byref(result))
    assert result.value == -1
    assert [type(report.exception) for report in seen] == [Mine]
    closed = INT(fails, error=-1)
    address = closed.address
    closed.close()
    with tools.reports() as seen, pytest.raises(OSError, match="of the caller"):
        call_it(set_string, OSError, address, ctypes.byref(result))
    assert result.value == -1
    assert len(seen) == 1


@pytest.mark.parametrize("kind", ["int", "PyObject *"])
def test_it_stays_where_the_caller_gave_up_the_gil(kind: str) -> None:
    lib = ctypes.PyDLL(
        str(
            tools.build(
                """
        void call_it(void (*set)(void *, const char *), void *kind, void *(*save)(void),
                     void (*restore)(void *), void *(*f)(int)) {
            set(kind, "of the caller");
            void *saved = save();
            f(3);
            restore(saved);
        }
        """
            )
        )
    )
    lib.call_it.argtypes = [ctypes.c_void_p, ctypes.py_object, *[ctypes.c_void_p] * 3]
    api = [
        ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p)
        for name in ("PyErr_SetString", "PyEval_SaveThread", "PyEval_RestoreThread")
    ]
    signature = pytramp.Signature(f"{kind} (int)")
    for function, expected in ((abs, []), (fails, [Mine])):
        with tools.reports() as seen, pytest.raises(OSError, match="of the caller"):
            lib.call_it(api[0], OSError, *api[1:], signature(function))
        assert [type(report.exception) for report in seen] == expected


# ---- propagate ----


class Counting:
    """A callable that raises for 0 and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, n: int) -> int:
        self.calls += 1
        if not n:
            raise Mine(self.calls)
        return n


def test_the_first_exception_is_raised_here() -> None:
    """...with its traceback; from then on C gets the error value and Python is not entered."""
    counting = Counting()
    closure = INT(counting, error=-1)
    function = closure.as_ctypes()
    with pytest.raises(Mine) as info, propagate(closure):
        assert [function(5), function(0), function(6), function(0)] == [5, -1, -1, -1]
    assert info.value.args == (2,)
    assert counting.calls == 2
    assert "__call__" in [frame.name for frame in info.traceback]
    assert function(7) == 7
    with tools.reports() as seen:
        assert function(0) == -1
    assert [type(report.exception) for report in seen] == [Mine]


def test_nothing_is_raised_without_an_exception() -> None:
    closure = INT(Counting())
    with propagate(closure) as entered:
        assert closure.as_ctypes()(5) == 5
    assert isinstance(entered, propagate)


def test_it_comes_before_onerror() -> None:
    closure = INT(fails, error=-1, onerror=lambda exception: 44)
    with pytest.raises(Mine), propagate(closure):
        assert closure.as_ctypes()(1) == -1
    assert closure.as_ctypes()(1) == 44


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_it_carries_what_is_no_error(kind: type[BaseException]) -> None:
    def function(n: int) -> int:
        raise kind(n)

    closure = INT(function)
    with pytest.raises(kind), propagate(closure):
        closure.as_ctypes()(1)


def test_an_interrupt_by_a_signal() -> None:
    """Control-C while C is running and calling back."""
    import signal

    def function(n: int) -> int:
        signal.raise_signal(signal.SIGINT)
        return n

    closure = INT(function, error=-1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), propagate(closure):
            assert closure.as_ctypes()(1) == -1
    finally:
        signal.signal(signal.SIGINT, before)


def test_results_out_of_range_are_raised_too() -> None:
    closure = INT(lambda n: 1 << 40)
    with pytest.raises(OverflowError), propagate(closure):
        closure.as_ctypes()(1)


def test_several_closures() -> None:
    """The first exception of any silences all of them."""
    countings = [Counting(), Counting(), Counting()]
    closures = [INT(counting, error=-i) for i, counting in enumerate(countings)]
    first, second, third = (closure.as_ctypes() for closure in closures)
    with pytest.raises(Mine), propagate(iter(closures)):
        assert [first(1), second(0), first(1), second(1), third(0)] == [1, -1, 0, -1, -2]
    assert [counting.calls for counting in countings] == [1, 1, 0]
    assert [first(1), second(2), third(3)] == [1, 2, 3]


def test_stop_is_called_once() -> None:
    stops = []
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    with pytest.raises(Mine), propagate(closure, stop=lambda: stops.append(function(9))):
        function(0)
        function(0)
    assert stops == [-1]
    with propagate(closure, stop=lambda: stops.append("again")):
        function(1)
    assert stops == [-1]


def test_stop_that_raises() -> None:
    """...is reported; the callback's exception is the one that counts."""
    closure = INT(Counting(), error=-1)

    def stop() -> None:
        raise KeyError("stop")

    with tools.reports() as seen, pytest.raises(Mine), propagate(closure, stop):
        assert closure.as_ctypes()(0) == -1
    assert [type(report.exception) for report in seen] == [KeyError]


def test_an_exception_of_the_block_is_the_context() -> None:
    closure = INT(fails)
    with pytest.raises(Mine) as info, propagate(closure):
        closure.as_ctypes()(1)
        raise OSError
    assert tools.chain(info.value) == [Mine, OSError]
    with pytest.raises(OSError, match="alone"), propagate(closure):
        raise OSError("alone")


def raises_with_context(n: int) -> int:
    try:
        raise LookupError
    except LookupError:
        raise Mine from None


def test_its_own_context_is_kept() -> None:
    """However the block is left, and whatever was being handled around it."""
    closure = INT(raises_with_context)
    with pytest.raises(Mine) as info, propagate(closure):
        closure.as_ctypes()(1)
    assert tools.chain(info.value) == [Mine, LookupError]
    with pytest.raises(Mine) as info, propagate(closure):
        closure.as_ctypes()(1)
        raise OSError
    assert set(tools.chain(info.value)) == {Mine, LookupError, OSError}
    try:
        raise OSError
    except OSError:
        with pytest.raises(Mine) as info, propagate(closure):
            closure.as_ctypes()(1)
    assert set(tools.chain(info.value)) == {Mine, LookupError, OSError}


def test_nesting() -> None:
    """The innermost one gets the exception; the outer one goes on as before."""
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    with propagate(closure):
        with pytest.raises(Mine), propagate(closure):
            assert [function(0), function(1)] == [-1, -1]
        assert function(1) == 1
    with pytest.raises(Mine) as info, propagate(closure):
        assert function(0) == -1
        with propagate(closure):
            assert function(5) == 5
        assert function(5) == -1
    assert info.value.args


def test_nesting_in_a_callback() -> None:
    """A callback that runs C code, which calls back, and so on: one of each level."""
    inner = INT(Counting())

    def outer_function(n: int) -> int:
        with propagate(inner):
            inner.as_ctypes()(n)
        return n

    outer = INT(outer_function, error=-1)
    with pytest.raises(Mine), propagate(outer):
        assert outer.as_ctypes()(1) == 1
        assert outer.as_ctypes()(0) == -1


def test_an_exception_of_another_thread() -> None:
    closure = INT(Counting(), error=-1)
    results = []
    with pytest.raises(Mine), propagate(closure):
        thread = threading.Thread(target=lambda: results.append(closure.as_ctypes()(0)))
        thread.start()
        thread.join()
        results.append(closure.as_ctypes()(7))
    assert results == [-1, -1]


def test_an_exception_of_a_thread_that_python_did_not_make() -> None:
    lib = tools.library(
        """
        #include <pthread.h>
        #include <stdint.h>
        static void *run(void *f) { return (void *)(intptr_t)((int (*)(int))f)(0); }
        long in_thread(int (*f)(int)) {
            pthread_t thread;
            void *result;
            pthread_create(&thread, 0, run, (void *)f);
            pthread_join(thread, &result);
            return (intptr_t)result;
        }
        """
    )
    closure = INT(Counting(), error=-1)
    where = []
    with (
        pytest.raises(Mine),
        propagate(closure, stop=lambda: where.append(threading.get_ident())),
    ):
        assert lib.in_thread(closure) == -1
        assert lib.in_thread(closure) == -1
    assert len(where) == 1
    assert where[0] != threading.get_ident()


class Slow(propagate):
    """Its thread goes to sleep between raising and telling."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.raised, self.left = threading.Event(), threading.Event()

    def _tell(self) -> None:
        self.raised.set()
        self.left.wait(20)
        super()._tell()


def test_the_block_is_left_while_a_thread_raises() -> None:
    """Nothing of the block is left: the closures are not silent, and nobody is told to stop."""
    closures, stops = [INT(Counting(), error=-1), INT(Counting(), error=-1)], []
    first, second = (closure.as_ctypes() for closure in closures)
    thread = threading.Thread(target=first, args=(0,))
    block = Slow(closures, lambda: stops.append(1))
    with pytest.raises(Mine), block:
        thread.start()
        assert block.raised.wait(20)
    block.left.set()
    thread.join()
    assert [first(1), second(2)] == [1, 2]
    assert stops == []


def test_one_propagate_is_used_once_at_a_time() -> None:
    closure = INT(Counting())
    block = propagate(closure)
    with block:
        with pytest.raises(RuntimeError, match="in use"):
            block.__enter__()
        assert closure.as_ctypes()(3) == 3
    for _ in range(2):
        with pytest.raises(Mine), block:
            closure.as_ctypes()(0)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("raises_in", [None, 0, 1, 2])
def test_blocks_left_in_any_order(order: tuple[int, ...], raises_in: int | None) -> None:
    """As blocks of several threads are: the last one that is still open gets the exception."""
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    blocks = [propagate(closure) for _ in range(3)]
    for block in blocks:
        block.__enter__()
    for position, i in enumerate(order):
        is_last = i == max(order[position:])
        if is_last and raises_in == position:
            function(0)
            assert function(5) == -1
            with pytest.raises(Mine):
                blocks[i].__exit__(None, None, None)
        else:
            blocks[i].__exit__(None, None, None)
    with tools.reports() as seen:
        assert [function(4), function(0), function(5)] == [4, -1, 5]
    assert [type(report.exception) for report in seen] == [Mine]


def test_a_block_that_caught_is_still_open_when_a_later_one_is_left() -> None:
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    first, second, third = (propagate(closure) for _ in range(3))
    first.__enter__()
    function(0)
    second.__enter__()
    assert function(3) == 3
    third.__enter__()
    second.__exit__(None, None, None)
    assert function(4) == 4
    third.__exit__(None, None, None)
    assert function(5) == -1
    with pytest.raises(Mine):
        first.__exit__(None, None, None)
    assert function(6) == 6


class Elsewhere:
    """A thread that does one thing after the other, and each while this one waits."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.pool.submit(function, *args).result()


def test_a_thread_has_the_exceptions_of_its_own_calls() -> None:
    """A later block in another thread neither gets them nor makes them silent."""
    closure = INT(Counting(), error=-1)
    function, other, third = closure.as_ctypes(), Elsewhere(), Elsewhere()
    block = propagate(closure)
    with propagate(closure):
        other(block.__enter__)
        assert [other(function, 0), other(function, 5)] == [-1, -1]
        assert [function(5), third(function, 5)] == [5, -1]
        with pytest.raises(Mine):
            other(block.__exit__, None, None, None)
        assert [other(function, 5), third(function, 6), function(7)] == [5, 6, 7]
    with pytest.raises(Mine), propagate(closure):
        other(block.__enter__)
        assert [function(0), function(5)] == [-1, -1]
        assert [other(function, 5), third(function, 6)] == [5, 6]
        other(block.__exit__, None, None, None)
        assert [other(function, 5), function(5)] == [-1, -1]
    assert [other(function, 5), function(5)] == [5, 5]


def test_a_thread_without_a_block_counts_for_the_last_one() -> None:
    closure = INT(Counting(), error=-1)
    function, other, third = closure.as_ctypes(), Elsewhere(), Elsewhere()
    block = propagate(closure)
    with propagate(closure):
        other(block.__enter__)
        assert third(function, 0) == -1
        assert [function(5), other(function, 5)] == [5, -1]
        with pytest.raises(Mine):
            other(block.__exit__, None, None, None)


def test_several_closures_in_several_threads() -> None:
    """All that the block has are silent, for its thread."""
    closures = [INT(Counting(), error=-1), INT(Counting(), error=-1)]
    first, second = (closure.as_ctypes() for closure in closures)
    other, block = Elsewhere(), propagate(closures)
    with propagate([*closures, *closures]):
        other(block.__enter__)
        assert [other(first, 0), other(second, 5)] == [-1, -1]
        assert [first(5), second(6)] == [5, 6]
        with pytest.raises(Mine):
            other(block.__exit__, None, None, None)


def test_objects_of_a_block_that_has_its_exception() -> None:
    """To the caller NULL needs an exception, at each call."""
    closure = pytramp.callback("PyObject *(int)", Counting())
    function, other, block = closure.as_ctypes(), Elsewhere(), propagate(closure)
    with propagate(closure):
        other(block.__enter__)
        for n in (0, 5):
            with pytest.raises(RuntimeError, match="its exception went to propagate"):
                other(function, n)
        assert function(5) == 5
        with pytest.raises(Mine):
            other(block.__exit__, None, None, None)


def test_blocks_of_many_threads() -> None:
    """Each has all of its own exceptions, and no others."""
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    wrong = []

    def work() -> None:
        for n in range(500):
            try:
                with propagate(closure):
                    if function(n % 5) != (n % 5 or -1):
                        wrong.append(n)
            except Mine:
                if n % 5:
                    wrong.append(n)
            else:
                if not n % 5:
                    wrong.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with tools.reports() as seen:
        assert [function(4), function(0), function(5)] == [4, -1, 5]
    assert len(seen) == 1


def test_closing_inside_the_block() -> None:
    closure = INT(Counting(), error=-1)
    function = closure.as_ctypes()
    with pytest.raises(Mine), propagate(closure):
        function(0)
        closure.close()
    with tools.reports() as seen:
        assert function(1) == -1
    assert len(seen) == 1


def test_a_closed_closure_cannot_be_entered() -> None:
    """...and the others of the list are as they were."""
    good, bad = INT(fails, error=-1), INT(fails)
    bad.close()
    with pytest.raises(pytramp.FreedCallbackError):
        propagate([good, bad]).__enter__()
    with tools.reports() as seen:
        assert good.as_ctypes()(1) == -1
    assert len(seen) == 1


@pytest.mark.parametrize("callbacks", [3, None, fails, "ab", [fails], [3]])
def test_propagate_takes_closures(callbacks: Any) -> None:
    with pytest.raises(TypeError, match=r"propagate\(\) takes Closures"):
        propagate(callbacks)


def test_stop_must_be_callable() -> None:
    with pytest.raises(TypeError, match="stop must be callable or None, not int"):
        propagate(INT(fails), stop=3)


def test_a_second_callback_is_no_stop() -> None:
    with pytest.raises(TypeError, match="stop must not be a Closure: several callbacks go in a"):
        propagate(INT(fails), INT(fails))


# ---- errno ----

ERRNO = """
#include <errno.h>
int call_it(int (*f)(int), int before, int *after) {
    errno = before;
    int result = f(1);
    *after = errno;
    return result;
}
"""


def errno_after(closure: Any, before: int) -> int:
    after = ctypes.c_int()
    function = ctypes.c_void_p(int(closure))
    tools.library(ERRNO).call_it(function, before, ctypes.byref(after))
    return after.value


def does_io(n: int) -> int:
    """Fails in the system, several times, and so sets errno."""
    for path in ("/nonexistent/path", "/"):
        try:
            open(path, "r+b").close()
        except OSError:
            pass
    gc.collect()
    return n


@pytest.mark.parametrize("before", [0, 1, errno.EINTR, 4095, -1])
def test_errno_survives(before: int) -> None:
    assert errno_after(INT(does_io), before) == before
    assert errno_after(INT(does_io), before) == before


def test_errno_survives_failures() -> None:
    """An exception, its report, a late call."""
    closure = INT(lambda n: does_io(n) + fails())
    address = closure.address
    with tools.reports():
        assert errno_after(closure, 7) == 7
        closure.close()
        assert errno_after(address, 8) == 8
        assert errno_after(address, 9) == 9


def test_errno_survives_in_threads_of_c() -> None:
    lib = tools.library(
        ERRNO
        + """
        #include <pthread.h>
        #include <stdint.h>
        static void *run(void *f) {
            int after, sum = 0;
            for (int i = 0; i < 20; i++) {
                call_it((int (*)(int))f, 100 + i, &after);
                sum += after;
            }
            return (void *)(intptr_t)sum;
        }
        long in_thread(int (*f)(int)) {
            pthread_t thread;
            void *result;
            pthread_create(&thread, 0, run, (void *)f);
            pthread_join(thread, &result);
            return (intptr_t)result;
        }
        """
    )
    assert lib.in_thread(INT(does_io)) == sum(range(100, 120))


def test_a_callback_sees_and_sets_errno() -> None:
    seen = []

    def function(n: int) -> int:
        seen.append(pytramp.get_errno())
        does_io(n)
        seen.append(pytramp.get_errno())
        pytramp.set_errno(errno.EAGAIN)
        does_io(n)
        seen.append(pytramp.get_errno())
        return n

    assert errno_after(INT(function), 7) == errno.EAGAIN
    assert seen == [7, 7, errno.EAGAIN]


def test_errno_of_nested_calls() -> None:
    """Each call has its own."""
    seen = []

    def inner(n: int) -> int:
        seen.append(pytramp.get_errno())
        pytramp.set_errno(33)
        return n

    def outer(n: int) -> int:
        pytramp.set_errno(11)
        assert errno_after(inner_closure, 22) == 33
        seen.append(pytramp.get_errno())
        return n

    inner_closure = INT(inner)
    assert errno_after(INT(outer), 7) == 11
    assert seen == [22, 11]


def test_set_errno_then_fail() -> None:
    def function(n: int) -> int:
        pytramp.set_errno(5)
        raise Mine

    with tools.reports():
        assert errno_after(INT(function, error=-1), 7) == 5


def test_errno_outside_of_calls() -> None:
    """The thread's own."""
    pytramp.set_errno(17)
    assert pytramp.get_errno() == 17
    got = []

    def other() -> None:
        pytramp.set_errno(3)
        got.append(pytramp.get_errno())

    thread = threading.Thread(target=other)
    pytramp.set_errno(17)
    thread.start()
    thread.join()
    assert got == [3]


@pytest.mark.parametrize("value", ["x", 1.5, None, 1 << 40])
def test_errno_is_an_int(value: Any) -> None:
    with pytest.raises((TypeError, OverflowError)):
        pytramp.set_errno(value)
