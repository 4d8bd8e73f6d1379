"""C types as declared -> pytramp.Type, the type as signatures hold it.

A Place says where in which text a type stands, for errors, and how messages about it begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytramp._core import Signature, Type, UnsupportedTypeError
from pytramp._errors import Source
from pytramp.cdecl import constants
from pytramp.cdecl.model import (
    MAX_DEPTH,
    Array,
    CType,
    Enumeration,
    Function,
    Named,
    Pointer,
    Record,
    Refused,
    Scalar,
    Special,
    Use,
    counted,
    is_object,
    plain,
)
from pytramp.cdecl.spell import marked, spelled
from pytramp.prototype import Prototype

if TYPE_CHECKING:
    from typing import NoReturn


class Place(NamedTuple):
    """Where errors about a type point, and what their messages begin with."""

    source: Source
    offset: int
    role: str
    known: dict[Function, Prototype]  # of its parameters: one may be that of many others

    def unsupported(self, message: str) -> NoReturn:
        """UnsupportedTypeError here."""
        raise self.source.unsupported_error(self.offset, self.role + message)

    def fail(self, message: str) -> NoReturn:
        """DeclarationError here."""
        raise self.source.declaration_error(self.offset, self.role + message)


def prototype_of(
    function: Function,
    name: str | None,
    source: Source,
    known: dict[Function, Prototype] | None = None,
) -> Prototype:
    """What Signature is made of."""
    known = {} if known is None else known
    kind = function.result.type
    role = "" if isinstance(kind, Refused) and kind.of_function else "the result: "
    at = Place(source, function.offset, role, known)
    if function.depth > MAX_DEPTH:
        at.unsupported("its functions are nested too deeply")
    result = parameter_free(function.result, at)
    if result.kind == "aggregate":
        _refuse_objects(result, at)
    arguments = []
    for number, parameter in enumerate(function.parameters, 1):
        called = repr(parameter.name) if parameter.name is not None else str(number)
        place = Place(source, parameter.offset, f"parameter {called}: ", known)
        arguments.append(parameter_type(parameter.use, place))
    return Prototype(
        result,
        tuple(arguments),
        tuple(parameter.name for parameter in function.parameters),
        name,
        function.variadic,
    )


def prototype_declared(use: Use, name: str | None) -> Prototype:
    """Of a function type, which knows the text that it stands in."""
    function = plain(use).type
    assert isinstance(function, Function)
    return prototype_of(function, name, function.source or Source("", header=True))


def parameter_free(use: Use, place: Place) -> Type:
    """The type of a result, or of what a pointer points at: qualifiers of its own do not count."""
    kind = use.type
    if isinstance(kind, Named):
        return _named(kind, place)
    if isinstance(kind, Scalar):
        return Type.scalar(kind.spelling)
    if isinstance(kind, Special):
        return _special(kind, place)
    if isinstance(kind, Enumeration):
        return Type.alias(kind.spelling, Type.scalar(kind.base.spelling))
    if isinstance(kind, Record):
        return _by_value(kind, place)
    if isinstance(kind, Pointer):
        return _pointer(Use(kind), kind, place)
    if isinstance(kind, Refused):
        place.unsupported(kind.reason)
    what = "an array" if isinstance(kind, Array) else "a function"
    place.fail(f"{what} cannot be here")


def parameter_type(use: Use, place: Place) -> Type:
    """The type of a parameter: arrays and functions are passed as pointers."""
    kind = plain(use).type
    if isinstance(kind, Array):
        return _array(use, kind, place)
    if isinstance(kind, Function):
        pointer = Pointer(Use(use.type))
        return _pointer(Use(pointer), pointer, place)
    made = parameter_free(use, place)
    if made.kind == "aggregate":
        _check_passed(made, place)
    return made


def _check_passed(type_: Type, place: Place) -> None:
    """A result of the same type may be fine: it is in memory of the caller's."""
    _refuse_objects(type_, place)
    try:
        Signature._from_prototype(Prototype(Type.scalar("void"), (type_,), (None,), None))
    except UnsupportedTypeError as error:
        place.unsupported(str(error).partition(": ")[2])


def _refuse_objects(type_: Type, place: Place) -> None:
    from pytramp._aggregates import refuse_objects  # imports ctypes

    try:
        refuse_objects(type_.ctype)
    except UnsupportedTypeError as error:
        place.unsupported(str(error))


def _named(kind: Named, place: Place) -> Type:
    """A typedef: what it stands for, under its name."""
    target = kind.use.type
    if isinstance(target, Special) and target.name == kind.name:
        return _special(target, place)
    role = place.role if kind.use.type is None else f"{place.role}{kind.name!r}: "
    return Type.alias(kind.name, parameter_free(kind.use, place._replace(role=role)))


