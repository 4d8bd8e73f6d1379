"""Constant expressions of C, with C's integer types; expressions over parameters as programs.

An integer type is its width in bits and its sign: `long` and `long long` are one if equally wide.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import NamedTuple


class Value(NamedTuple):
    """An integer of a C type."""

    number: int
    bits: int = 32
    unsigned: bool = False


class Constant(NamedTuple):
    """A number."""

    value: Value
    offset: int


class Name(NamedTuple):
    """An identifier that is no constant: in a length, a parameter."""

    name: str
    offset: int


class Unary(NamedTuple):
    """`-x`, `+x`, `~x`, `!x`, `*x`."""

    operator: str
    operand: Expression
    offset: int


class Binary(NamedTuple):
    """`a + b` and the like."""

    operator: str
    left: Expression
    right: Expression
    offset: int


class Choice(NamedTuple):
    """`a ? b : c`."""

    condition: Expression
    yes: Expression
    no: Expression
    offset: int


class Cast(NamedTuple):
    """A conversion to an integer type."""

    bits: int
    unsigned: bool
    operand: Expression
    offset: int


Expression = Constant | Name | Unary | Binary | Choice | Cast
EXPRESSIONS = (Constant, Name, Unary, Binary, Choice, Cast)


class NotConstant(Exception):
    """An expression has no value: message and offset say why and where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


LONG_BITS = 8 * struct.calcsize("l")
SIZE_BITS = 8 * struct.calcsize("P")


def wrap(number: int, bits: int, unsigned: bool) -> Value:
    """The value that a register of this type holds."""
    number &= (1 << bits) - 1
    if not unsigned and number >> (bits - 1):
        number -= 1 << bits
    return Value(number, bits, unsigned)


def truncated(number: float, bits: int, unsigned: bool) -> Value | None:
    """A floating number as an integer type has it; None where C does not say (C11 6.3.1.4p1)."""
    if bits == 1:
        return Value(int(number != 0), 8, True)
    if not abs(number) < 1 << 64:
        return None
    value = wrap(int(number), bits, unsigned)
    return value if value.number == int(number) else None


def size_value(number: int) -> Value:
    """A size_t."""
    return wrap(number, SIZE_BITS, True)


# ---- Values ----


