"""Compilers and emulators, installed where they are missing; the C core, built with them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import native

from platforms.outcome import Outcome
from platforms.table import Platform

_EMULATORS = ("qemu-user-static",)


def _is_installed(package: str) -> bool:
    command = ["dpkg-query", "--show", "--showformat=${Status}", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.endswith(" installed")


@functools.cache
def _update() -> None:
    subprocess.run(["apt-get", "update", "-qq"], check=True)


def install(*packages: str) -> None:
    """Debian's packages, if they are not there. They are only ever added: libc headers of one
    architecture conflict with nothing but gcc-multilib."""
    wanted = [package for package in packages if not _is_installed(package)]
    if not wanted:
        return
    _update()
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


@functools.cache
def _zig(folder: Path) -> Path:
    """A venv with PyPI's ziglang."""
    venv = folder / "zig"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "ziglang>=0.13"], check=True)
        (venv / "made").touch()
    return venv / "bin/python"


def zig_script(words: str, script: Path, folder: Path) -> Path:
    """zig as one command, which is what a compiler is here; it is kept in folder."""
    python = _zig(folder)
    script.write_text(
        "#!/bin/sh\n"
        f"export ZIG_GLOBAL_CACHE_DIR={folder}/zig-cache\n"
        f'exec {python} -m ziglang {words} "$@"\n'
    )
    script.chmod(0o755)
    return script


def compiler(platform: Platform, folder: Path) -> str:
    """The platform's compiler as one command."""
    if not platform.only_linked:
        install(*_EMULATORS)
    install(*platform.packages)
    if platform.compiler.startswith("zig "):
        words = platform.compiler.removeprefix("zig ")
        return str(zig_script(words, folder / "zig-cc", folder.parent))
    if not shutil.which(platform.compiler):
        raise native.NativeError(f"no {platform.compiler} on PATH after it was installed")
    return platform.compiler


_LINKED = """
#include <pytramp.h>
int main(void) {
    void *code;
    return pytramp_alloc(&code) || pytramp_free(code);
}
"""


def build(platform: Platform, folder: Path) -> Outcome:
    """The core, warnings as errors, and a program linked with it; where it can be run, run."""
    command = compiler(platform, folder)
    source = folder / "linked.c"
    source.write_text("int main(void) { return 0; }\n")
    # The first link with zig compiles a C library.
    native.execute([command, source, "-o", folder / "empty"], timeout=1800)
    source.write_text(_LINKED)
    program = native.program(source, compiler=command)
    if platform.only_linked:
        return Outcome("compiled and linked only")
    native.run(program)
    version = native.execute([command, "-dumpversion"]).stdout.strip()
    return Outcome(f"{Path(command).name} {version}")
