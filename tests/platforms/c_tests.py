"""The tests of the C core with another machine's compiler, its programs under an emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import native

from platforms import prepare
from platforms.outcome import Outcome, of_pytest
from platforms.table import Platform

_TESTS = ("test_c.py", "test_abi_random.py")


def run(platform: Platform, folder: Path) -> Outcome:
    report, log = folder / "c.xml", folder / "c.log"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--junitxml={report}", *(str(native.TESTS / name) for name in _TESTS)]
    # Emulated, everything takes its time.
    settings = {
        "PYTRAMP_TEST_CC": prepare.compiler(platform, folder),
        "PYTRAMP_TEST_PATIENCE": "10",
    }
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=native.TESTS.parent,
            env={**os.environ, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return of_pytest(report, done.returncode, log)
