"""Reads declaration specifiers: `static const unsigned long`, `struct point { ... }`."""

from __future__ import annotations

import difflib
from typing import NoReturn

from pytramp import _typenames
from pytramp._errors import Source
from pytramp.cdecl.attributes import ATTRIBUTE_WORDS, AttributeParser, Attributes
from pytramp.cdecl.constants import Value
from pytramp.cdecl.cursor import Cursor
from pytramp.cdecl.expressions import is_integer, is_unsigned
from pytramp.cdecl.model import (
    CType,
    Enumeration,
    Record,
    Refused,
    Scalar,
    Use,
    plain,
)
from pytramp.cdecl.scope import Scope
from pytramp.cdecl.tokens import Token

STORAGE = frozenset(
    "typedef extern static auto register inline __inline __inline__ _Noreturn constexpr "
    "_Thread_local thread_local __thread __extension__".split()
)
_TYPEOF = frozenset({"typeof", "__typeof__", "__typeof", "typeof_unqual"})
_ALIGNAS = frozenset({"_Alignas", "alignas"})
# Words of C that name nothing.
RESERVED = (
    STORAGE
    | _typenames.KEYWORDS
    | _typenames.QUALIFIERS
    | _typenames.TAGGED
    | _TYPEOF
    | _ALIGNAS
    | ATTRIBUTE_WORDS
    | {"_Static_assert", "_Generic", "_Atomic", "_BitInt", "__asm__", "__asm", "sizeof"}
    | set("break case continue default do else for goto if return switch while".split())
)
_MODES = {"QI": 1, "byte": 1, "HI": 2, "SI": 4, "DI": 8, "TI": 16, "word": None, "pointer": None}


class Specifiers:
    """What stood before the declarators. offset: where the type itself begins."""

    def __init__(self, offset: int) -> None:
        self.words: list[str] = []
        self.base: CType | None = None  # a tag's, a typedef's or typeof's
        self.qualifiers: set[str] = set()
        self.storage: set[str] = set()
        self.attributes = Attributes()
        self.offset = offset
        self.refused: str | None = None  # why, for what cannot be read further
        self.is_definition = False  # of a struct, union or enum


