"""What an ELF file promises about its branches: its GNU property note, read without tools."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_PT_GNU_PROPERTY = 0x6474E553
# The property's type, by its bits: x86's and AArch64's *_FEATURE_1_AND.
_BITS = {0xC0000002: {1: "IBT", 2: "SHSTK"}, 0xC0000000: {1: "BTI", 2: "PAC"}}


def branch_protection(path: str) -> list[str] | None:
    """["IBT", "SHSTK"] and the like; None where path is not a 64-bit little-endian ELF file."""
    try:
        with open(path, "rb") as file:
            image = file.read()
        return _promised(image)
    except (OSError, struct.error):
        return None


def _promised(image: bytes) -> list[str] | None:
    if image[:6] != b"\x7fELF\x02\x01":
        return None
    found = []
    for kind, value in _properties(image):
        found += [name for bit, name in _BITS.get(kind, {}).items() if value & bit]
    return found


def _properties(image: bytes) -> Iterator[tuple[int, int]]:
    """(type, first word) of each property in the segment that holds the note."""
    (headers,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for i in range(count):
        kind, _flags, offset, _address, _physical, length = struct.unpack_from(
            "<IIQQQQ", image, headers + i * size
        )
        if kind == _PT_GNU_PROPERTY:
            at, end = offset + 16, offset + length  # behind the note's header and "GNU\0"
            while at + 12 <= end:
                kind, length, value = struct.unpack_from("<III", image, at)
                yield kind, value
                at += 8 + (length + 7) // 8 * 8
