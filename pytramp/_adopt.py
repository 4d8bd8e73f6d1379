"""``adopt``: closures that C made, owned by Python."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytramp import _core, _ctypes
from pytramp._core import Closure, Signature, UnsupportedTypeError

if TYPE_CHECKING:
    from pytramp._callback import Specification


_SIZE = struct.calcsize("P")


def adopt(address: int, specification: Specification, /, *, types: object = None) -> Closure:
    """A Closure that owns the closure of C at this address: what ``pytramp_closure_new`` gave.

    It is as any other: C's users get its address, ``as_ctypes()`` and the like, and ``close()``, or
    its end, frees the closure of C, which must not be freed otherwise from now on. Calling it in
    Python calls C's function through ctypes. Its name is that of ``pytramp_closure_options``.

    address: from an extension that has pytramp by ``pytramp_import()``. specification, types: as
    for ``callback``; the type must be the one that C made it with, but for what pointers point to.

    ValueError: there is no such closure, it is a Python callback's, or it has an owner;
    FreedCallbackError: it was freed; TypeError: it is of another type. Any thread.
    """
    if not isinstance(address, int):
        raise TypeError(f"address must be an int, not {type(address).__name__}")
    if not 0 <= address < 1 << 8 * _SIZE:
        raise OverflowError(f"{address:#x} is no address")
    signature = specification
    if not isinstance(signature, Signature) or types is not None:
        signature = Signature(specification, types=types)
    return _core.adopt(signature, address, _caller(signature, address))


def _caller(signature: Signature, address: int) -> Callable[..., Any]:
    try:
        prototype = _ctypes.prototype_of(signature)
    except UnsupportedTypeError as error:
        return _Uncallable(str(error))
    function: Callable[..., Any] = prototype(address)
    return function


class _Uncallable:
    """Stands for a function that ctypes cannot call."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __call__(self, *args: object) -> Any:
        raise UnsupportedTypeError(self.reason)
