"""Reads attributes: `__attribute__((...))`, `[[...]]`, `_Alignas(...)`, `__asm__("name")`."""

from __future__ import annotations

from pytramp.cdecl.expressions import Expressions

ATTRIBUTE_WORDS = frozenset({"__attribute__", "__attribute"})
_ALIGNAS = frozenset({"_Alignas", "alignas"})
_ASM = frozenset({"__asm__", "__asm", "asm"})
_NULLABILITY = frozenset({"_Nonnull", "_Nullable", "_Null_unspecified", "__nonnull"})

_BIGGEST_ALIGNMENT = 16  # what `aligned` alone means
_LARGEST = 1 << 28  # what compilers take

_VECTORS = frozenset({"vector_size", "ext_vector_type", "neon_vector_type", "altivec"})
# They change how a value lies in memory or how it is passed.
_REFUSED = frozenset(
    {"ms_struct", "scalar_storage_order", "transparent_union", "ms_abi", "vectorcall", "regcall"}
    | {"address_space", "preserve_most", "preserve_all", "pcs"}
)


class Attributes:
    """What attributes said that changes a layout. refused: (why, offset) of one that cannot be."""

    def __init__(self) -> None:
        self.packed = False
        self.aligned: int | None = None
        self.mode: str | None = None
        self.refused: tuple[str, int] | None = None

    def align(self, alignment: int) -> None:
        """The strictest of several counts."""
        self.aligned = max(self.aligned or 1, alignment)

    def add(self, other: Attributes) -> None:
        """Takes in those that stood elsewhere in the same declaration."""
        self.packed |= other.packed
        if other.aligned is not None:
            self.align(other.aligned)
        self.mode = other.mode or self.mode
        self.refused = self.refused or other.refused


class AttributeParser(Expressions):
    """The part of the parser that reads attributes."""

    def attributes(self, into: Attributes) -> bool:
        """Reads all attributes that stand here; were there any?"""
        start = self.place
        while True:
            word = self.word
            if word in ATTRIBUTE_WORDS:
                self.take()
                self._list(into, 2)
            elif word == "[" and self.words[self.place + 1] == "[":
                self._list(into, 2)
            elif word in _ALIGNAS:
                self._alignas(into)
            elif word in _ASM:
                self.take()
                self._group()
            elif word in ("__declspec", "__attribute_noreturn__") or word in _NULLABILITY:
                self.take()
                if word == "__declspec":
                    self._group()
            else:
                return self.place > start

    def _group(self) -> None:
        while self.word in ("volatile", "__volatile__", "goto"):
            self.take()
        if self.word != "(":
            self.unexpected()
        self.skip_group()

    def _list(self, into: Attributes, brackets: int) -> None:
        """`((a, b(c)))`, or `[[a, b(c)]]`."""
        opener = self.word
        ends = []
        for _ in range(brackets):
            if self.word != opener or opener not in ("(", "["):
                self.unexpected()
            ends.append(self.partners[self.place])
            self.take()
        while self.place < ends[-1]:
            self._one(into)
        self.place = ends[0] + 1

    def _one(self, into: Attributes) -> None:
        offset = self.offset
        name = self.take().strip("_")
        arguments = self.place if self.word == "(" else None
        if name == "packed":
            into.packed = True
        elif name == "aligned":
            into.align(self._argument() if arguments is not None else _BIGGEST_ALIGNMENT)
        elif name == "mode" and arguments is not None:
            into.mode = self.words[self.place + 1].strip("_")
        elif name in _VECTORS:
            into.refused = ("vector types are not supported: use an array or a pointer", offset)
        elif name in _REFUSED:
            into.refused = (f"the attribute {name!r} is not supported", offset)
        if arguments is not None:
            self.place = self.partners[arguments] + 1

    def _alignas(self, into: Attributes) -> None:
        offset = self.offset
        self.take()
        if self.word != "(":
            self.unexpected()
        if not self.starts_type(self.place + 1):
            into.align(self._argument() or 1)
            return
        self.take()
        use = self.type_name()
        self.expect(")")
        into.align(self.extent_of(use, offset, "_Alignas")[1])

    def _argument(self) -> int:
        """`(8)`: a power of two."""
        self.expect("(")
        offset = self.offset
        number = self.constant().number
        self.expect(")")
        if number < 0 or number > _LARGEST or number & (number - 1):
            self.fail(offset, f"an alignment is a power of two, not {number}")
        return number
