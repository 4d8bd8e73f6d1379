"""``loop=``: C gets its answer at once, and an event loop runs the callable later.

What C calls is ``schedule`` below, in whatever thread C is in. Each call is an object that knows
whether it has run: one that a closed loop throws away says so. asyncio is not imported here: the
loop is the caller's.
"""

from __future__ import annotations

import contextvars
import functools
import weakref
from collections.abc import Awaitable

from pytramp import _lasting
from pytramp._core import Closure, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any

_tasks: set[Any] = set()  # of loops that have no attributes


def scheduled(
    signature: Signature,
    function: Callable[..., Any],
    /,
    *,
    loop: AbstractEventLoop,
    result: object = None,
    _depth: int = 0,
    **options: Any,
) -> Closure:
    """A Closure of signature that schedules function on loop; Signature() comes here with loop=.

    Raises UnsupportedTypeError for an argument that does not outlast C's call, TypeError where
    nothing says what C gets at once, RuntimeError for a loop that is closed already.
    """
    _check_loop(loop)
    _lasting.check(signature)
    _check_result(signature, result)
    target = _Target(function, loop, options.get("onerror"))
    context = contextvars.copy_context()

    def schedule(*args: Any) -> None:
        call = _Call(target, args, context.copy())
        try:
            loop.call_soon_threadsafe(call)
        except Exception as error:
            call.args = None
            raise RuntimeError(f"{target.label} could not be scheduled: {error}") from error

    schedule.__wrapped__ = function  # type: ignore[attr-defined]
    schedule.__qualname__ = _name(function)
    closure = signature(schedule, result=result, _wrapped=function, _depth=_depth + 1, **options)
    target.attach(closure)
    return closure


def _check_loop(loop: Any) -> None:
    schedule = getattr(loop, "call_soon_threadsafe", None)
    if isinstance(loop, type) or not callable(schedule):
        raise TypeError(
            "loop must be an event loop, such as asyncio.get_running_loop(), "
            f"not {loop if isinstance(loop, type) else type(loop).__name__}"
        )
    if hasattr(loop, "is_closed") and loop.is_closed():
        raise RuntimeError("loop is closed: it would never run the callable")


def _check_result(signature: Signature, result: object) -> None:
    kind = signature.result.kind
    if kind == "void" and result is not None:
        raise TypeError(f"result={result!r}: {signature} returns nothing")
    if kind == "void":
        return
    if kind == "object":
        raise TypeError("loop=: a 'PyObject *' cannot be returned before the callable has run")
    if result is None:
        raise TypeError(
            f"loop=: C gets the result of {signature} before the callable has run: "
            "say with result= which, or declare void"
        )


def _name(function: Callable[..., Any]) -> str:
    inner = function.func if isinstance(function, functools.partial) else function
    name = getattr(inner, "__qualname__", None)
    return name if isinstance(name, str) else type(inner).__qualname__


class _Target:
    """What the calls of one closure share. It may outlive the closure: what was scheduled runs."""

    def __init__(
        self,
        function: Callable[..., Any],
        loop: AbstractEventLoop,
        onerror: Callable[[BaseException], object] | None,
    ) -> None:
        self.function, self.loop, self.onerror = function, loop, onerror
        self.label = ""
        self._told = False

    def attach(self, closure: Closure) -> None:
        self._closure = weakref.ref(closure)
        self._name = closure.name
        self.label = f"callback '{self._name}' ({closure.signature}), made at {closure.origin},"

    def run(self, args: tuple[Any, ...]) -> None:
        """In the loop's thread."""
        try:
            value = self.function(*args)
            if isinstance(value, Awaitable):
                self._start(value)
        except BaseException as exception:
            self._fail(exception)

    def _start(self, value: Awaitable[Any]) -> None:
        work = self._wait(value)
        try:
            if not hasattr(self.loop, "create_task"):
                raise TypeError(f"{self.label} returned an awaitable: its loop has no create_task")
            task = self.loop.create_task(work, name=self._name)
        except BaseException:
            work.close()
            if hasattr(value, "close"):
                value.close()
            raise
        _keep(self.loop, task)

    async def _wait(self, value: Awaitable[Any]) -> None:
        # Loaded, where a coroutine begins; when it is thrown away the process may be at its end.
        from asyncio import CancelledError

        try:
            await value
        except (CancelledError, GeneratorExit):
            raise
        except BaseException as exception:
            self._fail(exception)

    def _fail(self, exception: BaseException) -> None:
        """Called while exception is handled, so that one of onerror has it as its context."""
        closure = self._closure()
        if closure is not None and closure._feed(exception):
            return
        if self.onerror is not None:
            try:
                self.onerror(exception)
                return
            except BaseException as second:
                exception = second
        handler = getattr(self.loop, "call_exception_handler", None)
        if handler is None or isinstance(exception, (KeyboardInterrupt, SystemExit)):
            raise exception
        message = f"{self.label} failed in the event loop"
        handler({"message": message, "exception": exception})

    def lose(self) -> None:
        """A call was thrown away. Told once: a closing loop may throw away thousands."""
        if not self._told:
            self._told = True
            raise RuntimeError(
                f"{self.label} was scheduled, but its event loop ended before it could run"
            )


def _keep(loop: Any, task: Any) -> None:
    """Until it is done, or its loop is gone, which itself refers to its tasks weakly."""
    try:
        tasks = vars(loop).setdefault("_pytramp_tasks", set())
    except TypeError:
        tasks = _tasks
    tasks.add(task)
    task.add_done_callback(tasks.discard)


class _Call:
    """One call; args is None once it has run, or once it is known that it never will.

    It has its context itself: not all loops take one.
    """

    __slots__ = ("args", "context", "target")

    def __init__(
        self, target: _Target, args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self.target, self.context = target, context
        self.args: tuple[Any, ...] | None = args

    def __call__(self) -> None:
        args, self.args = self.args, None
        if args is not None:
            self.context.run(self.target.run, args)

    def __repr__(self) -> str:
        return f"<{self.target.label} {self.args}>"

    def __del__(self) -> None:
        """What it raises goes to sys.unraisablehook."""
        if self.args is not None:
            self.target.lose()
