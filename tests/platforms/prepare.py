"""Compilers and emulators, installed where they are missing; the C core, built with them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import native

from platforms import debian, emulate, zig
from platforms.outcome import Outcome
from platforms.table import Platform

_EMULATORS = ("qemu-user-static",)
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_INTERPRETERS = "/usr/libexec/qemu-binfmt/"


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


def register_emulators() -> None:
    """What a Debian boots with: programs of other machines execute each other."""
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)], check=True)
    for name in emulate.NAMES:
        if not (_BINFMT / f"qemu-{name}").exists():
            (_BINFMT / "register").write_text(_binfmt(name))


def _binfmt(name: str) -> str:
    return Path(f"/usr/lib/binfmt.d/qemu-{name}.conf").read_text()


def register_newer_emulator(platform: Platform, folder: Path) -> None:
    """A newer qemu in place of this machine's, where the platform needs it."""
    if not platform.newer_qemu:
        return
    name, suite = platform.newer_qemu
    root = folder.parent / f"qemu-{suite}"
    debian.extract(suite, root, ["qemu-user"])
    registered = _BINFMT / f"qemu-{name}"
    if registered.exists():
        registered.write_text("-1")
    text = _binfmt(name).replace(_INTERPRETERS, f"{root.resolve()}{_INTERPRETERS}")
    (_BINFMT / "register").write_text(text)


def compiler(platform: Platform, folder: Path) -> str:
    """The platform's compiler as one command."""
    if not platform.only_linked:
        install(*_EMULATORS)
        register_emulators()
        register_newer_emulator(platform, folder)
    install(*platform.packages)
    if platform.is_zig:
        words = platform.compiler.removeprefix("zig ")
        return str(zig.script(words, folder / "zig-cc", folder.parent))
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


def libffi_root(suite: str, architecture: str, folder: Path) -> Path:
    """The machine's own libffi, and the C library that it needs."""
    install("mmdebstrap")
    root = folder / "libffi-root"
    debian.extract(suite, root, ["libffi-dev"], architecture)
    return root


def environment(platform: Platform, folder: Path) -> dict[str, str]:
    """What the platform's programs need: a C library, where no cross compiler has it."""
    if not platform.newer_qemu or not platform.libffi:
        return {}
    return {"QEMU_LD_PREFIX": str(libffi_root(*platform.libffi, folder))}


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
    native.execute([program], env=environment(platform, folder))
    version = native.execute([command, "-dumpversion"]).stdout.strip()
    return Outcome(f"{Path(command).name} {version}, {emulate.version(program)}")
