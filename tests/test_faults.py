"""Memory that cannot be had: MemoryError or success, and nothing is lost."""

from __future__ import annotations

import re

import pytest
import tools

TEXT = (tools.ISOLATED / "faults.py").read_text()
ACTIONS = re.findall(r'^    "(\w+)": \(', TEXT, re.MULTILINE)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_allocation_may_fail(action: str) -> None:
    """Each allocation of Python's alone, and all from each one on."""
    tools.need("_testcapi")
    tools.script("faults.py", action)
