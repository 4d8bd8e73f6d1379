"""Errors about a text, that show the text and point into it.

Offsets count from 0, columns from 1; both count characters of the whole text, line ends included.
"""

from __future__ import annotations

from pytramp._core import DeclarationError, UnsupportedTypeError

_WIDTH = 72  # characters of the text that a message shows
_BEFORE = 48  # ... of them, at most this many left of the column


def declaration_error(text: str, offset: int, message: str) -> DeclarationError:
    """The error for a text that is not a C declaration; the caller raises it."""
    error = DeclarationError(f"{message}\n{_excerpt(text, offset)}")
    error.column = offset + 1
    return error


def unsupported_error(text: str, offset: int, message: str) -> UnsupportedTypeError:
    """The error for legal C that pytramp cannot call with yet; the caller raises it."""
    error = UnsupportedTypeError(f"{message}\n{_excerpt(text, offset)}")
    error.column = offset + 1
    return error


def prefixed(
    where: str, error: DeclarationError | UnsupportedTypeError
) -> DeclarationError | UnsupportedTypeError:
    """A copy of error that first says where the text stood."""
    copy = type(error)(f"{where}: {error}")
    copy.column = getattr(error, "column", None)
    return copy


def _excerpt(text: str, offset: int) -> str:
    """The line of text around offset and, below it, a caret; one character stays one column."""
    start = max(0, offset - _BEFORE) if len(text) > _WIDTH else 0
    left = "..." if start else ""
    right = "..." if start + _WIDTH < len(text) else ""
    shown = "".join(map(_visible, text[start : start + _WIDTH]))
    caret = " " * (len(left) + offset - start)
    return f"    {left}{shown}{right}\n    {caret}^"


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    return character if character.isprintable() else "?"
