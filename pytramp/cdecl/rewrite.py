"""The words of a declaration as pycparser can read them.

Attributes, storage classes, initializers and bodies of functions are left out, what it does not
know is replaced by what stands in the same places: an `int` for each word that is a type, a 0 for
each number. What it is then says the word itself, which is remembered. So are the places of the
attributes: each Segment has those of its declarator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytramp import _typenames
from pytramp.cdecl.tokens import Token
from pytramp.cdecl.words import (
    ALIGNOFS,
    ASSERTS,
    NEWER,
    OFFSETOFS,
    RESERVED,
    STORAGE,
    TYPEOFS,
    attribute_end,
)

# Names that stand for what has none: a bit-field, a typeof.
UNNAMED = "__pytramp_unnamed"
# Begins a name in whose place pycparser would take that of a type for one: `int (*size_t)(int)`.
HIDING = "__pytramp_hiding_"
TYPEOF = "__pytramp_typeof"

_AFTER_NAMES = frozenset(", ; : = ( ) [".split())
_OWN_WORDS = frozenset("void char short int long signed unsigned float double".split())


class Segment:
    """One declarator, with the specifiers before it. shared, own: places of attributes.

    shared: those among the specifiers, which all declarators of a declaration have.
    start: the number of the word that its specifiers begin with; None after a comma.
    """

    def __init__(self, start: int | None, shared: list[int] | None = None) -> None:
        self.start = start
        self.shared: list[int] = [] if shared is None else shared
        self.own: list[int] = []
        self.has_type = start is None
        self.has_declarator = start is None  # has it begun?
        self.has_name = False  # or what would stand after the name
        self.is_width = False

    def note(self, place: int) -> None:
        """Takes an attribute that stands here."""
        (self.own if self.has_declarator else self.shared).append(place)


class Word(NamedTuple):
    """One word as pycparser gets it, and the token that it was made of."""

    given: str
    token: Token
    segment: Segment
    place: int  # of the token


class Head:
    """A struct, union or enum. base: from where to where an enum's `: type` stands."""

    def __init__(self) -> None:
        self.attributes: list[int] = []
        self.end: int | None = None  # of the body
        self.base: tuple[int, int] | None = None


