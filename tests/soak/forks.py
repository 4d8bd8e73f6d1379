"""Fork, while all other threads are in the middle of something."""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import sys
import traceback
from typing import Any, NoReturn

from soak.holdings import Holdings
from soak.operations import close, collect, drop_one, make, make_and_free, operation, retire

PATIENCE = 300  # seconds until a child hangs


@operation(0.5)
def fork(holdings: Holdings, rng: random.Random) -> Any:
    with holdings.lock:
        child = os.fork()
    if not child:
        _be_the_child(holdings, rng)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert not code, f"the child ended with {code}"
    return True


# A child that hangs shows its traceback; dump_traceback_later would wait for the parent's thread.
faulthandler.register(signal.SIGALRM, chain=True)


def _be_the_child(holdings: Holdings, rng: random.Random) -> NoReturn:
    code = 1
    try:
        signal.alarm(PATIENCE)
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
