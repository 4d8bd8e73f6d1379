"""``propagate``: exceptions of callbacks, raised where Python called C."""

from __future__ import annotations

from _thread import get_ident

from pytramp._core import Closure
from pytramp._lock import LOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

# Bound here: leaving a block must not need memory. What the garbage collector runs while it is held
# may raise in other blocks.
_acquire, _release = LOCK.acquire, LOCK.release


class propagate:
    """``with propagate(cb): lib.run(cb.address)`` raises what cb raised, here.

    The first exception of any of the callbacks is kept and raised when the block is left;
    KeyboardInterrupt and SystemExit, too. From then on the calls that belong to the block return
    the callbacks' error values without entering Python, and stop(), which may tell the library to
    finish, is called once, in the thread of the exception, unless the block was left before that
    thread came to it. An exception of the block itself becomes the context.

    callbacks: a Closure, or several in an iterable. Blocks of one callback may be nested, or open
    in several threads. A call belongs to the innermost block that its own thread has entered and
    not left; in a thread without one, as those of C are, to the block that was entered last of all.
    """

    def __init__(
        self, callbacks: Closure | Iterable[Closure], stop: Callable[[], object] | None = None
    ) -> None:
        self._closures = tuple(dict.fromkeys(_closures(callbacks)))
        if isinstance(stop, Closure):
            raise TypeError("stop must not be a Closure: several callbacks go in a list")
        if stop is not None and not callable(stop):
            raise TypeError(f"stop must be callable or None, not {type(stop).__name__}")
        self._stop = stop
        self._told = False
        self._is_open = False
        self._key = id(self)
        self._caught: list[BaseException | None] = [None]  # by a closure (sinks.c)

    def __enter__(self) -> propagate:
        _acquire()
        try:
            self._enter()
        finally:
            _release()
        return self

    def _enter(self) -> None:
        if self._is_open:
            raise RuntimeError("this propagate() is in use")
        self._caught, self._told = [None], False
        sink = (self._caught, self._tell, get_ident())
        self._is_open = True
        try:
            for closure in self._closures:
                closure._add_sink(self._key, sink)
        except BaseException:
            self._leave()
            raise

    def _tell(self) -> None:
        """Called by a closure that has put its exception into ``_caught``, and is settled."""
        _acquire()
        try:
            if self._told:
                return  # two threads raised at once, or the block was left meanwhile
            self._told = True
            for closure in self._closures:
                closure._settle()
        finally:
            _release()
        if self._stop is not None:
            self._stop()

    def _leave(self) -> None:
        at = len(self._closures)
        while at:  # an iterator would need memory
            at -= 1
            self._closures[at]._drop_sink(self._key)
        self._is_open = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _acquire()
        try:
            self._told = True
            self._leave()
        finally:
            _release()
        caught, self._caught[0] = self._caught[0], None
        if caught is not None:
            _raise_over(caught, value)


def _closures(callbacks: Any) -> Iterator[Closure]:
    """One, or what an iterable gives."""
    if not hasattr(type(callbacks), "__iter__"):
        callbacks = (callbacks,)
    for closure in callbacks:
        if not isinstance(closure, Closure):
            raise TypeError(f"propagate() takes Closures, not {type(closure).__name__}")
        yield closure


def _raise_over(exception: BaseException, context: BaseException | None) -> None:
    """Raise exception with context at the end of its chain, where ``raise`` would cut it."""
    last, seen = exception, {id(exception)}
    while last.__context__ is not None and id(last.__context__) not in seen:
        last = last.__context__
        seen.add(id(last))
    if context is not None and id(context) not in seen:
        last.__context__ = context
    chain = exception.__context__
    try:
        raise exception
    except BaseException:
        exception.__context__ = chain
        raise
