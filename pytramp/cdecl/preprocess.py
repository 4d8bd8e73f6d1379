"""Runs the C compiler's preprocessor."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from pytramp._core import DeclarationError


def preprocess(text: str, options: Sequence[str] = ()) -> str:
    """What `cc -E` makes of text, with `#define` lines kept; $CC names another compiler.

    DeclarationError with the compiler's own words where it fails, or where there is none.
    """
    import subprocess

    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    command = [*compiler, "-E", "-dD", *options, "-x", "c", "-"]
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8", "surrogateescape"), capture_output=True, check=False
        )
    except (OSError, ValueError) as error:
        hint = "set CC, or pass text that is preprocessed"
        raise _failure(f"there is no C compiler to run {compiler[0]!r}: {error}: {hint}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise _failure(f"{shlex.join(command[:2])} failed:\n{said}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _failure(message: str) -> DeclarationError:
    error = DeclarationError(message)
    error.column = None
    return error