class SpecifierParser(AttributeParser):
    """The part of the parser that reads specifiers; strict: one declaration without a header."""

    def __init__(self, source: Source, tokens: list[Token], scope: Scope) -> None:
        words = [_typenames.SYNONYMS.get(token.text) for token in tokens]
        tokens = [
            token if word is None else token._replace(text=word)
            for token, word in zip(tokens, words, strict=True)
        ]
        Cursor.__init__(self, source, tokens)
        self.scope = scope
        self.strict = not source.header
        self.visible: set[str | None] = set()  # names of the parameters before this place

    def record(self, keyword: str, attributes: Attributes, tag: str | None) -> Record:
        """Reads the members of a struct or union: `{ ... }` and attributes after it."""
        raise NotImplementedError

    def enumeration(self, attributes: Attributes, tag: str | None) -> Enumeration:
        """Reads the enumerators of an enum, and attributes after them."""
        raise NotImplementedError

    def constant_named(self, name: str) -> Value | None:
        """The value of an enumerator, unless an earlier parameter has its name."""
        return None if name in self.visible else self.scope.constant(name)

    def starts_type(self, place: int) -> bool:
        """Can a type name begin at place?"""
        word = self.words[place]
        if word in _typenames.KEYWORDS or word in _typenames.QUALIFIERS:
            return True
        if word in _typenames.TAGGED or word in _TYPEOF or word in _typenames.UNSUPPORTED:
            return True
        if word in ("__extension__", *ATTRIBUTE_WORDS, *_ALIGNAS):
            return not self.strict
        is_name = word[:1].isalpha() or word[:1] == "_"
        return is_name and word[-1:] not in "\"'" and self._named(word) is not None

    def _named(self, word: str) -> CType | None:
        """The type of this name; a Refused one for the names of vector types."""
        found = self.scope.typedef(word)
        if found is None and word not in RESERVED and _typenames.refusal(word) is not None:
            return self.refuse(word, _typenames.refusal(word) or "", self.offset)
        return found

    def refuse(self, spelling: str, reason: str, offset: int) -> Refused:
        """Remembers legal C that cannot be passed."""
        return Refused(spelling, reason, self.source.unsupported_error(offset, reason))

    def specifiers(self) -> Specifiers:
        """Reads specifiers up to the declarator. DeclarationError where there is no type."""
        made = Specifiers(self.offset)
        while self._specifier(made):
            pass
        if not made.words and made.base is None and made.refused is None:
            self._refuse_missing()
        return made

    def _specifier(self, made: Specifiers) -> bool:
        """Reads one; False where the next token is none."""
        word = self.word
        has_type = bool(made.words) or made.base is not None or made.refused is not None
        if word in _typenames.QUALIFIERS:
            made.qualifiers.add(self.take())
        elif word in STORAGE and not self.strict:
            made.storage.add(self.take())
        elif not self.strict and self.attributes(made.attributes):
            pass
        elif word in _typenames.KEYWORDS or word in _typenames.UNSUPPORTED:
            self._keyword(made)
        elif word in _typenames.TAGGED and not has_type:
            self._mark(made)
            self._tagged(made)
        elif word in _TYPEOF and not has_type:
            self._mark(made)
            self._typeof(made)
        elif self.is_name and not has_type and word not in RESERVED:
            self._typedef_name(made)
        else:
            return False
        return True

    def _mark(self, made: Specifiers) -> None:
        """The type begins here, unless it has begun."""
        if not made.words and made.base is None:
            made.offset = self.offset

    def _keyword(self, made: Specifiers) -> None:
        self._mark(made)
        word = self.take()
        if word in _typenames.UNSUPPORTED:
            made.refused = _typenames.refusal(word)
            if word in ("_Atomic", "_BitInt") and self.word == "(":
                self.skip_group()
        made.words.append(word)

    def _typedef_name(self, made: Specifiers) -> None:
        found = self._named(self.word)
        if found is None:
            self._refuse_name()
        self._mark(made)
        made.words.append(self.take())
        made.base = found

    def _typeof(self, made: Specifiers) -> None:
        offset, word = self.offset, self.take()
        if self.word != "(":
            self.unexpected()
        if self.starts_type(self.place + 1):
            self.take()
            use = self.type_name()
            self.expect(")")
            made.base = use.type
            if word != "typeof_unqual":
                made.qualifiers |= use.qualifiers
        else:
            self.skip_group()
            made.base = self.refuse(word, f"{word!r} of an expression is not supported", offset)

    def _tagged(self, made: Specifiers) -> None:
        keyword = self.take()
        attributes = Attributes()
        if not self.strict:
            self.attributes(attributes)
        tag = None
        if self.is_name and self.word not in RESERVED:
            tag = self.take()
        if (self.word == "{" and not self.strict) or (keyword == "enum" and self.word == ":"):
            made.is_definition = True
            is_enum = keyword == "enum"
            read = self.enumeration if is_enum else None
            made.base = read(attributes, tag) if read else self.record(keyword, attributes, tag)
        elif tag is None:
            self.unexpected()
        else:
            made.base = self._known_tag(keyword, tag)

    def _known_tag(self, keyword: str, tag: str) -> Record | Enumeration:
        """What the tag means; one that is not declared yet is incomplete, an enum is an int."""
        found = self.scope.tag(tag)
        if found is not None:
            self.check_tag(keyword, tag, found)
            return found
        new = Enumeration(tag, Scalar("int")) if keyword == "enum" else Record(keyword, tag)
        if not self.strict:
            self.scope.tags[tag] = new
        return new

    def check_tag(self, keyword: str, tag: str, found: Record | Enumeration) -> None:
        """DeclarationError if the tag is one of another kind."""
        kind = found.keyword if isinstance(found, Record) else "enum"
        if kind != keyword:
            offset = self.offset_of(self.place - 1)
            self.fail(offset, f"{tag!r} is the tag of a {kind}, not of a {keyword}")

    # ---- From specifiers to the type ----

    def resolve(self, made: Specifiers, role: str) -> Use:
        """The type that specifiers mean; role begins the messages."""
        base = self._base(made, role)
        if made.attributes.mode is not None:
            base = self._with_mode(made, base, role)
        if made.attributes.refused is not None:
            reason, offset = made.attributes.refused
            base = self.refuse(" ".join(made.words), f"{role}{reason}", offset)
        qualifiers = frozenset(made.qualifiers)
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

    def _with_mode(self, made: Specifiers, base: CType, role: str) -> CType:
        """`__attribute__((mode(DI)))`: the integer of that size and of the same sign."""
        mode = made.attributes.mode or ""
        scalar = plain(Use(base)).type
        if mode not in _MODES or not isinstance(scalar, Scalar) or not is_integer(scalar):
            return self.refuse(mode, f"{role}the mode {mode!r} is not supported", made.offset)
        spelling = _typenames.integer_of(_MODES[mode])
        return Scalar(_typenames.unsigned(spelling) if is_unsigned(scalar) else spelling)

    # ---- Complaints ----

    def _refuse_missing(self) -> NoReturn:
        if self.place >= len(self.tokens):
            offset = self.offset_of(len(self.tokens) - 1)
            self.fail(offset, "a type is missing after this qualifier")
        if self.is_name or self.word in ("*", "[", "]", "(", ")", ","):
            self.fail(self.offset, f"a type is missing before {self.word!r}")
        self.unexpected()

    def _refuse_name(self) -> NoReturn:
        name = self.word
        message = f"unknown type name {name!r}"
        if close := difflib.get_close_matches(name, sorted(self.scope.type_names()), n=1):
            message += f"; did you mean {close[0]!r}?"
        if self.words[self.place + 1] == "*":
            message += " (a pointer to a type of your own: declare it in cdef() and pass types=, "
            message += f"or write 'struct {name} *')"
        self.fail(self.offset, message)
