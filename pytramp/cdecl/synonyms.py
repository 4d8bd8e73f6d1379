"""One word for each keyword that has several."""

from __future__ import annotations

from pytramp import _typenames
from pytramp.cdecl.tokens import Token

_OPENERS = frozenset("([{")
_CLOSERS = frozenset(")]}")
_AFTER_NAMES = frozenset(", ; : = [".split())


def replaced(tokens: list[Token], is_preprocessed: bool) -> list[Token]:
    """The tokens, with compilers' other names of keywords replaced.

    `complex` is <complex.h>'s name of `_Complex` (C11 7.3.1p4): where the preprocessor has left it
    there, it is a name as others are.
    """
    made = []
    openers = [""]
    for place, token in enumerate(tokens):
        if token.text in _OPENERS:
            openers.append(token.text)
        elif token.text in _CLOSERS and len(openers) > 1:
            openers.pop()
        word = _typenames.SYNONYMS.get(token.text)
        if token.text == "complex" and not is_preprocessed:
            word = "_Complex" if _is_keyword(tokens, place, openers[-1]) else None
        made.append(token if word is None else token._replace(text=word))
    return made


def _is_keyword(tokens: list[Token], place: int, opener: str) -> bool:
    """Is `complex` beside a word of a type, and no name after it? In parentheses it is never one:
    parameters and what is cast to have types without names."""
    before, after = _beside(tokens, place, -1), _beside(tokens, place, 1)
    if after in _typenames.KEYWORDS:
        return True
    return before in _typenames.FLOATS and (opener == "(" or after not in _AFTER_NAMES)


def _beside(tokens: list[Token], place: int, step: int) -> str:
    """The nearest word that is no qualifier."""
    place += step
    while 0 <= place < len(tokens) and tokens[place].text in _typenames.QUALIFIERS:
        place += step
    return tokens[place].text if 0 <= place < len(tokens) else ""
