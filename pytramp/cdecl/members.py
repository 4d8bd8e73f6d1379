"""Bodies of structs, unions and enums as pycparser has them -> records with layouts."""

from __future__ import annotations

from typing import Any

from pytramp import _layout, _typenames
from pytramp._errors import Source
from pytramp._layout import Field, is_alike_in, lay_out
from pytramp.cdecl.attributes import Attributes
from pytramp.cdecl.constants import Value
from pytramp.cdecl.declarators import DeclaratorReader
from pytramp.cdecl.grammar import kind_of
from pytramp.cdecl.integers import is_integer
from pytramp.cdecl.model import (
    Array,
    Enumeration,
    Function,
    Incomplete,
    Member,
    NoLayout,
    Record,
    Refused,
    Scalar,
    Use,
    extent,
    plain,
)
from pytramp.cdecl.rewrite import Head
from pytramp.cdecl.scope import Enumerator, Scope
from pytramp.cdecl.specifiers import Specifiers
from pytramp.cdecl.tokens import Token

# The nodes of declarators.
DECLARATORS = frozenset({"TypeDecl", "PtrDecl", "ArrayDecl", "FuncDecl"})
_MAX_NESTING = 40  # of structs by value in one another, over any number of declarations


class MemberReader(DeclaratorReader):
    """The part of the reader that knows struct, union and enum bodies, which headers have."""

    def __init__(self, source: Source, tokens: list[Token], scope: Scope) -> None:
        super().__init__(source, tokens, scope)
        self._made: dict[int, Record | Enumeration] = {}  # by the place of the keyword's token

    def pack_at(self, offset: int) -> int:
        """What `#pragma pack` says at offset; 0 for nothing."""
        return 0

    # ---- Structs and unions ----

    def record(self, node: Any, head: Head, place: int) -> Record:
        """Takes in members and attributes, once: the node is that of each declarator after it."""
        keyword = self.offset_at(place)
        if keyword in self._made:
            made = self._made[keyword]
            assert isinstance(made, Record)
            return made
        record = self._new_record(self.word_at(place), node.name, place)
        self._made[keyword] = record
        members: list[Member] = []
        for each in node.decls or ():
            self._member_declaration(record, members, each)
        self._check_unique_members(record, members)
        assert head.end is not None
        pack = self.pack_at(self.offset_of(head.end))
        record.members = tuple(members)
        self._lay_out(record, self.attributes(head.attributes), pack, keyword)
        return record

    def _new_record(self, keyword: str, tag: str | None, place: int) -> Record:
        if tag is None:
            return Record(keyword, None)
        found = self.scope.tags.get(tag)
        if found is None:
            found = self.scope.tags[tag] = Record(keyword, tag)
        self.check_tag(keyword, tag, found, place)
        assert isinstance(found, Record)
        if found.members is not None or found.refused is not None:
            self.fail(self.offset_at(place + 1), f"'{keyword} {tag}' is defined twice")
        return found

    def _member_declaration(self, record: Record, members: list[Member], node: Any) -> None:
        if kind_of(node) == "Decl" and kind_of(node.type) not in DECLARATORS:
            self._bare(record, members, node)
        else:
            members.append(self._member_declarator(record, node))

    def _bare(self, record: Record, members: list[Member], node: Any) -> None:
        """A declaration without names brings in a member if it is an anonymous struct."""
        made = self.specifiers(node.type, frozenset(node.quals or ()))
        base = made.base
        if isinstance(base, Record) and base.tag is None and made.is_definition:
            attributes = self.attributes(self.word_of(node.type).segment.shared)
            members.append(self._member(record, made, None, Use(base), None, attributes))

    def _member_declarator(self, record: Record, node: Any) -> Member:
        made, name, offset, steps, segment = self.apart(node)
        assert segment is not None
        made.attributes, own = self.attributes(segment.shared), self.attributes(segment.own)
        made.attributes.mode = own.mode or made.attributes.mode
        role = f"member {_called(record)}.{name or '(unnamed)'}: "
        use = self.built(made, steps, role)
        self.check(use, made.offset, role)
        bits = None if node.bitsize is None else self._width(node.bitsize, use, name, role)
        own.add(made.attributes)
        if own.refused is not None and made.attributes.refused is None:
            use = Use(self.refuse(name or "", own.refused.reason, own.refused.offset))
        return self._member(record, made, name, use, bits, own)._replace(offset=offset)

    def _member(
        self,
        record: Record,
        made: Specifiers,
        name: str | None,
        use: Use,
        bits: int | None,
        attributes: Attributes,
    ) -> Member:
        if isinstance(plain(use).type, Function):
            self.fail(made.offset, f"member {_called(record)}.{name}: a function is no member")
        return Member(name, use, bits, attributes.packed, attributes.aligned, made.offset)

    def _width(self, node: Any, use: Use, name: str | None, role: str) -> int:
        offset = self.offset(node)
        width = self.constant(node).number
        kind = plain(use).type
        if isinstance(kind, Refused):
            return max(width, 0)
        scalar = kind.base if isinstance(kind, Enumeration) else kind
        if not isinstance(scalar, Scalar) or not is_integer(scalar):
            self.fail(offset, f"{role}only integers can be bit-fields")
        most = 1 if scalar.spelling == "_Bool" else 8 * extent(Use(scalar))[0]
        if not 0 <= width <= most:
            self.fail(offset, f"{role}a width of {width} bits, where 0 to {most} can be")
        if width == 0 and name is not None:
            self.fail(offset, f"{role}a bit-field of no width has no name")
        return width

    def _check_unique_members(self, record: Record, members: list[Member]) -> None:
        seen = set()
        for member in members:
            for name in _names(member):
                if name in seen:
                    self.fail(member.offset, f"two members of {_called(record)} are named {name!r}")
                seen.add(name)

    # ---- Layout ----

    def _lay_out(self, record: Record, attributes: Attributes, pack: int, offset: int) -> None:
        """Finds the layout, or remembers why there is none."""
        if attributes.refused is not None:
            reason, offset = attributes.refused[:2]
            record.refused = self.refuse(record.spelling, f"{record.spelling!r}: {reason}", offset)
            return
        fields = []
        depth = 0
        for place, member in enumerate(record.members or ()):
            is_last = place == len(record.members or ()) - 1
            if member.name is not None and _is_of_classes(member.name):
                where = f"member {_called(record)}.{member.name}"
                reason = f"{where}: a ctypes class has an attribute of its own of this name"
                record.refused = self.refuse(record.spelling, reason, member.offset)
                return
            try:
                fields.append(self._field(record, member, attributes.packed, is_last))
            except NoLayout as error:
                where = f"member {_called(record)}.{member.name or '(anonymous)'}"
                reason = f"{where}: {error.refused.reason}"
                record.refused = self.refuse(record.spelling, reason, member.offset)
                return
            depth = max(depth, _depth(member.use) + 1)
        is_union = record.keyword == "union"
        for member, field in zip(record.members or (), fields, strict=True):
            if _is_disputed(member, field, pack) or (
                is_union and not is_alike_in(fields, field, pack)
            ):
                where = f"member {_called(record)}.{member.name or '(anonymous)'}"
                reason = f"{where}: compilers do not agree on where such a bit-field lies"
                record.refused = self.refuse(record.spelling, reason, member.offset)
                return
        if depth > _MAX_NESTING:
            reason = f"{record.spelling!r} is nested too deeply"
            record.refused = self.refuse(record.spelling, reason, offset)
            return
        record.depth = depth
        explicit = attributes.aligned or 1
        record.layout = lay_out(fields, is_union=is_union, explicit=explicit, pack=pack)

    def _field(self, record: Record, member: Member, packed: bool, is_last: bool) -> Field:
        use = member.use
        kind = plain(use).type
        if isinstance(kind, Array) and kind.length is None and is_last:
            size, alignment = 0, self._extent(record, member, kind.element)[1]
        else:
            size, alignment = self._extent(record, member, use)
        is_packed = packed or member.packed
        return Field(
            size, alignment, member.bits, member.name is not None, is_packed, member.alignment
        )

    def _extent(self, record: Record, member: Member, use: Use) -> tuple[int, int]:
        kind = plain(use).type
        if isinstance(kind, Array) and not isinstance(kind.length, (int, Refused, type(None))):
            self.evaluated(kind.length)
        try:
            return extent(use)
        except Incomplete as error:
            where = f"member {_called(record)}.{member.name}"
            self.fail(member.offset, f"{where}: {error} is incomplete: it has no size")

    # ---- Enums ----

    def enumeration(self, node: Any, head: Head, place: int) -> Enumeration:
        """Takes in `: type`, `{ A, B = 3 }` and the attributes, once."""
        keyword = self.offset_at(place)
        if keyword in self._made:
            known = self._made[keyword]
            assert isinstance(known, Enumeration)
            return known
        made = self._new_enumeration(node.name, place)
        self._made[keyword] = made
        fixed = self._fixed(head)
        if head.end is None:
            made.base = fixed or made.base
            return made
        following = 0
        for each in node.values.enumerators if node.values is not None else ():
            following = self._enumerator(made, each, following) + 1
        packed = self.attributes(head.attributes).packed
        made.base = fixed or Scalar(_base_of(made.values, packed))
        return made

    def _fixed(self, head: Head) -> Scalar | None:
        """The type after `:`."""
        if head.base is None:
            return None
        with self.within(*head.base, "list") as node:
            kind = plain(self.type_named(node)).type
        return kind if isinstance(kind, Scalar) else None

    def _new_enumeration(self, tag: str | None, place: int) -> Enumeration:
        if tag is None:
            return Enumeration(None, Scalar("int"))
        found = self.scope.tags.get(tag)
        if found is None:
            found = self.scope.tags[tag] = Enumeration(tag, Scalar("int"))
        self.check_tag("enum", tag, found, place)
        assert isinstance(found, Enumeration)
        if found.values:
            self.fail(self.offset_at(place + 1), f"'enum {tag}' is defined twice")
        return found

    def _enumerator(self, made: Enumeration, node: Any, following: int) -> int:
        offset, name = self.offset(node), node.name
        number = following if node.value is None else self.constant(node.value).number
        if not -(1 << 63) <= number < 1 << 64:
            self.fail(offset, f"the value of {name!r} fits into no type")
        if name in self.scope.names:
            self.fail(offset, f"{name!r} is declared twice")
        made.values[name] = number
        self.scope.names[name] = Enumerator(_typed(number), made)
        return number


