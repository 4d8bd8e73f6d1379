"""How C programs of the tests are compiled and run: by gcc, by clang, and with gcc's sanitizers.

for leg in legs.LEGS:
    program = native.program(source, compiler=legs.COMPILERS[leg], flags=legs.FLAGS[leg])
    legs.run([program], leg)
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import native
import pytest

COMPILERS = {"gcc": native.CC, "clang": "clang", "asan": "gcc", "tsan": "gcc"}
FLAGS: dict[str, tuple[str, ...]] = {
    "gcc": (),
    "clang": (),
    "asan": native.ADDRESS,
    "tsan": native.THREAD,
}

# Another machine's compiler is tried alone.
IS_NATIVE = native.CC == "gcc"
LEGS = list(COMPILERS) if IS_NATIVE else ["gcc"]


@functools.cache
def prefix(leg: str) -> tuple[str, ...]:
    """TSan's address space has no room for some kernels' randomisation."""
    fixed = ("setarch", "-R")
    if leg != "tsan" or not shutil.which("setarch"):
        return ()
    return fixed if subprocess.run([*fixed, "true"], check=False).returncode == 0 else ()


def run(
    command: Sequence[str | Path],
    leg: str = "gcc",
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> str:
    """Runs a program of tests/c; shows what it did, and skips where it says that it cannot."""
    output = native.execute([*prefix(leg), *command], env=env, timeout=timeout).stdout
    print(output)
    skipped = re.search(r"^SKIP: (.+)$", output, re.MULTILINE)
    if skipped:
        pytest.skip(skipped.group(1))
    assert output.strip(), "a program that says nothing has done nothing"
    return output
