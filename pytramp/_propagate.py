"""``propagate``: exceptions of callbacks, raised where Python called C."""

from __future__ import annotations

from pytramp._core import Closure
from pytramp._lock import LOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    Sink = tuple[list[BaseException], Callable[[], None]]

# Bound here: leaving a block must not need memory. What the garbage collector runs while it is held
# may raise in other blocks.
_acquire, _release = LOCK.acquire, LOCK.release


class _Before:
    """What a closure was before the block. Neither changing nor restoring it needs memory."""

    __slots__ = ("changed", "closure", "silent", "sink")

    def __init__(self, closure: Closure) -> None:
        self.closure = closure
        self.silent: bool | None = None
        self.sink: Sink | None = None
        self.changed = False

    def change(self, sink: Sink) -> None:
        self.silent = self.closure._set_silent(False)
        self.sink = self.closure._set_sink(sink)
        self.changed = True

    def restore(self) -> None:
        if self.closure.closed:
            return
        if self.changed:
            self.closure._set_sink(self.sink)
        if self.silent is not None:
            self.closure._set_silent(self.silent)


class propagate:
    """``with propagate(cb): lib.run(cb.address)`` raises what cb raised, here.

    The first exception of any of the callbacks, in any thread, is kept and raised when the block
    is left; KeyboardInterrupt and SystemExit, too. From then on the callbacks return their error
    values without entering Python, and stop(), which may tell the library to finish, is called
    once, in the thread of the exception, unless the block was left before that thread came to it.
    An exception of the block itself becomes the context.

    callbacks: a Closure, or several in an iterable. May be nested; the innermost one gets the
    exception.
    """

    def __init__(
        self, callbacks: Closure | Iterable[Closure], stop: Callable[[], object] | None = None
    ) -> None:
        self._closures = (callbacks,) if isinstance(callbacks, Closure) else tuple(callbacks)
        for closure in self._closures:
            if not isinstance(closure, Closure):
                raise TypeError(f"propagate() takes Closures, not {type(closure).__name__}")
        if stop is not None and not callable(stop):
            raise TypeError(f"stop must be callable or None, not {type(stop).__name__}")
        self._stop = stop
        self._told = False
        self._caught: list[BaseException] = []
        self._undo: tuple[_Before, ...] = ()

    def __enter__(self) -> propagate:
        if self._undo:
            raise RuntimeError("this propagate() is in use")
        self._caught, self._told = [], False
        sink = (self._caught, self._tell)
        # All memory first: nothing may fail between a change and the note of what was before.
        self._undo = tuple(map(_Before, self._closures))
        try:
            for before in self._undo:
                before.change(sink)
        except BaseException:
            self._restore()
            raise
        return self

    def _tell(self) -> None:
        """Called by a closure that has put its exception into ``_caught`` and is silent now."""
        _acquire()
        try:
            if self._told:
                return  # two threads raised at once, or the block was left meanwhile
            self._told = True
            for closure in self._closures:
                closure._set_silent(True)
        finally:
            _release()
        if self._stop is not None:
            self._stop()

    def _restore(self) -> None:
        undo, self._undo = self._undo, ()
        at = len(undo)
        while at:  # the last one first: a closure may be there twice. An iterator would need memory
            at -= 1
            undo[at].restore()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _acquire()
        try:
            self._told = True
            self._restore()
        finally:
            _release()
        caught, self._caught = self._caught, []
        if caught:
            _raise_over(caught[0], value)


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
