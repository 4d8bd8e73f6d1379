"""Are two types one to C, however they are declared? As what redefines a typedef must be (C11
6.7p3)."""

from __future__ import annotations

from pytramp.cdecl.model import (
    Array,
    CType,
    Enumeration,
    Function,
    Parameter,
    Pointer,
    Record,
    Refused,
    Use,
    plain,
)
from pytramp.cdecl.spell import length_text, spelled


def is_same(left: Use, right: Use) -> bool:
    """Do both mean one type with the same qualifiers?"""
    return _Comparison().of(left, right)


class _Comparison:
    """Each pair of types is looked at once, however many paths lead there."""

    def __init__(self) -> None:
        self._seen: set[tuple[CType, CType]] = set()

    def of(self, left: Use, right: Use) -> bool:
        one, other = _laid_bare(left), _laid_bare(right)
        return one.qualifiers == other.qualifiers and self._of_types(one.type, other.type)

    def _of_types(self, one: CType, other: CType) -> bool:
        if one is other or (one, other) in self._seen:
            return True
        self._seen.add((one, other))
        if isinstance(one, Pointer) and isinstance(other, Pointer):
            return self.of(one.target, other.target)
        if isinstance(one, Array) and isinstance(other, Array):
            is_as_long = length_text(one.length) == length_text(other.length)
            return is_as_long and self.of(one.element, other.element)
        if isinstance(one, Function) and isinstance(other, Function):
            return self._of_functions(one, other)
        if isinstance(one, Refused) or isinstance(other, Refused):
            return isinstance(one, Refused) and isinstance(other, Refused)
        return _named(one) == _named(other)

    def _of_functions(self, one: Function, other: Function) -> bool:
        if one.variadic != other.variadic or len(one.parameters) != len(other.parameters):
            return False
        pairs = zip(one.parameters, other.parameters, strict=True)
        return self.of(one.result, other.result) and all(
            self.of(_passed(left), _passed(right)) for left, right in pairs
        )


def _laid_bare(use: Use) -> Use:
    """Without typedefs. Qualifiers of an array are those of its elements (C11 6.7.3p9)."""
    kind, qualifiers = plain(use)
    if isinstance(kind, Array) and qualifiers:
        element = Use(kind.element.type, kind.element.qualifiers | qualifiers)
        return Use(Array(element, kind.length))
    return Use(kind, qualifiers)


def _passed(parameter: Parameter) -> Use:
    """Arrays and functions are pointers as parameters, own qualifiers do not count: C11 6.7.6.3p7,
    p8 and p15."""
    kind = _laid_bare(parameter.use).type
    if isinstance(kind, Array):
        return Use(Pointer(kind.element))
    return Use(Pointer(Use(kind)) if isinstance(kind, Function) else kind)


def _named(kind: CType) -> object:
    """What all uses of such a type have in common; what has no tag is one of its own."""
    if isinstance(kind, (Record, Enumeration)) and kind.tag is None:
        return kind
    return type(kind), spelled(Use(kind))
