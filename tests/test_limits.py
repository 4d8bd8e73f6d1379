"""Limits of the system: MemoryError that says why, and afterwards everything goes on."""

from __future__ import annotations

import sys

import pytest
import tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these limits are Linux's")


@tools.real_kernel
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer needs the memory for itself")
@pytest.mark.parametrize("limit", ["memory", "mappings"])
def test_memory(limit: str) -> None:
    """RLIMIT_AS; vm.max_map_count, which is not changed but used up."""
    tools.script("limits.py", limit)


@tools.real_kernel
@pytest.mark.parametrize("limit", ["files", "threads"])
def test_descriptors_and_processes(limit: str) -> None:
    """RLIMIT_NOFILE; RLIMIT_NPROC."""
    tools.script("limits.py", limit)
