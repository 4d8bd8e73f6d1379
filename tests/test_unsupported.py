"""Where pytramp cannot be had, importing and building it say why."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import native
import pytest

import pytramp

PACKAGE = Path(pytramp.__file__).parent
ROOT = native.TESTS.parent


def _import_in(folder: Path, *before: str) -> str:
    """What a new interpreter says that imports pytramp from folder, where it cannot."""
    code = "\n".join((*before, "import pytramp"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


@pytest.fixture
def without_module(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "pytramp", ignore=shutil.ignore_patterns("_core.c*"))
    return tmp_path


def test_no_module(without_module: Path) -> None:
    said = _import_in(without_module)
    assert said.startswith("ImportError: pytramp has no compiled module")
    assert platform.machine() in said
    assert "no port for this CPU" in said


def test_another_interpreter(without_module: Path) -> None:
    said = _import_in(without_module, "import sys", "sys.implementation.name = 'pypy'")
    assert said.startswith("ImportError: pytramp needs CPython")
    assert "pypy" in said


def test_setup_with_another_interpreter() -> None:
    code = (
        "import runpy, sys; sys.implementation.name = 'pypy'; "
        f"sys.argv[1:] = ['--version']; runpy.run_path({str(ROOT / 'setup.py')!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("pytramp needs CPython")
