"""The names that a declaration may use: those of one header, of the ones before it, and C's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytramp import _typenames
from pytramp.cdecl.constants import Value
from pytramp.cdecl.model import CType, Enumeration, Named, Record, Scalar, Special, Use
from pytramp.cdecl.tokens import Macro


class Enumerator(NamedTuple):
    """A constant, and the enum that it belongs to."""

    value: Value
    enumeration: Enumeration


class Declared(NamedTuple):
    """A function prototype's type, and where its name stands."""

    function: Use
    offset: int


Entry = CType | Enumerator | Declared


def _builtins() -> dict[str, CType]:
    table: dict[str, CType] = {
        name: Named(name, Use(Scalar(canonical))) for name, canonical in _typenames.TYPEDEFS.items()
    }
    table |= {name: Scalar(name) for name in _typenames.CHARACTERS}
    table |= dict.fromkeys(_typenames.VA_LISTS, Special("va_list"))
    table["PyObject"] = Special("PyObject")
    return table


BUILTINS = _builtins()

# What headers declare again, and what keeps its meaning here: characters are str, not numbers.
KEPT = _typenames.CHARACTERS | _typenames.VA_LISTS


class Scope:
    """Names and tags; those of parent show through. Nothing is added once a header is read."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Entry] = {}
        self.tags: dict[str, Record | Enumeration] = {}
        self.macros: dict[str, Macro] = {}

    def chain(self) -> Iterator[Scope]:
        """This scope and those behind it, nearest first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def entry(self, name: str) -> Entry | None:
        """What an identifier means in what was declared; C's own names are left out."""
        for scope in self.chain():
            if name in scope.names:
                return scope.names[name]
        return None

    def typedef(self, name: str) -> CType | None:
        """The type that an identifier names, or None."""
        entry = self.entry(name)
        if entry is None:
            return BUILTINS.get(name)
        return None if isinstance(entry, (Enumerator, Declared)) else entry

    def tag(self, tag: str) -> Record | Enumeration | None:
        """What `struct tag`, `union tag` or `enum tag` is, or None."""
        for scope in self.chain():
            if tag in scope.tags:
                return scope.tags[tag]
        return None

    def constant(self, name: str) -> Value | None:
        """The value of an enumerator, or None."""
        entry = self.entry(name)
        if isinstance(entry, Enumerator):
            return entry.value
        return _TRUTH.get(name) if entry is None else None

    def type_names(self) -> set[str]:
        """Every name of a type, for suggestions."""
        declared = {
            name
            for scope in self.chain()
            for name, entry in scope.names.items()
            if not isinstance(entry, (Enumerator, Declared))
        }
        return declared | _typenames.TYPE_WORDS | _typenames.QUALIFIERS


_TRUTH = {"true": Value(1), "false": Value(0)}
