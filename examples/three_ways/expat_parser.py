"""expat reports elements and text; an exception of a handler stops it."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import pytramp
from expat_parser import load
from three_ways.job import Job, Pointer, Work, shared_ffi

SQUARES = {n: n * n for n in range(200)}
ITEMS = "".join(f'<item n="{n}">{square}</item>' for n, square in SQUARES.items())
DOCUMENT = f"<list>{ITEMS}</list>".encode()

expat = functools.cache(load)


@functools.cache
def parser() -> ctypes.c_void_p:
    return ctypes.c_void_p(expat().XML_ParserCreate(None))


def stop() -> None:
    expat().XML_StopParser(parser(), 0)


def parse(
    start: Pointer,
    end: Pointer,
    characters: Pointer,
    document: bytes = DOCUMENT,
) -> None:
    lib = expat()
    lib.XML_ParserReset(parser(), None)
    lib.XML_SetElementHandler(parser(), start, end)
    lib.XML_SetCharacterDataHandler(parser(), characters)
    lib.XML_Parse(parser(), document, len(document), 1)


def elements_with_ctypes(work: Work) -> Any:
    squares, text, errors = dict[int, int](), bytearray(), []
    string, n = ctypes.c_char_p, 0

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, string, ctypes.POINTER(string))
    def start(_: Any, name: bytes, attributes: Any) -> None:
        nonlocal n
        try:
            if name == b"item":
                n = int(attributes[1])
                text.clear()
        except BaseException as error:
            errors.append(error)
            stop()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, string)
    def end(_: Any, name: bytes) -> None:
        if name == b"item":
            squares[n] = int(text)

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    def characters(_: Any, piece: int, length: int) -> None:
        text.extend(ctypes.string_at(piece, length))

    work(start, end, characters)
    if errors:
        raise errors[0]
    return squares


def elements_with_cffi(work: Work) -> Any:
    squares, text, errors = dict[int, int](), bytearray(), []
    ffi, n = shared_ffi(), 0

    def failed(_type: Any, error: BaseException, _traceback: Any) -> None:
        errors.append(error)
        stop()

    @ffi.callback("void(void *, const char *, const char **)", onerror=failed)
    def start(_: Any, name: Any, attributes: Any) -> None:
        nonlocal n
        if ffi.string(name) == b"item":
            n = int(ffi.string(attributes[1]))
            text.clear()

    @ffi.callback("void(void *, const char *)")
    def end(_: Any, name: Any) -> None:
        if ffi.string(name) == b"item":
            squares[n] = int(text)

    @ffi.callback("void(void *, const char *, int)")
    def characters(_: Any, piece: Any, length: int) -> None:
        text.extend(ffi.buffer(piece, length))

    work(start, end, characters)
    if errors:
        raise errors[0]
    return squares


def elements_with_pytramp(work: Work) -> Any:
    squares, text, n = dict[int, int](), bytearray(), 0

    @pytramp.callback("void (void *, const char *name, const char **attributes)")
    def start(_: Any, name: Any, attributes: Any) -> None:
        nonlocal n
        if name.string() == b"item":
            n = int(attributes[1].string())
            text.clear()

    @pytramp.callback("void (void *, const char *name)")
    def end(_: Any, name: Any) -> None:
        if name.string() == b"item":
            squares[n] = int(text)

    @pytramp.callback("void (void *, const char piece[length], int length)")
    def characters(_: Any, piece: Any, _length: int) -> None:
        text.extend(piece)

    with pytramp.propagate(start, stop=stop):
        work(start, end, characters)
    return squares


JOBS = (
    Job(
        f"expat parses {len(SQUARES)} elements",
        parse,
        (elements_with_ctypes, elements_with_cffi, elements_with_pytramp),
        lambda squares: squares == SQUARES,
        raises=functools.partial(parse, document=b"<item n='x'>1</item>"),  # this is no number
    ),
)