def _special(kind: Special, place: Place) -> Type:
    if kind.name == "va_list":
        if place.role == "the result: ":
            place.fail("a function cannot return a 'va_list'")
        return Type.va_list()
    place.fail(f"{kind.name!r} is incomplete: it is passed by address, '{kind.name} *'")


def _by_value(record: Record, place: Place) -> Type:
    if record.refused is not None:
        place.unsupported(record.refused.reason)
    if record.members is None:
        place.unsupported(
            f"{record.spelling!r} by value is unknown: declare it with cdef() and pass types="
        )
    from pytramp.cdecl import records  # imports ctypes

    try:
        return records.aggregate(record)
    except UnsupportedTypeError as error:
        place.unsupported(str(error))


# ---- Pointers ----


def _pointer(use: Use, pointer: Pointer, place: Place) -> Type:
    """use is what is spelled."""
    if pointer.depth > MAX_DEPTH:
        place.unsupported("its pointers and functions are nested too deeply")
    spelling, name_at = marked(use)
    target = plain(pointer.target)
    kind = target.type
    readonly = _is_const(target)
    if isinstance(kind, Scalar) and kind.spelling == "void":
        return Type.pointer(spelling, readonly=readonly, name_at=name_at)
    if is_object(pointer.target):
        return Type.object()
    if isinstance(kind, Function):
        from pytramp import _functions

        source = kind.source or place.source
        if kind not in place.known:
            place.known[kind] = prototype_of(kind, None, source, place.known)
        prototype = place.known[kind]
        return _functions.function_type(prototype, spelling, name_at)
    return Type.pointer(spelling, _target(pointer.target, kind, place), readonly, name_at)


def _is_const(use: Use) -> bool:
    """Is this const, or an array of what is const?"""
    kind, qualifiers = plain(use)
    while isinstance(kind, Array) and "const" not in qualifiers:
        kind, qualifiers = plain(kind.element)
    return "const" in qualifiers


def _target(use: Use, kind: CType, place: Place) -> Type:
    """What is pointed at; what pytramp cannot look into is opaque."""
    if isinstance(kind, Array):
        return _array_target(kind, place)
    if isinstance(kind, Special):
        return Type.opaque(spelled(Use(use.type)))
    if isinstance(kind, Record):
        return _record_target(use, kind)
    return parameter_free(Use(use.type), place)


def _record_target(use: Use, record: Record) -> Type:
    from pytramp.cdecl import records

    if record.members is not None and record.refused is None:
        try:
            made = records.aggregate(record)
        except UnsupportedTypeError:
            made = Type.opaque(record.spelling)
    else:
        made = Type.opaque(record.spelling)
    return Type.alias(use.type.name, made) if isinstance(use.type, Named) else made


def _array_target(array: Array, place: Place) -> Type:
    """`double (*rows)[3]`: the array is a ctypes array class."""
    spelling = spelled(Use(array))
    if array.length is None:
        return Type.opaque(spelling)
    if not isinstance(array.length, (int, Refused)):
        place.unsupported(
            "a pointer to an array whose length is a parameter is not supported: declare the "
            "parameter as an array of arrays"
        )
    from pytramp.cdecl import records

    element, count = counted(Use(array))
    part = _target(element, plain(element).type, place)
    try:
        cls = records.class_for(Use(array))
    except UnsupportedTypeError:
        return Type.opaque(spelling)
    members = [(part, count, 0)]
    return Type.aggregate(cls, spelling, part.size * count, part.alignment, members, False)


# ---- Arrays ----


def _array(use: Use, array: Array, place: Place) -> Type:
    if array.length is None:
        merged = plain(use).qualifiers | array.element.qualifiers
        pointer = Pointer(Use(array.element.type, merged))
        return _pointer(Use(pointer), pointer, place)
    dimensions = []
    qualifiers = plain(use).qualifiers
    element: Use = use
    kind: CType = array
    while isinstance(kind, Array):
        dimensions.append(_program(kind, place))
        element = Use(kind.element.type, kind.element.qualifiers | qualifiers)
        kind, qualifiers = plain(element)
    spelling, name_at = marked(use)
    part = parameter_free(Use(element.type), place)
    if isinstance(kind, Scalar) and kind.spelling == "void":
        place.fail("an array cannot hold 'void'")
    try:
        return Type.array(spelling, part, tuple(dimensions), "const" in qualifiers, name_at)
    except UnsupportedTypeError as error:
        place.unsupported(str(error))


def _program(array: Array, place: Place) -> constants.Program:
    if array.length is None:
        place.fail("only the first length of an array can be left out")
    if isinstance(array.length, Refused):
        place.unsupported(array.length.reason)
    if isinstance(array.length, int):
        return (array.length,)
    try:
        return constants.program(array.length)
    except constants.NotConstant as error:
        place._replace(offset=error.offset).fail(error.message)
