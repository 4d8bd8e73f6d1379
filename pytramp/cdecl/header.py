"""Reads a whole header: typedefs, structs, enums and prototypes, into a Scope."""

from __future__ import annotations

import bisect

from pytramp._errors import Source
from pytramp.cdecl.attributes import Attributes
from pytramp.cdecl.declarators import Declarator
from pytramp.cdecl.members import MemberParser
from pytramp.cdecl.model import (
    Array,
    Enumeration,
    Function,
    Named,
    NoLayout,
    Record,
    Refused,
    Scalar,
    Special,
    Use,
    extent,
    plain,
)
from pytramp.cdecl.scope import KEPT, Declared, Entry, Enumerator, Scope
from pytramp.cdecl.specifiers import Specifiers
from pytramp.cdecl.spell import spelled
from pytramp.cdecl.tokens import Directives, tokenize

_ASSERTS = frozenset({"_Static_assert", "static_assert"})
_ASMS = frozenset({"__asm__", "__asm", "asm"})


def read(text: str, parent: Scope | None) -> Scope:
    """The names that text declares, on top of those of parent.

    DeclarationError where text is not C; UnsupportedTypeError where a type that pytramp does not
    know decides about the value of a constant.
    """
    source = Source(text, header=True)
    directives = Directives()
    tokens = tokenize(source, directives)
    scope = Scope(parent)
    parser = _HeaderParser(source, tokens, scope)
    parser.directives = directives
    try:
        parser.read()
    except NoLayout as error:
        raise error.refused.error() from None
    except RecursionError:
        raise source.declaration_error(parser.offset, "this is nested too deeply") from None
    scope.macros.update(directives.macros)
    return scope


class _HeaderParser(MemberParser):
    """One header being read; used once."""

    directives: Directives

    def pack_at(self, offset: int) -> int:
        """What `#pragma pack` says at offset; 0 for nothing."""
        packs = self.directives.packs
        return packs[bisect.bisect_left(packs, (offset, -1)) - 1][1]

    def read(self) -> None:
        """Reads to the end."""
        while self.place < len(self.tokens):
            if self.accept(";"):
                continue
            if self.word in _ASSERTS or self.word in _ASMS:
                self.take()
                if self.word != "(":
                    self.unexpected()
                self.skip_group()
                continue
            self._declaration()

    def _declaration(self) -> None:
        made = self.specifiers()
        if self.accept(";"):
            return
        while True:
            own = Attributes()
            declarator = self.declarator(own)
            if declarator.name is None:
                self.unexpected()
            use = self._declare(made, declarator, own)
            if (
                self.word == "{"
                and isinstance(use.type, Function)
                and "typedef" not in made.storage
            ):
                self.skip_group()
                return
            if self.accept("="):
                self._skip_initializer()
            if not self.accept(","):
                break
        self.expect(";")

    def _skip_initializer(self) -> None:
        while self.word not in (",", ";", ""):
            if self.place in self.partners:
                self.skip_group()
            else:
                self.take()

    def _declare(self, made: Specifiers, declarator: Declarator, own: Attributes) -> Use:
        """Enters one name into the scope; its type."""
        name = declarator.name or ""
        own.add(made.attributes)
        mode, made.attributes.mode = made.attributes.mode, own.mode
        use = self.built(made, declarator, f"{name!r}: ")
        made.attributes.mode = mode
        self.check(use, made.offset, f"{name!r}: ")
        if own.refused is not None and not isinstance(use.type, Function):
            use = Use(self.refuse(name, f"{name!r}: {own.refused[0]}", own.refused[1]))
        if "typedef" in made.storage:
            self._define(name, use, own, declarator.offset)
        elif isinstance(plain(use).type, Function):
            self._enter(name, Declared(use, declarator.offset), declarator.offset)
        return use

    def _define(self, name: str, use: Use, attributes: Attributes, offset: int) -> None:
        """A typedef. Its target is what stands behind further typedefs, so that no chain grows."""
        if isinstance(use.type, Array) and not isinstance(
            use.type.length, (int, Refused, type(None))
        ):
            self.evaluated(use.type.length)
        target = plain(use)
        if name in KEPT and _is_kept(target):
            return
        if isinstance(target.type, (Record, Enumeration)) and target.type.tag is None:
            target.type.name = target.type.name or name
        alignment = attributes.aligned
        if alignment is None and isinstance(use.type, Named):
            alignment = use.type.alignment
        self._enter(name, Named(name, target, alignment), offset)

    def _enter(self, name: str, entry: Entry, offset: int) -> None:
        known = self.scope.names.get(name)
        if known is not None and not _is_same(known, entry):
            self.fail(offset, f"{name!r} is declared twice, as {_shown(known)} and {_shown(entry)}")
        if known is None:
            self.scope.names[name] = entry


def _is_kept(target: Use) -> bool:
    """Is this the usual typedef of a character type or of va_list, which are types of their own?"""
    if isinstance(target.type, Special):
        return True
    return isinstance(target.type, Scalar) and extent(target)[0] in (2, 4)


def _is_same(known: Entry, entry: Entry) -> bool:
    """Could C take both declarations? Prototypes may differ in what the spelling shows."""
    if isinstance(known, Declared) and isinstance(entry, Declared):
        return True
    if isinstance(known, Named) and isinstance(entry, Named):
        return _key(known.use) == _key(entry.use)
    return False


def _key(use: Use) -> object:
    kind = plain(use).type
    if isinstance(kind, (Record, Enumeration)) and kind.tag is None:
        return id(kind)
    if isinstance(kind, Refused):
        return "refused"
    return spelled(use)


def _shown(entry: Entry) -> str:
    if isinstance(entry, Enumerator):
        return "a constant"
    if isinstance(entry, Declared):
        return "a function"
    return repr(spelled(entry.use)) if isinstance(entry, Named) else "a type"
