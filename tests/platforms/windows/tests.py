"""The Python tests in a real CPython for Windows, by wine."""

from __future__ import annotations

from pathlib import Path

import native

from platforms import prepare, python_tests
from platforms.outcome import Outcome, of_pytest
from platforms.table import Platform, WindowsPython
from platforms.windows import cpython, wine


def _wheel(home: Path, prefix: Path, bin_: Path, folder: Path) -> Path:
    """pytramp from a copy of the checkout, by its own setup.py in that CPython."""
    source, log = folder / "source", folder / "build.log"
    python_tests.copy_checkout(source)
    words = [wine.dos(home / "python.exe"), "setup.py", "bdist_wheel", "--dist-dir", "wheels"]
    env = {"WINEPATH": cpython.search_path(bin_), "PYTRAMP_WERROR": "1"}
    with log.open("w") as output:
        status = wine.run(prefix, words, folder=source, env=env, output=output)
    if status:
        raise native.NativeError(f"setup.py ended with {status}: {log}")
    (wheel,) = (source / "wheels").glob("*.whl")
    return wheel


def run(platform: Platform, folder: Path, tests: list[str]) -> Outcome:
    """All Python tests, or those named."""
    python = platform.python
    assert isinstance(python, WindowsPython)
    prepare.install(*platform.packages)
    folder = folder.resolve()
    prefix = folder / "prefix"
    wine.make(prefix)
    home = cpython.make(python, folder)
    bin_ = cpython.make_compilers(folder, prefix)
    cpython.install(python, home, folder, str(_wheel(home, prefix, bin_, folder)))
    report, log = folder / "python.xml", folder / "python.log"
    report.unlink(missing_ok=True)
    words = [wine.dos(home / "python.exe"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words += [f"--junitxml={wine.dos(report)}"]
    words += tests or python_tests.ALL
    env = {"WINEPATH": cpython.search_path(bin_, home)}
    env |= {"PYTRAMP_TEST_PATIENCE": "10", "PYTRAMP_TEST_RUNS": "3"}
    with log.open("w") as output:
        status = wine.run(prefix, words, folder=folder / "source", env=env, output=output)
    return of_pytest(report, status, log)
