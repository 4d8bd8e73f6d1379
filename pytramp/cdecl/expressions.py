"""Reads expressions: enumerators' values, lengths, widths of bit-fields."""

from __future__ import annotations

import platform
import sys

from pytramp.cdecl import constants
from pytramp.cdecl.constants import Binary, Cast, Choice, Constant, Expression, Name, Unary, Value
from pytramp.cdecl.cursor import Cursor
from pytramp.cdecl.model import Incomplete, Record, Scalar, Use, extent, plain

# Levels of operators within one another. Constant parts are folded while they are read, so that
# only expressions over parameters come near it.
_MAX_NESTING = 60

_SIZEOF = frozenset({"sizeof"})
_ALIGNOF = frozenset({"_Alignof", "alignof", "__alignof__", "__alignof"})
_OFFSETOF = frozenset({"offsetof", "__builtin_offsetof"})


class Expressions(Cursor):
    """The part of the parser that reads expressions."""

    _nesting = 0

    # What other parts provide.

    def starts_type(self, place: int) -> bool:
        """Does a type name begin at place?"""
        raise NotImplementedError

    def type_name(self) -> Use:
        """Reads `int *` and the like."""
        raise NotImplementedError

    def constant_named(self, name: str) -> Value | None:
        """The value of an enumerator."""
        raise NotImplementedError

    def constant(self) -> Value:
        """Reads a constant expression; DeclarationError where it is none."""
        return self.evaluated(self.expression())

    def evaluated(self, node: Expression) -> Value:
        """The value of node; DeclarationError where it is no constant."""
        try:
            return constants.evaluate(node)
        except constants.NotConstant as error:
            self.fail(error.offset, error.message)

    def expression(self) -> Expression:
        """Reads one expression, which an unresolved name may be part of."""
        self._deeper()
        node = self._binary(1)
        offset = self.offset
        if self.accept("?"):
            yes = self.expression()
            self.expect(":")
            node = self._folded(Choice(node, yes, self.expression(), offset))
        self._nesting -= 1
        return node

    def _deeper(self) -> None:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            self.fail(self.offset, "this expression is nested too deeply")

    def _folded(self, node: Expression) -> Expression:
        """A constant for what can be evaluated now: keeps what remains shallow."""
        try:
            return Constant(constants.evaluate(node), node.offset)
        except constants.NotConstant:
            return node

    def _binary(self, least: int) -> Expression:
        left = self._unary()
        raised = 0
        while constants.LEVELS.get(self.word, 0) >= least:
            offset, operator = self.offset, self.take()
            right = self._binary(constants.LEVELS[operator] + 1)
            left = self._folded(Binary(operator, left, right, offset))
            if not isinstance(left, Constant):
                self._deeper()
                raised += 1
        self._nesting -= raised
        return left

    def _unary(self) -> Expression:
        offset = self.offset
        word = self.word
        if word in ("-", "+", "~", "!", "*"):
            self.take()
            self._deeper()
            operand = self._unary()
            self._nesting -= 1
            return self._folded(Unary(word, operand, offset))
        if word in _SIZEOF or word in _ALIGNOF:
            return Constant(constants.size_value(self._size(word)), offset)
        if word in _OFFSETOF and self.words[self.place + 1] == "(":
            return Constant(constants.size_value(self._offsetof()), offset)
        if word == "__extension__":
            self.take()
            return self._unary()
        if word == "(":
            return self._parenthesis()
        return self._primary()

    def _parenthesis(self) -> Expression:
        offset = self.offset
        if not self.starts_type(self.place + 1):
            self.take()
            node = self.expression()
            self.expect(")")
            return node
        self.take()
        use = self.type_name()
        self.expect(")")
        self._deeper()
        operand = self._unary()
        self._nesting -= 1
        kind = plain(use).type
        if not isinstance(kind, Scalar) and hasattr(kind, "base"):
            kind = kind.base
        if not isinstance(kind, Scalar) or not is_integer(kind):
            self.fail(offset, "only a cast to an integer type can be part of a constant")
        bits = 1 if kind.spelling == "_Bool" else 8 * extent(Use(kind))[0]
        return self._folded(Cast(bits, is_unsigned(kind), operand, offset))

    def _primary(self) -> Expression:
        offset, word = self.offset, self.word
        if word[-1:] == "'":
            value = constants.character(word)
        elif word[:1].isdigit():
            value = constants.integer(word)
        elif self.is_name and not self.starts_type(self.place):
            self.take()
            value = self.constant_named(word)
            return Name(word, offset) if value is None else Constant(value, offset)
        else:
            self.unexpected()
        if value is None:
            self.fail(offset, f"{word} is no integer constant")
        self.take()
        return Constant(value, offset)

    def _size(self, word: str) -> int:
        self.take()
        offset = self.offset
        if self.word == "(" and self.starts_type(self.place + 1):
            self.take()
            use = self.type_name()
            self.expect(")")
            return self.extent_of(use, offset, word)[word in _ALIGNOF]
        if self.word[-1:] == '"':  # the size of a text in some asserts
            return len(self.take()) - 1
        return max(1, self.evaluated(self._unary()).bits // 8)

    def extent_of(self, use: Use, offset: int, what: str) -> tuple[int, int]:
        """(size, alignment) of a complete type; DeclarationError where it is incomplete."""
        try:
            return extent(use)
        except Incomplete as error:
            self.fail(offset, f"{what} needs a complete type, and {error} is incomplete")

    def _offsetof(self) -> int:
        self.take()
        self.expect("(")
        offset = self.offset
        kind = plain(self.type_name()).type
        self.extent_of(Use(kind), offset, "offsetof")
        self.expect(",")
        name_offset, name = self.offset, self.take()
        self.expect(")")
        found = member_offset(kind, name) if isinstance(kind, Record) else None
        if found is None:
            self.fail(name_offset, f"there is no member {name!r}")
        return found


def member_offset(record: Record, name: str) -> int | None:
    """Where a member lies, also one of an anonymous struct or union; None if there is none."""
    if record.members is None or record.layout is None:
        return None
    for member, place in zip(record.members, record.layout.places, strict=True):
        if member.name == name and member.bits is None:
            return place.bit // 8
        inner = plain(member.use).type
        if member.name is None and isinstance(inner, Record):
            found = member_offset(inner, name)
            if found is not None:
                return place.bit // 8 + found
    return None


_INTEGERS = frozenset({"_Bool", "char", "wchar_t", "char16_t", "char32_t"})


def is_integer(scalar: Scalar) -> bool:
    """Is this one of C's integer types?"""
    words = scalar.spelling.split()
    return scalar.spelling in _INTEGERS or words[-1] in ("char", "short", "int", "long", "__int128")


def is_unsigned(scalar: Scalar) -> bool:
    """Is this integer type without a sign, on this platform?"""
    if scalar.spelling == "char":
        return CHAR_IS_UNSIGNED
    if scalar.spelling == "wchar_t":
        return sys.platform == "win32" or (
            CHAR_IS_UNSIGNED and MACHINE.startswith(("arm", "aarch64"))
        )
    return scalar.spelling.startswith(("unsigned", "_Bool", "char1", "char3"))


MACHINE = platform.machine().lower()

# On Linux plain char has no sign on ARM, POWER, RISC-V and z.
CHAR_IS_UNSIGNED = sys.platform == "linux" and MACHINE.startswith(
    ("arm", "aarch64", "ppc", "riscv", "s390")
)
