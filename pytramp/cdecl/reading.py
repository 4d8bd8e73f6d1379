"""What all parts of the reader share: the text, the scope, and the words that pycparser had."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from pytramp import _typenames
from pytramp._errors import Source
from pytramp.cdecl import conventions, grammar, synonyms
from pytramp.cdecl.brackets import pair
from pytramp.cdecl.constants import Value
from pytramp.cdecl.model import CType, Refused
from pytramp.cdecl.rewrite import TYPEOF, Piece, Rewriter, Word
from pytramp.cdecl.scope import Scope
from pytramp.cdecl.tokens import Token
from pytramp.cdecl.words import ALIGNAS, ATTRIBUTES, RESERVED, TYPEOFS


class Reading:
    """One text being read; strict: one declaration without a header."""

    def __init__(self, source: Source, tokens: list[Token], scope: Scope) -> None:
        self.tokens = synonyms.replaced(tokens, bool(source.markers))
        self.source = source
        self.scope = scope
        self.partners = pair(source, self.tokens)
        self.strict = not source.header
        self.visible: set[str | None] = set()  # names of the parameters before this place
        self.piece = Piece()
        self.rewriter = Rewriter(self.tokens, self.partners, self.is_type)

    # ---- Names ----

    def is_type(self, word: str) -> bool:
        """Is this a name of a type? Keywords are none."""
        return word not in RESERVED and (
            self.scope.typedef(word) is not None or _typenames.refusal(word) is not None
        )

    def named(self, word: str, offset: int) -> CType | None:
        """The type of this name; a Refused one for the names of vector types."""
        found = self.scope.typedef(word)
        if found is None and word not in RESERVED and _typenames.refusal(word) is not None:
            return self.refuse(word, _typenames.refusal(word) or "", offset)
        return found

    def constant_named(self, name: str) -> Value | None:
        """The value of an enumerator, unless an earlier parameter has its name."""
        return None if name in self.visible else self.scope.constant(name)

    def starts_type(self, place: int) -> bool:
        """Can a type name begin with the token at place?"""
        word = self.tokens[place].text if place < len(self.tokens) else ""
        if word in _typenames.KEYWORDS or word in _typenames.QUALIFIERS:
            return True
        if word in _typenames.TAGGED or word in TYPEOFS or word in _typenames.UNSUPPORTED:
            return True
        if word in ("__extension__", *ATTRIBUTES, *ALIGNAS):
            return not self.strict
        return self.is_type(word)

    # ---- What pycparser says ----

    def declared(self, start: int) -> list[Any]:
        """pycparser's nodes of the declaration that begins at start, which is then self.piece."""
        self.piece = self.rewriter.declaration(start)
        nodes: list[Any] = self._parsed(grammar.declarations)
        return nodes

    @contextmanager
    def within(self, start: int, end: int, kind: str) -> Iterator[Any]:
        """pycparser's node for a "list" of one parameter, or for an expression ("values")."""
        outer, self.piece = self.piece, self.rewriter.fragment(start, end, kind)
        try:
            if not self.piece.words:
                self.fail(self.offset_of(start), "the declaration is incomplete")
            yield self._parsed(grammar.parameter if kind == "list" else grammar.expression)
        finally:
            self.piece = outer

    def _parsed(self, parse: Callable[[list[str], list[str]], Any]) -> Any:
        words = self.piece.words
        names = {word.given for word in words}
        typedefs = sorted(name for name in names if name == TYPEOF or self.is_type(name))
        try:
            return parse([word.given for word in words], typedefs)
        except grammar.NotParsed as error:
            self.complain(error)

    def word_at(self, place: int) -> str:
        """What really stands at a word of the piece; nothing past its end."""
        words = self.piece.words
        return words[place].token.text if 0 <= place < len(words) else ""

    def word_of(self, node: Any) -> Word:
        """The word at which pycparser saw node."""
        return self.piece.words[grammar.place_of(node)]

    def offset(self, node: Any) -> int:
        """Where node stands in the text."""
        return self.word_of(node).token.offset

    def offset_at(self, place: int) -> int:
        """Where a word of the piece stands; past its end, where that is."""
        words = self.piece.words
        if place < len(words):
            return words[max(place, 0)].token.offset
        return words[-1].token.offset + len(words[-1].token.text) if words else 0

    def offset_of(self, place: int) -> int:
        """Where the token at place stands; past the end, where the last token ends."""
        if place < len(self.tokens):
            return self.tokens[place].offset
        return self.tokens[-1].offset + len(self.tokens[-1].text) if self.tokens else 0

    # ---- Complaints ----

    def complain(self, error: grammar.NotParsed) -> NoReturn:
        """Says in our words, at our column, what pycparser did not understand."""
        if error.is_too_deep:
            self.fail(self.offset_at(0), "this is nested too deeply")
        self._refuse_partial()
        missing = self._missing_type()
        if missing is not None and (error.place is None or missing <= max(error.place, 0)):
            self.refuse_missing(missing)
        place = max(error.place or 0, 0)
        self.unexpected(place + (self.word_at(place) in _typenames.TAGGED))

    def _refuse_partial(self) -> None:
        """`struct s { int x; ...; };`, `A = ...`: what cffi has its compiler fill in."""
        for place, word in enumerate(self.piece.words):
            before, after = self.word_at(place - 1), self.word_at(place + 1)
            is_list = before in (",", "(") or after == ")"
            if word.token.text == "..." and (after in (";", "}", "]") or not is_list):
                message = (
                    "'...' cannot stand for what is left out, as in cffi's cdef(): write all of "
                    "it, or have the header itself read by cpp="
                )
                self.fail(word.token.offset, message)

    def _missing_type(self) -> int | None:
        """The number of the first word that stands where a type should begin."""
        for segment in self.piece.segments:
            if segment.start is None:
                continue
            place = first = segment.start
            while self.word_at(place) in _typenames.QUALIFIERS or self.word_at(place) == "typedef":
                place += 1
            word = self.word_at(place)
            if place == first and (word in ("}", ";", "...", "") or self._is_empty_list(place)):
                continue
            if not self.is_specifier(place):
                return place
        return None

    def _is_empty_list(self, place: int) -> bool:
        return (self.word_at(place - 1), self.word_at(place)) == ("(", ")")

    def is_specifier(self, place: int) -> bool:
        """Is this word a type, or the beginning of one?"""
        if not 0 <= place < len(self.piece.words):
            return False
        word = self.piece.words[place]
        text = word.token.text
        return (
            text in _typenames.KEYWORDS
            or text in _typenames.UNSUPPORTED
            or text in _typenames.TAGGED
            or word.given == TYPEOF
            or self.is_type(text)
        )

    def refuse_missing(self, place: int) -> NoReturn:
        """Says that a type is missing before the word at place, or that it is an unknown one."""
        if place >= len(self.piece.words):
            offset = self.offset_of(len(self.tokens) - 1)
            self.fail(offset, "a type is missing after this qualifier")
        word = self.piece.words[place]
        text = word.token.text
        if word.token.is_word and text not in RESERVED:
            self.refuse_name(place)
        if word.token.is_word or text in ("*", "[", "]", "(", ")", ","):
            self.fail(word.token.offset, f"a type is missing before {text!r}")
        self.unexpected(place)

    def refuse_name(self, place: int) -> NoReturn:
        """Says that the word at place is no type."""
        self._refuse_macro(place)
        name = self.word_at(place)
        message = f"unknown type name {name!r}"
        if close := difflib.get_close_matches(name, sorted(self.scope.type_names()), n=1):
            message += f"; did you mean {close[0]!r}?"
        if self.word_at(place + 1) == "*":
            message += " (a pointer to a type of your own: declare it in cdef() and pass types=, "
            message += f"or write 'struct {name} *')"
        self.fail(self.offset_at(place), message)

    def unexpected(self, place: int) -> NoReturn:
        """Says that the word at place cannot stand there."""
        if place >= len(self.piece.words):
            self.fail(self.offset_at(place), "the declaration is incomplete")
        self._refuse_macro(place - 1)
        word = self.word_at(place)
        if word == "..." and self.word_at(place - 1) == "(":
            message = "'...' comes last, after at least one parameter"
            self.fail(self.offset_at(place), message)
        shown = word[0] if word[-1] in "\"'" else word
        self.fail(self.offset_at(place), f"unexpected {shown!r}")

    def _refuse_macro(self, place: int) -> None:
        """`int WINAPI f(int)` where no preprocessor has seen it: what comes next is in the way."""
        name = self.word_at(place)
        if name in conventions.MACROS:
            message = f"{name!r} is a macro, which cpp=True expands: a calling convention"
            self.fail(self.offset_at(place), message)

    def refuse(self, spelling: str, reason: str, offset: int, of_function: bool = False) -> Refused:
        """Remembers legal C that cannot be passed."""
        error = self.source.unsupported_error(offset, reason)
        return Refused(spelling, reason, error, of_function)

    def fail(self, offset: int, message: str) -> NoReturn:
        """DeclarationError that points at offset."""
        raise self.source.declaration_error(offset, message)

    def unsupported(self, offset: int, message: str) -> NoReturn:
        """UnsupportedTypeError that points at offset."""
        raise self.source.unsupported_error(offset, message)
