"""Every way to name a C function type -> a Prototype: text, ctypes prototypes, cffi types."""

from __future__ import annotations

from typing import Any

from pytramp.prototype import Prototype


def prototype_of(specification: Any, types: Any = None) -> Prototype:
    """The function type that a C declaration, a ctypes prototype or a cffi type means.

    types, from pytramp.cdef, are names that a declaration may use. TypeError for anything else.
    Errors as pytramp.declare.parse. Any thread.
    """
    if isinstance(specification, str):
        from pytramp import declare

        parse: Any = declare.parse
        return parse(specification) if types is None else parse(specification, types)  # type: ignore[no-any-return]
    raise TypeError(
        "a C function type is a declaration, a ctypes prototype or a cffi type, not "
        + type(specification).__name__
    )
