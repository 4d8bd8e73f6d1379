"""Python callables as C function pointers, without run-time code generation.

``callback`` makes a ``Closure`` of a Python callable and the type of a C function; its
``address`` is what C calls. README.md and docs/ in the source show how.
"""

import sys

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

if sys.platform == "win32":
    from pytramp._core import get_last_error, set_last_error

TYPE_CHECKING = False  # importing it from typing would take longer than all the rest
if TYPE_CHECKING:
    from pytramp import c as c
    from pytramp import interop as interop
    from pytramp._adopt import adopt as adopt
    from pytramp._cdef import cdef as cdef
    from pytramp._embedding import get_include as get_include
    from pytramp._embedding import get_sources as get_sources

__version__ = "0.1.0"

__all__ = [
    "Closure",
    "DeclarationError",
    "FreedCallbackError",
    "Pointer",
    "Signature",
    "UnsupportedTypeError",
    "VarArgs",
    "adopt",
    "c",
    "callback",
    "cdef",
    "get_errno",
    "get_include",
    "get_sources",
    "interop",
    "propagate",
    "reserve",
    "set_errno",
    "stats",
]
if sys.platform == "win32":
    __all__ += ["get_last_error", "set_last_error"]
    __all__.sort()


# What is not imported with the package, but when it is first used: what it needs costs time.
_LATER = {
    "adopt": "_adopt",
    "cdef": "_cdef",
    "get_include": "_embedding",
    "get_sources": "_embedding",
}


def __dir__() -> list[str]:
    """What is public, imported or not."""
    return [*(name for name in globals() if name.startswith("__")), *__all__]


def __getattr__(name: str) -> object:
    import importlib

    if name in ("c", "interop"):
        return importlib.import_module(f"pytramp.{name}")
    if name in _LATER:
        value = getattr(importlib.import_module(f"pytramp.{_LATER[name]}"), name)
        # Once only: import_module takes a lock, which a child would wait for that was forked then.
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pytramp' has no attribute {name!r}")
