"""A Windows of our own: wine's prefix, and commands run in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


def dos(path: Path) -> str:
    """The name that Windows programs have for a file: wine shows this machine's root as Z:."""
    return "Z:" + str(path).replace("/", "\\")


def environment(prefix: Path, **more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "CI"}
    return {
        **own,  # ... where nothing may be missing
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        # The first two are neither asked for nor needed; a debugger would hold what crashed.
        "WINEDLLOVERRIDES": "mscoree,mshtml,winedbg.exe=",
        **more,
    }


def make(prefix: Path) -> None:
    """Sets the prefix up, unless it is."""
    if (prefix / "made").exists():
        return
    prefix.parent.mkdir(parents=True, exist_ok=True)
    run(prefix, ["wineboot", "-i"])
    (prefix / "made").touch()


def run(
    prefix: Path,
    words: Sequence[str],
    *,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: IO[str] | None = None,
) -> int:
    """Runs a Windows program in folder; the status it ends with.

    Its output goes through a pipe: wine's server may outlive the program and hold a file open.
    """
    with subprocess.Popen(
        ["wine", *words],
        cwd=folder,
        env=environment(prefix, **(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", file=output, flush=True)
    return process.returncode
