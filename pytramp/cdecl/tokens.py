"""Splits C into tokens that remember where they stood.

In a header also `#` lines: what the layout and the messages need of them is kept in Directives.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from pytramp._errors import LineMarker, Source

_TOKEN = re.compile(
    r"""
    (?P<blank> [ \t\n\r\f\v]+ | //[^\n]* | /\*.*?\*/ )
  | (?P<token> (?:u8|[uUL])?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+')
             | [A-Za-z_][A-Za-z0-9_]* | \.?[0-9](?:[eEpP][+-]|[A-Za-z0-9_.]|'[0-9A-Za-z])*
             | \.\.\. | <<=? | >>=? | [-+*/%&|^<>=!]= | && | \|\| | -> | /(?!\*)
             | [][(){},;*&|^~!?:<>=+.%-] )
  | (?P<directive> \#(?:\\\r?\n|/\*.*?\*/|[^\n])* )
  | (?P<splice> \\\r?\n )
    """,
    re.VERBOSE | re.DOTALL,
)
_MARKER = re.compile(r'#[ \t]*(?:line[ \t]+)?([0-9]+)(?:[ \t]+"((?:[^"\\]|\\.)*)")?')
_PRAGMA = re.compile(r"#[ \t]*pragma[ \t]+(?P<what>[A-Za-z_]\w*)?(?P<rest>.*)", re.DOTALL)
# The preprocessor has seen to it that the name is one, maybe with characters beyond ASCII.
_DEFINE = re.compile(r"#[ \t]*(define|undef)[ \t]+([^\s(]+)(?:\(([^)]*)\))?(.*)", re.DOTALL)
_UNIVERSAL = re.compile(r"\\(?:U000|u)([0-9A-Fa-f]{4,5})")  # what GCC makes of those
_SILENT = re.compile(r"#[ \t]*(ident|sccs|assert|unassert)\b")  # left there by GCC
_PACK = re.compile(
    r"[ \t]*\([ \t]*(?:(push|pop)[ \t]*)?"
    r"(?:,?[ \t]*([A-Za-z_]\w*)[ \t]*)?(?:,?[ \t]*([0-9]+)[ \t]*)?\)"
)
_BAD_PRAGMAS = ("ms_struct", "scalar_storage_order")


class Token(NamedTuple):
    """One C token, and the offset of its first character in the whole text."""

    text: str
    offset: int

    @property
    def is_word(self) -> bool:
        """Is this a keyword or an identifier?"""
        return (self.text[0].isalpha() or self.text[0] == "_") and self.text[-1] not in "\"'"


class Macro(NamedTuple):
    """What `#define` says. parameters is None where no parentheses follow the name."""

    parameters: tuple[str, ...] | None
    body: str


class Directives:
    """What the `#` lines of a header said.

    packs: (offset, bytes) of each `#pragma pack` in force from there on, 0 for none.
    macros: each `#define` that was not undefined.
    """

    def __init__(self) -> None:
        self.packs: list[tuple[int, int]] = [(-1, 0)]
        self.macros: dict[str, Macro] = {}
        self._stack: list[tuple[str | None, int]] = []  # labels, and what was in force before

    def pack(self, source: Source, offset: int, rest: str) -> None:
        """Takes in one `#pragma pack` at offset."""
        match = _PACK.match(rest)
        value = int(match[3]) if match and match[3] else None
        if match is None or value not in (None, 0, 1, 2, 4, 8, 16):
            raise source.declaration_error(offset, "this '#pragma pack' is not understood")
        current = self.packs[-1][1]
        if match[1] == "push":
            self._stack.append((match[2], current))
            new = current if value is None else value
        elif match[1] == "pop":
            if value is not None:  # GCC ignores all of it, clang pops and sets
                message = "compilers do not agree on a '#pragma pack(pop)' with a number"
                raise source.declaration_error(offset, message)
            new = self._popped(source, offset, match[2])
        else:
            new = value or 0
        self.packs.append((offset, new))

    def _popped(self, source: Source, offset: int, label: str | None) -> int:
        """What was in force before the last push, or before that of the label and all after it.

        A label that was not pushed: GCC pops without it, clang and Microsoft's compiler do nothing.
        """
        if label is None:
            return self._stack.pop()[1] if self._stack else 0
        places = [place for place, (pushed, _) in enumerate(self._stack) if pushed == label]
        if not places:
            message = f"there is no '#pragma pack(push, {label})' before this"
            raise source.declaration_error(offset, message)
        before = self._stack[places[-1]][1]
        del self._stack[places[-1] :]
        return before


def tokenize(source: Source, directives: Directives | None = None) -> list[Token]:
    """The tokens of the text without comments; DeclarationError where a character is none of C's.

    directives: takes what `#` lines say; without it they are errors, as in a single declaration.
    """
    text = source.text
    tokens = []
    position = 0
    match_at = _TOKEN.match
    while position < len(text):
        match = match_at(text, position)
        kind = match.lastgroup if match is not None else None
        if match is None or (kind in ("directive", "splice") and directives is None):
            raise source.declaration_error(position, _complaint(text, position))
        if kind == "token":
            tokens.append(Token(match.group(), position))
        elif kind == "directive" and directives is not None:
            _directive(source, directives, position, match.group())
        position = match.end()
    return tokens


def _directive(source: Source, directives: Directives, offset: int, line: str) -> None:
    if source.text[source.text.rfind("\n", 0, offset) + 1 : offset].strip(" \t\f\v"):
        _refuse_directive(source, offset, "unexpected '#'")
    if marker := _MARKER.match(line):
        file = re.sub(r"\\(.)", r"\1", marker[2] or "")
        if not file and source.markers:
            file = source.markers[-1].file
        source.markers.append(LineMarker(offset, int(marker[1]), file))
    elif pragma := _PRAGMA.match(line):
        if pragma["what"] == "pack":
            directives.pack(source, offset, pragma["rest"].rstrip())
        elif pragma["what"] in _BAD_PRAGMAS:
            _refuse_directive(source, offset, f"'#pragma {pragma['what']}' is not supported")
    elif source.markers and (define := _DEFINE.match(line)):
        _define(directives, *define.groups())
    elif source.markers and _SILENT.match(line):
        pass
    elif line.strip("# \t"):  # a line with nothing but `#` means nothing
        hint = "run the text through `cpp` first, or pass cpp=True"
        _refuse_directive(source, offset, f"a preprocessor line: {hint}")


def _define(directives: Directives, verb: str, name: str, call: str | None, body: str) -> None:
    name = _UNIVERSAL.sub(lambda match: chr(int(match[1], 16)), name)
    if verb == "undef":
        directives.macros.pop(name, None)
        return
    parameters = None if call is None else tuple(re.findall(r"[^\s,]+", call))
    directives.macros[name] = Macro(parameters, body)


def _refuse_directive(source: Source, offset: int, message: str) -> NoReturn:
    raise source.declaration_error(offset, message)


def _complaint(text: str, position: int) -> str:
    character = text[position]
    if character == "/":
        return "this comment is not closed"
    if character == "\0":
        return "a NUL character cannot stand in a declaration"
    if character.isascii() and character.isprintable():
        return f"unexpected {character!r}"
    return f"unexpected character U+{ord(character):04X}"