class Piece:
    """What is given to pycparser at once."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.segments: list[Segment] = []
        self.heads: dict[int, Head] = {}  # by the number of the keyword
        self.end = 0  # the place of the first token after it
        self.body: int | None = None  # where the body of a function begins


class _Frame(NamedTuple):
    kind: str  # "top", "members", "values", "starred", "group", "list" or "other"
    segment: Segment
    head: Head | None = None


class Rewriter:
    """Makes one Piece of tokens."""

    def __init__(
        self, tokens: list[Token], partners: dict[int, int], is_type: Callable[[str], bool]
    ) -> None:
        self._tokens = tokens
        self._texts = [token.text for token in tokens] + ["", "", "", ""]
        self._partners = partners
        self._is_type = is_type

    def declaration(self, start: int) -> Piece:
        """From start to its `;`, or to the end of its body."""
        piece = self._begin("top")
        place = start
        while place < len(self._tokens) and not piece.end:
            place = self._step(place)
        piece.end = piece.end or place
        return piece

    def fragment(self, start: int, end: int, kind: str) -> Piece:
        """All from start to end: a "list" of one parameter, or "values" that are calculated."""
        piece = self._begin(kind)
        place = start
        while place < end:
            place = self._step(place)
        piece.end = end
        return piece

    def _begin(self, kind: str) -> Piece:
        self._piece = Piece()
        self._new_segment(0)
        self._frames = [_Frame(kind, self._segment)]
        return self._piece

    def _new_segment(self, start: int | None, shared: list[int] | None = None) -> None:
        self._segment = Segment(start, shared)
        self._piece.segments.append(self._segment)

    def _give(self, given: str, place: int) -> None:
        self._piece.words.append(Word(given, self._tokens[place], self._segment, place))

    @property
    def _last(self) -> str:
        words = self._piece.words
        return words[-1].given if words else ""

    # ---- One step ----

    def _step(self, place: int) -> int:
        """Reads what stands at place; the place after it."""
        word = self._texts[place]
        end = attribute_end(self._texts, self._partners, place)
        if end > place:
            self._segment.note(place)
            return end
        if word in STORAGE and word != "typedef" and not self._is_name(place):
            return place + 1
        if word in _typenames.TAGGED:
            return self._tagged(place)
        if word in ASSERTS and self._texts[place + 1] == "(":
            return self._partners[place + 1] + 1
        if word in TYPEOFS and self._texts[place + 1] == "(":
            return self._stand_in(TYPEOF, place)
        if word in ("_Atomic", "_BitInt") and self._texts[place + 1] == "(":
            return self._stand_in("int", place)
        if word in ("(", "[", "{"):
            return self._open(place)
        if word in (")", "]", "}"):
            return self._close(place)
        if word in (",", ";", "=", ":"):
            return self._separate(place)
        self._plain(place)
        return place + 1

    def _stand_in(self, given: str, place: int) -> int:
        """One word for a type with its parentheses."""
        self._segment.has_type = True
        self._give(given, place)
        return self._partners[place + 1] + 1

    def _plain(self, place: int) -> None:
        token = self._tokens[place]
        word = token.text
        segment = self._segment
        given = word if self._is_name(place) else _given(token)
        self._give(f"{HIDING}{word}" if self._hides_type(word) else given, place)
        if word == "*":
            segment.has_declarator = True
        elif word in _typenames.KEYWORDS or word in _typenames.UNSUPPORTED:
            segment.has_type = True
        elif token.is_word and word not in RESERVED:
            if segment.has_type:
                segment.has_declarator = segment.has_name = True
            segment.has_type = True

    def _is_name(self, place: int) -> bool:
        """Is this newer keyword a name: of a type, of a declarator, in an expression?"""
        word, segment = self._texts[place], self._segment
        if word not in NEWER:
            return False
        place += 1
        if segment.is_width or self._frames[-1].kind in ("values", "starred"):
            return self._texts[place] != "("
        if self._is_type(word):
            return True
        while (end := attribute_end(self._texts, self._partners, place)) > place:
            place = end
        is_last = self._texts[place] in _AFTER_NAMES
        return is_last and segment.has_type and not segment.has_name

    def _hides_type(self, word: str) -> bool:
        """Is this what a declarator names, though it is also the name of a type?"""
        segment = self._segment
        is_declarator = self._frames[-1].kind not in ("values", "starred", "other")
        return is_declarator and segment.has_type and not segment.has_name and self._is_type(word)

    def _tagged(self, place: int) -> int:
        """`struct tag`, and the beginning of its body."""
        head = self._piece.heads[len(self._piece.words)] = Head()
        self._give(self._texts[place], place)
        self._segment.has_type = True
        is_enum = self._texts[place] == "enum"
        place = self._head_attributes(head, place + 1)
        if place < len(self._tokens) and self._tokens[place].is_word:
            if self._texts[place] not in RESERVED:
                self._give(self._texts[place], place)
                place = self._head_attributes(head, place + 1)
        if is_enum and self._texts[place] == ":" and self._starts_type(place + 1):
            first = place + 1
            while self._texts[place] not in ("{", ";", ""):
                place += 1
            head.base = (first, place)
        if self._texts[place] != "{":
            return place
        head.end = self._partners[place]
        self._give("{", place)
        self._frames.append(_Frame("values" if is_enum else "members", self._segment, head))
        self._new_segment(None if is_enum else len(self._piece.words))
        return place + 1

    def _head_attributes(self, head: Head, place: int) -> int:
        end = attribute_end(self._texts, self._partners, place)
        while end > place:
            head.attributes.append(place)
            place, end = end, attribute_end(self._texts, self._partners, end)
        return place

    def _starts_type(self, place: int) -> bool:
        word = self._texts[place]
        return (
            word in _typenames.KEYWORDS
            or word in _typenames.QUALIFIERS
            or word in _typenames.TAGGED
            or word in TYPEOFS
            or self._is_type(word)
        )

    # ---- Brackets ----

    def _open(self, place: int) -> int:
        word = self._texts[place]
        if word == "{":
            return self._open_body(place)
        self._give(word, place)
        kind = "values" if word == "[" else self._parenthesis(place)
        self._frames.append(_Frame(kind, self._segment))
        self._segment.has_declarator |= self._segment.has_type
        if word == "[":
            self._segment.has_name = True
            return self._open_length(place + 1)
        if kind == "list":
            self._new_segment(len(self._piece.words))
        return place + 1

    def _open_body(self, place: int) -> int:
        if len(self._frames) == 1 and self._frames[0].kind == "top":
            self._give(";", place)
            self._piece.body = place
            self._piece.end = self._partners[place] + 1
            return self._piece.end
        self._give("{", place)
        self._frames.append(_Frame("other", self._segment))
        return place + 1

    def _parenthesis(self, place: int) -> str:
        """Does the `(` here begin a list of parameters, or is it a "group"?"""
        if self._frames[-1].kind in ("values", "starred") or self._segment.is_width:
            return "values"
        following = self._texts[place + 1]
        if self._segment.has_name:
            return "list"
        if following in ("*", "(", "^") or (
            attribute_end(self._texts, self._partners, place + 1) > place + 1
        ):
            return "group"
        is_name = self._tokens[place + 1].is_word and following not in RESERVED
        if not is_name or self._is_type(following):
            return "list"
        return "group" if self._texts[place + 2] in (")", "(", "[") else "list"

    def _open_length(self, place: int) -> int:
        """`static`, qualifiers and `*` in brackets mean nothing to who is called.

        `[*n]` gets parentheses: some versions of pycparser take each `*` here for that of `[*]`.
        """
        while self._texts[place] in _typenames.QUALIFIERS or self._texts[place] == "static":
            place += 1
        if self._texts[place] != "*":
            return place
        if self._texts[place + 1] == "]":
            return place + 1
        self._give("(", place)
        self._frames[-1] = self._frames[-1]._replace(kind="starred")
        return place

    def _close(self, place: int) -> int:
        if len(self._frames) == 1:
            self._give(self._texts[place], place)
            return place + 1
        frame = self._frames.pop()
        if frame.kind == "members" and self._last not in (";", "{"):
            self._give(";", place)
        if frame.kind == "starred":
            self._give(")", place)
        self._segment = frame.segment
        self._segment.has_name |= self._texts[place] == ")"
        self._give(self._texts[place], place)
        if frame.head is not None:
            return self._head_attributes(frame.head, place + 1)
        return place + 1

    # ---- Separators ----

    def _separate(self, place: int) -> int:
        word, kind = self._texts[place], self._frames[-1].kind
        if word == "=" and kind == "top":
            return self._skip_initializer(place)
        if word == ":" and kind == "members":
            if not self._segment.has_declarator:
                self._give(UNNAMED, place)
            self._segment.has_declarator = self._segment.is_width = True
        if word == ";" and kind == "members" and self._last in (";", "{"):
            return place + 1
        if word == ":" and self._last == "?":  # GNU's `a ?: b`: a 0 for the other a
            self._give("0", place)
        self._give(word, place)
        if word == "," and kind in ("top", "members"):
            self._new_segment(None, self._segment.shared)
        elif (word == "," and kind == "list") or (word == ";" and kind == "members"):
            self._new_segment(len(self._piece.words))
        elif word == ";" and kind == "top":
            self._piece.end = place + 1
        return place + 1

    def _skip_initializer(self, place: int) -> int:
        while self._texts[place] not in (",", ";", ""):
            place = self._partners.get(place, place) + 1
        return place


def _given(token: Token) -> str:
    """What pycparser gets for a word that is none of those with a meaning of their own."""
    word = token.text
    if word[-1] in "\"'":
        return '""' if word[-1] == '"' else "0"
    if word[0].isdigit() or (word[0] == "." and len(word) > 1 and word[1].isdigit()):
        return "0"
    if word in ALIGNOFS:
        return "sizeof"
    if word in OFFSETOFS:
        return "offsetof"
    if word in _OWN_WORDS:
        return word
    return "int" if word in _typenames.KEYWORDS or word in _typenames.UNSUPPORTED else word
