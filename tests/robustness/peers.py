"""ctypes, cffi and pytramp behind one small interface: make a callback, its address, free it.

Each does what its documentation offers, and no more: ctypes has no error values, for example. A
type that one cannot express, or refuses, is Refused.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Refused(Exception):
    """There is no such callback, and the user is told so."""


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]


class Packed(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("tag", ctypes.c_char), ("x", ctypes.c_double)]


class Callback:
    """What C calls, and how it ends."""

    def __init__(self, thing: Any, address: int) -> None:
        self.thing = thing
        self.address = address
        self.pointer = ctypes.c_void_p(address)

    def drop(self) -> None:
        """The last reference goes."""
        self.thing = None

    def free(self) -> None:
        """Frees it by force, where that can be asked for."""
        close = getattr(self.thing, "close", None)
        self.thing = None
        if close:
            close()


class Peer:
    """The interface. `has_error`: a failing callback gives C the value that the user named."""

    name: str
    has_error = True

    def make(self, kind: str, function: Callable[..., Any], error: Any = None) -> Callback:
        """A callback of the C type; raises Refused."""
        raise NotImplementedError

    def failed(self, error: Any) -> Any:
        """What C may expect of a callback that cannot run."""
        return error if self.has_error else 0

    @contextmanager
    def reaching(self, function: Callable[..., Any], error: int) -> Iterator[Callback]:
        """An int (int) whose exceptions are raised at the end of the block, if there is a way."""
        yield self.make("int (int)", function, error)

    def array(self, n: int, x: Any) -> Any:
        """The array argument of an int (unsigned n, double x[n]), as its users index it."""
        raise NotImplementedError

    def pointer_to(self, memory: Any) -> Any:
        """A pointer result to a ctypes array."""
        return memory


def _refused(error: Exception) -> Refused:
    return Refused(f"{type(error).__name__}")


class Ctypes(Peer):
    """CFUNCTYPE."""

    name = "ctypes"
    has_error = False

    def __init__(self) -> None:
        c = ctypes
        self._kinds: dict[str, Any] = {
            "int (int)": (c.c_int, c.c_int),
            "double (double)": (c.c_double, c.c_double),
            "struct point (struct point)": (Point, Point),
            "double (struct packed)": (c.c_double, Packed),
            "int *(int)": (c.POINTER(c.c_int), c.c_int),
            "PyObject *(int)": (c.py_object, c.c_int),
            "int (unsigned n, double x[n])": (c.c_int, c.c_uint, c.POINTER(c.c_double)),
        }

    def make(self, kind: str, function: Callable[..., Any], error: Any = None) -> Callback:
        if kind not in self._kinds:
            raise Refused("there is no such type")
        prototype = ctypes.CFUNCTYPE(*self._kinds[kind])
        try:
            thing = prototype(function)
        except (TypeError, MemoryError) as refusal:
            raise _refused(refusal) from None
        address = ctypes.cast(thing, ctypes.c_void_p).value
        assert address
        return Callback(thing, address)

    def array(self, n: int, x: Any) -> Any:
        return (ctypes.c_double * n).from_address(ctypes.addressof(x.contents))


class Cffi(Peer):
    """FFI.callback, in ABI mode."""

    name = "cffi"

    def __init__(self) -> None:
        import cffi

        self.ffi = cffi.FFI()
        self.ffi.cdef("struct point { double x, y; };")
        self.ffi.cdef("struct packed { char tag; double x; };", packed=True)

    def make(self, kind: str, function: Callable[..., Any], error: Any = None) -> Callback:
        return self._make(kind, function, error=error)

    def _make(self, kind: str, function: Callable[..., Any], **options: Any) -> Callback:
        if "PyObject" in kind:
            raise Refused("there is no such type")
        spelling = kind.replace("[n]", "[]").replace(" (", " (*)(", 1).replace("*(", "*(*)(", 1)
        try:
            thing = self.ffi.callback(spelling, function, **options)
        except (TypeError, MemoryError, NotImplementedError) as refusal:
            raise _refused(refusal) from None
        return Callback(thing, int(self.ffi.cast("uintptr_t", thing)))

    @contextmanager
    def reaching(self, function: Callable[..., Any], error: int) -> Iterator[Callback]:
        """Its users write this themselves: keep what onerror gets, and raise it."""
        seen: list[BaseException] = []

        def onerror(kind: Any, exception: BaseException, traceback: Any) -> None:
            seen.append(exception)

        yield self._make("int (int)", function, error=error, onerror=onerror)
        if seen:
            raise seen[0]

    def array(self, n: int, x: Any) -> Any:
        return memoryview(self.ffi.buffer(x, 8 * n)).cast("d")

    def pointer_to(self, memory: Any) -> Any:
        return self.ffi.cast("int *", ctypes.addressof(memory))


class Pytramp(Peer):
    """Signatures and Closures."""

    name = "pytramp"

    def __init__(self) -> None:
        import pytramp

        self.pytramp = pytramp
        self._types = {"point": Point, "packed": Packed}
        self._signatures: dict[str, Any] = {}

    def _signature(self, kind: str) -> Any:
        """Made by hand where there are structs: what is declared by cdef is no class of ours."""
        if kind not in self._signatures:
            from_types = self.pytramp.Signature.from_types
            if kind == "struct point (struct point)":
                made = from_types(Point, Point)
            elif kind == "double (struct packed)":
                made = from_types("double", Packed)
            else:
                made = self.pytramp.Signature(kind)
            self._signatures[kind] = made
        return self._signatures[kind]

    def make(self, kind: str, function: Callable[..., Any], error: Any = None) -> Callback:
        try:
            thing = self._signature(kind)(function, error=error)
        except (TypeError, ValueError, MemoryError) as refusal:
            raise _refused(refusal) from None
        return Callback(thing, thing.address)

    @contextmanager
    def reaching(self, function: Callable[..., Any], error: int) -> Iterator[Callback]:
        callback = self.make("int (int)", function, error)
        with self.pytramp.propagate(callback.thing):
            yield callback

    def array(self, n: int, x: Any) -> Any:
        return x


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Ctypes, Cffi, Pytramp)}
