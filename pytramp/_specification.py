"""Every way to name a C function type -> a Prototype: text, ctypes prototypes, cffi types."""

from __future__ import annotations

import sys
from typing import Any

from pytramp.prototype import Prototype

EXPECTED = "a C declaration, a ctypes prototype or a cffi function type"


def prototype_of(specification: Any, types: Any = None) -> Prototype:
    """The function type that a C declaration, a ctypes prototype or a cffi type means.

    types, from pytramp.cdef, are names that a declaration may use. TypeError for anything else.
    Errors as pytramp.declare.parse, for the others UnsupportedTypeError that names the argument
    which C cannot pass. Any thread.
    """
    if isinstance(specification, str):
        from pytramp import declare

        return declare.parse(specification, types)
    if not is_foreign(specification):
        raise TypeError(f"a C function type is {EXPECTED}, not {described(specification)}")
    if types is not None:
        raise TypeError(f"types= goes with a declaration, not with {described(specification)}")
    if is_cffi(specification):
        from pytramp import _cffi_types

        return _cffi_types.prototype(specification)
    from pytramp import _ctypes_types

    return _ctypes_types.prototype(specification)


def is_foreign(specification: object) -> bool:
    """Is this a function type of ctypes, or any type of cffi? Imports neither."""
    return is_cffi(specification) or _is_ctypes_prototype(specification)


def is_cffi(specification: object) -> bool:
    """Is this a cffi type, what ffi.typeof() gives?"""
    kind = type(specification)
    return kind.__module__ == "_cffi_backend" and kind.__name__.startswith("CType")


def _is_ctypes_prototype(specification: object) -> bool:
    ctypes = sys.modules.get("_ctypes")
    return (
        ctypes is not None
        and isinstance(specification, type)
        and issubclass(specification, ctypes.CFuncPtr)
    )


def described(specification: object) -> str:
    """The class; of a function that ctypes loaded, what to do instead."""
    if isinstance(specification, type):
        return f"the class {specification.__qualname__}"
    name = type(specification).__name__
    if _is_ctypes_prototype(type(specification)):
        return f"the function {specification!r}: give its class, {name}"
    return name
