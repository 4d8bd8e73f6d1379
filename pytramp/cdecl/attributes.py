"""What attributes mean: `__attribute__((...))`, `[[...]]`, `_Alignas(...)`, `_Atomic`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pytramp import _typenames
from pytramp.cdecl import conventions
from pytramp.cdecl.expressions import Expressions
from pytramp.cdecl.words import ALIGNAS, ATTRIBUTES

_BIGGEST_ALIGNMENT = 16  # what `aligned` alone means
_LARGEST = 1 << 28  # what compilers take

_VECTORS = frozenset({"vector_size", "ext_vector_type", "neon_vector_type", "altivec"})
# They change how a value lies in memory or how it is passed.
_REFUSED = frozenset({"ms_struct", "scalar_storage_order", "transparent_union", "address_space"})


class Refusal(NamedTuple):
    """Why an attribute cannot be, and where it stands; is it about how functions are called?"""

    reason: str
    offset: int
    of_function: bool = False


class Attributes:
    """What attributes said that changes a layout, or a call. refused: one that cannot be."""

    def __init__(self) -> None:
        self.packed = False
        self.aligned: int | None = None
        self.mode: str | None = None
        self.refused: Refusal | None = None

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


class AttributeReader(Expressions):
    """The part of the reader that knows attributes: pycparser does not see them."""

    def attributes(self, places: Iterable[int]) -> Attributes:
        """What those say that stand at these places."""
        made = Attributes()
        for place in places:
            word = self.tokens[place].text
            if word in ATTRIBUTES or word == "[":
                self._list(made, place + (word != "["))
            elif word in ALIGNAS:
                self._alignas(made, place)
            elif word == "_Atomic":
                reason = _typenames.refusal(word) or ""
                made.refused = Refusal(reason, self.tokens[place].offset)
            elif word in conventions.WORDS:
                reason = conventions.refused_word(word) or ""
                if reason:
                    made.refused = Refusal(reason, self.tokens[place].offset, of_function=True)
        return made

    def _list(self, into: Attributes, place: int) -> None:
        """`((a, b(c)))`, or `[[a, b(c)]]`."""
        opener = self.tokens[place].text
        if self.tokens[place + 1].text != opener:
            self.fail(self.offset_of(place + 1), f"unexpected {self.tokens[place + 1].text!r}")
        end = self.partners[place + 1]
        place += 2
        while place < end:
            place = self._one(into, place)

    def _one(self, into: Attributes, place: int) -> int:
        """Takes in the attribute at place; the place after it."""
        offset = self.tokens[place].offset
        name = self.tokens[place].text.strip("_")
        after = place + 1
        has_arguments = self.tokens[after].text == "("
        if name == "packed":
            into.packed = True
        elif name == "aligned":
            into.align(self._argument(after) if has_arguments else _BIGGEST_ALIGNMENT)
        elif name == "mode" and has_arguments:
            into.mode = self.tokens[after + 1].text.strip("_")
        elif name in _VECTORS:
            reason = "vector types are not supported: use an array or a pointer"
            into.refused = Refusal(reason, offset)
        elif name in _REFUSED:
            into.refused = Refusal(f"the attribute {name!r} is not supported", offset)
        elif (why := conventions.refused_attribute(name)) is not None:
            into.refused = Refusal(why, offset, of_function=True)
        return self.partners.get(after, place) + 1 if has_arguments else after

    def _alignas(self, into: Attributes, place: int) -> None:
        offset, opener = self.tokens[place].offset, place + 1
        if not self.starts_type(opener + 1):
            into.align(self._argument(opener) or 1)
            return
        with self.within(opener + 1, self.partners[opener], "list") as node:
            use = self.type_named(node)
        into.align(self.extent_of(use, offset, "_Alignas")[1])

    def _argument(self, opener: int) -> int:
        """`(8)`: a power of two."""
        number = self.value_within(opener + 1, self.partners[opener]).number
        if number < 0 or number > _LARGEST or number & (number - 1):
            offset = self.offset_of(opener + 1)
            self.fail(offset, f"an alignment is a power of two, not {number}")
        return number
