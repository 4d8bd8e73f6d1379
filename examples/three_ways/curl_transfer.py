"""libcurl hands over what it reads; an exception there ends the transfer."""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

import pytramp
from curl_transfer import load, transfer
from three_ways.job import Job, Pointer, Work, shared_ffi

TEXT = b"".join(b"%d\n" % n for n in range(100_000))
curl = functools.cache(load)


@functools.cache
def url(content: bytes) -> str:
    """Of a file in memory."""
    file = os.memfd_create("content")
    assert os.write(file, content) == len(content)
    return f"file:///proc/self/fd/{file}"


def read(write: Pointer, content: bytes = TEXT) -> int:
    return transfer(curl(), url(content), write, None)


def text_with_ctypes(work: Work) -> Any:
    parts, errors = [], []
    size_t, pointer = ctypes.c_size_t, ctypes.c_void_p

    @ctypes.CFUNCTYPE(size_t, pointer, size_t, size_t, pointer)
    def write(data: int, size: int, n: int, _: Any) -> int:
        try:
            parts.append(ctypes.string_at(data, size * n).decode())
        except BaseException as error:
            errors.append(error)
            return 0
        return size * n

    work(write)
    if errors:
        raise errors[0]
    return "".join(parts)


def text_with_cffi(work: Work) -> Any:
    ffi, parts, errors = shared_ffi(), [], []

    def failed(_type: Any, error: BaseException, _traceback: Any) -> None:
        errors.append(error)

    @ffi.callback("size_t(char *, size_t, size_t, void *)", error=0, onerror=failed)
    def write(data: Any, size: int, n: int, _: Any) -> int:
        parts.append(ffi.unpack(data, size * n).decode())
        return size * n

    work(write)
    if errors:
        raise errors[0]
    return "".join(parts)


def text_with_pytramp(work: Work) -> Any:
    parts = []

    @pytramp.callback("size_t (char data[n * size], size_t size, size_t n, void *)")
    def write(data: Any, size: int, n: int, _: Any) -> int:
        parts.append(bytes(data).decode())
        return size * n

    with pytramp.propagate(write):
        work(write)
    return "".join(parts)


JOBS = (
    Job(
        "libcurl reads a file in pieces of 16 KiB",
        read,
        (text_with_ctypes, text_with_cffi, text_with_pytramp),
        lambda text: text == TEXT.decode(),
        raises=functools.partial(read, content=b"\xff" * 100_000),  # this is no text
    ),
)
