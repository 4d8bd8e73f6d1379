"""Brackets that belong together: found first, so that everything else may jump over them."""

from __future__ import annotations

from typing import NoReturn

from pytramp._errors import Source
from pytramp.cdecl.tokens import Token

# Greater than the 63 levels that C promises; keeps pycparser far from Python's recursion limit.
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
