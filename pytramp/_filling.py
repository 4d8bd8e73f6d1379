"""Members of structs and unions: what C gets for a tuple, a dict, or an assignment to one of them.

Each member takes what an argument or result of its type takes, and what is wrong with one names it.
What an instance then has in its function pointers, it keeps. Imports ctypes; any thread.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from operator import index
from typing import Any

from pytramp import _ctypes, _ctypes_results, _ctypes_types
from pytramp._core import Closure, Signature, UnsupportedTypeError
from pytramp.cdecl import instances

# The value for setattr(). Text is taken for a `char *` where the second says that it will be kept.
Convert = Callable[[Any, bool], Any]

_Aggregate = (ctypes.Structure, ctypes.Union)
_INTEGERS = (ctypes.c_byte, ctypes.c_short, ctypes.c_int, ctypes.c_long, ctypes.c_longlong)
_UNSIGNED = (ctypes.c_ubyte, ctypes.c_ushort, ctypes.c_uint, ctypes.c_ulong, ctypes.c_ulonglong)


def made(cls: Any, value: Any, keeps_text: bool) -> Any:
    """An instance of cls, of a tuple or a dict of its members. TypeError, OverflowError, ValueError
    or what value itself raises."""
    try:
        return _instance(cls, value, keeps_text)
    except _NAMED as error:
        _name(error, cls)
        raise


def member(cls: Any, spelling: str, name: str, value: Any) -> Any:
    """What to set the member to; AttributeError where there is none, errors as made()."""
    _, converters = _described(cls)
    if name not in converters:
        raise AttributeError(f"{spelling} has no member {name!r}")
    try:
        return converters[name](value, False)
    except _NAMED as error:
        _remember(error, f".{name}")
        _name(error, cls)
        raise


# ---- Errors ----

_NAMED = (TypeError, OverflowError, ValueError)  # and none of their subclasses, as of Unicode


def _remember(error: BaseException, step: str) -> None:
    """The way to the member that it is about, from the inside out."""
    error.__dict__["_pytramp_path"] = step + error.__dict__.get("_pytramp_path", "")


def _name(error: BaseException, cls: Any) -> None:
    """Says in its text whose member it is about."""
    path = error.__dict__.pop("_pytramp_path", "")
    if path and type(error) in _NAMED:
        error.args = (f"member {cls.__name__}{path}: {error}",)


# ---- Instances ----


def _instance(cls: Any, value: Any, keeps_text: bool) -> Any:
    names, converters = _described(cls)
    if isinstance(value, dict):
        items = [(_field(cls, converters, key), each) for key, each in list(dict.items(value))]
    elif len(value) > len(names):
        raise TypeError(
            f"too many initializers: {len(value)} for the {len(names)} members of {cls.__name__}"
        )
    else:
        items = list(zip(names, value, strict=False))
    if not instances.is_plain(cls):
        return cls(**dict(items)) if isinstance(value, dict) else cls(*value)
    filled = cls()
    for name, each in items:
        try:
            setattr(filled, name, converters[name](each, keeps_text))
        except _NAMED as error:
            _remember(error, f".{name}")
            raise
    return filled


def _field(cls: Any, converters: dict[str, Convert], key: Any) -> str:
    if isinstance(key, str) and key in converters:
        return str.__str__(key)
    raise TypeError(f"{cls.__name__} has no field {key!r}")


def _described(cls: Any) -> tuple[tuple[str, ...], dict[str, Convert]]:
    """The members in order, and how each is converted: those of anonymous members, too.

    It is kept by the class, since the classes of members may refer back to it.
    """
    known: Any = vars(cls).get("_pytramp_members_")
    if known is None:
        known = cls._pytramp_members_ = _describe(cls)
    return known  # type: ignore[no-any-return]


def _describe(cls: Any) -> tuple[tuple[str, ...], dict[str, Convert]]:
    names: list[str] = []
    converters: dict[str, Convert] = {}
    for owner in reversed(cls.__mro__):
        own = vars(owner)
        kinds = {name: (kind, *bits) for name, kind, *bits in own.get("_fields_", ())}
        bit_fields = own.get("_bit_fields_", {})
        for name in own.get("_names_", kinds):
            names.append(name)
            if name in kinds:
                converters[name] = _member(*kinds[name])
            else:
                converters[name] = _bits(bit_fields[name].kind, bit_fields[name].width)
        for name in own.get("_anonymous_", ()):
            for inner, convert in _described(kinds[name][0])[1].items():
                converters.setdefault(inner, convert)
    return tuple(names), converters


# ---- Values ----

_TEXT = {ctypes.c_char: bytes, ctypes.c_wchar: str}


def _converter(kind: Any, width: int | None = None) -> Convert:
    if width is not None:
        return _bits(kind, width)
    if issubclass(kind, _Aggregate):
        return _aggregate(kind)
    return _array(kind) if issubclass(kind, ctypes.Array) else _scalar(kind)


def _member(kind: Any, width: int | None = None) -> Convert:
    is_text = issubclass(kind, ctypes.Array) and kind._type_ in _TEXT
    return _text_array(kind) if is_text else _converter(kind, width)


def _bits(kind: Any, width: int) -> Convert:
    is_bool = issubclass(kind, ctypes.c_bool)
    is_signed = not is_bool and kind(-1).value == -1
    low, high = (-1 << (width - 1), (1 << (width - 1)) - 1) if is_signed else (0, (1 << width) - 1)

    def convert(value: Any, _: bool) -> int:
        if is_bool:
            return bool(value)
        if not hasattr(type(value), "__index__"):
            raise TypeError(f"a bit-field must be an int, not {type(value).__name__}")
        number = index(value)
        if not low <= number <= high:
            shown = number if number.bit_length() <= 128 else "the int"
            raise OverflowError(f"{shown} is out of range for a bit-field: {low} to {high}")
        return number

    return convert


def _aggregate(kind: Any) -> Convert:
    def convert(value: Any, keeps_text: bool) -> Any:
        if isinstance(value, kind):
            return value
        if isinstance(value, (tuple, dict)):
            return _instance(kind, value, keeps_text)
        raise TypeError(
            f"expected {kind.__name__}, or a tuple or dict of its fields, not "
            f"{type(value).__name__}"
        )

    return convert


def _array(kind: Any) -> Convert:
    """An instance, a tuple of elements, and text for arrays of characters."""
    element = _converter(kind._type_)
    text = _TEXT.get(kind._type_)
    wanted = f"a tuple or {text.__name__ if text else kind.__name__}"

    def convert(value: Any, keeps_text: bool) -> Any:
        if isinstance(value, kind):
            return value
        is_text = text is not None and isinstance(value, text)
        if not is_text and not isinstance(value, tuple):
            raise TypeError(f"expected {wanted}, not {type(value).__name__}")
        if len(value) > kind._length_:
            raise TypeError(f"too many initializers: {len(value)} for {kind._length_} elements")
        array = kind()
        if is_text:
            array.value = value
            return array
        for i, each in enumerate(value):
            try:
                array[i] = element(each, keeps_text)
            except _NAMED as error:
                _remember(error, f"[{i}]")
                raise
        return array

    return convert


def _text_array(kind: Any) -> Convert:
    """As a member of its own, which ctypes sets to text only."""
    convert = _array(kind)
    return lambda value, keeps_text: convert(value, keeps_text)[:]


def _scalar(kind: Any) -> Convert:
    """Numbers, characters and addresses, by the type that an argument of this class has."""
    try:
        type_ = _ctypes_types.argument(kind)
    except (UnsupportedTypeError, TypeError):
        return lambda value, _: value  # no type of C's: ctypes knows
    assert type_ is not None
    if type_.signature is not None:
        return _function(kind, type_.signature)
    if issubclass(kind, ctypes.py_object):
        return _object(kind)
    store = _ctypes_results.in_cell(type_, kind)
    low, high = _limits(kind)
    text = {ctypes.c_char_p: bytes, ctypes.c_wchar_p: str}.get(kind)

    def convert(value: Any, keeps_text: bool) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        if isinstance(value, kind):
            return value
        if keeps_text and text is not None and isinstance(value, text):
            return value
        return store(value)

    return convert


def _object(kind: Any) -> Convert:
    """Any object, which the instance keeps, and pytramp._keeping what C gets of it."""
    if kind is ctypes.py_object:
        return lambda value, _: value
    return lambda value, _: value if isinstance(value, kind) else kind(value)


def _function(kind: Any, signature: Signature) -> Convert:
    """A function pointer, which keeps the Closure that it is of."""
    store = _ctypes_results.function(kind, signature)

    def convert(value: Any, _: bool) -> Any:
        stored = store(value)
        if type(value) is Closure:
            return _ctypes.as_function(value, kind)
        return kind.from_buffer_copy(stored) if isinstance(stored, bytes) else stored

    return convert


def _limits(kind: Any) -> tuple[int, int]:
    """Of the ints that need no further look; none for other types."""
    bits = 8 * ctypes.sizeof(kind)
    if kind in _INTEGERS:
        return -1 << (bits - 1), (1 << (bits - 1)) - 1
    return (0, (1 << bits) - 1) if kind in _UNSIGNED else (0, -1)
