"""C types as text that declares them again.

MARK stands where a name goes: what is spelled with it tells Type.pointer and its like name_at.
"""

from __future__ import annotations

from pytramp.cdecl import constants
from pytramp.cdecl.constants import Expression
from pytramp.cdecl.model import Array, Function, Named, Pointer, Refused, Special, Use

MARK = "@"


def spelled(use: Use) -> str:
    """An abstract declarator: `const double *`, `int (*)(int)`, `struct point`."""
    return marked(use)[0]


def marked(use: Use) -> tuple[str, int]:
    """The spelling, and the offset in it where a name goes."""
    text = declared(use, MARK)
    place = text.index(MARK)
    without = text.replace(MARK, "")
    if without.endswith(" ") and place == len(without):  # "int " of "int @"
        return without[:-1], -1
    return without, place


def declared(use: Use, inner: str) -> str:
    """The declaration of inner."""
    kind, qualifiers = use
    if isinstance(kind, Pointer):
        own = "".join(f"{word} " for word in sorted(qualifiers))
        inner = f"*{own}{inner}"
        is_plain = not isinstance(kind.target.type, (Array, Function))
        return declared(kind.target, inner if is_plain else f"({inner})")
    if isinstance(kind, Array):
        length = f"{inner}[{length_text(kind.length)}]"
        element = Use(kind.element.type, kind.element.qualifiers | qualifiers)
        return declared(element, length)
    if isinstance(kind, Function):
        return declared(kind.result, f"{inner}({_parameters(kind)})")
    words = [*sorted(qualifiers), _name(kind), *([inner] if inner else [])]
    return " ".join(words)


def _name(kind: object) -> str:
    if isinstance(kind, (Named, Special)):
        return kind.name
    return str(getattr(kind, "spelling", kind))


def length_text(length: int | Expression | Refused | None) -> str:
    """What stands in the brackets."""
    if length is None or isinstance(length, Refused):
        return ""
    steps = (length,) if isinstance(length, int) else constants.program(length)
    return constants.spelled(steps)


def _parameters(function: Function) -> str:
    """With the names that lengths use, and no others."""
    used = {
        step
        for parameter in function.parameters
        for length in lengths(parameter.use)
        if not isinstance(length, (int, Refused))
        for step in constants.program(length)
    }
    texts = [_parameter(parameter.use, parameter.name, used) for parameter in function.parameters]
    return ", ".join([*texts, *(["..."] if function.variadic else [])]) or "void"


def _parameter(use: Use, name: str | None, used: set[int | str]) -> str:
    kind = use.type
    if isinstance(kind, Array) and kind.length is None:  # `x[]`
        element = Use(kind.element.type, kind.element.qualifiers | use.qualifiers)
        kind = Pointer(element)
    if isinstance(kind, Function) or (
        isinstance(kind, Named) and isinstance(kind.use.type, Function)
    ):
        kind = Pointer(Use(kind))
    qualifiers = use.qualifiers if isinstance(kind, (Array, Named)) else frozenset()
    if isinstance(kind, Named) and not isinstance(kind.use.type, Array):
        qualifiers = frozenset()
    inner = name if name is not None and name in used else ""
    return declared(Use(kind, qualifiers), inner).rstrip()


def lengths(use: Use) -> list[int | Expression | Refused]:
    """Every length of an array type, outermost first; `[]` is left out."""
    found = []
    while isinstance(use.type, Array):
        if use.type.length is not None:
            found.append(use.type.length)
        use = use.type.element
    return found
