"""A random header, the C program that calls its functions, and the callables that answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import tools

from pycalls import parameters
from pycalls.aggregates import Maker, is_agreed
from pycalls.parameters import Array, Callback, Parameter, Value
from pycalls.scalars import (
    BOOL,
    CHAR,
    COMMON,
    DOUBLE,
    FLOAT,
    FLOAT16,
    INTEGERS,
    POINTER,
    RARE,
    WCHAR,
    Scalar,
)

ELEMENTS: list[Any] = [*INTEGERS, FLOAT, DOUBLE, BOOL, CHAR, WCHAR]


@dataclass
class Function:
    """`typedef R f3(...)`, one set of arguments, and a result."""

    name: str
    result: Any  # a kind, or None
    value: Any
    parameters: list[Parameter]
    names: list[str]

    def _typedef(self, readable: bool) -> str:
        pairs = zip(self.parameters, self.names, strict=True)
        declared = [p.declared(name, readable) for p, name in pairs]
        result = self.result.spelling if self.result else "void"
        return f"typedef {result} {self.name}({', '.join(declared) or 'void'});"

    @property
    def for_python(self) -> str:
        return self._typedef(True)

    @property
    def for_c(self) -> str:
        """Without lengths: C reads no name before it is declared."""
        return self._typedef(False)

    @property
    def caller(self) -> str:
        """A C function that returns the number of the line where something was wrong, or 0."""
        pairs = list(zip(self.parameters, self.names, strict=True))
        lines = [f"int call_{self.name}({self.name} *code) {{"]
        lines += [f"    {p.setup(name)}" for p, name in pairs]
        call = f"code({', '.join(self.names)})"
        checks = [check for p, name in pairs for check in p.after(name)]
        if self.result:
            lines.append(f"    {self.result.spelling} result = {call};")
            checks += self.result.checks("result", self.value)
        else:
            lines.append(f"    {call};")
        lines += [f"    CHECK({check})" for check in checks]
        return "\n".join([*lines, "    return 0;", "}"])

    def callable(
        self, types: Any, wrong: list[str], adapt: Callable[[Any, Any], Any] | None = None
    ) -> Callable[..., Any]:
        """Compares its arguments; what differs is added to wrong.

        types are cdef's, or None where structs have other classes. adapt makes of what a peer
        gives for a parameter what pytramp does.
        """

        def answer(*arguments: Any) -> Any:
            if len(arguments) != len(self.parameters):
                wrong.append(f"{self.name}: {len(arguments)} arguments")
            for name, p, actual in zip(self.names, self.parameters, arguments, strict=True):
                if not p.receive(adapt(p, actual) if adapt else actual, types):
                    wrong.append(f"{self.name}: {name} was {actual!r}, not {p}")
            return self.result.made(self.value, types) if self.result else None

        return answer


class Header:
    """Types and functions; the same for the same seed."""

    def __init__(self, seed: int, functions: int) -> None:
        self.random = Random(seed)
        self.maker = Maker(self.random)
        self.functions = []
        for i in range(functions):
            if i % 3 == 0:
                self.maker.enum() if i % 9 == 0 else self.maker.aggregate()
            self.functions.append(self._function(f"f{i}"))

    def _by_value(self) -> Any:
        r = self.random
        chance = r.random()
        if chance < 0.35 and self.maker.made:
            return r.choice(self.maker.made[-12:])
        if chance < 0.5:
            return r.choice([*RARE, *([FLOAT16] if tools.FLOAT16 else [])])
        return r.choice([*COMMON, POINTER])

    def _parameter(self, n: int) -> Parameter:
        r = self.random
        chance = r.random()
        if chance < 0.6:
            kind = self._by_value()
            return Value(kind, kind.value(r))
        if chance < 0.75:
            structs = [kind for kind in self.maker.made[-12:] if is_agreed(kind)]
            return parameters.pointed(r, r.choice([*COMMON, *structs]))
        if chance < 0.9:
            return parameters.array(r, r.choice(ELEMENTS), n)
        return r.choice([parameters.text(r), Callback(r.choice(parameters.FACTORS))])

    def _function(self, name: str) -> Function:
        r = self.random
        n = r.randint(1, 4)
        wanted = [self._parameter(n) for _ in range(r.choice([0, 1, 2, 4, 7, 10, 16]))]
        names = [f"a{i}" for i in range(len(wanted))]
        if any(isinstance(p, Array) for p in wanted):  # before them or after them
            at = r.randint(0, len(wanted))
            kinds: list[Scalar] = [kind for kind in INTEGERS if kind.size > 1]
            wanted.insert(at, Value(r.choice(kinds), n))
            names.insert(at, "n")
        result = self._by_value() if r.random() < 0.85 else None
        return Function(name, result, result.value(r) if result else None, wanted, names)

    @property
    def definitions(self) -> str:
        return "\n".join(kind.definition for kind in self.maker.made)

    @property
    def for_python(self) -> str:
        return "\n".join([self.definitions, *(f.for_python for f in self.functions)])

    @property
    def program(self) -> str:
        """The callers, as C."""
        lines = [_HEAD, self.definitions]
        for k in parameters.FACTORS:
            text = f"static int times_{k}(int x) {{ return {k} * x + {k}; }}"
            lines.append(f"__attribute__((unused)) {text}")
        for f in self.functions:
            lines += [f.for_c, f.caller]
        return "\n".join([*lines, ""])


_HEAD = """\
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>
#include <wchar.h>
#define CHECK(x) if (!(x)) return __LINE__;
#define SAME(a, b) ((a) == (b) && !__builtin_signbit(a) == !__builtin_signbit(b))
"""
