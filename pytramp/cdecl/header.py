"""Reads a whole header: typedefs, structs, enums and prototypes, into a Scope."""

from __future__ import annotations

import bisect
from typing import Any

from pytramp._errors import Source
from pytramp._typenames import FLOATS
from pytramp.cdecl.attributes import Attributes
from pytramp.cdecl.declarators import Declared
from pytramp.cdecl.grammar import kind_of
from pytramp.cdecl.members import DECLARATORS, MemberReader
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
from pytramp.cdecl.sameness import is_same
from pytramp.cdecl.scope import KEPT, Entry, Enumerator, Scope
from pytramp.cdecl.scope import Declared as Prototyped
from pytramp.cdecl.spell import spelled
from pytramp.cdecl.tokens import Directives, tokenize

_LONGEST = 5  # typedef long double _Float128 ;


def read(text: str, parent: Scope | None) -> Scope:
    """The names that text declares, on top of those of parent.

    DeclarationError where text is not C; UnsupportedTypeError where a type that pytramp does not
    know decides about the value of a constant.
    """
    source = Source(text, header=True)
    directives = Directives()
    tokens = tokenize(source, directives)
    scope = Scope(parent)
    reader = _HeaderReader(source, tokens, scope)
    reader.directives = directives
    try:
        reader.read()
    except NoLayout as error:
        raise error.refused.error() from None
    except RecursionError:
        raise source.declaration_error(reader.offset_at(0), "this is nested too deeply") from None
    scope.macros.update(directives.macros)
    return scope


class _HeaderReader(MemberReader):
    """One header being read; used once."""

    directives: Directives

    def pack_at(self, offset: int) -> int:
        """What `#pragma pack` says at offset; 0 for nothing."""
        packs = self.directives.packs
        return packs[bisect.bisect_left(packs, (offset, -1)) - 1][1]

    def read(self) -> None:
        """Reads to the end, one declaration after the other: each may use the names before it."""
        place = 0
        while place < len(self.tokens):
            end = self._end_of_keyword(place)
            if end is not None:
                place = end
                continue
            self._refuse_cpp(place)
            nodes = self.declared(place)
            use = None
            for node in nodes:
                use = self._external(node)
            body = self.piece.body
            if body is not None and not (
                use is not None
                and isinstance(use.type, Function)
                and kind_of(nodes[-1]) != "Typedef"
            ):
                self.fail(self.offset_of(body), "unexpected '{'")
            place = self.piece.end

    def _refuse_cpp(self, place: int) -> None:
        """`extern "C" {`, which is for C++ alone; cffi's `extern "Python"`."""
        following = self.tokens[place + 1].text if place + 1 < len(self.tokens) else ""
        if self.tokens[place].text != "extern" or following[:1] != '"':
            return
        if following.startswith('"Python'):
            message = "is cffi's: leave it out, and make a callback of the function's declaration"
        else:
            message = "is C++: put it under '#ifdef __cplusplus', and give cpp=True"
        self.fail(self.tokens[place].offset, f"'extern {following}' {message}")

    def _end_of_keyword(self, place: int) -> int | None:
        """Behind `typedef float _Float32;`: glibc has it for clang, which has no such keyword."""
        words = [token.text for token in self.tokens[place : place + _LONGEST]]
        end = words.index(";") if ";" in words else 0
        if words[0] != "typedef" or end < 3:
            return None
        *type_, name = words[1:end]
        is_keyword = name in FLOATS and all(word in FLOATS for word in type_)
        return place + end + 1 if is_keyword else None

    def _external(self, node: Any) -> Use | None:
        """Enters one name into the scope; its type, or None if there is no name."""
        if kind_of(node) == "Decl" and kind_of(node.type) not in DECLARATORS:
            self.specifiers(node.type, frozenset(node.quals or ()))
            return None
        return self._declare(self.apart(node), kind_of(node) == "Typedef")

    def _declare(self, declared: Declared, is_typedef: bool) -> Use:
        made, name, offset, steps, segment = declared
        if name is None or segment is None:
            self.unexpected(len(self.piece.words) - 1)
        made.attributes, own = self.attributes(segment.shared), self.attributes(segment.own)
        own.add(made.attributes)
        made.attributes.mode = own.mode
        use = self.built(made, steps, f"{name!r}: ")
        self.check(use, made.offset, f"{name!r}: ")
        if own.refused is not None:
            reason, at, of_function = own.refused
            if not isinstance(use.type, Function):
                error = self.source.unsupported_error(at, f"{name!r}: {reason}")
                use = Use(Refused(name, reason, error))  # whoever uses the name puts it in front
            elif not isinstance(use.type.result.type, Refused):
                use.type.result = Use(self.refuse(name, reason, at, of_function))
        if is_typedef:
            self._define(name, use, own, offset)
        elif isinstance(plain(use).type, Function):
            self._enter(name, Prototyped(use, offset), offset)
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
            shown, other = _shown(known), _shown(entry)
            how = "with different members" if shown == other else f"as {shown} and {other}"
            self.fail(offset, f"{name!r} is declared twice, {how}")
        if known is None:
            self.scope.names[name] = entry


def _is_kept(target: Use) -> bool:
    """Is this the usual typedef of a character type or of va_list, which are types of their own?"""
    if isinstance(target.type, Special):
        return True
    return isinstance(target.type, Scalar) and extent(target)[0] in (2, 4)


def _is_same(known: Entry, entry: Entry) -> bool:
    """Could C take both declarations? Prototypes may differ in what the spelling shows."""
    if isinstance(known, Prototyped) and isinstance(entry, Prototyped):
        return True
    if isinstance(known, Named) and isinstance(entry, Named):
        return is_same(known.use, entry.use)
    return False


def _shown(entry: Entry) -> str:
    if isinstance(entry, Enumerator):
        return "a constant"
    if isinstance(entry, Prototyped):
        return "a function"
    return repr(spelled(entry.use)) if isinstance(entry, Named) else "a type"
