"""What cibuildwheel is configured to build and to test with: pyproject.toml and the workflow."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomllib

_WORKFLOW = ".github/workflows/wheels.yml"

# By interpreter and platform, as the names of wheels go. From 3.14 on without a GIL, too:
# cibuildwheel has no free-threaded 3.13 any more, which CPython called an experiment.
_PYTHONS = ("cp310", "cp311", "cp312", "cp313", "cp314", "cp314t", "cp315", "cp315t")
_LINUX = ("x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64")
_PLATFORMS = (
    *(f"{libc}_{cpu}" for libc in ("manylinux", "musllinux") for cpu in _LINUX),
    "macosx_arm64",
    "win_amd64",
)
EXPECTED = {f"{python}-{platform}" for python in _PYTHONS for platform in _PLATFORMS}


def _workflow(checkout: Path) -> str:
    return (checkout / _WORKFLOW).read_text()


def requirement(checkout: Path) -> str:
    """The cibuildwheel that the workflow installs."""
    found: list[str] = re.findall(r'pip install "(cibuildwheel[^"]*)"', _workflow(checkout))
    (one,) = found
    return one


def identifiers(checkout: Path, environment: Mapping[str, str]) -> list[str]:
    """What the jobs of the workflow build, by cibuildwheel itself."""
    found: list[str] = []
    for system, cpu in re.findall(r"\{ system: (\w+), cpu: (\w+),", _workflow(checkout)):
        command = ["cibuildwheel", "--print-build-identifiers"]
        command += ["--platform", system, "--archs", cpu, str(checkout)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        found += done.stdout.split()
    return found


def _settings(checkout: Path) -> dict[str, Any]:
    tool: dict[str, Any] = tomllib.loads((checkout / "pyproject.toml").read_text())["tool"]
    settings: dict[str, Any] = tool["cibuildwheel"]
    return settings


def test_requires(checkout: Path) -> list[str]:
    return list(_settings(checkout)["test-requires"])


def test_commands(checkout: Path, python: str, package: str) -> list[list[str]]:
    """Their words, with python for "python" and the sdist's files at package."""
    lines = _settings(checkout)["test-command"]
    return [[python, *line.format(package=package).split()[1:]] for line in lines]
