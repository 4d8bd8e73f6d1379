"""cffi types -> types, whose values are those of cffi: what ffi.callback() gets and takes.

A type object of cffi needs no FFI: cffi's own functions on types stand in _cffi_backend, which is
imported with the first such type. Every function here may be called from any thread.
"""

from __future__ import annotations

import functools
import importlib
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pytramp import _cffi_layout
from pytramp._address import address_bytes
from pytramp._agreement import address_for
from pytramp._core import (
    Closure,
    DeclarationError,
    Pointer,
    Signature,
    Type,
    UnsupportedTypeError,
)
from pytramp._errors import prefixed
from pytramp.prototype import Prototype

_NAMES = {  # what cffi calls by another name than C, and what is no integer
    "_cffi_float_complex_t": "float _Complex",
    "_cffi_double_complex_t": "double _Complex",
    **{
        name: name
        for name in (
            *("_Bool", "char", "wchar_t", "char16_t", "char32_t"),
            *("float", "double", "long double", "float _Complex", "double _Complex"),
        )
    },
}
_NAME = "\1"  # where a name would stand
_INTEGERS = (
    *("signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int"),
    *("long", "unsigned long", "long long", "unsigned long long"),
)


def prototype(ct: Any) -> Prototype:
    """The function type of a cffi function pointer type.

    TypeError for another type, UnsupportedTypeError that names the argument which cannot be passed.
    """
    if ct.kind != "function":
        raise TypeError(f"cffi's '{ct.cname}' is no function type")
    backend = _backend()
    if ct.abi not in (backend.FFI_DEFAULT_ABI, backend.FFI_CDECL):
        raise UnsupportedTypeError(f"'{ct.cname}' has a calling convention of its own")
    arguments = tuple(_named(argument, f"argument {i}") for i, argument in enumerate(ct.args, 1))
    names = (None,) * len(arguments)
    return Prototype(_named(ct.result, "result"), arguments, names, None, _is_variadic(ct))


def _is_variadic(ct: Any) -> bool:
    """By its name: ct.ellipsis is also set where cffi itself cannot call with the types."""
    if not ct.ellipsis:
        return False
    text = _backend().getcname(ct, _NAME)
    depth, end = 1, text.index(f"{_NAME})(") + 3
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return bool(text[: end - 1].endswith("..."))


def type_of(ct: Any) -> Type:
    """The type of one value. UnsupportedTypeError for what cannot be passed by value."""
    make: dict[str, Callable[[Any], Type]] = {
        "void": lambda ct: Type.scalar("void"),
        "primitive": _primitive,
        "bool": _primitive,
        "enum": lambda ct: Type.alias(ct.cname, _integer(ct)),
        "pointer": _pointer,
        "function": _function,
        "struct": _aggregate,
        "union": _aggregate,
    }
    if ct.kind not in make:
        raise UnsupportedTypeError(f"'{ct.cname}': C passes no arrays: give a pointer type")
    return make[ct.kind](ct)


def integer(value: Any) -> int:
    """The int of a cdata integer or character, which cffi takes for one. TypeError for others."""
    ct = _backend().typeof(value)
    if ct.kind not in ("primitive", "enum") or "float" in ct.cname or "double" in ct.cname:
        raise TypeError(f"an integer is required, not {value!r}")
    return int(value)


def address(value: Any, wanted: str) -> int:
    """Where a cdata pointer or function points, or an array is; the number of an integer.

    TypeError for others, which names the type that is wanted.
    """
    backend = _backend()
    kind = backend.typeof(value).kind
    if kind in ("struct", "union"):
        raise TypeError(f"{wanted} cannot be {value!r}: ffi.addressof() gives a pointer to it")
    if kind not in ("pointer", "array", "function"):
        return integer(value)
    return int(backend.cast(backend.new_primitive_type("uintptr_t"), value))


