"""The classes of cdef() have their fields, with all that they point to, whatever was in the way."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import pytest

import pytramp

HERE = os.path.join(os.path.dirname(pytramp.__file__), "cdecl")
TEXT = """
struct leaf { int a[3]; unsigned low : 3, high : 29; };
struct pair { struct leaf *left, *right; struct { struct leaf leaf; int n; }; };
typedef struct pair *pairs[2];
typedef int (*visit)(struct pair *);
"""


def sizes(pair: Any) -> tuple[int, ...]:
    leaf = dict(pair._fields_)["left"]._type_
    return ctypes.sizeof(pair), ctypes.sizeof(leaf), pair.n.offset, leaf(a=(1, 2, 3), high=9).high


RIGHT = (40, 16, 32, 9)


def pairs(types: Any) -> tuple[int, ...]:
    return sizes(types.pairs._type_._type_)


@pytest.mark.parametrize("name", ["pair", "pairs"])
def test_whatever_leads_to_a_struct(name: str) -> None:
    """...the first time that anything is asked for."""
    types = pytramp.cdef(TEXT)
    found = types[name]
    assert sizes(found if name == "pair" else found._type_._type_) == RIGHT


class Stop(BaseException):
    """As KeyboardInterrupt, which comes between any two lines."""


def stopped_at(line: int, act: Any) -> bool:
    """Does it come to so many lines of the code that makes classes, where Stop is raised?"""
    left = line

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(HERE):
            return None
        left -= event == "line"
        if not left:
            raise Stop
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except Stop:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_exception_between_any_two_lines() -> None:
    """Nothing is left without its fields; the next one to ask gets it whole."""
    line = 0
    is_stopped = True
    while is_stopped:
        line += 1
        # A text that has been read is not read again: its structs are new with the text.
        types = pytramp.cdef(f"{TEXT} typedef char text[{line}];")
        is_stopped = stopped_at(line, lambda types=types: types.pairs)
        assert pairs(types) == RIGHT, line
        assert sizes(types.pair) == RIGHT, line
    assert line > 100
