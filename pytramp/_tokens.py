"""Splits a C declaration into tokens that remember where they stood."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytramp._errors import declaration_error

_TOKEN = re.compile(
    r"""
    (?P<blank> [ \t\n\r\f\v]+ | //[^\n]* | /\*.*?\*/ )
  | (?P<token> [A-Za-z_][A-Za-z0-9_]* | [0-9][A-Za-z0-9_.]* | \.\.\. | /(?!\*)
             | [][(){},;*&|^~!?:<>=+.%-] )
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One C token, and the offset of its first character in the whole text."""

    text: str
    offset: int

    @property
    def is_word(self) -> bool:
        """Is this a keyword or an identifier?"""
        return self.text[0].isalpha() or self.text[0] == "_"


def tokenize(text: str) -> list[Token]:
    """The tokens of text without comments; DeclarationError where a character is none of C's."""
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise declaration_error(text, position, _complaint(text, position))
        if match.lastgroup == "token":
            tokens.append(Token(match.group(), position))
        position = match.end()
    return tokens


def _complaint(text: str, position: int) -> str:
    character = text[position]
    if character == "/":
        return "this comment is not closed"
    if character == "\0":
        return "a NUL character cannot stand in a declaration"
    if character.isascii() and character.isprintable():
        return f"unexpected {character!r}"
    return f"unexpected character U+{ord(character):04X}"
