"""C types as declarations name them: plain data that the parser builds and never changes later,
except that a Record is completed once.

A Use is a type with the qualifiers of one place. Sizes are in bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytramp._core import Type, UnsupportedTypeError

if TYPE_CHECKING:
    from pytramp._errors import Source
    from pytramp._layout import Layout
    from pytramp.cdecl.constants import Expression

MAX_DEPTH = 64  # of pointers and functions: what looks into them calls itself
POINTER_SIZE = Type.pointer("void *").size


class Use(NamedTuple):
    """A type, and the qualifiers that it has here: `const`, `volatile`."""

    type: CType
    qualifiers: frozenset[str] = frozenset()


class Scalar:
    """An arithmetic type, or void."""

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling


class Special:
    """A type with rules of its own: "va_list" or "PyObject"."""

    def __init__(self, name: str) -> None:
        self.name = name


class Named:
    """A typedef. alignment: what `aligned` said in it, or None."""

    def __init__(self, name: str, use: Use, alignment: int | None = None) -> None:
        self.name = name
        self.use = use
        self.alignment = alignment


class Pointer:
    """A pointer to target."""

    def __init__(self, target: Use) -> None:
        self.target = target
        self.depth = depth(target) + 1


class Array:
    """An array. length: an int; None for `[]`; an Expression that names parameters; Refused."""

    def __init__(self, element: Use, length: int | Expression | Refused | None) -> None:
        self.element = element
        self.length = length


class Parameter(NamedTuple):
    """A parameter as it is declared; offset is where its type stands in the text."""

    name: str | None
    use: Use
    offset: int
    name_offset: int


class Function:
    """A function type."""

    def __init__(self, result: Use, parameters: tuple[Parameter, ...], variadic: bool) -> None:
        self.result = result
        self.parameters = parameters
        self.variadic = variadic
        parts = (result, *(parameter.use for parameter in parameters))
        self.depth = max(map(depth, parts)) + 1
        self.offset = 0  # of the specifiers, which are the result's
        self.source: Source | None = None  # where it stands


class Member(NamedTuple):
    """A member of a struct or union. bits: the width of a bit-field, else None."""

    name: str | None
    use: Use
    bits: int | None
    packed: bool
    alignment: int | None
    offset: int


class Record:
    """A struct or union. members is None while it is incomplete; name is a typedef's if no tag."""

    def __init__(self, keyword: str, tag: str | None) -> None:
        self.keyword = keyword
        self.tag = tag
        self.name: str | None = None
        self.members: tuple[Member, ...] | None = None
        self.layout: Layout | None = None
        self.refused: Refused | None = None  # why its layout is not known
        self.depth = 0  # how deeply structs are nested in it
        self.built: Any = None  # what pytramp.cdecl.records made of it

    @property
    def spelling(self) -> str:
        """`struct point`; the typedef's name if it has no tag."""
        if self.tag is not None:
            return f"{self.keyword} {self.tag}"
        return self.name or f"{self.keyword} <anonymous>"


class Enumeration:
    """An enum; base is the integer type that the compiler takes for it."""

    def __init__(self, tag: str | None, base: Scalar) -> None:
        self.tag = tag
        self.name: str | None = None
        self.base = base
        self.values: dict[str, int] = {}
        self.built: Any = None  # the IntEnum class

    @property
    def spelling(self) -> str:
        """`enum color`; the typedef's name if it has no tag."""
        return f"enum {self.tag}" if self.tag is not None else self.name or "enum <anonymous>"


class Refused:
    """Legal C that pytramp cannot pass. reason is one clause, error the whole one to raise.

    of_function: it is the result of a function that is itself what is refused.
    """

    def __init__(
        self, spelling: str, reason: str, error: UnsupportedTypeError, of_function: bool = False
    ) -> None:
        self.spelling = spelling
        self.reason = reason
        self.text = str(error)
        self.column = error.column
        self.of_function = of_function

    def error(self) -> UnsupportedTypeError:
        """A new exception: one object raised in several threads would mix their tracebacks."""
        made = UnsupportedTypeError(self.text)
        made.column = self.column
        return made


