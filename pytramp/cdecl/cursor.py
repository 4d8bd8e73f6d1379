"""A place in a list of tokens that a parser moves forward; brackets that belong together."""

from __future__ import annotations

from typing import NoReturn

from pytramp._errors import Source
from pytramp.cdecl.tokens import Token

# Greater than the 63 levels that C promises; keeps the parser far from Python's recursion limit.
MAX_DEPTH = 64

_CLOSERS = {")": "(", "]": "[", "}": "{"}
_OPENERS = frozenset(_CLOSERS.values())
_DEPTH_NAMES = {"(": "parentheses", "[": "brackets", "{": "braces"}


def pair(source: Source, tokens: list[Token]) -> dict[int, int]:
    """The place of the closing bracket for that of each opening one; checks that all have one."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.text in _OPENERS:
            opened.append(place)
            if len(opened) > MAX_DEPTH:
                what = _DEPTH_NAMES[token.text]
                raise source.declaration_error(token.offset, f"{what} are nested too deeply")
        elif token.text in _CLOSERS:
            partners[_partner(source, tokens, opened, token)] = place
    if opened:
        _unclosed(source, tokens[opened[-1]])
    return partners


def _partner(source: Source, tokens: list[Token], opened: list[int], closer: Token) -> int:
    wanted = _CLOSERS[closer.text]
    if opened and tokens[opened[-1]].text == wanted:
        return opened.pop()
    if any(tokens[place].text == wanted for place in opened):
        _unclosed(source, tokens[opened[-1]])
    raise source.declaration_error(closer.offset, f"this {closer.text!r} closes nothing")


def _unclosed(source: Source, token: Token) -> NoReturn:
    raise source.declaration_error(token.offset, f"this {token.text!r} is not closed")


class Cursor:
    """Where a parser is. Past the last token there is one whose text is empty."""

    def __init__(self, source: Source, tokens: list[Token]) -> None:
        self.source = source
        self.tokens = tokens
        self.partners = pair(source, tokens)
        self.words = [token.text for token in tokens] + ["", "", "", ""]
        self.place = 0
        self.depth = 0  # of parameter lists around this place

    @property
    def word(self) -> str:
        """The text of the token here."""
        return self.words[self.place]

    @property
    def offset(self) -> int:
        """Where the token here stands in the text."""
        return self.offset_of(self.place)

    def offset_of(self, place: int) -> int:
        """Where the token at place stands; past the end, where the last token ends."""
        if place < len(self.tokens):
            return self.tokens[place].offset
        return self.tokens[-1].offset + len(self.tokens[-1].text) if self.tokens else 0

    @property
    def is_name(self) -> bool:
        """Is the token here a keyword or an identifier?"""
        return self.place < len(self.tokens) and self.tokens[self.place].is_word

    def take(self) -> str:
        """The token here; moves on."""
        word = self.words[self.place]
        self.place += 1
        return word

    def accept(self, word: str) -> bool:
        """Moves over this token if it stands here."""
        if self.words[self.place] != word:
            return False
        self.place += 1
        return True

    def expect(self, word: str) -> None:
        """Moves over this token; DeclarationError if another stands here."""
        if not self.accept(word):
            self.unexpected()

    def skip_group(self) -> None:
        """Moves past the bracket that closes the one here."""
        self.place = self.partners[self.place] + 1

    def unexpected(self) -> NoReturn:
        """Says that the token here cannot stand here."""
        if self.place >= len(self.tokens):
            self.fail(self.offset, "the declaration is incomplete")
        word = self.word
        if word in ("{", "}") and not self.source.header:
            self.fail(
                self.offset, f"unexpected {word!r}: neither a body nor members can stand here"
            )
        if word in (",", ";") and not self.depth and not self.source.header:
            message = f"only one declaration is expected: {word!r} begins another"
            self.fail(self.offset, message)
        shown = word[0] if word[-1] in "\"'" else word
        self.fail(self.offset, f"unexpected {shown!r}")

    def fail(self, offset: int, message: str) -> NoReturn:
        """DeclarationError that points at offset."""
        raise self.source.declaration_error(offset, message)

    def unsupported(self, offset: int, message: str) -> NoReturn:
        """UnsupportedTypeError that points at offset."""
        raise self.source.unsupported_error(offset, message)
