"""What a macro stands for, as the preprocessor expands it.

`#` before a parameter makes a string, which is no number: it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from pytramp._core import DeclarationError
from pytramp._errors import Source
from pytramp.cdecl.tokens import Macro, Token, tokenize

_MOST_TOKENS = 1000
_PASTE = re.compile(r"\s*##\s*")

Find = Callable[[str], "Macro | None"]


class _Word(NamedTuple):
    """A token, and the macros whose names mean nothing in it: it comes from them."""

    text: str
    hidden: frozenset[str]


def expanded(name: str, find: Find) -> list[Token]:
    """The tokens that the name of an object-like macro stands for.

    DeclarationError where they are too many, or where the macro is no number for sure.
    """
    return [Token(word.text, 0) for word in _expand([_Word(name, frozenset())], find)]


def _expand(words: list[_Word], find: Find) -> list[_Word]:
    made: list[_Word] = []
    todo = words[::-1]
    steps = 0
    while todo:
        word = todo.pop()
        macro = None if word.text in word.hidden else find(word.text)
        arguments = None if macro is None else _arguments(macro, todo)
        if macro is None or arguments is None:
            made.append(word)
        else:
            hidden = word.hidden | {word.text}
            body = _substituted(macro, arguments, find)
            todo += [_Word(part.text, part.hidden | hidden) for part in reversed(body)]
        steps += 1
        if max(len(made), len(todo), steps) > _MOST_TOKENS:
            raise DeclarationError("a macro is too long to be a number")
    return made


def _arguments(macro: Macro, todo: list[_Word]) -> dict[str, list[_Word]] | None:
    """Takes the arguments from the end of todo; None where there are none, which is no call."""
    if macro.parameters is None:
        return {}
    if not todo or todo[-1].text != "(":
        return None
    todo.pop()
    names = [_name(parameter) for parameter in macro.parameters]
    is_variadic = bool(names) and macro.parameters[-1].endswith("...")
    given: list[list[_Word]] = [[]]
    depth = 0
    while todo and (depth or todo[-1].text != ")"):
        word = todo.pop()
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        is_rest = is_variadic and len(given) == len(names)
        if word.text == "," and not depth and not is_rest:
            given.append([])
        else:
            given[-1].append(word)
    if not todo:
        raise DeclarationError("a call of a macro is not closed")
    todo.pop()
    if not names and given == [[]]:
        return {}
    if is_variadic and len(given) == len(names) - 1:
        given.append([])
    if len(given) != len(names):
        raise DeclarationError("a macro has another number of arguments")
    return dict(zip(names, given, strict=True))


def _name(parameter: str) -> str:
    """`...` and GNU's `rest...` are names, too."""
    return "__VA_ARGS__" if parameter == "..." else parameter.removesuffix("...")


def _substituted(macro: Macro, arguments: dict[str, list[_Word]], find: Find) -> list[_Word]:
    """The body. What stands beside a `##` is pasted as it was given, all else expanded before.

    Each argument once: calls within calls would take time that doubles with each.
    """
    known: dict[str, list[_Word]] = {}
    pieces = [tokenize(Source(text)) for text in _PASTE.split(macro.body.strip())]
    made: list[_Word] = []
    for k, piece in enumerate(pieces):
        words: list[_Word] = []
        for j, token in enumerate(piece):
            is_pasted = (j == 0 and k > 0) or (j == len(piece) - 1 and k < len(pieces) - 1)
            argument = arguments.get(token.text)
            if argument is None:
                words.append(_Word(token.text, frozenset()))
            elif is_pasted:
                words += argument or [_Word("", frozenset())]
            else:
                if token.text not in known:
                    known[token.text] = _expand(argument, find)
                words += known[token.text]
        if k and made and words:
            words[0] = _pasted(made.pop(), words[0])
        made += words
    return [word for word in made if word.text]


def _pasted(left: _Word, right: _Word) -> _Word:
    text = left.text + right.text
    if text and len(tokenize(Source(text))) != 1:
        raise DeclarationError(f"{text!r} is not one token")
    return _Word(text, left.hidden & right.hidden)
