"""May a callback of one signature be called through a function pointer of another?"""

from __future__ import annotations

import re

from pytramp._core import Closure, Signature, Type


def address_for(closure: Closure, wanted: Signature) -> int:
    """The closure's address; TypeError that shows both signatures where they do not agree.

    FreedCallbackError once the closure is closed. Any thread.
    """
    if not agree(closure.signature, wanted):
        raise TypeError(f"expected a callback of '{wanted}', not of '{closure.signature}'")
    return closure.address


def agree(a: Signature, b: Signature) -> bool:
    """Are these one C type? What the values are in Python does not matter to C.

    A `void *` agrees with any other pointer to data, as in C assignments; const is ignored.
    """
    if a.variadic != b.variadic or len(a.arguments) != len(b.arguments):
        return False
    if a == b:
        return True
    pairs = zip((a.result, *a.arguments), (b.result, *b.arguments), strict=True)
    # Of one name and size there may be several structs: each header has its own.
    return all(_same(left, right) for left, right in pairs) and passed_alike(a, b)


def _same(a: Type, b: Type) -> bool:
    if a == b:
        return True
    if a.signature is not None and b.signature is not None:
        return agree(a.signature, b.signature)
    if a.kind in _SCALARS and b.kind in _SCALARS:
        return a.canonical == b.canonical
    if a.canonical == b.canonical == "void *" and "void *" in (_plain(a), _plain(b)):
        return a.signature is b.signature
    return (_plain(a), a.size) == (_plain(b), b.size)


_SCALARS = ("scalar", "void")


def _plain(type_: Type) -> str:
    """The spelling without what differs between the front ends only."""
    words = re.findall(r"\w+|\S", type_.spelling)
    return " ".join(word for word in words if word != "const")


# ---- For who says which type a function pointer has ----


def passed_alike(a: Signature, b: Signature) -> bool:
    """Does C pass and return the same values in the same places? What pointers point at is free.

    ctypes has no `...`: a prototype that goes on behind the named arguments may stand for it.
    """
    left, right = (a.result, *a.arguments), (b.result, *b.arguments)
    if len(left) > len(right) or (len(left) < len(right) and not a.variadic):
        return False
    if a.variadic < b.variadic:
        return False
    if all(x.canonical == y.canonical != "aggregate" for x, y in zip(left, right, strict=False)):
        return True
    places = zip(a._places("default"), b._places("default"), strict=False)
    return all(
        x.size == y.size and _is_real(x) == _is_real(y) and there == here
        for x, y, (there, here) in zip(left, right, places, strict=False)
    )


def _is_real(type_: Type) -> bool:
    """Is this a floating-point scalar, which some conventions pass among the integers?"""
    return re.search(r"float|double|_Float", type_.canonical) is not None