def pointer_target(ct: Any) -> tuple[str, Any] | None:
    """(spelling, type) of what a pointer type points at; None for void and what is no pointer."""
    if ct.kind != "pointer" or ct.item.kind == "void":
        return None
    return ct.cname, ct.item


@functools.cache
def _backend() -> Any:
    return importlib.import_module("_cffi_backend")


def _named(ct: Any, where: str) -> Type:
    try:
        return type_of(ct)
    except (DeclarationError, UnsupportedTypeError) as error:
        raise prefixed(where, error) from None


def _primitive(ct: Any) -> Type:
    """Integers, characters and numbers are the same Python objects in cffi as here, but one."""
    name = _NAMES.get(ct.cname)
    if name == "long double":
        return _converted(ct, Type.scalar(name), _copied(ct))
    if name is not None:
        return Type.scalar(name)
    scalar = _integer(ct)
    return scalar if scalar.spelling == ct.cname else Type.alias(ct.cname, scalar)


def _integer(ct: Any) -> Type:
    """The integer of this size and sign: the one of this name, if C has it."""
    backend = _backend()
    is_signed = int(backend.cast(ct, -1)) < 0
    found = [Type.scalar(name) for name in _INTEGERS[0 if is_signed else 1 :: 2]]
    named = [scalar for scalar in found if scalar.spelling == ct.cname]
    return (named or [scalar for scalar in found if scalar.size == backend.sizeof(ct)])[0]


def _pointer(ct: Any) -> Type:
    return _converted(ct, Type.scalar("void *"), _address(ct), (Pointer, Closure))


def _function(ct: Any) -> Type:
    signature = Signature._from_prototype(prototype(ct))
    return _converted(ct, Type.scalar("void *"), _address(ct), (Closure,), signature)


def _aggregate(ct: Any) -> Type:
    return _converted(ct, _layout(ct), _copied(ct))


def _layout(ct: Any) -> Type:
    """As type_of, where only the machine type counts."""
    if ct.kind in ("pointer", "function"):
        return Type.scalar("void *")
    if ct.kind not in ("struct", "union"):
        return Type.scalar(_NAMES[ct.cname]) if ct.cname in _NAMES else _integer(ct)
    backend = _backend()
    members = _cffi_layout.members(ct, backend, _layout)
    unused = SimpleNamespace(from_buffer_copy=None)
    size, alignment = backend.sizeof(ct), backend.alignof(ct)
    return Type.aggregate(unused, ct.cname, size, alignment, members, ct.kind == "union")


# ---- Values ----


def _address(ct: Any) -> Callable[[bytes], Any]:
    cast, unpack = _backend().cast, struct.Struct("P").unpack

    def load(data: bytes) -> Any:
        return cast(ct, unpack(data)[0])

    return load


def _copied(ct: Any) -> Callable[[bytes], Any]:
    """A value of its own memory, which stays valid after the call."""
    backend = _backend()
    newp, memmove, size = backend.newp, backend.memmove, backend.sizeof(ct)
    pointer = backend.new_pointer_type(ct)

    def load(data: bytes) -> Any:
        cell = newp(pointer)
        memmove(cell, data, size)
        return cell[0]

    return load


def _converted(
    ct: Any,
    base: Type,
    load: Callable[[bytes], Any],
    ours: tuple[type, ...] = (),
    signature: Signature | None = None,
) -> Type:
    """A type with cffi's values; for a result, objects of the classes `ours` are addresses, too."""
    backend = _backend()
    newp, buffer = backend.newp, backend.buffer
    pointer = backend.new_pointer_type(ct)

    def store(value: Any) -> Any:
        if isinstance(value, ours):
            if isinstance(value, Closure) and signature is not None:
                value = address_for(value, signature)
            return address_bytes(value, ct.cname)
        cell = newp(pointer)
        cell[0] = value
        return buffer(cell)

    name_at = backend.getcname(ct, _NAME).index(_NAME)
    name_at = -1 if name_at == len(ct.cname) else name_at
    return Type.custom(ct.cname, base, ct, load, store, signature, name_at)
