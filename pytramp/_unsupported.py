"""Why there is no pytramp here, for whoever imports it."""

from __future__ import annotations

import platform
import sys


def reason() -> str:
    """Names what is missing: the interpreter, the port, or a build."""
    name = sys.implementation.name
    if name != "cpython":
        return (
            f"pytramp needs CPython, whose own structures it uses, and this is {name}: "
            "what has callbacks in C there is cffi"
        )
    machine, system = platform.machine(), platform.system()
    return (
        f"pytramp has no compiled module for this Python on {machine} ({system}): either it was "
        "not installed (in a checkout: pip install .), or there is no port for this CPU or "
        "system yet (csrc/README.md says how one is made)"
    )
