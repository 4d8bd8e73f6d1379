"""Fork, while all other threads are in the middle of something."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import sys
import threading
import traceback
from typing import Any, NoReturn

import tools

import pytramp
from soak.holdings import Holdings
from soak.operations import (
    Reports,
    close,
    collect,
    drop_one,
    make,
    make_and_free,
    operation,
    retire,
)

PATIENCE = 300  # seconds until a child hangs


@operation(0.5)
def fork(holdings: Holdings, rng: random.Random) -> Any:
    is_main = threading.current_thread() is threading.main_thread()
    with holdings.lock:
        child = os.fork()
    if not child:
        _be_the_child(holdings, rng, is_main)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert not code, f"the child ended with {code}"
    return True


def _be_the_child(holdings: Holdings, rng: random.Random, is_main: bool) -> NoReturn:
    code = 1
    try:
        signal.alarm(PATIENCE)  # see run.watched
        holdings.lib.soak_forked()
        _use(holdings, rng)
        # 3.13 takes the parent's main thread for the child's. A sanitizer would find leaks: what
        # the other threads had.
        if is_main and rng.random() < 0.5 and not tools.SANITIZED:
            ctypes.pythonapi.Py_Exit(0)
        code = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _use(holdings: Holdings, rng: random.Random) -> None:
    for _ in range(3):
        for step in (close, drop_one, make, make, retire, collect):
            step(holdings, rng)
        holdings.lib.soak_call_some(100)
        holdings.held_lib.soak_call_some(100)
        assert not holdings.lib.soak_short_threads(2, rng.randrange(1 << 30))
        make_and_free(holdings, rng, 10)
    holdings.lib.soak_flood(1, 9000)
    pytramp._core.pool_check()
    wrong = holdings.lib.soak_wrong()
    assert not wrong, wrong
    assert isinstance(sys.unraisablehook, Reports)
    assert not sys.unraisablehook.unexpected, sys.unraisablehook.unexpected
