"""Whatever the public functions get, they say what is wrong in words of their own."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any

import pytest
import tools

import pytramp

TYPES = pytramp.cdef("typedef struct { int a; } pair; typedef int (*function)(int);")
SIGNATURE = pytramp.Signature("int (int)")
CLOSURE = SIGNATURE(abs)
NUMBERS = (ctypes.c_int * 4)()
POINTER = pytramp.Pointer("int *", NUMBERS)

WRONG: dict[str, Any] = {
    "None": None,
    "int": 3,
    "negative": -1,
    "huge": 2**70,
    "float": 1.5,
    "str": "x",
    "empty": "",
    "surrogate": "\ud800",
    "NUL": "a\0b",
    "bytes": b"x",
    "list": [],
    "dict": {},
    "object": object(),
    "class": int,
    "function": len,
    "types": TYPES,
    "signature": SIGNATURE,
    "type": SIGNATURE.result,
}


def ffi() -> Any:
    return tools.need("cffi").FFI()


def cffi_callback(*arguments: Any, **options: Any) -> Any:
    tools.need("cffi")
    from pytramp.interop import cffi

    return cffi.callback(*arguments, **options)


def made(**options: Any) -> Any:
    return pytramp.callback("int (int)", len, **options)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "Signature": pytramp.Signature,
    "Signature types": lambda v: pytramp.Signature("int (int)", types=v),
    "from_types result": pytramp.Signature.from_types,
    "from_types argument": lambda v: pytramp.Signature.from_types(None, v),
    "from_types types": lambda v: pytramp.Signature.from_types("int", types=v),
    "Signature()": SIGNATURE,
    "explain": SIGNATURE.explain,
    "declared": SIGNATURE.result.declared,
    "callback": pytramp.callback,
    "callback specification": lambda v: pytramp.callback(v, abs),
    "callback function": lambda v: pytramp.callback("int (int)", v),
    "callback types": lambda v: pytramp.callback("int (int)", abs, types=v),
    "callback error": lambda v: made(error=v),
    "callback error struct": lambda v: pytramp.callback("pair (int)", len, error=v, types=TYPES),
    "callback onerror": lambda v: made(onerror=v),
    "callback name": lambda v: made(name=v),
    "callback arrays": lambda v: made(arrays=v),
    "callback loop": lambda v: made(loop=v, result=1),
    "callback result": lambda v: made(result=v),
    "as_ctypes": CLOSURE.as_ctypes,
    "as_cffi": CLOSURE.as_cffi,
    "as_cffi cdecl": lambda v: CLOSURE.as_cffi(ffi(), v),
    "as_capsule": CLOSURE.as_capsule,
    "Pointer": lambda v: pytramp.Pointer(v, NUMBERS),
    "Pointer address": lambda v: pytramp.Pointer("int *", v),
    "Pointer types": lambda v: pytramp.Pointer("int *", NUMBERS, types=v),
    "Pointer cast": POINTER.cast,
    "Pointer cast types": lambda v: POINTER.cast("int *", types=v),
    "VarArgs": pytramp.VarArgs,
    "adopt": lambda v: pytramp.adopt(v, "int (int)"),
    "adopt specification": lambda v: pytramp.adopt(3, v),
    "cdef": pytramp.cdef,
    "cdef types": lambda v: pytramp.cdef("typedef int x;", types=v),
    "cdef cpp": lambda v: pytramp.cdef("typedef int x;", cpp=v),
    "Types": TYPES.__getitem__,
    "get_errno": lambda v: pytramp.get_errno(v),
    "set_errno": lambda v: pytramp.set_errno(v) if v != -1 else None,
    "stats": lambda v: pytramp.stats(v),
    "reserve": lambda v: pytramp.reserve(v) if v != 2**70 else None,
    "propagate": pytramp.propagate,
    "propagate stop": lambda v: pytramp.propagate(CLOSURE, v),
    "cffi ffi": lambda v: cffi_callback(v, "int(int)", abs),
    "cffi cdecl": lambda v: cffi_callback(ffi(), v, abs),
    "cffi error": lambda v: cffi_callback(ffi(), "int(int)", len, error=v),
    "cffi onerror": lambda v: cffi_callback(ffi(), "int(int)", len, onerror=v),
}

# How Python, pybind11 and ctypes put it where nobody looked at the argument.
INNARDS = re.compile(
    r"incompatible function arguments|Unable to cast|has no attribute|is not iterable|issubclass|"
    r"isinstance|C\+\+|unhashable|bytes-like|func_spec"
)
RAISED = (TypeError, ValueError, OverflowError, LookupError)


def raised_by(function: Callable[[Any], Any], argument: Any) -> Exception | None:
    try:
        function(argument)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_wrong_arguments(function: Callable[[Any], Any], wrong: Any) -> None:
    error = raised_by(function, wrong)
    if error is not None:
        is_of_cffi = type(error).__module__.startswith("cffi")
        assert isinstance(error, RAISED) or is_of_cffi, repr(error)
        assert not INNARDS.search(str(error)), str(error)


def test_errno_is_an_int_of_c() -> None:
    for number in (2**31, -(2**31) - 1, 2**70):
        with pytest.raises(OverflowError, match=f"value: {number} is no int of C"):
            pytramp.set_errno(number)
    with pytest.raises(TypeError, match="value: 'str' object"):
        pytramp.set_errno("x")
    before = pytramp.get_errno()
    pytramp.set_errno(value=7)
    assert pytramp.get_errno() == 7
    pytramp.set_errno(before)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: SIGNATURE.explain(3), TypeError, "abi must be a str or None, not int"),
        (lambda: SIGNATURE.explain("\ud800"), ValueError, "is called '\\ud800'; there are"),
        (lambda: SIGNATURE.explain("default\0"), ValueError, "is called 'default\\x00'"),
        (lambda: SIGNATURE.result.declared(3), TypeError, "name must be a str, not int"),
        (lambda: CLOSURE.as_ctypes(3), TypeError, "takes a prototype, such as"),
        (lambda: CLOSURE.as_cffi(3), TypeError, "ffi must be a cffi.FFI object, not int"),
        (lambda: cffi_callback(3, "int(int)", abs), TypeError, "ffi must be a cffi.FFI object"),
        (lambda: pytramp.propagate(abs), TypeError, "propagate() takes Closures, not builtin"),
        (lambda: TYPES[3], TypeError, "names of C are str, not int"),
        (lambda: pytramp.adopt("x", "int (int)"), TypeError, "address must be an int, not str"),
        (lambda: pytramp.reserve(None), TypeError, "closures: 'NoneType' object"),
    ],
)
def test_what_is_said(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        call()
