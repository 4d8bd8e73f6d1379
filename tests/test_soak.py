"""Random operations of many threads at once: a few here, and `python -m soak` goes on for hours."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import native
import pytest
import tools

# Two lines for what this Python cannot do, one that repeats the run, progress, counts, and the end.
EXPECTED = re.compile(
    r"""(no\ (interpreters|fork):\ .*\n)*
        seed\ 1,\ without\ .*\n
        (\ +\d+\ s:\ .*\n)+
        (\ \ \w+\ +\d+\ \ put\ off:\ \d+\n)+
        nothing\ is\ wrong;\ seed\ 1\n""",
    re.VERBOSE,
)


@tools.posix("SIGALRM, by which the soak watches itself")
def test_soak() -> None:
    command = [sys.executable, "-W", "error", "-m", "soak", "--operations", "640", "--seed", "1"]
    path = os.pathsep.join([str(native.TESTS), os.environ.get("PYTHONPATH", "")])
    try:
        done = tools.captured(command, {"PYTHONPATH": path}, timeout=1800)
    except subprocess.TimeoutExpired as error:
        pytest.fail(f"the soak hangs, and so does its watchdog\n{error.stdout}")
    assert done.returncode == 0, done.stdout
    assert EXPECTED.fullmatch(done.stdout), done.stdout