# What a class of ctypes or pytramp's own code looks up in a struct's class.
_OF_CLASSES = frozenset(
    "_fields_ _anonymous_ _pack_ _align_ _layout_ _swappedbytes_ _b_base_ _b_needsfree_ _objects "
    "_as_parameter_ _names_ _bit_fields_ _pytramp_record_ _pytramp_members_ from_address "
    "from_buffer from_buffer_copy from_param in_dll".split()
)


def _is_of_classes(name: str) -> bool:
    is_special = len(name) > 4 and name.startswith("__") and name.endswith("__")
    return is_special or name in _OF_CLASSES


def _called(record: Record) -> str:
    return record.tag or record.name or record.keyword


def _is_disputed(member: Member, field: Field, pack: int) -> bool:
    """Do GCC and clang lay this bit-field out differently? Those for Windows do as they like with
    attributes, which Microsoft's has none of."""
    if field.bits is None:
        return False
    natural = extent(plain(member.use))[1]
    if _layout.IN_UNITS:
        return field.packed or field.explicit is not None or field.alignment != natural
    if not field.bits:
        return False
    if field.explicit is not None and pack > 0:
        return True
    if field.packed:
        return False
    lowered = field.explicit is not None and field.explicit < field.alignment
    return lowered or _is_type_disputed(field, natural, pack)


