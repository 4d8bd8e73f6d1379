"""C declarations as text -> types: `parse` for a prototype, `type_of` for one type.

Every function here may be called from any thread. Results are cached by text, except where names
of a header, `types`, are used.

Columns count from 1, in characters of the whole text as it was given: comments and line ends count
too, so a text of several lines still has one column per character.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pytramp._core import Type
from pytramp._errors import Source
from pytramp.cdecl import types
from pytramp.cdecl.attributes import Attributes
from pytramp.cdecl.declarators import DeclaratorParser
from pytramp.cdecl.model import Function, Pointer, Use
from pytramp.cdecl.outline import outline
from pytramp.cdecl.scope import Scope
from pytramp.prototype import Prototype

if TYPE_CHECKING:
    from pytramp.cdecl.namespace import Types


def parse(text: str, types: Types | None = None) -> Prototype:
    """The function type that text declares: `int (int, double)`, `int (*)(void *)`, `int f(int)`.

    `()` means no parameters. types: what pytramp.cdef() made, whose names text may use. Raises
    TypeError unless text is a str, DeclarationError with `.column` where text is not one C
    prototype, UnsupportedTypeError for legal types that cannot be passed.
    """
    scope = _checked(text, types)
    return _parse(str(text)) if scope is None else _Declaration(str(text), scope).prototype()


def type_of(spelling: str, types: Types | None = None) -> Type:
    """The type that spelling names: "unsigned long", "const double *", "double [n]". As parse."""
    scope = _checked(spelling, types)
    if scope is None:
        return _type_of(str(spelling))
    return _Declaration(str(spelling), scope).type_alone()


def _checked(text: object, types: object) -> Scope | None:
    """The scope of types, None without; TypeError for what is neither text nor types."""
    if not isinstance(text, str):
        raise TypeError(f"a C declaration is a str, not {type(text).__name__!r}")
    if types is None:
        return None
    scope = getattr(types, "_scope", None)
    if not isinstance(scope, Scope):
        raise TypeError(f"types= is what pytramp.cdef() made, not {type(types).__name__!r}")
    return scope


@functools.lru_cache(maxsize=512)
def _parse(text: str) -> Prototype:
    return _Declaration(text, _NOTHING).prototype()


@functools.lru_cache(maxsize=512)
def _type_of(text: str) -> Type:
    return _Declaration(text, _NOTHING).type_alone()


_NOTHING = Scope()


class _Declaration:
    """One text being turned into types; used once."""

    def __init__(self, text: str, scope: Scope) -> None:
        self._source = Source(text)
        self._parser = DeclaratorParser(self._source, outline(self._source), scope)
        try:
            self._read()
        except RecursionError:
            self._parser.fail(self._parser.offset, "this is nested too deeply")

    def _read(self) -> None:
        parser = self._parser
        self._made = parser.specifiers()
        self._declarator = parser.declarator(Attributes())
        if parser.place < len(parser.tokens):
            parser.unexpected()

    def prototype(self) -> Prototype:
        use = self._built("the result: ")
        kind = use.type
        if isinstance(kind, Pointer):
            kind = kind.target.type
        if not isinstance(kind, Function):
            message = "this declares no function: parameters in '( )' are missing"
            self._parser.fail(self._made.offset, message)
        self._parser.check(use, self._made.offset, "")
        try:
            return types.prototype_of(kind, self._declarator.name, self._source)
        except RecursionError:
            self._parser.fail(self._made.offset, "this is nested too deeply")

    def type_alone(self) -> Type:
        name = self._declarator.name
        if name is not None:
            message = f"a type alone is expected: remove {name!r}"
            self._parser.fail(self._declarator.offset, message)
        use = self._built("")
        self._parser.check(use, self._made.offset, "")
        place = types.Place(self._source, self._made.offset, "")
        try:
            return types.parameter_type(use, place)
        except RecursionError:
            self._parser.fail(self._made.offset, "this is nested too deeply")

    def _built(self, role: str) -> Use:
        return self._parser.built(self._made, self._declarator, role)
