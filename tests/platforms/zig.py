"""zig, PyPI's ziglang, as the compiler for a machine: installed where it is missing."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

_LINKERS = (("", "CC"), ("CXX", "CXX"))


@functools.cache
def program(folder: Path) -> Path:
    """zig itself, which needs no libraries; it is kept in folder."""
    venv = folder / "zig"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "ziglang>=0.13"], check=True)
        (venv / "made").touch()
    (found,) = venv.glob("lib/python*/site-packages/ziglang/zig")
    return found


def script(words: str, path: Path, folder: Path) -> Path:
    """zig with these words as one command, which is what a compiler is here."""
    path.write_text(
        "#!/bin/sh\n"
        f"export ZIG_GLOBAL_CACHE_DIR={folder}/zig-cache\n"
        f'exec {program(folder)} {words} "$@"\n'
    )
    path.chmod(0o755)
    return path


def settings(target: str, name: str, folder: Path) -> dict[str, str]:
    """What tells setuptools of it, which would ask the configuration of the Python it builds for.

    target is zig's, with flags; name tells apart those in folder."""
    commands = {
        variable: str(script(f"{tool} -target {target}", folder / f"zig-{tool}-{name}", folder))
        for variable, tool in (("CC", "cc"), ("CXX", "c++"))
    }
    shared = {f"LD{kind}SHARED": f"{commands[name]} -shared" for kind, name in _LINKERS}
    return commands | shared | {"AR": "ar"}
