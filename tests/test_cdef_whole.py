"""The classes of cdef() have their fields, with all that they point to, whatever was in the way."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import Any

import pytest
import tools

import pytramp
from pytramp._lock import LOCK

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


AHEAD = struct.calcsize("PP4i")
RIGHT = (struct.calcsize("PP5i0P"), 16, AHEAD, 9)


def pairs(types: Any) -> tuple[int, ...]:
    return sizes(types.pairs._type_._type_)


@pytest.mark.parametrize("name", ["pair", "pairs"])
def test_whatever_leads_to_a_struct(name: str) -> None:
    """...the first time that anything is asked for."""
    types = pytramp.cdef(TEXT)
    found = types[name]
    assert sizes(found if name == "pair" else found._type_._type_) == RIGHT


class Stop(BaseException):
    """As KeyboardInterrupt, which comes when something is called."""


def stopped_at(number: int, act: Any) -> bool:
    """Are there so many calls in the code that makes classes? The last of them raises Stop.

    Not those of the lock: Python lets nothing come between a lock and the `with` that it is for.
    """
    left = number

    def profile(frame: Any, event: str, arg: Any) -> None:
        nonlocal left
        is_call = event == "call" or (event == "c_call" and getattr(arg, "__self__", 0) is not LOCK)
        if is_call and frame.f_code.co_filename.startswith(HERE):
            left -= 1
            if left == 0:
                raise Stop

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        with tools.reports():  # in a generator that is closed it is lost
            act()
    except Stop:
        pass
    finally:
        sys.setprofile(before)
    return left <= 0


def test_an_exception_at_any_call() -> None:
    """Nothing is left without its fields; the next one to ask gets it whole."""
    number = 0
    is_stopped = True
    while is_stopped:
        number += 1
        # A text that has been read is not read again: its structs are new with the text.
        types = pytramp.cdef(f"{TEXT} typedef char text[{number}];")
        is_stopped = stopped_at(number, lambda types=types: types.pairs)
        assert pairs(types) == RIGHT, number
        assert sizes(types.pair) == RIGHT, number
    assert number > 100
