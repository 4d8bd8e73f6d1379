"""Specifiers as pycparser has them -> types: `const unsigned long`, `struct point { ... }`."""

from __future__ import annotations

from typing import Any

from pytramp import _typenames
from pytramp.cdecl.attributes import AttributeReader, Attributes
from pytramp.cdecl.grammar import kind_of, place_of
from pytramp.cdecl.integers import is_integer, is_unsigned
from pytramp.cdecl.model import CType, Enumeration, Record, Scalar, Use, plain
from pytramp.cdecl.rewrite import TYPEOF, Head

_MODES = {"QI": 1, "byte": 1, "HI": 2, "SI": 4, "DI": 8, "TI": 16, "word": None, "pointer": None}


class Specifiers:
    """What stands before the declarators. offset: where the type itself begins."""

    def __init__(self, offset: int, words: list[str], qualifiers: frozenset[str]) -> None:
        self.offset = offset
        self.words = words
        self.qualifiers = qualifiers
        self.base: CType | None = None  # a tag's, a typedef's or typeof's
        self.attributes = Attributes()
        self.refused: str | None = None  # why, for what cannot be read further
        self.is_definition = False  # of a struct, union or enum


class SpecifierReader(AttributeReader):
    """The part of the reader that knows specifiers."""

    def record(self, node: Any, head: Head, place: int) -> Record:
        """Takes in the members of a struct or union; place is that of its keyword."""
        raise NotImplementedError

    def enumeration(self, node: Any, head: Head, place: int) -> Enumeration:
        """Takes in the enumerators of an enum."""
        raise NotImplementedError

    def specifiers(self, node: Any, qualifiers: frozenset[str]) -> Specifiers:
        """What pycparser's node below all declarators means."""
        if kind_of(node) == "IdentifierType":
            return self._names(node, qualifiers)
        if kind_of(node) not in ("Struct", "Union", "Enum"):
            self.unexpected(place_of(node))
        place = place_of(node)
        if self.word_at(place) not in _typenames.TAGGED:
            place -= 1  # pycparser gives the place of the tag or of the brace
        made = Specifiers(self.offset_at(place), [], qualifiers)
        made.base = self._tagged(node, place)
        head = self.piece.heads[place]
        made.is_definition = head.end is not None or head.base is not None
        return made

    def _names(self, node: Any, qualifiers: frozenset[str]) -> Specifiers:
        first = place = place_of(node)
        if not self.is_specifier(first):  # to pycparser, what has no type is an int
            missing = self._missing_type()
            self.refuse_missing(first if missing is None else missing)
        words: list[str] = []
        made = Specifiers(self.offset_at(first), words, qualifiers)
        for _ in node.names:
            while self.word_at(place) in _typenames.QUALIFIERS or self.word_at(place) == "typedef":
                place += 1
            words.append(self.word_at(place))
            if words[-1] in _typenames.UNSUPPORTED:
                made.refused = _typenames.refusal(words[-1])
            elif words[-1] not in _typenames.KEYWORDS:
                self._name(made, place)
            place += 1
        return made

    def _name(self, made: Specifiers, place: int) -> None:
        word = self.piece.words[place]
        if word.given == TYPEOF:
            self._typeof(made, place)
        else:
            made.base = self.named(word.token.text, word.token.offset)

    def _typeof(self, made: Specifiers, place: int) -> None:
        token, opener = self.piece.words[place].token, self.piece.words[place].place + 1
        if not self.starts_type(opener + 1):
            reason = f"{token.text!r} of an expression is not supported"
            made.base = self.refuse(token.text, reason, token.offset)
            return
        with self.within(opener + 1, self.partners[opener], "list") as node:
            use = self.type_named(node)
        made.base = use.type
        if token.text != "typeof_unqual":
            made.qualifiers |= use.qualifiers

    def _tagged(self, node: Any, place: int) -> Record | Enumeration:
        head = self.piece.heads[place]
        keyword = self.word_at(place)
        if head.end is not None or head.base is not None:
            if keyword == "enum":
                return self.enumeration(node, head, place)
            return self.record(node, head, place)
        return self._known_tag(keyword, node.name, place)

    def _known_tag(self, keyword: str, tag: str, place: int) -> Record | Enumeration:
        """What the tag means; one that is not declared yet is incomplete, an enum is an int."""
        found = self.scope.tag(tag)
        if found is not None:
            self.check_tag(keyword, tag, found, place)
            return found
        new = Enumeration(tag, Scalar("int")) if keyword == "enum" else Record(keyword, tag)
        if not self.strict:
            self.scope.tags[tag] = new
        return new

    def check_tag(self, keyword: str, tag: str, found: Record | Enumeration, place: int) -> None:
        """DeclarationError if the tag is one of another kind."""
        kind = found.keyword if isinstance(found, Record) else "enum"
        if kind != keyword:
            offset = self.offset_at(place + 1)
            self.fail(offset, f"{tag!r} is the tag of a {kind}, not of a {keyword}")

    # ---- From specifiers to the type ----

    def resolve(self, made: Specifiers, role: str) -> Use:
        """The type that specifiers mean; role begins the messages."""
        base = self._base(made, role)
        if made.attributes.mode is not None:
            base = self._with_mode(made, base)
        if made.attributes.refused is not None:
            reason, offset, of_function = made.attributes.refused
            base = self.refuse(" ".join(made.words), reason, offset, of_function)
        qualifiers = made.qualifiers
        if "restrict" in qualifiers and not hasattr(plain(Use(base)).type, "target"):
            self.fail(made.offset, f"{role}only a pointer can be 'restrict'")
        return Use(base, qualifiers - {"restrict"})

    def _base(self, made: Specifiers, role: str) -> CType:
        if made.refused is not None:
            return self.refuse(" ".join(made.words), made.refused, made.offset)
        if made.base is not None and len(made.words) < 2:
            return made.base
        canonical = _typenames.scalar(made.words)
        if canonical is None and "_Complex" in made.words and len(made.words) == 2:
            words = " ".join(made.words)  # GNU's complex integers, half precision
            return self.refuse(words, f"{words!r} is not supported", made.offset)
        if canonical is None or made.base is not None:
            self.fail(made.offset, f"{role}{' '.join(made.words)!r} is no C type")
        return Scalar(canonical)

    def _with_mode(self, made: Specifiers, base: CType) -> CType:
        """`__attribute__((mode(DI)))`: the integer of that size and of the same sign."""
        mode = made.attributes.mode or ""
        scalar = plain(Use(base)).type
        if mode not in _MODES or not isinstance(scalar, Scalar) or not is_integer(scalar):
            return self.refuse(mode, f"the mode {mode!r} is not supported", made.offset)
        spelling = _typenames.integer_of(_MODES[mode])
        return Scalar(_typenames.unsigned(spelling) if is_unsigned(scalar) else spelling)
