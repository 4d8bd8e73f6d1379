"""The tests of the C core with another machine's compiler, its programs under an emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import native

from platforms import prepare
from platforms.outcome import Outcome, of_pytest
from platforms.table import Platform

_CORE = native.TESTS / "core"
_TESTS = ("test_c.py", "test_copies.py", "test_trampoline_users.py", "test_abi_random.py")
_IN_WINDOWS = ("test_windows.py",)  # what of them has a sense there, and what only Windows has


def report(folder: Path) -> Path:
    """JUnit's, of the last run."""
    return folder / "c.xml"


def _libffi(suite: str, architecture: str, folder: Path) -> Path:
    """The machine's own, for the tests of csrc/ffi; without its C library, which is newer."""
    root, alone = prepare.libffi_root(suite, architecture, folder), folder / "libffi"
    alone.mkdir(exist_ok=True)
    for pattern in ("usr/include/*/ffi*.h", "usr/lib/*/libffi.so*"):
        for path in root.glob(pattern):
            shutil.copy(path, alone)
    return alone


def run(platform: Platform, folder: Path) -> Outcome:
    made, log = report(folder), folder / "c.log"
    made.unlink(missing_ok=True)
    tests = list(_IN_WINDOWS if "mingw" in platform.compiler else _TESTS)
    # Emulated, everything takes its time.
    settings = {
        "PYTRAMP_TEST_CC": prepare.compiler(platform, folder),
        "PYTRAMP_TEST_PATIENCE": "10",
        **prepare.environment(platform, folder),
    }
    if platform.libffi:
        settings["PYTRAMP_TEST_LIBFFI"] = str(_libffi(*platform.libffi, folder))
        tests.append("test_ffi.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--junitxml={made}", *(str(_CORE / name) for name in tests)]
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=native.TESTS.parent,
            env={**os.environ, **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return of_pytest(made, done.returncode, log)
