"""What a job is."""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytramp

PEERS = ("ctypes", "cffi", "pytramp")
NOT_HERE = 77  # the exit status where a library is missing, also that of the examples
Pointer = ctypes.c_void_p  # to a function
Work = Callable[..., Any]
Variant = Callable[[Work], Any]


class Job(NamedTuple):
    name: str
    work: Work  # C's part: takes Pointers
    variants: tuple[Variant, Variant, Variant]  # of PEERS: each makes callbacks, and work of them
    right: Callable[[Any], bool]  # whether that is the answer
    raises: Work | None = None  # other work: a callback raises ValueError, and the variant must

    @property
    def example(self) -> str:
        return self.variants[0].__module__.rpartition(".")[2]

    @property
    def key(self) -> str:
        return f"{self.example}.{self.variants[0].__name__.removesuffix('_with_ctypes')}"


@functools.cache
def shared_ffi() -> Any:
    """One for all, as programs have: it parses each declaration once."""
    try:
        return importlib.import_module("cffi").FFI()
    except ImportError:
        print("there is no cffi here")
        sys.exit(NOT_HERE)


def pointer(callback: Any) -> Pointer:
    """To a callback of any of the three, as ctypes hands it to C."""
    if isinstance(callback, pytramp.Closure):
        return Pointer(callback.address)
    if type(callback).__module__ == "_cffi_backend":
        return Pointer(int(shared_ffi().cast("uintptr_t", callback)))
    return ctypes.cast(callback, Pointer)


def answer(variant: Variant, work: Work) -> Any:
    """The variant's, when C does this work."""
    return variant(lambda *callbacks: work(*map(pointer, callbacks)))
