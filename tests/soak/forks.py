"""Fork, while all other threads are in the middle of something."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from soak.holdings import Holdings
from soak.interpreters import interpreters
from soak.operations import close, collect, drop_one, make, make_and_free, operation, retire

PATIENCE = 60  # seconds until a child hangs


@operation(0.5)
def fork(holdings: Holdings, rng: random.Random) -> Any:
    with interpreters.lock:
        if interpreters.all:  # CPython itself ends a child that has another interpreter
            return False
        with holdings.lock:
            child = os.fork()
        if not child:
            _be_the_child(holdings, rng)
    _wait(child)
    return True


# dump_traceback_later would wait in the child for the parent's thread.
faulthandler.register(signal.SIGALRM, chain=True)


def _be_the_child(holdings: Holdings, rng: random.Random) -> NoReturn:
    code = 1
    try:
        signal.alarm(PATIENCE // 2)  # with its traceback
        holdings.lib.soak_forked()
        _use(holdings, rng)
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
    sys.modules["pytramp"]._core.pool_check()
    wrong = holdings.lib.soak_wrong()
    assert not wrong, wrong


def _wait(child: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            assert not code, f"the child ended with {code}"
            return
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")
