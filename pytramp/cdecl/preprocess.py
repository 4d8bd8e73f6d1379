"""Runs the C compiler's preprocessor."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from pytramp import _compiler
from pytramp._core import DeclarationError
from pytramp._errors import Source


def preprocess(text: str, options: Sequence[str] = ()) -> str:
    """What `cc -E` makes of text, with `#define` lines kept; $CC names another compiler.

    DeclarationError with the compiler's own words where it fails, or where there is none.
    """
    import subprocess

    compiler = _command()
    for word in (*compiler, *options):
        _check_word(word)
    command = [*compiler, "-E", "-dD", *options, "-x", "c", "-"]
    try:
        done = subprocess.run(command, input=_encoded(text), capture_output=True, check=False)
    except OSError as error:
        hint = "set CC, or pass text that is preprocessed"
        raise _failure(f"there is no C compiler to run {compiler[0]!r}: {error}: {hint}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise _failure(f"{shlex.join(command[:2])} failed:\n{said}")
    return done.stdout.decode("utf-8", "surrogateescape")


def _command() -> list[str]:
    try:
        return _compiler.command()
    except ValueError as error:
        raise _failure(str(error)) from None


def _check_word(word: str) -> None:
    try:
        is_fine = b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        is_fine = False
    if not is_fine:
        raise _failure(f"{word!r} cannot be an option: no program could get it")


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        character = f"U+{ord(text[error.start]):04X}"
        source = Source(text, header=True)
        raise source.declaration_error(error.start, f"unexpected character {character}") from None


def _failure(message: str) -> DeclarationError:
    error = DeclarationError(message)
    error.column = None
    return error
