"""Checks the outline of a declaration before the parser proper sees it.

pycparser accepts some texts that are not one prototype (`int f(const)`, `int f(foo)`,
`int f(int) ); void g(int`), and says little about those that it refuses. What is left after these
checks is one declaration with balanced parentheses, in which every parameter begins with a type.
"""

from __future__ import annotations

import difflib
from typing import NoReturn

from pytramp import _typenames
from pytramp._errors import declaration_error, unsupported_error
from pytramp._tokens import Token, tokenize

# Greater than the 63 levels that C promises; keeps the parser far from Python's recursion limit.
_MAX_DEPTH = 64

_STORAGE = frozenset({"typedef", "extern", "static", "inline", "__inline", "__inline__"})
_CONVENTIONS = frozenset(
    f"{underscores}{name}"
    for underscores in ("_", "__")
    for name in ("cdecl", "stdcall", "fastcall", "thiscall", "vectorcall", "pascal")
) | {"WINAPI", "CALLBACK", "APIENTRY"}
_ATTRIBUTES = frozenset(
    {"__attribute__", "__attribute", "__declspec", "__extension__", "_Noreturn"}
)
_REFUSED = {
    **dict.fromkeys(_STORAGE, "{!r} can only stand at the beginning"),
    **dict.fromkeys(
        _CONVENTIONS, "the calling convention {!r} cannot be part of a declaration yet"
    ),
    **dict.fromkeys(_ATTRIBUTES, "{!r} is not understood: remove it"),
    **dict.fromkeys(
        "auto register constexpr thread_local _Thread_local __thread asm __asm __asm__ typeof "
        "__typeof__ typeof_unqual alignas _Alignas _Static_assert _Generic _Imaginary".split(),
        "{!r} is not understood in a prototype",
    ),
}

# Legal C, but not supported yet: what it means or what to do.
_UNSUPPORTED = {
    "...": "declare the parameters that the callback needs",
    "_Atomic": "an atomic object is passed by address: declare it 'void *'",
    "_BitInt": "use one of the standard integer types",
}


def outline(text: str) -> list[Token]:
    """The tokens of text, without `;`, storage classes and what stands in `[]`.

    Raises DeclarationError, and UnsupportedTypeError for `...`, `_Atomic` and `_BitInt`.
    """
    tokens = _trim(text, [_keyword(token) for token in tokenize(text)])
    tokens = _without_dimensions(text, tokens)
    for place, token in enumerate(tokens):
        if token.text in _REFUSED:
            raise declaration_error(text, token.offset, _REFUSED[token.text].format(token.text))
        if token.text in _UNSUPPORTED:
            _refuse_unsupported(text, tokens, place)
    _check_starts(text, tokens, _pair(text, tokens))
    return tokens


def _refuse_unsupported(text: str, tokens: list[Token], place: int) -> NoReturn:
    name = tokens[place].text
    message = f"{_role(tokens, place)}: {name!r} is not supported yet: {_UNSUPPORTED[name]}"
    raise unsupported_error(text, tokens[place].offset, message)


def _role(tokens: list[Token], place: int) -> str:
    """Which part of the prototype this token belongs to."""
    depth, number = 0, 1
    for token in reversed(tokens[:place]):
        if token.text == "(" and depth == 0:
            return f"parameter {number}"
        depth += {")": 1, "(": -1}.get(token.text, 0)
        number += token.text == "," and depth == 0
    return "the result"


def _keyword(token: Token) -> Token:
    return token._replace(text=_typenames.SYNONYMS.get(token.text, token.text))


def _trim(text: str, tokens: list[Token]) -> list[Token]:
    """Drops storage classes at the beginning and one semicolon at the end."""
    if tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    first = 0
    while first < len(tokens) and tokens[first].text in _STORAGE:
        first += 1
    if first == len(tokens):
        raise declaration_error(text, 0, "there is no declaration in this text")
    return tokens[first:]


def _without_dimensions(text: str, tokens: list[Token]) -> list[Token]:
    """Drops what stands in brackets, but not the brackets."""
    kept: list[Token] = []
    bracket: Token | None = None
    for token in tokens:
        if bracket is None or token.text == "]":
            kept.append(token)
        if token.text == "[" and bracket is None:
            bracket = token
        elif token.text == "]":
            if bracket is None:
                raise declaration_error(text, token.offset, "this ']' closes nothing")
            bracket = None
    if bracket is not None:
        raise declaration_error(text, bracket.offset, "this '[' is not closed")
    return kept


