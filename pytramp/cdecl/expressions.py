"""Expressions as pycparser has them -> ours: enumerators' values, lengths, widths of bit-fields."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, NoReturn

from pytramp.cdecl import constants, literals
from pytramp.cdecl.constants import Binary, Cast, Choice, Constant, Expression, Name, Unary, Value
from pytramp.cdecl.designators import Designators
from pytramp.cdecl.grammar import kind_of, place_of
from pytramp.cdecl.integers import is_integer, is_unsigned
from pytramp.cdecl.model import POINTER_SIZE, Scalar, Use, extent, plain
from pytramp.cdecl.words import ALIGNOFS

# Levels of operators within one another. Constant parts are folded while they are read, so that
# only expressions over parameters come near it.
_MAX_NESTING = 60

_PREFIXES = frozenset({"-", "+", "~", "!", "*"})
_LEFT = {"BinaryOp": "left", "TernaryOp": "cond", "StructRef": "name", "ArrayRef": "name"}
_NO_OPERANDS = {
    "StructRef": "a member of a struct cannot be part of an expression: a length is computed from "
    "integer parameters",
    "ArrayRef": "an item of an array cannot be part of an expression, but '*n' can be",
}


class Expressions(Designators):
    """The part of the reader that knows expressions."""

    _nesting = 0

    def constant(self, node: Any) -> Value:
        """The value of a constant expression; DeclarationError where it is none."""
        return self.evaluated(self.expression(node))

    def evaluated(self, node: Expression) -> Value:
        """The value of node; DeclarationError where it is no constant."""
        try:
            return constants.evaluate(node)
        except constants.NotConstant as error:
            self.fail(error.offset, error.message)

    def value_within(self, start: int, end: int) -> Value:
        """The value of the expression that all tokens from start to end are."""
        with self.within(start, end, "values") as node:
            return self.constant(node)

    def expression(self, node: Any) -> Expression:
        """One expression, which an unresolved name may be part of."""
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            self._nesting = 0
            self.fail(self.offset(node), "this expression is nested too deeply")
        kind = kind_of(node)
        read = {
            "BinaryOp": self._binary,
            "UnaryOp": self._unary,
            "TernaryOp": self._choice,
            "Cast": self._cast,
            "FuncCall": self._call,
        }.get(kind, self._primary)
        made = read(node)
        self._nesting -= 1
        return made

    def _folded(self, node: Expression) -> Expression:
        """A constant for what can be evaluated now: keeps what remains shallow."""
        try:
            return Constant(constants.evaluate(node), node.offset)
        except constants.NotConstant:
            return node

    def _binary(self, node: Any) -> Expression:
        """A chain of operators of one level is long, not deep."""
        chain = []
        while kind_of(node) == "BinaryOp":
            chain.append(node)
            node = node.left
        left = self.expression(node)
        raised = 0
        for part in reversed(chain):
            offset = self._operator_offset(part)
            if part.op not in constants.LEVELS:
                self.unexpected(place_of(part))
            right = self.expression(part.right)
            left = self._folded(Binary(part.op, left, right, offset))
            raised += not isinstance(left, Constant)
            if self._nesting + raised > _MAX_NESTING:
                self.fail(offset, "this expression is nested too deeply")
        return left

    def _operator_offset(self, node: Any) -> int:
        """pycparser knows where the operands begin: the operator is before the right one."""
        return self.offset_at(self._before(self._start(node.right)))

    def _start(self, node: Any) -> int:
        """The place of the first word of an expression, without parentheses around it.

        pycparser sees `-x` where x is in some versions.
        """
        signs = 0
        while kind_of(node) in _LEFT or (kind_of(node) == "UnaryOp" and node.op in _PREFIXES):
            signs += kind_of(node) == "UnaryOp"
            node = getattr(node, _LEFT.get(kind_of(node), "expr"))
        place = place_of(node)
        for _ in range(signs):
            place = self._before(place)
        return place

    def _before(self, place: int) -> int:
        """The place of the operator before what begins at place."""
        place -= 1
        while place > 0 and self.word_at(place) == "(":
            place -= 1
        return place

    def offset(self, node: Any) -> int:
        """Where node begins in the text."""
        return self.offset_at(self._start(node))

    def _choice(self, node: Any) -> Expression:
        condition = self.expression(node.cond)
        is_left_out = self.word_of(node.iftrue).token.text == ":"
        yes = condition if is_left_out else self.expression(node.iftrue)
        no = self.expression(node.iffalse)
        return self._folded(Choice(condition, yes, no, self.offset(node)))

    def _unary(self, node: Any) -> Expression:
        offset = self.offset(node)
        if node.op == "sizeof":
            return Constant(constants.size_value(self._size(node)), offset)
        if node.op not in _PREFIXES:
            self._refuse(node)
        return self._folded(Unary(node.op, self.expression(node.expr), offset))

    def _cast(self, node: Any) -> Expression:
        offset = self.offset(node)
        kind = plain(self.type_named(node.to_type)).type
        if not isinstance(kind, Scalar) and hasattr(kind, "base"):
            kind = kind.base
        if not isinstance(kind, Scalar) or not is_integer(kind):
            self.fail(offset, "only a cast to an integer type can be part of a constant")
        bits = 1 if kind.spelling == "_Bool" else 8 * extent(Use(kind))[0]
        unsigned = is_unsigned(kind)
        number = self._floating(node.expr)
        if number is not None:
            value = constants.truncated(number.number, bits, unsigned)
            return self._constant(value, offset, "this number does not fit into the type")
        return self._folded(Cast(bits, unsigned, self._cast_operand(node.expr), offset))

    def _cast_operand(self, node: Any) -> Expression:
        spot = self.pointed(node)
        if spot is None or spot.address is None:
            return self.expression(node)
        return Constant(constants.size_value(spot.address), self.offset(node))

    def _floating(self, node: Any) -> literals.Floating | None:
        """A floating constant, with its sign: an operand of a cast or of sizeof (C11 6.6p6)."""
        if kind_of(node) == "UnaryOp" and node.op == "-":
            found = self._floating(node.expr)
            return None if found is None else found._replace(number=-found.number)
        is_constant = kind_of(node) == "Constant"
        return literals.floating(self.word_at(place_of(node))) if is_constant else None

    def _constant(self, value: Value | None, offset: int, complaint: str) -> Constant:
        if value is None:
            self.fail(offset, complaint)
        return Constant(value, offset)

    def _primary(self, node: Any) -> Expression:
        if kind_of(node) not in ("Constant", "ID"):
            self._refuse(node)
        place = place_of(node)
        offset, word = self.offset_at(place), self.word_at(place)
        if word[-1:] == "'":
            value = literals.character(word)
        elif kind_of(node) == "ID":
            value = self.constant_named(word)
            return Name(word, offset) if value is None else Constant(value, offset)
        elif word[-1:] == '"':
            self.unexpected(place)
        else:
            value = literals.integer(word)
        return self._constant(value, offset, f"{word} is no integer constant")

    def _refuse(self, node: Any) -> NoReturn:
        if kind_of(node) in _NO_OPERANDS:
            self.fail(self.offset(node), _NO_OPERANDS[kind_of(node)])
        self.unexpected(place_of(node) if node.coord is not None else 0)

    def _size(self, node: Any) -> int:
        place = place_of(node)
        word, operand = self.word_at(place), node.expr
        if kind_of(operand) == "Typename":
            use = self.type_named(operand)
            return self.extent_of(use, self.offset_at(place + 1), word)[word in ALIGNOFS]
        if word in ALIGNOFS:  # GNU's, of an expression
            return self._value_size(operand)
        if kind_of(operand) == "Constant" and self.word_of(operand).given == '""':
            return literals.string_size(self._literals(place_of(operand)))
        spot = self.designated(operand)
        if spot is not None:
            return self.extent_of(spot.use, self.offset(operand), word)[0]
        return POINTER_SIZE if self.pointed(operand) is not None else self._value_size(operand)

    def _value_size(self, node: Any) -> int:
        floating = self._floating(node)
        return floating.size if floating is not None else self.constant(node).bits // 8

    def _literals(self, place: int) -> list[str]:
        """The string literals side by side from place on: pycparser makes one of them."""
        words = self.piece.words[place:]
        return [word.token.text for word in takewhile(lambda word: word.given == '""', words)]

    def _call(self, node: Any) -> Expression:
        """Only `offsetof` is one that has a value here."""
        parts = getattr(node.args, "exprs", [])
        if self.word_of(node).given != "offsetof" or kind_of(parts[0]) != "Typename":
            self._refuse(node)
        spot = self.path(self.type_named(parts[0]), parts[1])
        if spot.address is None:  # behind a pointer
            self._refuse(node)
        return Constant(constants.size_value(spot.address), self.offset(node))
