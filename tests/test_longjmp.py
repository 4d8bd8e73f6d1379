"""longjmp over a callback is forbidden: what it breaks, and what it does not."""

from __future__ import annotations

import signal
import sys

import tools

JUMP = """
#include <setjmp.h>

static jmp_buf target;

void jump(void) { longjmp(target, 1); }

int guarded(int (*f)(int), int n) { return setjmp(target) ? 99 : f(n); }
"""


def test_longjmp_over_a_callback_leaks() -> None:
    """It is forbidden. Where Python itself survives it, a jump costs a reference, and no more."""
    tools.script("longjmp.py", "held", tools.build(JUMP))


@tools.posix("SIGALRM")
def test_longjmp_over_a_callback_that_took_the_gil() -> None:
    """The caller waits for itself, or Python sees that and gives up."""
    script = [str(tools.ISOLATED / "longjmp.py"), "released", str(tools.build(JUMP))]
    done = tools.captured([sys.executable, *script], {}, 120)
    if sys.version_info >= (3, 13):
        assert "Fatal Python error: " in done.stdout
        assert done.returncode < 0
    else:
        assert done.returncode == -signal.SIGALRM, done.stdout