def _pair(text: str, tokens: list[Token]) -> dict[int, int]:
    """The place of the `)` for that of each `(`; also refuses what no prototype contains."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(tokens):
        if token.text == "(":
            opened.append(place)
            if len(opened) > _MAX_DEPTH:
                raise declaration_error(text, token.offset, "parentheses are nested too deeply")
        elif token.text == ")":
            if not opened:
                raise declaration_error(text, token.offset, "this ')' closes nothing")
            partners[opened.pop()] = place
        else:
            _check_token(text, token, depth=len(opened))
    if opened:
        raise declaration_error(text, tokens[opened[-1]].offset, "this '(' is not closed")
    return partners


def _check_token(text: str, token: Token, depth: int) -> None:
    """Is token, which is no parenthesis, one that a prototype can contain?"""
    if token.is_word or token.text in ("*", "[", "]") or (token.text == "," and depth):
        return
    if token.text in (",", ";"):
        message = f"only one declaration is expected: {token.text!r} begins another"
    elif token.text in ("{", "}"):
        message = f"unexpected {token.text!r}: neither a body nor members can stand here"
    else:
        message = f"unexpected {token.text!r}"
    raise declaration_error(text, token.offset, message)


def _check_starts(text: str, tokens: list[Token], partners: dict[int, int]) -> None:
    """Does each place where C wants a type have one?"""
    _check_type(text, tokens, 0)
    for place, token in enumerate(tokens[:-1]):
        if token.text == "," or (token.text == "(" and _opens_parameters(tokens, partners, place)):
            _check_type(text, tokens, place + 1)


def _opens_parameters(tokens: list[Token], partners: dict[int, int], place: int) -> bool:
    """Is this `(` the beginning of a parameter list, rather than part of a declarator?"""
    following = tokens[place + 1]
    if following.text in (")", "(", "*"):
        return False
    if not following.is_word or _is_type(following) or _follows_name(tokens, place):
        return True
    after = partners[place] + 1
    if after < len(tokens) and tokens[after].text in ("(", "["):
        return False  # int (name)(int)
    if partners[place] != place + 2:
        return True  # int (foo name)
    if tokens[place - 1].text == "(":
        return False  # int ((name))(int)
    return all(token.text != "(" for token in tokens[:place])  # int (foo), not int (int (name))


def _follows_name(tokens: list[Token], place: int) -> bool:
    """Does a declarator end before this `(`?"""
    before = tokens[place - 1]
    if before.text in (")", "]"):
        return True
    is_tag = place > 1 and tokens[place - 2].text in _typenames.TAGGED
    return before.is_word and not _is_type(before) and not is_tag


def _is_type(token: Token) -> bool:
    return token.text in _typenames.TYPE_WORDS or token.text in _typenames.QUALIFIERS


def _check_type(text: str, tokens: list[Token], place: int) -> None:
    """Do the tokens from here on begin with a type?"""
    while place < len(tokens) and tokens[place].text in _typenames.QUALIFIERS:
        place += 1
    if place == len(tokens):
        raise declaration_error(text, tokens[-1].offset, "a type is missing after this qualifier")
    if tokens[place].text in _typenames.TYPE_WORDS:
        return
    if tokens[place].is_word:
        _refuse_name(text, tokens, place)
    raise declaration_error(
        text, tokens[place].offset, f"a type is missing before {tokens[place].text!r}"
    )


def _refuse_name(text: str, tokens: list[Token], place: int) -> NoReturn:
    name = tokens[place].text
    message = f"unknown type name {name!r}"
    choices = sorted(_typenames.TYPE_WORDS | _typenames.QUALIFIERS)
    if close := difflib.get_close_matches(name, choices, n=1):
        message += f"; did you mean {close[0]!r}?"
    if place + 1 < len(tokens) and tokens[place + 1].text == "*":
        message += " (a pointer to a type of your own: declare it 'void *')"
    raise declaration_error(text, tokens[place].offset, message)
