"""The values of `#define`s that are integers."""

from __future__ import annotations

from pytramp._core import DeclarationError
from pytramp._errors import Source
from pytramp.cdecl.expansion import expanded
from pytramp.cdecl.model import NoLayout
from pytramp.cdecl.scope import Scope
from pytramp.cdecl.tokens import Macro

_ANSWERS = (DeclarationError, NoLayout, RecursionError)


def value(name: str, scope: Scope) -> int | None:
    """The value of the object-like macro name as a constant expression; None where it has none."""
    from pytramp.cdecl.members import MemberReader

    def find(word: str) -> Macro | None:
        return next((s.macros[word] for s in scope.chain() if word in s.macros), None)

    macro = find(name)
    if macro is None or macro.parameters is not None:
        return None
    try:
        tokens = expanded(name, find)
        reader = MemberReader(Source("", header=True), tokens, Scope(scope))
        return reader.value_within(0, len(tokens)).number
    except _ANSWERS:
        return None
