"""Which C compiler is asked, by cdef's preprocessor and by the benchmarks."""

from __future__ import annotations

import os
import shlex


def command() -> list[str]:
    """The words of $CC, or cc where it is unset or blank. ValueError where it is no command."""
    given = os.environ.get("CC", "")
    try:
        return shlex.split(given) or ["cc"]
    except ValueError as error:
        raise ValueError(f"CC is {given!r}, which is no command: {error}") from None
