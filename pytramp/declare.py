"""C declarations as text -> types: `parse` for a prototype, `type_of` for one type.

Every function here may be called from any thread. Results are cached by text, except where names
of a header, `types`, are used.

Columns count from 1, in characters of the whole text as it was given: comments and line ends count
too, so a text of several lines still has one column per character.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytramp._core import Type
from pytramp._errors import Source
from pytramp.cdecl import types as types_of
from pytramp.cdecl.declarators import DeclaratorReader
from pytramp.cdecl.model import Function, Pointer, Refused, plain
from pytramp.cdecl.outline import outline
from pytramp.cdecl.scope import Declared, Scope
from pytramp.prototype import Prototype

if TYPE_CHECKING:
    from pytramp.cdecl.namespace import Types


def parse(text: str, types: Types | None = None) -> Prototype:
    """The function type that text declares: `int (int, double)`, `int (*)(void *)`, `int f(int)`.

    `()` means no parameters. types: what pytramp.cdef() made, whose names text may use: that of a
    function, a function type or a function pointer is a declaration by itself. Raises
    TypeError unless text is a str, DeclarationError with `.column` where text is not one C
    prototype, UnsupportedTypeError for legal types that cannot be passed.
    """
    scope = _checked(text, types)
    if scope is None:
        return _parse(str(text))
    name = text.strip()
    entry = scope.entry(name)
    if isinstance(entry, Declared):
        return types_of.prototype_declared(entry.function, name)
    return _Declaration(str(text), scope).prototype()


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
        tokens = outline(self._source)
        self._reader = DeclaratorReader(self._source, tokens, scope)
        with self._reader.within(0, len(tokens), "list") as node, self._shallow():
            self._declared = self._reader.apart(node)
            self._reader.check_group(self._declared)
            self._use = self._reader.built(self._declared.made, self._declared.steps, self._role())

    def _role(self) -> str:
        """How messages about the type below the declarators begin."""
        return "the result: " if self._declared.steps else ""

    @contextmanager
    def _shallow(self) -> Iterator[None]:
        try:
            yield
        except RecursionError:
            self._reader.fail(0, "this is nested too deeply")

    def prototype(self) -> Prototype:
        offset = self._declared.made.offset
        use = plain(self._use)
        if isinstance(use.type, Pointer):
            use = plain(use.type.target)
        if isinstance(use.type, Refused):
            raise use.type.error()
        if not isinstance(use.type, Function):
            message = "this declares no function: parameters in '( )' are missing"
            self._reader.fail(offset, message)
        self._reader.check(self._use, offset, "")
        with self._shallow():
            return types_of.prototype_declared(use, self._declared.name)

    def type_alone(self) -> Type:
        name = self._declared.name
        if name is not None:
            message = f"a type alone is expected: remove {name!r}"
            self._reader.fail(self._declared.offset, message)
        offset = self._declared.made.offset
        self._reader.check(self._use, offset, "")
        with self._shallow():
            return types_of.parameter_type(self._use, types_of.Place(self._source, offset, "", {}))
