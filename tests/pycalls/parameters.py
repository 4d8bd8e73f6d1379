"""Parameters: what C passes, what the callable checks and writes, what C finds afterwards.

Each has the same methods. declared(name, readable) is its text, where readable says lengths in a
way that gcc may not read: before the parameter that they name. setup and argument are C; receive
is called by the callable and says whether it saw what it should; after is C again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from pycalls.aggregates import Aggregate
from pycalls.scalars import CHAR, POINTER, WCHAR


@dataclass
class Value:
    """A scalar, enum, struct or union by value."""

    kind: Any
    value: Any

    def declared(self, name: str, readable: bool) -> str:
        return f"{self.kind.spelling} {name}"

    def setup(self, name: str) -> str:
        return f"{self.kind.spelling} {name} = {self.kind.literal(self.value)};"

    def receive(self, actual: Any, types: Any) -> bool:
        if self.kind is POINTER and not self.value:
            return actual is None
        return bool(self.kind.same(actual, self.value)) and self._is_class(type(actual), types)

    def _is_class(self, cls: Any, types: Any) -> bool:
        if isinstance(self.kind, Aggregate):
            return types is None or cls is types[self.kind.spelling]
        return cls is getattr(self.kind, "sees", int)

    def after(self, name: str) -> list[str]:
        return []


@dataclass
class Text:
    """A `const char *` that ends with NUL."""

    value: bytes

    def declared(self, name: str, readable: bool) -> str:
        return f"const char *{name}"

    def setup(self, name: str) -> str:
        return f'const char *{name} = "{self.value.decode()}";'

    def receive(self, actual: Any, types: Any) -> bool:
        return bool(actual.string() == self.value)

    def after(self, name: str) -> list[str]:
        return []


@dataclass
class Callback:
    """A pointer to one of the functions that every header has: x -> factor * x + factor."""

    factor: int

    def declared(self, name: str, readable: bool) -> str:
        return f"int (*{name})(int)"

    def setup(self, name: str) -> str:
        return f"int (*{name})(int) = times_{self.factor};"

    def receive(self, actual: Any, types: Any) -> bool:
        return bool(actual(11) == 12 * self.factor)

    def after(self, name: str) -> list[str]:
        return []


@dataclass
class Pointed:
    """A `T *` or `const T *` to one value, which the callable changes unless it is const."""

    kind: Any
    value: Any
    changed: Any = None

    def declared(self, name: str, readable: bool) -> str:
        return f"{'' if self.changed is not None else 'const '}{self.kind.spelling} *{name}"

    def setup(self, name: str) -> str:
        kind = self.kind.spelling
        return f"{kind} {name}_at = {self.kind.literal(self.value)}; {kind} *{name} = &{name}_at;"

    def receive(self, actual: Any, types: Any) -> bool:
        is_right = bool(self.kind.same(actual[0], self.value))
        if self.changed is not None:
            actual[0] = self.kind.made(self.changed, types)
        return is_right

    def after(self, name: str) -> list[str]:
        value = self.value if self.changed is None else self.changed
        return list(self.kind.checks(f"{name}_at", value))


@dataclass
class Array:
    """An array parameter whose length is an expression; two-dimensional where columns is not 0."""

    kind: Any
    length: str  # in n
    columns: int
    value: list[Any]
    changed: list[Any] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.value) // (self.columns or 1)

    def declared(self, name: str, readable: bool) -> str:
        kind = ("" if self.changed else "const ") + self.kind.spelling
        if readable:
            return f"{kind} {name}[{self.length}]" + (f"[{self.columns}]" if self.columns else "")
        return f"{kind} (*{name})[{self.columns}]" if self.columns else f"{kind} *{name}"

    def setup(self, name: str) -> str:
        values = ", ".join(self.kind.literal(part) for part in self.value)
        kind = self.kind.spelling
        text = f"{kind} {name}_at[{len(self.value)} + 1] = {{{values}}};"
        if self.columns:
            return f"{text} {kind} (*{name})[{self.columns}] = (void *){name}_at;"
        return f"{text} {kind} *{name} = {name}_at;"

    def receive(self, actual: Any, types: Any) -> bool:
        is_right = len(actual) == self.rows
        for i, value in enumerate(self.value):
            at = divmod(i, self.columns) if self.columns else i
            is_right &= bool(self.kind.same(self._element(actual, at), value))
            if self.changed:
                actual[at] = self._stored(self.changed[i], types)
        return is_right

    def _element(self, actual: Any, at: Any) -> Any:
        return actual[at]

    def _stored(self, value: Any, types: Any) -> Any:
        # memoryviews know chars as numbers
        return value if self.kind is CHAR else self.kind.made(value, types)

    def after(self, name: str) -> list[str]:
        checks = []
        for i, value in enumerate(self.changed or self.value):
            checks += self.kind.checks(f"{name}_at[{i}]", value)
        return checks


Parameter = Value | Text | Callback | Pointed | Array

FACTORS = (2, 3, 7)


def text(r: Random) -> Text:
    return Text("".join(r.choices("abc xyz_09", k=r.randint(0, 12))).encode())


def pointed(r: Random, kind: Any) -> Pointed:
    changed = kind.value(r) if r.random() < 0.5 else None
    return Pointed(kind, kind.value(r), changed)


LENGTHS = {"n": lambda n: n, "2 * n": lambda n: 2 * n, "n + 1": lambda n: n + 1, "3": lambda n: 3}


def array(r: Random, kind: Any, n: int) -> Array:
    length = r.choice(list(LENGTHS))
    columns = r.choice([0, 0, 3]) if kind not in (CHAR, WCHAR) else 0
    size = LENGTHS[length](n) * (columns or 1)
    values = [kind.value(r) for _ in range(size)]
    out = r.random() < 0.4 and kind is not WCHAR
    return Array(kind, length, columns, values, [kind.value(r) for _ in values] if out else [])
