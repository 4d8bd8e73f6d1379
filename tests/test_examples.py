"""The examples, each in an interpreter of its own: real libraries, and answers of another kind."""

from __future__ import annotations

import sys
from pathlib import Path

import native
import pytest
import tools

EXAMPLES = sorted(
    path
    for path in (native.TESTS.parent / "examples").glob("*.py")
    if 'print("right")' in path.read_text()
)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path: Path) -> None:
    if tools.WINDOWS and "CDLL(None" in path.read_text():
        pytest.skip("Windows has no C library that CDLL(None) is")
    command = [sys.executable, "-X", "dev", "-W", "error", str(path)]
    done = tools.captured(command, {"PYTHONPATH": ""}, timeout=120)
    if done.returncode == 77:  # the library is not here
        tools.missing(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("right\n")
