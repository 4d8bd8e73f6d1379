"""Looks at the words of one declaration before the parser does, for what cannot stand in one."""

from __future__ import annotations

from typing import NoReturn

from pytramp import _typenames
from pytramp._errors import Source
from pytramp.cdecl import conventions
from pytramp.cdecl.brackets import pair
from pytramp.cdecl.tokens import Token, tokenize
from pytramp.cdecl.words import ATTRIBUTES

_STORAGE = frozenset({"typedef", "extern", "static", "inline", "__inline", "__inline__"})
_CONVENTIONS = conventions.WORDS.keys() | conventions.MACROS.keys()
_ATTRIBUTES = frozenset(
    {"__attribute__", "__attribute", "__declspec", "__extension__", "_Noreturn"}
)
_VECTORS = frozenset({"vector_size", "__vector_size__", "ext_vector_type"})
_REFUSED = {
    **dict.fromkeys(_STORAGE, "{!r} can only stand at the beginning"),
    **dict.fromkeys(_ATTRIBUTES, "{!r} is not understood in a prototype: cdef() reads it"),
    **dict.fromkeys(
        "auto register constexpr thread_local _Thread_local __thread asm __asm __asm__ typeof "
        "__typeof__ __typeof typeof_unqual alignas _Alignas _Static_assert _Generic".split(),
        "{!r} is not understood in a prototype",
    ),
}


def outline(source: Source) -> list[Token]:
    """The tokens of the text, without what needs no reading: `;` and storage classes around it,
    and names of the convention that is the platform's own.

    Raises DeclarationError, and UnsupportedTypeError for `_Atomic`, `_BitInt`, vectors and other
    conventions.
    """
    tokens = _trim(source, tokenize(source))
    partners = pair(source, tokens)
    _check_alone(source, tokens)
    kept: list[Token] = []
    place = bracket = 0
    while place < len(tokens):
        token = tokens[place]
        end = _end_of_convention(source, tokens, partners, place)
        if end == place:
            bracket += {"[": 1, "]": -1}.get(token.text, 0)
            _check(source, tokens, place, bracket)
            kept.append(token)
        place = max(end, place + 1)
    return kept


def _check(source: Source, tokens: list[Token], place: int, bracket: int) -> None:
    token = tokens[place]
    if token.text in _ATTRIBUTES:
        _refuse_attribute(source, tokens, place)
    if token.text in _REFUSED and not (bracket and token.text == "static"):
        raise source.declaration_error(token.offset, _REFUSED[token.text].format(token.text))
    if token.text in ("_Atomic", "_BitInt"):
        reason = _typenames.refusal(token.text)
        raise source.unsupported_error(token.offset, f"{_role(tokens, place)}: {reason}")


def _end_of_convention(
    source: Source, tokens: list[Token], partners: dict[int, int], place: int
) -> int:
    """Behind `__stdcall` or `__attribute__((stdcall))`, where that is the platform's own."""
    word = tokens[place]
    if word.text in _CONVENTIONS:
        _refuse(source, word.offset, conventions.refused_word(word.text))
        return place + 1
    opening = [token.text for token in tokens[place + 1 : place + 3]]
    if word.text not in ATTRIBUTES or opening != ["(", "("]:
        return place
    at, end = place + 3, partners[place + 2]
    are_conventions = at < end
    while at < end:
        name = tokens[at].text.strip("_")
        _refuse(source, tokens[at].offset, conventions.refused_attribute(name))
        are_conventions &= name in conventions.ATTRIBUTES or name in (",", "(")
        at = partners.get(at, at) + 1
    return partners[place + 1] + 1 if are_conventions else place


def _refuse(source: Source, offset: int, reason: str | None) -> None:
    if reason is not None:
        raise source.unsupported_error(offset, reason)


def _check_alone(source: Source, tokens: list[Token]) -> None:
    """DeclarationError where something begins that one declaration of a function cannot have."""
    depth = 0
    for token in tokens:
        word = token.text
        depth += (word in ("(", "[")) - (word in (")", "]"))
        if word in ("{", "}"):
            message = f"unexpected {word!r}: neither a body nor members can stand here"
            raise source.declaration_error(token.offset, message)
        if word in (",", ";") and not depth:
            message = f"only one declaration is expected: {word!r} begins another"
            raise source.declaration_error(token.offset, message)


def _refuse_attribute(source: Source, tokens: list[Token], place: int) -> NoReturn:
    token = tokens[place]
    vector = next((other.text for other in tokens[place:] if other.text in _VECTORS), None)
    if vector is not None:
        reason = f"{vector!r}: vector types are not supported: pass a pointer to their elements"
        raise source.unsupported_error(token.offset, f"{_role(tokens, place)}: {reason}")
    raise source.declaration_error(token.offset, _REFUSED[token.text].format(token.text))


def _role(tokens: list[Token], place: int) -> str:
    """Which part of the prototype this token belongs to."""
    depth, number = 0, 1
    for token in reversed(tokens[:place]):
        if token.text == "(" and depth == 0:
            return f"parameter {number}"
        depth += {")": 1, "(": -1}.get(token.text, 0)
        number += token.text == "," and depth == 0
    return "the result"


def _trim(source: Source, tokens: list[Token]) -> list[Token]:
    """Drops storage classes at the beginning and one semicolon at the end."""
    if tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    first = 0
    while first < len(tokens) and tokens[first].text in _STORAGE:
        first += 1
    if first == len(tokens):
        raise source.declaration_error(0, "there is no declaration in this text")
    return tokens[first:]
