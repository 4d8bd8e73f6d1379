"""The values of `#define`s that are integers."""

from __future__ import annotations

from pytramp._core import DeclarationError
from pytramp._errors import Source
from pytramp.cdecl.model import NoLayout
from pytramp.cdecl.scope import Scope
from pytramp.cdecl.tokens import Token, tokenize

_MOST_TOKENS = 1000
_ANSWERS = (DeclarationError, NoLayout, RecursionError)


def value(name: str, scope: Scope) -> int | None:
    """The value of the object-like macro name as a constant expression; None where it has none."""
    from pytramp.cdecl.members import MemberReader

    if _body(name, scope) is None:
        return None
    try:
        tokens = _expanded([Token(name, 0)], scope, frozenset())
        reader = MemberReader(Source("", header=True), tokens, Scope(scope))
        return reader.value_within(0, len(tokens)).number
    except _ANSWERS:
        return None


def _body(name: str, scope: Scope) -> str | None:
    return next((s.macros[name] for s in scope.chain() if name in s.macros), None)


def _expanded(tokens: list[Token], scope: Scope, busy: frozenset[str]) -> list[Token]:
    """Replaces macros by their tokens; one does not stand for itself again."""
    made: list[Token] = []
    for token in tokens:
        body = _body(token.text, scope) if token.text not in busy else None
        if body is None:
            made.append(token)
        else:
            inner = tokenize(Source(body))
            made += _expanded(inner, scope, busy | {token.text})
        if len(made) > _MOST_TOKENS:
            raise DeclarationError(f"{token.text!r} is too long to be a number")
    return made
