"""Declarators as pycparser has them -> types: `*name`, `(*name)(int, double)`, `name[3][n]`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytramp import _typenames
from pytramp.cdecl import grammar
from pytramp.cdecl.brackets import MAX_DEPTH
from pytramp.cdecl.constants import EXPRESSIONS, Constant, Expression, Name, Unary
from pytramp.cdecl.grammar import kind_of, place_of
from pytramp.cdecl.integers import is_integer
from pytramp.cdecl.model import (
    VOID,
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
from pytramp.cdecl.rewrite import UNNAMED, Segment
from pytramp.cdecl.specifiers import SpecifierReader, Specifiers
from pytramp.cdecl.spell import lengths

_NODES = frozenset({"PtrDecl", "ArrayDecl", "FuncDecl"})


class Declared(NamedTuple):
    """One node of pycparser, taken apart. steps: its declarators, that of the type first."""

    made: Specifiers
    name: str | None
    offset: int  # of the name, or where the type begins
    steps: list[Any]
    segment: Segment | None  # with the attributes of this declarator


class DeclaratorReader(SpecifierReader):
    """The part of the reader that knows declarators and parameters."""

    def type_named(self, node: Any) -> Use:
        """The type of a node for `const char *` and the like, without a name."""
        declared = self.apart(node)
        if declared.name is not None:
            self.fail(declared.offset, f"unexpected {declared.name!r}")
        made, segment = declared.made, declared.segment
        if segment is not None:
            made.attributes = self.attributes([*segment.shared, *segment.own])
        return self.built(made, declared.steps, "")

    def apart(self, node: Any) -> Declared:
        """Takes a declaration, a parameter or a type name apart."""
        if kind_of(node) not in ("Decl", "Typedef", "Typename"):
            self._refuse_node(node)
        steps = []
        below = node.type
        while kind_of(below) in _NODES:
            steps.append(below)
            below = below.type
        qualifiers: frozenset[str] = frozenset()
        name_node = None
        if kind_of(below) == "TypeDecl":
            qualifiers = frozenset(below.quals or ())
            name_node = below if below.declname is not None else None
            below = below.type
        made = self.specifiers(below, qualifiers)
        segment = self.word_of(below).segment
        name, offset = None, made.offset
        if name_node is not None:
            word = self.word_of(name_node)
            segment = word.segment
            offset = word.token.offset
            name = word.token.text if word.given != UNNAMED else None
        self._check_name(name, offset)
        return Declared(made, name, offset, steps[::-1], segment)

    def _refuse_node(self, node: Any) -> None:
        if kind_of(node) == "ID":  # as in `int f(foo)`, which was C once
            self.refuse_name(place_of(node))
        self.complain(grammar.NotParsed(None if node.coord is None else place_of(node)))

    def _check_name(self, name: str | None, offset: int) -> None:
        """In one declaration a type's name in place of a name is a slip."""
        if not self.strict or name is None:
            return
        if (reason := _typenames.refusal(name)) is not None:
            self.unsupported(offset, reason)
        if name in _typenames.TYPE_WORDS:
            self.fail(offset, f"{name!r} is a type and cannot be a name here")

    def check_group(self, declared: Declared) -> None:
        """`int (foo)` is C and declares foo; in a declaration alone foo was meant as a type."""
        places = [p for p, word in enumerate(self.piece.words) if word.token.is_word]
        place = next((p for p in places if self.offset_at(p) == declared.offset), 0)
        around = (self.word_at(place - 1), self.word_at(place + 1))
        if declared.name is not None and around == ("(", ")"):
            if self.word_at(place + 2) not in ("(", "[", ")"):
                self.refuse_name(place)

    def built(self, made: Specifiers, steps: list[Any], role: str) -> Use:
        """The type that declarators make of that of the specifiers."""
        use = self.resolve(made, role)
        if len(steps) > MAX_DEPTH:
            stars = "*" if isinstance(plain(use).type, Scalar) else ""
            words = f"'{' '.join(made.words)} {stars}*...'"
            self.unsupported(made.offset, f"{role}{words} is nested too deeply")
        for step in steps:
            use = self._applied(use, step)
            if isinstance(use.type, Function):
                use.type.offset = made.offset
                use.type.source = self.source
        return use

    def _applied(self, use: Use, step: Any) -> Use:
        kind = kind_of(step)
        if kind == "PtrDecl":
            return Use(Pointer(use), frozenset(step.quals or ()) - {"restrict"})
        if kind == "ArrayDecl":
            return Use(Array(use, None if step.dim is None else self._length(step.dim)))
        parameters, variadic = self._parameters(step)
        return Use(Function(use, parameters, variadic))

    # ---- Parameters ----

    def _parameters(self, node: Any) -> tuple[tuple[Parameter, ...], bool]:
        nodes = list(node.args.params) if node.args is not None else []
        variadic = bool(nodes) and kind_of(nodes[-1]) == "EllipsisParam"
        if variadic:
            nodes.pop()
            if not nodes:
                self.fail(self.offset(node.args.params[0]), _ELLIPSIS)
        outer, self.visible = self.visible, set()
        parameters: list[Parameter] = []
        try:
            if not (len(nodes) == 1 and not variadic and self._is_void(nodes[0])):
                for number, each in enumerate(nodes, 1):
                    parameters.append(self.parameter(each, number))
                    self.visible.add(parameters[-1].name)
        finally:
            self.visible = outer
        self._check_unique(parameters)
        self._check_lengths(parameters)
        return tuple(parameters), variadic

    def _is_void(self, node: Any) -> bool:
        """Is this the `(void)` of no parameters?"""
        below = getattr(node, "type", None)
        return (
            kind_of(node) == "Typename"
            and kind_of(below) == "TypeDecl"
            and not getattr(below, "quals", None)
            and self._names_void(getattr(getattr(below, "type", None), "names", ()))
        )

    def _names_void(self, names: Sequence[str]) -> bool:
        """Is this the type void (C11 6.7.6.3p10), by its own name or by a typedef's?"""
        if len(names) != 1:
            return False
        found = VOID if names[0] == "void" else self.scope.typedef(names[0])
        if found is None:
            return False
        kind, qualifiers = plain(Use(found))
        return isinstance(kind, Scalar) and kind.spelling == "void" and not qualifiers

    def parameter(self, node: Any, number: int) -> Parameter:
        """One parameter, the number-th."""
        declared = self.apart(node)
        made, name, offset, steps, segment = declared
        role = f"parameter {name!r}: " if name is not None else f"parameter {number}: "
        if segment is not None:
            made.attributes = self.attributes([*segment.shared, *segment.own])
        use = self.built(made, steps, role)
        kind = plain(use).type
        if isinstance(kind, Scalar) and kind.spelling == "void":
            self.fail(made.offset, f"{role}'void' is no type for a parameter")
        self.check(use, made.offset, role)
        return Parameter(name, use, made.offset, offset)

    def _check_unique(self, parameters: list[Parameter]) -> None:
        seen = set()
        for parameter in parameters:
            if parameter.name is not None and parameter.name in seen:
                message = f"two parameters are named {parameter.name!r}"
                self.fail(parameter.name_offset, message)
            seen.add(parameter.name)

    # ---- Lengths ----

    def _length(self, node: Any) -> int | Expression | Refused:
        try:
            length = self.expression(node)
        except NoLayout as error:  # sizeof a type that pytramp does not know
            return error.refused
        if not isinstance(length, Constant):
            return length
        number = length.value.number
        if not 0 <= number < 1 << 62:
            self.fail(self.offset(node), f"an array cannot have {number} elements")
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
        is_wide = isinstance(kind, Scalar) and kind.spelling.endswith("__int128")
        if not isinstance(kind, Scalar) or not is_integer(kind) or is_wide:
            what = "a pointer to an integer" if deref else "an integer"
            what += " of at most 64 bits" if is_wide else ""
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


_ELLIPSIS = "'...' comes last, after at least one parameter"


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
