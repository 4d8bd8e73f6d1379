"""Words of C and of its compilers that are no types: which there are, and where attributes end."""

from __future__ import annotations

from pytramp import _typenames
from pytramp.cdecl.conventions import WORDS as CONVENTIONS

STORAGE = frozenset(
    "typedef extern static auto register inline __inline __inline__ _Noreturn constexpr "
    "_Thread_local thread_local __thread __extension__".split()
)
TYPEOFS = frozenset({"typeof", "__typeof__", "__typeof", "typeof_unqual"})
ALIGNAS = frozenset({"_Alignas", "alignas"})
ALIGNOFS = frozenset({"_Alignof", "alignof", "__alignof__", "__alignof"})
OFFSETOFS = frozenset({"offsetof", "__builtin_offsetof"})
ASSERTS = frozenset({"_Static_assert", "static_assert"})
# Keywords of C23, and before it names as others are, unless a header's macros make them words of C.
NEWER = frozenset({"alignof", "constexpr", "thread_local"})
ATTRIBUTES = frozenset({"__attribute__", "__attribute"})
ASMS = frozenset({"__asm__", "__asm", "asm"})
_NULLABILITY = frozenset({"_Nonnull", "_Nullable", "_Null_unspecified", "__nonnull"})
_ALONE = _NULLABILITY | CONVENTIONS.keys() | {"__attribute_noreturn__"}

# Words of C that name nothing.
RESERVED = (
    (STORAGE - NEWER)
    | _typenames.KEYWORDS
    | _typenames.QUALIFIERS
    | _typenames.TAGGED
    | TYPEOFS
    | ALIGNAS
    | ATTRIBUTES
    | CONVENTIONS.keys()
    | {"_Static_assert", "_Generic", "_Atomic", "_BitInt", "__asm__", "__asm", "sizeof"}
    | set("break case continue default do else for goto if return switch while".split())
)


def attribute_end(texts: list[str], partners: dict[int, int], place: int) -> int:
    """The place after the attribute that stands at place; place if there is none.

    `__attribute__((...))`, `[[...]]`, `_Alignas(...)`, `__asm__("name")`, a bare `_Atomic`,
    `__stdcall`.
    """
    word = texts[place]
    if word in _ALONE or (word == "_Atomic" and texts[place + 1] != "("):
        return place + 1
    if word == "[" and texts[place + 1] == "[":
        return partners[place] + 1
    if word not in ATTRIBUTES | ALIGNAS | ASMS | {"__declspec"}:
        return place
    after = place + 1
    while word in ASMS and texts[after] in ("volatile", "goto"):
        after += 1
    return partners[after] + 1 if texts[after] == "(" else place
