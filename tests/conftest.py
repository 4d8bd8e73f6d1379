"""Options, and the rule that the installed package is what is tested."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` puts the checkout first on the path, and there pytramp is only source.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

from abi.options import add_options  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


@pytest.fixture(autouse=True, scope="session")
def _outside_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For subprocesses, which have the current folder on their path."""
    os.chdir(tmp_path_factory.mktemp("cwd"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the mark says goes into reports."""
    for item in items:
        for mark in item.iter_markers("hardening"):
            item.user_properties.append(("hardening", mark.args[0]))


@pytest.fixture(scope="module")
def frozen() -> Iterator[None]:
    """Collections, which the module's tests ask for a thousand times, look at what is new only."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def installed() -> Iterator[None]:
    """pytramp is what ctypes makes callbacks with, in the whole process."""
    from pytramp import interop

    interop.install()
    yield
    interop.uninstall()
