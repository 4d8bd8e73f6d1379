"""Looks at the words of one declaration before the parser does, for what cannot stand in one."""

from __future__ import annotations

from typing import NoReturn

from pytramp import _typenames
from pytramp._errors import Source
from pytramp.cdecl.brackets import pair
from pytramp.cdecl.tokens import Token, tokenize

_STORAGE = frozenset({"typedef", "extern", "static", "inline", "__inline", "__inline__"})
_CONVENTIONS = frozenset(
    f"{underscores}{name}"
    for underscores in ("_", "__")
    for name in ("cdecl", "stdcall", "fastcall", "thiscall", "vectorcall", "pascal")
) | {"WINAPI", "CALLBACK", "APIENTRY"}
_ATTRIBUTES = frozenset(
    {"__attribute__", "__attribute", "__declspec", "__extension__", "_Noreturn"}
)
_VECTORS = frozenset({"vector_size", "__vector_size__", "ext_vector_type"})
_REFUSED = {
    **dict.fromkeys(_STORAGE, "{!r} can only stand at the beginning"),
    **dict.fromkeys(
        _CONVENTIONS, "the calling convention {!r} cannot be part of a declaration yet"
    ),
    **dict.fromkeys(_ATTRIBUTES, "{!r} is not understood: remove it"),
    **dict.fromkeys(
        "auto register constexpr thread_local _Thread_local __thread asm __asm __asm__ typeof "
        "__typeof__ __typeof typeof_unqual alignas _Alignas _Static_assert _Generic".split(),
        "{!r} is not understood in a prototype",
    ),
}


def outline(source: Source) -> list[Token]:
    """The tokens of the text, without `;` and storage classes around it.

    Raises DeclarationError, and UnsupportedTypeError for `_Atomic`, `_BitInt` and vectors.
    """
    tokens = _trim(source, tokenize(source))
    bracket = 0
    _check_alone(source, tokens)
    for place, token in enumerate(tokens):
        bracket += {"[": 1, "]": -1}.get(token.text, 0)
        if token.text in _ATTRIBUTES:
            _refuse_attribute(source, tokens, place)
        if token.text in _REFUSED and not (bracket and token.text == "static"):
            raise source.declaration_error(token.offset, _REFUSED[token.text].format(token.text))
        if token.text in ("_Atomic", "_BitInt"):
            reason = _typenames.refusal(token.text)
            raise source.unsupported_error(token.offset, f"{_role(tokens, place)}: {reason}")
    return tokens


def _check_alone(source: Source, tokens: list[Token]) -> None:
    """DeclarationError where something begins that one declaration of a function cannot have."""
    pair(source, tokens)
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
