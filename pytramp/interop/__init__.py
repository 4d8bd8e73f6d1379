"""pytramp where ctypes and cffi are: prototypes and callbacks that are used as before.

``pytramp.interop.ctypes`` and ``pytramp.interop.cffi`` are for code that can change a line.
``install()`` is for code that cannot: it serves the whole process.
"""

from __future__ import annotations

import importlib.util

from pytramp._lock import LOCK

_NAMES = ("cffi", "ctypes", "install", "uninstall")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytramp.interop import cffi as cffi
    from pytramp.interop import ctypes as ctypes


def __dir__() -> list[str]:
    return [*(name for name in globals() if name.startswith("__")), *_NAMES]


def __getattr__(name: str) -> object:
    """Its modules, when they are first used: they import what they stand in for."""
    if name in ("cffi", "ctypes"):
        return importlib.import_module(f"pytramp.interop.{name}")
    raise AttributeError(f"module 'pytramp.interop' has no attribute {name!r}")


def install() -> None:
    """Have the callbacks of ctypes, and of ``cffi.FFI`` if cffi is there, made by pytramp.

    Function prototypes of ctypes, those made before included, make closures of pytramp when they
    are called with a Python callable, and so does ``cffi.FFI.callback``; callbacks that exist stay
    what they are. The FFI objects of cffi's compiled modules cannot be changed: use
    ``pytramp.interop.cffi.callback`` there. Other interpreters of the process are left alone: each
    installs for itself. Doing it twice does no more. Any thread.
    """
    from pytramp.interop import ctypes

    with LOCK:
        ctypes.install()
        if importlib.util.find_spec("cffi") is not None:
            from pytramp.interop import cffi

            cffi.install()


def uninstall() -> None:
    """Undo install(), but for what somebody else has replaced since. Callbacks go on working.

    Prototypes that were made meanwhile make ctypes' own callbacks again. Any thread.
    """
    from pytramp.interop import cffi, ctypes

    with LOCK:
        ctypes.uninstall()
        cffi.uninstall()
