"""Errors about a text, that show the text and point into it.

Offsets count from 0, columns from 1; both count characters of the whole text, line ends included.
"""

from __future__ import annotations

import bisect
from typing import NamedTuple

from pytramp._core import DeclarationError, UnsupportedTypeError

_WIDTH = 72  # characters of the text that a message shows
_BEFORE = 48  # ... of them, at most this many left of the column


class LineMarker(NamedTuple):
    """What a preprocessor says about the line after it: its number and file in the original."""

    offset: int  # of the marker in the text
    line: int
    file: str


class Source:
    """A text that errors point into; immutable once it has been split into tokens.

    header: the text may be long, so that errors also say in which line, and show only that.
    """

    def __init__(self, text: str, *, header: bool = False) -> None:
        self.text = text
        self.header = header
        self.markers: list[LineMarker] = []

    def declaration_error(self, offset: int, message: str) -> DeclarationError:
        """The error for a text that is not C; the caller raises it."""
        error = DeclarationError(self._message(offset, message))
        error.column = offset + 1
        return error

    def unsupported_error(self, offset: int, message: str) -> UnsupportedTypeError:
        """The error for legal C that pytramp cannot call with; the caller raises it."""
        error = UnsupportedTypeError(self._message(offset, message))
        error.column = offset + 1
        return error

    def _message(self, offset: int, message: str) -> str:
        if not self.header:
            return f"{message}\n{_excerpt(self.text, offset)}"
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        line = self.text[start : end if end >= 0 else None]
        where = f"{self._line(offset)}, column {offset - start + 1}"
        return f"{where}: {message}\n{_excerpt(line, offset - start)}"

    def _line(self, offset: int) -> str:
        """`line 3`, or `line 3 of /usr/include/x.h` where the preprocessor said so."""
        place = bisect.bisect_left(self.markers, offset, key=lambda marker: marker.offset)
        if place == 0:
            return f"line {1 + self.text.count(chr(10), 0, offset)}"
        marker = self.markers[place - 1]
        line = marker.line - 1 + self.text.count("\n", marker.offset, offset)
        return f"line {line} of {marker.file}" if marker.file else f"line {line}"


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
