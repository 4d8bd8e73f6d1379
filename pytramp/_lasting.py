"""Which arguments outlast the call that brought them: for callables that run later.

Numbers, structs by value and objects do. What points at C's memory does not: nobody can know how
long C leaves it there. A ``void *`` is passed as an int, which is as good a token as it ever was.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pytramp._core import Signature, Type, UnsupportedTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check(signature: Signature) -> None:
    """UnsupportedTypeError that names the first argument which dies with the call."""
    for i, (argument, name) in enumerate(zip(signature.arguments, signature.names, strict=True), 1):
        why = _objection(argument)
        if why is not None:
            text = argument.declared(name) if name else argument.spelling
            raise UnsupportedTypeError(f"argument {i}: loop=: '{text}' {why}")
    if signature.variadic:
        raise UnsupportedTypeError("loop=: '...' ends with C's call")


def _objection(argument: Type) -> str | None:
    if argument.kind == "pointer" and argument.target is None:
        return None
    if argument.kind == "va_list":
        return "ends with C's call"
    if argument.kind in ("pointer", "array") or argument.signature is not None:
        return _GONE
    if argument.kind in ("custom", "aggregate"):
        path = next(_pointers(argument.ctype), None)
        if path is not None:
            return _GONE if path == "" else f"has a pointer, '{path[1:]}', which {_GONE}"
    return None


_GONE = (
    "points at memory that may be gone when the loop runs the callable; "
    "as 'void *' its address comes as an int"
)


def _pointers(ctype: Any) -> Iterator[str]:
    """Paths to the pointers in a ctypes class or cffi type: "" for itself, ".a.b" for a member."""
    return _ctypes_pointers(ctype) if isinstance(ctype, type) else _cffi_pointers(ctype)


def _ctypes_pointers(cls: Any) -> Iterator[str]:
    from pytramp._keeping import paths_to  # imports ctypes, as who made cls has

    ctypes: Any = sys.modules["ctypes"]
    pointers = (ctypes.POINTER(ctypes.c_int).__base__, ctypes._CFuncPtr)
    return paths_to((*pointers, ctypes.c_char_p, ctypes.c_wchar_p), cls)


def _cffi_pointers(ct: Any) -> Iterator[str]:
    while ct.kind == "array":
        ct = ct.item
    if ct.kind in ("struct", "union"):
        for name, member in ct.fields or ():
            yield from (f".{name}{path}" for path in _cffi_pointers(member.type))
    elif ct.kind == "function" or (ct.kind == "pointer" and ct.item.kind != "void"):
        yield ""
