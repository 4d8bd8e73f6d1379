"""libxml2 reports elements, and what is wrong with them by a function that takes `...`."""

from __future__ import annotations

import ctypes
import functools
import re
from typing import Any

import pytramp
from libxml2_sax import load, types
from three_ways.job import Job, Pointer, Work, shared_ffi

ITEMS = [{b"n": b"%d" % n, b"square": b"%d" % n**2} for n in range(200)]
TEXT = b"".join(b'<item n="%(n)b" square="%(square)b"/>' % item for item in ITEMS)
MISMATCH = re.compile(rb"Opening and ending tag mismatch: b line \d+ and a\n")

libxml2 = functools.cache(load)


def parse(handler: Any, document: bytes) -> None:
    libxml2().xmlSAXUserParseMemory(ctypes.byref(handler), None, document, len(document))


# ---- Elements and their attributes: names and values in turn, behind which there is NULL ----


def report_elements(start: Pointer) -> None:
    handler = types.xmlSAXHandler()
    handler.startElement = type(handler.startElement)(start.value)
    parse(handler, b"<list>" + TEXT + b"</list>")


def elements_with_ctypes(work: Work) -> Any:
    elements, string = [], ctypes.c_char_p

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, string, ctypes.POINTER(string))
    def start(_: Any, name: bytes, attributes: Any) -> None:
        found, i = {}, 0
        while attributes and attributes[i]:
            found[attributes[i]] = attributes[i + 1]
            i += 2
        elements.append((name, found))

    work(start)
    return elements


def elements_with_cffi(work: Work) -> Any:
    elements, ffi = [], shared_ffi()

    @ffi.callback("void(void *, const char *, const char **)")
    def start(_: Any, name: Any, attributes: Any) -> None:
        found, i = {}, 0
        while attributes and attributes[i]:
            found[ffi.string(attributes[i])] = ffi.string(attributes[i + 1])
            i += 2
        elements.append((ffi.string(name), found))

    work(start)
    return elements


def elements_with_pytramp(work: Work) -> Any:
    elements = []

    @pytramp.callback("void (void *, const char *name, const char **attributes)")
    def start(_: Any, name: Any, attributes: Any) -> None:
        found, i = {}, 0
        while attributes and attributes[i]:
            found[attributes[i].string()] = attributes[i + 1].string()
            i += 2
        elements.append((name.string(), found))

    work(start)
    return elements


# ---- Messages: a format of printf, and what belongs into it ----


def report_errors(error: Pointer) -> None:
    handler = types.xmlSAXHandler()
    handler.error = handler.fatalError = error.value
    parse(handler, b"<a><b></a>")


def messages_with_ctypes(work: Work) -> Any:
    messages = []

    # ctypes cannot say `...`, so there is no way to what belongs into the format.
    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
    def error(_: Any, form: bytes) -> None:
        messages.append(form)

    work(error)
    return messages


def messages_with_cffi(work: Work) -> Any:
    messages = []

    # cffi can say it, but makes no such callbacks.
    @shared_ffi().callback("void(void *, const char *, ...)")
    def error(_: Any, form: Any, *rest: Any) -> None:
        messages.append((form, rest))

    work(error)
    return messages


def messages_with_pytramp(work: Work) -> Any:
    messages = []

    @pytramp.callback("void (void *, const char *form, ...)")
    def error(_: Any, form: Any, rest: Any) -> None:
        messages.append(rest.format(form))

    work(error)
    return messages


JOBS = (
    Job(
        f"libxml2 reports {len(ITEMS)} elements",
        report_elements,
        (elements_with_ctypes, elements_with_cffi, elements_with_pytramp),
        lambda elements: elements == [(b"list", {}), *((b"item", item) for item in ITEMS)],
    ),
    Job(
        "libxml2 reports what is wrong, by a variadic function",
        report_errors,
        (messages_with_ctypes, messages_with_cffi, messages_with_pytramp),
        lambda messages: any(MISMATCH.fullmatch(message) for message in messages),
    ),
)
