"""Reads declarators: `*name`, `(*name)(int, double)`, `name[3][n]`, with or without the name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import NamedTuple

from pytramp import _typenames
from pytramp.cdecl.attributes import Attributes
from pytramp.cdecl.constants import EXPRESSIONS, Constant, Expression, Name, Unary
from pytramp.cdecl.cursor import MAX_DEPTH
from pytramp.cdecl.expressions import is_integer
from pytramp.cdecl.model import (
    Array,
    CType,
    Enumeration,
    Function,
    NoLayout,
    Parameter,
    Pointer,
    Refused,
    Scalar,
    Use,
    plain,
)
from pytramp.cdecl.specifiers import RESERVED, SpecifierParser, Specifiers
from pytramp.cdecl.spell import lengths

# From the type of the declarator around it to that of this part.
Step = Callable[[Use], Use]


class Declarator(NamedTuple):
    """steps lead from the specifiers' type to the name's, in this order."""

    name: str | None
    offset: int  # of the name, or where it would stand
    steps: tuple[Step, ...]


class DeclaratorParser(SpecifierParser):
    """The part of the parser that reads declarators and parameters."""

    def type_name(self) -> Use:
        """Reads `const char *` and the like, without a name."""
        made = self.specifiers()
        declarator = self.declarator(made.attributes, named=False)
        return self.built(made, declarator, "")

    def built(self, made: Specifiers, declarator: Declarator, role: str) -> Use:
        """The type that a declarator gives its name."""
        use = self.resolve(made, role)
        if len(declarator.steps) > MAX_DEPTH:
            stars = "*" if isinstance(plain(use).type, Scalar) else ""
            words = f"'{' '.join(made.words)} {stars}*...'"
            self.unsupported(made.offset, f"{role}{words} is nested too deeply")
        for step in declarator.steps:
            use = step(use)
            if isinstance(use.type, Function):
                use.type.offset = made.offset
                use.type.source = self.source
        return use

    def declarator(self, attributes: Attributes, *, named: bool = True) -> Declarator:
        """Reads one declarator; named: may it have a name?"""
        pointers = self._pointers(attributes)
        inner: Declarator | None = None
        name, offset = None, self.offset
        if self.word == "(" and self._is_group():
            self.take()
            inner = self.declarator(attributes, named=named)
            self.expect(")")
            name, offset = inner.name, inner.offset
        elif self.is_name and self.word not in RESERVED and named:
            self._check_name()
            name = self.take()
        suffixes: list[Step] = []
        while self.word in ("(", "["):
            if self.word == "[" and self.words[self.place + 1] == "[":
                self.attributes(attributes)
                continue
            suffixes.append(self._parameters() if self.word == "(" else self._length())
        if not self.strict:
            self.attributes(attributes)
        steps = (*pointers, *reversed(suffixes), *(inner.steps if inner else ()))
        return Declarator(name, offset, steps)

    def _pointers(self, attributes: Attributes) -> list[Step]:
        steps = []
        if not self.strict:
            self.attributes(attributes)
        while self.accept("*"):
            qualifiers = set()
            while self.word in _typenames.QUALIFIERS or (
                not self.strict and self.attributes(attributes)
            ):
                if self.word in _typenames.QUALIFIERS:
                    qualifiers.add(self.take())
            steps.append(_pointer(frozenset(qualifiers - {"restrict"})))
        if self.word == "_Atomic":
            self.unsupported(self.offset, _typenames.refusal("_Atomic") or "")
        return steps

    def _check_name(self) -> None:
        """In one declaration a type's name in place of a name is a slip."""
        if not self.strict:
            return
        if (reason := _typenames.refusal(self.word)) is not None:
            self.unsupported(self.offset, reason)
        if self.word in _typenames.TYPE_WORDS:
            self.fail(self.offset, f"{self.word!r} is a type and cannot be a name here")

    def _is_group(self) -> bool:
        """Is the `(` here part of a declarator, rather than the beginning of a parameter list?"""
        place, following = self.place, self.words[self.place + 1]
        if following in ("(", "*", "["):
            return True
        if following.startswith("__attribute"):
            end = self.partners.get(place + 2, place)
            return self.words[end + 1] == "*"
        is_name = self.tokens[place + 1].is_word
        if following in RESERVED or not is_name or self.starts_type(place + 1):
            return False
        if self.words[self.partners[place] + 1] in ("(", "["):
            return True  # int (name)(int)
        if self.partners[place] != place + 2:
            return False  # int (foo name)
        return not self.strict or "(" in self.words[:place]  # int f(int (name)), not int (foo)

    # ---- Parameters ----

    def _parameters(self) -> Step:
        end = self.partners[self.place]
        self.take()
        self.depth += 1
        parameters: list[Parameter] = []
        outer, self.visible = self.visible, set()
        variadic = False
        if self.word == "void" and self.place + 1 == end:
            self.take()
        while self.place < end:
            if self.word == "..." and parameters:
                self.take()
                variadic = True
                break
            parameters.append(self._parameter(len(parameters) + 1))
            self.visible.add(parameters[-1].name)
            if self.place < end:
                self.expect(",")
                if self.place == end:
                    self.specifiers()  # says what is missing
        if self.place != end:
            self.unexpected()
        self.depth -= 1
        self.visible = outer
        self.take()
        self._check_unique(parameters)
        self._check_lengths(parameters)
        function = (tuple(parameters), variadic)
        return lambda result: Use(Function(result, *function))

    def _parameter(self, number: int) -> Parameter:
        if self.word == "...":
            self.fail(self.offset, "'...' comes last, after at least one parameter")
        made = self.specifiers()
        declarator = self.declarator(made.attributes)
        name = declarator.name
        role = f"parameter {name!r}: " if name is not None else f"parameter {number}: "
        use = self.built(made, declarator, role)
        kind = plain(use).type
        if isinstance(kind, Scalar) and kind.spelling == "void":
            self.fail(made.offset, f"{role}'void' is no type for a parameter")
        if self.word not in (",", ")"):
            self.unexpected()
        self.check(use, made.offset, role)
        return Parameter(name, use, made.offset, declarator.offset)

    def _check_unique(self, parameters: list[Parameter]) -> None:
        seen = set()
        for parameter in parameters:
            if parameter.name is not None and parameter.name in seen:
                message = f"two parameters are named {parameter.name!r}"
                self.fail(parameter.name_offset, message)
            seen.add(parameter.name)

    # ---- Lengths ----

    def _length(self) -> Step:
        end = self.partners[self.place]
        self.take()
        while self.word in _typenames.QUALIFIERS or self.word == "static":
            self.take()
        length: int | Expression | Refused | None = None
        if self.word == "*" and self.place + 1 == end:
            self.take()
        elif self.place < end:
            length = self._length_value(end)
        if self.place != end:
            self.unexpected()
        self.take()
        return lambda element: Use(Array(element, length))

    def _length_value(self, end: int) -> int | Expression | Refused:
        offset = self.offset
        try:
            node = self.expression()
        except NoLayout as error:  # sizeof a type that pytramp does not know
            self.place = end
            return error.refused
        if not isinstance(node, Constant):
            return node
        number = node.value.number
        if not 0 <= number < 1 << 62:
            self.fail(offset, f"an array cannot have {number} elements")
        return number

    def _check_lengths(self, parameters: list[Parameter]) -> None:
        """Do lengths name integer parameters, or pointers to integers after `*`?"""
        kinds = {p.name: plain(p.use).type for p in parameters if p.name is not None}
        for parameter in parameters:
            called = repr(parameter.name) if parameter.name is not None else "an array"
            for length in lengths(parameter.use):
                if not isinstance(length, (int, Refused)):
                    self._check_names(length, kinds, called)

    def _check_names(self, node: Expression, kinds: dict[str, CType], called: str) -> None:
        if isinstance(node, Name):
            self._check_length_name(node, kinds, called, deref=False)
        elif isinstance(node, Unary) and node.operator == "*" and isinstance(node.operand, Name):
            self._check_length_name(node.operand, kinds, called, deref=True)
        else:
            for part in (field for field in node if isinstance(field, EXPRESSIONS)):
                self._check_names(part, kinds, called)

    def _check_length_name(
        self, node: Name, kinds: dict[str, CType], called: str, deref: bool
    ) -> None:
        kind: CType | None = kinds.get(node.name)
        if kind is None:
            message = f"the length of {called} uses {node.name!r}, which is no parameter"
            if close := difflib.get_close_matches(node.name, sorted(kinds), n=1):
                message += f"; did you mean {close[0]!r}?"
            self.fail(node.offset, message)
        if deref:
            kind = plain(kind.target).type if isinstance(kind, Pointer) else None
        if isinstance(kind, Enumeration):
            kind = kind.base
        if not isinstance(kind, Scalar) or not is_integer(kind):
            what = "a pointer to an integer" if deref else "an integer"
            message = f"the length of {called} uses {node.name!r}, which is not {what}"
            self.fail(node.offset, message)

    # ---- Checks ----

    def check(self, use: Use, offset: int, role: str) -> None:
        """DeclarationError where C has no such type: an array of functions and the like."""
        kind = use.type
        while isinstance(kind, (Pointer, Array, Function)):
            if isinstance(kind, Pointer):
                kind = kind.target.type
                continue
            part = kind.element if isinstance(kind, Array) else kind.result
            if complaint := _complaint(kind, plain(part).type):
                self.fail(offset, f"{role}{complaint}")
            kind = part.type


def _pointer(qualifiers: frozenset[str]) -> Step:
    return lambda target: Use(Pointer(target), qualifiers)


def _complaint(kind: Array | Function, part: object) -> str | None:
    if isinstance(kind, Array):
        if isinstance(part, Function):
            return "an array cannot hold functions"
        if isinstance(part, Scalar) and part.spelling == "void":
            return "an array cannot hold 'void'"
        return None
    if isinstance(part, Function):
        return "a function cannot return a function"
    return "a function cannot return an array" if isinstance(part, Array) else None
