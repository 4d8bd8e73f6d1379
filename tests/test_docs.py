"""The examples in the documents, run as they stand."""

from __future__ import annotations

import doctest
from pathlib import Path

import tools

DOCS = Path(__file__).resolve().parent.parent / "docs"


@tools.posix("C library that CDLL(None) is")
def test_coming_from() -> None:
    tools.need_module("cffi")
    failed, tried = doctest.testfile(str(DOCS / "coming-from.md"), module_relative=False)
    assert tried > 20
    assert not failed
