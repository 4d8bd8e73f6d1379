"""libxml2 calls Python: SAX handlers in a struct, and the variadic handler of its errors.

python examples/libxml2_sax.py          (Debian: libxml2)

The elements with ctypes and cffi, too, and what each costs:
cd examples; python -m three_ways libxml2_sax

The errors cannot be had with them: ctypes has no word for `...`, and cffi makes no such callbacks.
"""

from __future__ import annotations

import ctypes
import re
import sys
import xml.etree.ElementTree as ET
from ctypes.util import find_library
from typing import Any

import pytramp

XML = b"""<list xmlns:x="urn:x"><x:item n="1">one</x:item><item n="2">two</item></list>"""

# struct _xmlSAXHandler of libxml2 2: what is not used here is a void *.
types = pytramp.cdef("""
    typedef struct {
        void *before[14];
        void (*startElement)(void *, const unsigned char *name, const unsigned char **attributes);
        void (*endElement)(void *, const unsigned char *name);
        void *reference;
        void (*characters)(void *, const unsigned char text[n], int n);
        void *between[3];
        void (*warning)(void *, const char *format, ...);
        void (*error)(void *, const char *format, ...);
        void (*fatalError)(void *, const char *format, ...);
        void *after[3];
        unsigned initialized;
        void *private_;
        void *namespaces[2];
        void *serror;
    } xmlSAXHandler;
""")


def load() -> Any:
    name = find_library("xml2")
    if name is None:
        print("there is no libxml2 here")
        sys.exit(77)
    return ctypes.CDLL(name)


def text_of(pointer: Any) -> str:
    return ctypes.string_at(pointer.address).decode()


def parse(lib: Any, data: bytes) -> tuple[list[tuple[str, str]], list[str]]:
    """(events, messages)"""
    events: list[tuple[str, str]] = []
    messages: list[str] = []

    @pytramp.callback("void (void *, const unsigned char *, const unsigned char **)")
    def start(_context: int | None, name: Any, attributes: Any) -> None:
        found = []
        i = 0
        while attributes is not None and attributes[i] is not None:
            found.append(f"{text_of(attributes[i])}={text_of(attributes[i + 1])}")
            i += 2
        events.append((text_of(name), " ".join(found)))

    @pytramp.callback("void (void *, const unsigned char *)")
    def end(_context: int | None, name: Any) -> None:
        events.append(("/" + text_of(name), ""))

    @pytramp.callback("void (void *, const unsigned char text[n], int n)")
    def characters(_context: int | None, text: Any, n: int) -> None:
        events.append(("text", bytes(text).decode()))

    # printf's arguments: formatted as C would.
    @pytramp.callback("void (void *, const char *format, ...)")
    def error(_context: int | None, format_: Any, arguments: Any) -> None:
        messages.append(arguments.format(format_).decode().strip())

    handler = types.xmlSAXHandler()
    handler.startElement = start.as_ctypes(type(handler.startElement))
    handler.endElement = end.as_ctypes(type(handler.endElement))
    handler.characters = characters.as_ctypes(type(handler.characters))
    handler.error = handler.fatalError = error.address
    lib.xmlSAXUserParseMemory(ctypes.byref(handler), None, data, len(data))
    return events, messages


def expected() -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []

    def walk(element: ET.Element) -> None:
        name = element.tag.replace("{urn:x}", "x:")
        attributes = dict(element.attrib)
        if name == "list":
            attributes = {"xmlns:x": "urn:x"}  # SAX1 reports declarations as attributes
        events.append((name, " ".join(f"{key}={value}" for key, value in attributes.items())))
        if element.text:
            events.append(("text", element.text))
        for child in element:
            walk(child)
        events.append(("/" + name, ""))

    walk(ET.fromstring(XML))
    return events


def main() -> None:
    lib = load()
    events, messages = parse(lib, XML)
    print(events)
    assert (events, messages) == (expected(), [])
    _, messages = parse(lib, b"<a><b></a>")
    print(messages)
    mismatch = re.compile(r"Opening and ending tag mismatch: b line \d+ and a")
    assert any(mismatch.fullmatch(message) for message in messages)


if __name__ == "__main__":
    main()
    print("right")
