"""cffi objects for closures; imported by the first who asks for one."""

from __future__ import annotations

import contextlib
from typing import Any

from pytramp._agreement import passed_alike
from pytramp._core import Closure, Signature, cffi_pointer
from pytramp._specification import described


def as_function(closure: Closure, ffi: Any, ctype: Any) -> Any:
    """A cdata function pointer that keeps the closure. ctype is cffi's, or text; None: its own.

    TypeError for what is no function type, or one of functions that C calls otherwise.
    """
    wanted = function_type(ffi, str(closure.signature) if ctype is None else ctype)
    signature = Signature(wanted)
    if not passed_alike(closure.signature, signature):
        raise TypeError(f"'{closure.signature}' is no '{signature}'")
    return cffi_pointer(wanted, closure)


def function_type(ffi: Any, cdecl: Any) -> Any:
    """The ctype of a pointer to cdecl's function. What ffi.typeof() raises; TypeError."""
    check_ffi(ffi)
    if isinstance(cdecl, str) and not cdecl.strip():  # an AttributeError of cffi's
        raise TypeError("expected a function ctype, got no type at all")
    ctype = _typeof(ffi, cdecl) if isinstance(cdecl, str) else cdecl
    if getattr(ctype, "kind", None) != "function":
        name = getattr(ctype, "cname", None) or type(ctype).__name__
        raise TypeError(f"expected a function ctype, got '{name}'")
    return ctype


def check_ffi(ffi: Any) -> None:
    """TypeError for what is no FFI object: a class is none, either."""
    if isinstance(ffi, type) or not hasattr(ffi, "typeof"):
        raise TypeError(f"ffi must be a cffi.FFI object, not {described(ffi)}")


def _typeof(ffi: Any, cdecl: str) -> Any:
    """Of a function, which ffi.typeof() refuses, the pointer: "name *" of a typedef; else what it
    decays to as an argument's type."""
    try:
        return ffi.typeof(cdecl)
    except Exception as error:
        with contextlib.suppress(Exception):
            return ffi.typeof(f"{cdecl} *")
        with contextlib.suppress(Exception):
            return ffi.typeof(f"void(*)({cdecl})").args[0]
        raise error from None
