"""CFUNCTYPE and PYFUNCTYPE as in ctypes, but for one thing: called with a Python callable, their
prototypes make a pytramp closure.

The instances are ctypes function pointers like any: in argtypes, fields, arrays and casts, which
keep the closure alive. ``error`` values, ranges and errno are pytramp's (docs/coming-from.md).
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO, FUNCFLAG_USE_LASTERROR, CFuncPtr
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytramp import _libffi
from pytramp._core import CtypesMaker, Signature, get_errno, prototype_new, quicken, set_errno
from pytramp._stand_ins import StandIn, stand_in, stood_for

# Without one, other threads may be calling a class while it is quickened.
_HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

if sys.platform == "win32":
    from pytramp._core import get_last_error, set_last_error

ctypes: Any = importlib.import_module("ctypes")  # its stubs do not know what is replaced here


def CFUNCTYPE(restype: Any, *argtypes: Any, **options: bool) -> Any:
    """ctypes.CFUNCTYPE(restype, *argtypes, use_errno=False, use_last_error=False).

    The class is a subclass of ctypes' own for the same types, so that its instances go where that
    is asked for. TypeError as in ctypes. Any thread.
    """
    return _ours(ctypes.CFUNCTYPE(restype, *argtypes, **options))


def PYFUNCTYPE(restype: Any, *argtypes: Any) -> Any:
    """ctypes.PYFUNCTYPE(restype, *argtypes): functions that are called with the GIL held."""
    return _ours(ctypes.PYFUNCTYPE(restype, *argtypes))


if hasattr(ctypes, "WINFUNCTYPE"):

    def WINFUNCTYPE(restype: Any, *argtypes: Any, **options: bool) -> Any:
        """ctypes.WINFUNCTYPE: stdcall on 32-bit Windows."""
        return _ours(ctypes.WINFUNCTYPE(restype, *argtypes, **options))


def _ours(prototype: Any) -> Any:
    return stand_in(prototype, "_pytramp_prototype_", quicken, __new__=prototype_new)


def describe(prototype: Any) -> CtypesMaker:
    """What prototype_new() wants to know of a class, and finds there from now on.

    TypeError for a class that ctypes, too, makes no callbacks of; UnsupportedTypeError names what
    cannot be passed.
    """
    if not issubclass(prototype, CFuncPtr) or not hasattr(prototype, "_argtypes_"):
        raise TypeError("cannot construct instance of this class: no argtypes")
    maker = CtypesMaker(prototype, Signature(prototype), _preparation(prototype._flags_))
    prototype._pytramp_maker_ = maker
    if _libffi.has_aggregates(prototype) and prototype.__call__ is CFuncPtr.__call__:
        prototype.__call__ = _libffi.look_and_call
    if _HAS_GIL and prototype.__new__ is prototype_new:
        prototype.__new__ = prototype_new
        quicken(prototype)
    return maker


_Function = Callable[..., Any]
_Swap = tuple[Callable[[], int], Callable[[int], None], Callable[[int], int]]


def _preparation(flags: int) -> Callable[[_Function], _Function] | None:
    """use_errno: ctypes.get_errno() in a function is C's errno, and what ctypes.set_errno() leaves
    there is what C finds. use_last_error: the same for GetLastError's number."""
    swaps = []
    if flags & FUNCFLAG_USE_ERRNO:
        swaps.append((get_errno, set_errno, ctypes.set_errno))
    if flags & FUNCFLAG_USE_LASTERROR and sys.platform == "win32":
        swaps.append((get_last_error, set_last_error, ctypes.set_last_error))
    return functools.partial(_with_private, swaps) if swaps else None


def _with_private(swaps: Sequence[_Swap], function: _Function) -> _Function:
    """Each swap: how to read C's number and how to set it, how to exchange ctypes' copy of it."""

    @functools.wraps(function)
    def swapped(*args: Any) -> Any:
        before = [exchange(read()) for read, _, exchange in swaps]
        try:
            return function(*args)
        finally:
            for (_, write, exchange), copy in zip(swaps, before, strict=True):
                write(exchange(copy))

    return swapped


# ---- For the whole process ----


class _BaseMeta(StandIn):
    """Of a class without instances, but what ctypes made before."""


def _of_subclasses(name: str) -> Callable[..., Any]:
    """One of the methods that ctypes' classes have and its abstract ones refuse."""
    of_all = getattr(type(CFuncPtr), name)

    def method(cls: Any, *args: Any) -> Any:
        if cls is _base:
            raise TypeError("abstract class")
        return of_all(cls, *args)

    return method


for _name in ("from_address", "from_buffer", "from_buffer_copy", "in_dll"):
    setattr(_BaseMeta, _name, _of_subclasses(_name))


class _Base(CFuncPtr, metaclass=_BaseMeta):
    """Stands for ctypes._CFuncPtr, of which ctypes makes its prototypes, and has no instances."""

    _flags_ = FUNCFLAG_CDECL
    _pytramp_for_ = CFuncPtr


_base: Any = _Base


def _prototypes() -> list[Any]:
    """The classes of function pointers of this interpreter that know their arguments."""
    return [each for each in _below(CFuncPtr, _own_objects()) if hasattr(each, "_argtypes_")]


def _below(base: Any, own: set[int] | None) -> Iterator[Any]:
    for each in type.__subclasses__(base):
        # 3.12 caches attributes by numbers that each interpreter gives to classes: even to look
        # at another one's class would have both find those of wrong classes.
        if own is None or id(each) in own:
            yield each
            yield from _below(each, own)


def _own_objects() -> set[int] | None:
    """The ids of what this interpreter's collector knows, all but what gc.freeze() hides from it.

    None where CFuncPtr has no subclasses of others: from 3.13 on each interpreter has its own.
    """
    if sys.version_info >= (3, 13):
        return None
    api, pointer = ctypes.pythonapi, ctypes.c_void_p
    head = ctypes.PYFUNCTYPE(pointer)(("PyInterpreterState_Head", api))
    following = ctypes.PYFUNCTYPE(pointer, pointer)(("PyInterpreterState_Next", api))
    is_alone = following(head()) is None
    return None if is_alone else set(map(id, gc.get_objects()))


def install() -> None:
    """Make pytramp what ctypes makes callbacks with; see pytramp.interop.install()."""
    if ctypes._CFuncPtr is _base:
        return
    _base.__new__ = prototype_new
    ctypes._CFuncPtr = _base
    for prototype in _prototypes():
        if prototype.__new__ is CFuncPtr.__new__:
            prototype.__new__ = prototype_new


def uninstall() -> None:
    """Undo install()."""
    if ctypes._CFuncPtr is _base:
        ctypes._CFuncPtr = CFuncPtr
    _base.__new__ = CFuncPtr.__new__
    for prototype in _prototypes():
        if stood_for(prototype) is not prototype:
            continue  # it is ours
        if vars(prototype).get("__new__") is prototype_new:
            del prototype.__new__
        if vars(prototype).get("__call__") is _libffi.look_and_call:
            del prototype.__call__
