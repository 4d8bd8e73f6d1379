"""expat calls Python for every element and every piece of text.

python examples/expat_parser.py          (Debian: libexpat1)

The same with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways expat_parser
"""

from __future__ import annotations

import ctypes
import sys
import xml.etree.ElementTree as ET
from ctypes.util import find_library
from typing import Any

import pytramp

XML = """<?xml version="1.0"?>
<library><book id="1"><title>Zoë &amp; others</title></book><book id="2" lost="yes"/></library>"""


def load() -> Any:
    name = find_library("expat")
    if name is None:
        print("there is no expat here")
        sys.exit(77)
    lib = ctypes.CDLL(name)
    lib.XML_ParserCreate.restype = ctypes.c_void_p
    lib.XML_ErrorString.restype = ctypes.c_char_p
    return lib


class Failed(Exception):
    """What a handler raises."""


def parse(lib: Any, text: bytes, fails_at: str | None = None) -> list[tuple[str, Any]]:
    """(event, value) in the order in which expat reported them."""
    events: list[tuple[str, Any]] = []

    # Attributes are pairs of strings behind which there is NULL.
    @pytramp.callback("void (void *data, const char *name, const char **attributes)")
    def start(_data: int | None, name: Any, attributes: Any) -> None:
        pairs, i = {}, 0
        while attributes[i] is not None:
            pairs[attributes[i].string().decode()] = attributes[i + 1].string().decode()
            i += 2
        if fails_at is not None and pairs.get("id") == fails_at:
            raise Failed(fails_at)
        events.append((name.string().decode(), pairs))

    @pytramp.callback("void (void *data, const char *name)")
    def end(_data: int | None, name: Any) -> None:
        events.append(("/" + name.string().decode(), None))

    # expat's text has a length and no zero at its end.
    @pytramp.callback("void (void *data, const char text[length], int length)")
    def characters(_data: int | None, text: Any, length: int) -> None:
        piece = bytes(text).decode()
        if events and events[-1][0] == "text":
            piece = events.pop()[1] + piece
        events.append(("text", piece))

    parser = ctypes.c_void_p(lib.XML_ParserCreate(None))
    lib.XML_SetElementHandler(parser, start, end)
    lib.XML_SetCharacterDataHandler(parser, characters)
    try:
        with pytramp.propagate(start, stop=lambda: lib.XML_StopParser(parser, 0)):
            if not lib.XML_Parse(parser, text, len(text), 1):
                message = lib.XML_ErrorString(lib.XML_GetErrorCode(parser)).decode()
                raise ValueError(f"line {lib.XML_GetCurrentLineNumber(parser)}: {message}")
    finally:
        lib.XML_ParserFree(parser)
    return events


def expected() -> list[tuple[str, Any]]:
    """The same from Python's own module."""
    events: list[tuple[str, Any]] = []

    def walk(element: ET.Element) -> None:
        events.append((element.tag, element.attrib))
        if element.text:
            events.append(("text", element.text))
        for child in element:
            walk(child)
        events.append(("/" + element.tag, None))

    walk(ET.fromstring(XML))
    return events


def main() -> None:
    lib = load()
    events = parse(lib, XML.encode())
    print(events)
    assert events == expected()
    for wrong, text in ((ValueError, b"<a><b></a>"), (Failed, XML.encode())):
        try:
            parse(lib, text, fails_at="2")
        except wrong as error:
            print(f"{wrong.__name__}: {error}")
        else:
            raise AssertionError(text)


if __name__ == "__main__":
    main()
    print("right")
