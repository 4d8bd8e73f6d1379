"""Packages from PyPI with ctypes callbacks, unchanged, after pytramp.interop.install()."""

from __future__ import annotations

import pytest
import tools

pytestmark = [
    pytest.mark.skipif(tools.SANITIZED, reason="these are not instrumented"),
    tools.posix("package manager for the libraries of these packages"),
]


@pytest.mark.parametrize("package", ["clang", "libarchive", "ghostscript", "llvmlite", "glfw"])
def test_package(package: str) -> None:
    tools.script("packages.py", package, python=())
