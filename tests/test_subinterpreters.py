"""Each closure runs in the interpreter that made it; when that ends, it is a tombstone."""

from __future__ import annotations

import sys

import pytest
import tools
from test_threads import SOURCE

CALL_IT = """
int call_it(function f, int n) { return f(n); }
int call_both(function f, function g, int n) { n = f(n); return g(n); }
"""

# Python 3.12's ctypes does not load in an interpreter with a GIL of its own.
NEEDS_CTYPES = {"nested", "types", "home", "twice_home", "traceless", "lent"}
CASES = [
    "threads",
    "main",
    "destroyed",
    "inside",
    "callers",
    "dropped",
    "listed",
    "first",
    "types",
    "objects",
    "nested",
    "home",
    "twice_home",
    "traceless",
    "lent",
    "many",
]


@pytest.mark.parametrize("gil", ["own", "shared"])
@pytest.mark.parametrize("case", CASES)
def test_subinterpreters(case: str, gil: str) -> None:
    if sys.version_info < (3, 12):
        pytest.skip("pytramp in a subinterpreter needs Python 3.12")
    if case in NEEDS_CTYPES and gil == "own" and sys.version_info < (3, 13):
        pytest.skip("ctypes in an isolated subinterpreter needs Python 3.13")
    if case == "twice_home" and sys.version_info < (3, 13):
        pytest.skip("3.12 has no state of this thread's there")
    path = tools.build(SOURCE + CALL_IT)
    tools.script("subinterpreters.py", case, path, gil, timeout=90)


@pytest.mark.parametrize("gil", ["own", "shared"])
@pytest.mark.parametrize("case", ["prototypes", "installed_there", "installed_here"])
def test_interop(case: str, gil: str) -> None:
    """pytramp.interop serves the interpreter that it is used in, and no other."""
    if sys.version_info < (3, 12):
        pytest.skip("pytramp in a subinterpreter needs Python 3.12")
    if gil == "own" and sys.version_info < (3, 13):
        pytest.skip("ctypes in an isolated subinterpreter needs Python 3.13")
    tools.script("subinterpreter_interop.py", case, tools.build(SOURCE + CALL_IT), gil)


def test_old_interpreters_refuse() -> None:
    """...with a reason, rather than wait for ever; what interop installs is not for them."""
    if sys.version_info >= (3, 12):
        pytest.skip("they work from Python 3.12 on")
    tools.script("subinterpreter_refused.py")