def evaluate(node: Expression) -> Value:
    """The value of a constant expression; NotConstant where it has none."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Name):
        raise NotConstant(f"{node.name!r} is no constant", node.offset)
    if isinstance(node, Unary):
        return _unary(node)
    if isinstance(node, Choice):
        return _choice(node)
    if isinstance(node, Cast):
        number = evaluate(node.operand).number
        if node.bits == 1:  # _Bool, which is no narrower in memory
            return Value(int(number != 0), 8, True)
        return wrap(number, node.bits, node.unsigned)
    return _binary(node)


def _promote(value: Value) -> Value:
    return Value(value.number) if value.bits < 32 else value


def _common(left: Value, right: Value) -> tuple[Value, Value]:
    """Both after the usual arithmetic conversions."""
    left, right = _promote(left), _promote(right)
    bits = max(left.bits, right.bits)
    unsigned = any(value.unsigned and value.bits == bits for value in (left, right))
    return wrap(left.number, bits, unsigned), wrap(right.number, bits, unsigned)


def _choice(node: Choice) -> Value:
    chosen = node.yes if evaluate(node.condition).number else node.no
    other = node.no if chosen is node.yes else node.yes
    value = evaluate(chosen)
    try:
        return _common(value, evaluate(other))[0]
    except NotConstant:  # C does not evaluate it; only its type is lost
        return _promote(value)


def _unary(node: Unary) -> Value:
    if node.operator == "*":
        raise NotConstant("what a pointer points at is no constant", node.offset)
    value = _promote(evaluate(node.operand))
    if node.operator == "!":
        return Value(int(not value.number))
    number = {"-": -value.number, "~": ~value.number, "+": value.number}[node.operator]
    return wrap(number, value.bits, value.unsigned)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _binary(node: Binary) -> Value:
    name = node.operator
    if name in ("&&", "||"):
        return _logical(node)
    left, right = evaluate(node.left), evaluate(node.right)
    if name in ("<<", ">>"):
        return _shift(node, _promote(left), right.number)
    left, right = _common(left, right)
    if name in _COMPARISONS:
        return Value(int(_COMPARISONS[name](left.number, right.number)))
    if name in _ARITHMETIC:
        number = _ARITHMETIC[name](left.number, right.number)
    else:
        number = _divide(node, left.number, right.number)
    return wrap(number, left.bits, left.unsigned)


def _logical(node: Binary) -> Value:
    left = bool(evaluate(node.left).number)
    if left == (node.operator == "||"):
        return Value(int(left))
    return Value(int(bool(evaluate(node.right).number)))


def _shift(node: Binary, left: Value, count: int) -> Value:
    if not 0 <= count < left.bits:
        raise NotConstant(f"a shift by {count} of {left.bits} bits", node.offset)
    number = left.number << count if node.operator == "<<" else left.number >> count
    return wrap(number, left.bits, left.unsigned)


def _divide(node: Binary, left: int, right: int) -> int:
    """C rounds towards zero."""
    if right == 0:
        raise NotConstant("a division by zero", node.offset)
    quotient = abs(left) // abs(right)
    quotient = quotient if (left < 0) == (right < 0) else -quotient
    return quotient if node.operator == "/" else left - quotient * right


# ---- Programs: what a length that depends on parameters becomes ----

Program = tuple[int | str, ...]


def program(node: Expression) -> Program:
    """node in postfix order, as Type.array takes it; constant parts are folded.

    Raises NotConstant where a part has no value, or cannot be part of a length.
    """
    if not _has_names(node):
        return (evaluate(node).number,)
    if isinstance(node, Name):
        return (node.name,)
    if isinstance(node, Unary):
        return _unary_program(node)
    if isinstance(node, Binary):
        left, right = program(node.left), program(node.right)
        return (*left, *right, node.operator)
    if isinstance(node, Choice):
        parts = (node.condition, node.yes, node.no)
        return (*(step for part in parts for step in program(part)), "?:")
    raise NotConstant("a cast of a parameter cannot be part of a length", node.offset)


def _unary_program(node: Unary) -> Program:
    if node.operator == "*" and not isinstance(node.operand, Name):
        raise NotConstant("only a parameter can stand after '*' here", node.offset)
    name = {"-": ("neg",), "*": ("deref",), "+": ()}.get(node.operator, (node.operator,))
    return (*program(node.operand), *name)


def _has_names(node: Expression) -> bool:
    return isinstance(node, Name) or any(
        _has_names(part) for part in node if isinstance(part, EXPRESSIONS)
    )


_LEVELS = {"?:": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7}
_LEVELS |= {"<": 8, ">": 8, "<=": 8, ">=": 8, "<<": 9, ">>": 9, "+": 10, "-": 10}
_LEVELS |= {"*": 11, "/": 11, "%": 11}
_UNARY = {"neg": "-", "~": "~", "!": "!", "deref": "*"}
_PREFIX = 12

LEVELS = {name: level for name, level in _LEVELS.items() if name != "?:"}


def spelled(steps: Program) -> str:
    """A program as the C expression that it came from, with the fewest parentheses."""
    stack: list[tuple[str, int]] = []
    for step in steps:
        if isinstance(step, int):
            stack.append((str(step), _PREFIX if step < 0 else _PREFIX + 1))
        elif step in _UNARY:
            text = _enclosed(stack.pop(), _PREFIX)
            stack.append((_UNARY[step] + (" " if text[0] == "-" else "") + text, _PREFIX))
        elif step == "?:":
            no, yes, condition = stack.pop(), stack.pop(), stack.pop()
            text = f"{_enclosed(condition, 2)} ? {yes[0]} : {_enclosed(no, 1)}"
            stack.append((text, 1))
        elif step in LEVELS:
            right, left = stack.pop(), stack.pop()
            level = LEVELS[step]
            text = f"{_enclosed(left, level)} {step} {_enclosed(right, level + 1)}"
            stack.append((text, level))
        else:
            stack.append((step, _PREFIX + 1))
    return stack[0][0]


def _enclosed(part: tuple[str, int], level: int) -> str:
    return part[0] if part[1] >= level else f"({part[0]})"
