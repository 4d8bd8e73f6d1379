"""``propagate``: exceptions of callbacks, raised where Python called C."""

from __future__ import annotations

from pytramp._core import Closure, FreedCallbackError
from pytramp._lock import LOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

# Bound here: leaving a block must not need memory. What the garbage collector runs while it is held
# may raise in other blocks.
_acquire, _release = LOCK.acquire, LOCK.release


class _Sink(tuple):  # type: ignore[type-arg]
    """What a closure has: where its exceptions go, whom to tell; and which open block that is."""

    opened: _Open


class _Open:
    """A closure in an open block. Those of one closure are a list, in the order of their blocks.

    The last one has what the closure does with exceptions. A block may be left before one that was
    entered later, by another thread. Leaving needs no memory.
    """

    __slots__ = ("above", "below", "block", "closure", "is_in", "sink")

    def __init__(self, block: propagate, closure: Closure) -> None:
        self.block, self.closure = block, closure
        self.sink: _Sink | None = _Sink((block._caught, block._tell))
        self.sink.opened = self
        self.above: _Open | None = None
        self.below: _Open | None = None
        self.is_in = False

    def enter(self) -> None:
        before = self.closure._set_sink(self.sink)
        self.is_in = True
        self.below = before.opened if before else None
        if self.below is not None:
            self.below.above = self
        self.closure._set_silent(False)

    def leave(self) -> None:
        above, below = self.above, self.below
        if below is not None:
            below.above = above
        if above is not None:
            above.below = below
        elif self.is_in:
            _give(self.closure, below)
        self.above = self.below = self.sink = None


def _give(closure: Closure, last: _Open | None) -> None:
    """The sink first: a call that raises now silences the closure only where the sink is its own
    (failure.c)."""
    if closure.closed:
        return
    try:
        closure._set_sink(None if last is None else last.sink)
        closure._set_silent(last is not None and bool(last.block._caught))
    except FreedCallbackError:  # by another thread, right now
        pass


class propagate:
    """``with propagate(cb): lib.run(cb.address)`` raises what cb raised, here.

    The first exception of any of the callbacks, in any thread, is kept and raised when the block
    is left; KeyboardInterrupt and SystemExit, too. From then on the callbacks return their error
    values without entering Python, and stop(), which may tell the library to finish, is called
    once, in the thread of the exception, unless the block was left before that thread came to it.
    An exception of the block itself becomes the context.

    callbacks: a Closure, or several in an iterable. Blocks of one callback may be nested, or open
    in several threads: the one that was entered last, and is still open, gets the exception.
    """

    def __init__(
        self, callbacks: Closure | Iterable[Closure], stop: Callable[[], object] | None = None
    ) -> None:
        self._closures = tuple(_closures(callbacks))
        if stop is not None and not callable(stop):
            raise TypeError(f"stop must be callable or None, not {type(stop).__name__}")
        self._stop = stop
        self._told = False
        self._caught: list[BaseException] = []
        self._open: tuple[_Open, ...] = ()

    def __enter__(self) -> propagate:
        _acquire()
        try:
            self._enter()
        finally:
            _release()
        return self

    def _enter(self) -> None:
        if self._open:
            raise RuntimeError("this propagate() is in use")
        self._caught, self._told = [], False
        # All memory first: nothing may fail between a change and the note of what was before.
        self._open = tuple([_Open(self, closure) for closure in self._closures])
        try:
            for each in self._open:
                each.enter()
        except BaseException:
            self._leave()
            raise

    def _tell(self) -> None:
        """Called by a closure that has put its exception into ``_caught`` and is silent now."""
        _acquire()
        try:
            if self._told:
                return  # two threads raised at once, or the block was left meanwhile
            self._told = True
            for each in self._open:
                if each.above is None:
                    each.closure._set_silent(True)
        finally:
            _release()
        if self._stop is not None:
            self._stop()

    def _leave(self) -> None:
        opened, self._open = self._open, ()
        at = len(opened)
        while at:  # the last one first: a closure may be there twice. An iterator would need memory
            at -= 1
            opened[at].leave()

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
        caught, self._caught = self._caught, []
        if caught:
            _raise_over(caught[0], value)


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