def _is_type_disputed(field: Field, natural: int, pack: int) -> bool:
    """What a typedef says of alignment: if it is more, GCC has the bit-field begin there; if it is
    less, GCC does not hear of it where the bit-field is as wide as its type."""
    if field.alignment > natural:
        return not pack and field.explicit is None
    is_less = max(field.alignment, field.explicit or 1) < natural
    return is_less and field.bits == 8 * field.size and (not pack or pack > field.alignment)


def _names(member: Member) -> list[str]:
    """The names that a member brings into its struct: those of an anonymous one are its own."""
    if member.name is not None:
        return [member.name]
    kind = member.use.type
    if not isinstance(kind, Record) or member.bits is not None:
        return []
    return [name for inner in kind.members or () for name in _names(inner)]


def _depth(use: Use) -> int:
    kind = plain(use).type
    while isinstance(kind, Array):
        kind = plain(kind.element).type
    return kind.depth if isinstance(kind, Record) else 0


def _typed(number: int) -> Value:
    """An enumerator's type: int where it fits, else the first that takes it."""
    if -(1 << 31) <= number < 1 << 31:
        return Value(number)
    if 0 <= number < 1 << 32:
        return Value(number, 32, True)
    return Value(number, 64, number >= 1 << 63)


def _base_of(values: dict[str, int], packed: bool) -> str:
    """The integer type that GCC and clang take for an enum of these values."""
    low, high = min(values.values(), default=0), max(values.values(), default=0)
    for size in (1, 2, 4, 8) if packed else (4, 8):
        if low >= 0 and high < 1 << (8 * size):
            return _typenames.unsigned(_typenames.integer_of(size))
        if low < 0 and -low <= 1 << (8 * size - 1) and high < 1 << (8 * size - 1):
            return _typenames.integer_of(size)
    return "long long"
