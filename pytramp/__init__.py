"""Python callables as C function pointers, without run-time code generation.

``callback`` makes a ``Closure`` of a Python callable and the type of a C function; its
``address`` is what C calls. README.md and docs/ in the source show how.
"""

try:
    from pytramp._core import (
        Closure,
        DeclarationError,
        FreedCallbackError,
        Pointer,
        Signature,
        UnsupportedTypeError,
        VarArgs,
        get_errno,
        reserve,
        set_errno,
        stats,
    )
except ModuleNotFoundError as missing:
    from pytramp._unsupported import reason

    raise ImportError(reason(), name="pytramp._core") from missing

from pytramp._callback import callback
from pytramp._propagate import propagate

TYPE_CHECKING = False  # importing it from typing would take longer than all the rest
if TYPE_CHECKING:
    from pytramp import c as c
    from pytramp import interop as interop
    from pytramp._cdef import cdef as cdef

__version__ = "0.1.0"

__all__ = [
    "Closure",
    "DeclarationError",
    "FreedCallbackError",
    "Pointer",
    "Signature",
    "UnsupportedTypeError",
    "VarArgs",
    "c",
    "callback",
    "cdef",
    "get_errno",
    "interop",
    "propagate",
    "reserve",
    "set_errno",
    "stats",
]


def __getattr__(name: str) -> object:
    """``pytramp.c``, ``pytramp.interop`` and ``pytramp.cdef`` are imported when they are first
    used: what they need costs time."""
    if name in ("c", "interop"):
        import importlib

        return importlib.import_module(f"pytramp.{name}")
    if name == "cdef":
        from pytramp._cdef import cdef

        return cdef
    raise AttributeError(f"module 'pytramp' has no attribute {name!r}")
