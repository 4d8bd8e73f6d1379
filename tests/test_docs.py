"""The examples in the documents, run as they stand."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import tools

DOCS = Path(__file__).resolve().parent.parent / "docs"


@tools.posix("C library that CDLL(None) is")
def test_coming_from() -> None:
    tools.need_module("cffi")
    failed, tried = doctest.testfile(str(DOCS / "coming-from.md"), module_relative=False)
    assert tried > 20
    assert not failed


def test_guide() -> None:
    """What is whole: blocks that import what they need, one after the other."""
    text = (DOCS / "guide.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(import .*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