CType = Scalar | Special | Named | Pointer | Array | Function | Record | Enumeration | Refused

VOID = Scalar("void")
INT = Scalar("int")


class Incomplete(Exception):
    """Says which type has no size."""


class NoLayout(Exception):
    """Says which type has a size that pytramp does not know."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


def plain(use: Use) -> Use:
    """What stands behind typedefs, with all qualifiers that were met."""
    kind, qualifiers = use
    while isinstance(kind, Named):
        qualifiers = qualifiers | kind.use.qualifiers
        kind = kind.use.type
    return Use(kind, qualifiers)


def depth(use: Use) -> int:
    """How many pointers and functions are within one another, over any number of declarations."""
    kind = plain(use).type
    while isinstance(kind, Array):
        kind = plain(kind.element).type
    return kind.depth if isinstance(kind, (Pointer, Function)) else 0


def is_object(use: Use) -> bool:
    """Is this PyObject itself, whoever declared it?"""
    kind = use.type
    return isinstance(kind, (Named, Special)) and kind.name == "PyObject"


def counted(use: Use) -> tuple[Use, int]:
    """The elements of an array of arrays, and how many there are."""
    count = 1
    kind = plain(use).type
    while isinstance(kind, Array):
        count *= kind.length if isinstance(kind.length, int) else 0
        use = kind.element
        kind = plain(use).type
    return use, count


def keeps_code(record: Record) -> bool:
    """Has it function pointers or objects? A class would not say it before it has its fields."""
    for member in record.members or ():
        kind = plain(counted(member.use)[0]).type
        if isinstance(kind, Record) and keeps_code(kind):
            return True
        if isinstance(kind, Pointer):
            is_function = isinstance(plain(kind.target).type, Function)
            if is_function or is_object(kind.target):
                return True
    return False


def extent(use: Use) -> tuple[int, int]:
    """(size, alignment). Raises Incomplete or NoLayout where the type has none."""
    kind = use.type
    if isinstance(kind, Named):
        size, alignment = extent(kind.use)
        return size, kind.alignment or alignment
    if isinstance(kind, Pointer):
        return POINTER_SIZE, POINTER_SIZE
    if isinstance(kind, Enumeration):
        kind = kind.base
    if isinstance(kind, Scalar) and kind is not VOID and kind.spelling != "void":
        type_ = Type.scalar(kind.spelling)
        return type_.size, type_.alignment
    if isinstance(kind, Array):
        return _array_extent(kind)
    if isinstance(kind, Record):
        return _record_extent(kind)
    if isinstance(kind, Refused):
        raise NoLayout(kind)
    if isinstance(kind, Special) and kind.name == "va_list":
        raise NoLayout(_va_list())
    raise Incomplete(_what(kind))


def _va_list() -> Refused:
    """C has its size; here is only known what a parameter of it is, which may be an address."""
    reason = "the size of a 'va_list' is not known, only how it is passed"
    return Refused("va_list", reason, UnsupportedTypeError(reason))


def _array_extent(array: Array) -> tuple[int, int]:
    size, alignment = extent(array.element)
    if isinstance(array.length, Refused):
        raise NoLayout(array.length)
    if not isinstance(array.length, int):
        raise Incomplete("an array without a length")
    return size * array.length, alignment


def _record_extent(record: Record) -> tuple[int, int]:
    if record.refused is not None:
        raise NoLayout(record.refused)
    if record.layout is None:
        raise Incomplete(repr(record.spelling))
    return record.layout.size, record.layout.alignment


def _what(kind: CType) -> str:
    if isinstance(kind, Function):
        return "a function"
    if isinstance(kind, Special):
        return repr(kind.name)
    return "'void'"
