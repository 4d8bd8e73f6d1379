"""What runs a program of another machine here, by the first bytes of its file.

Debian's names: qemu-user-static, libc6-*-cross, wine64.
"""

from __future__ import annotations

import functools
import shutil
import struct
import subprocess
import sys
from pathlib import Path

# (ELF's e_machine, bits, byte order) -> qemu's name, and Debian's for the libraries.
_ELF = {
    (183, 64, "little"): ("aarch64", "aarch64-linux-gnu"),
    (40, 32, "little"): ("arm", "arm-linux-gnueabihf"),
    (243, 64, "little"): ("riscv64", "riscv64-linux-gnu"),
    (21, 64, "little"): ("ppc64le", "powerpc64le-linux-gnu"),
    (21, 64, "big"): ("ppc64", "powerpc64-linux-gnu"),
    (22, 64, "big"): ("s390x", "s390x-linux-gnu"),
    (258, 64, "little"): ("loongarch64", ""),  # QEMU_LD_PREFIX may say where they are
    (8, 64, "little"): ("mips64el", "mips64el-linux-gnuabi64"),
    (8, 64, "big"): ("mips64", "mips64-linux-gnuabi64"),
}
NAMES = tuple(name for name, _ in _ELF.values())
_I386 = (3, 32, "little")
_X86_64 = (62, 64, "little")


class NoEmulatorError(AssertionError):
    """Nothing here runs such a program."""


def _machine(head: bytes) -> tuple[int, int, str]:
    order = "little" if head[5] == 1 else "big"
    (number,) = struct.unpack_from("<H" if order == "little" else ">H", head, 18)
    return number, 64 if head[4] == 2 else 32, order


@functools.cache
def _native() -> tuple[tuple[int, int, str], ...]:
    """What this Python is for, and what such a CPU runs, too."""
    with Path(sys.executable).open("rb") as file:
        own = _machine(file.read(20))
    return (own, _I386) if own == _X86_64 else (own,)


def _registered(name: str) -> str | None:
    """What the kernel runs such programs by: a newer one may have been put there."""
    try:
        text = Path(f"/proc/sys/fs/binfmt_misc/qemu-{name}").read_text()
    except OSError:
        return None
    (line,) = (line for line in text.splitlines() if line.startswith("interpreter "))
    path = Path(line.split(maxsplit=1)[1]).resolve()  # under another name it wants other arguments
    return str(path) if path.exists() else None


def _elf(head: bytes) -> tuple[str, ...]:
    machine = _machine(head)
    if machine in _native():
        return ()
    if machine not in _ELF:
        raise NoEmulatorError(f"no emulator is known for e_machine {machine}")
    name, libraries = _ELF[machine]
    found = (_registered(name), shutil.which(f"qemu-{name}-static"), shutil.which(f"qemu-{name}"))
    emulator = next(filter(None, found), None)
    if not emulator:
        raise NoEmulatorError(f"no qemu-{name}-static on PATH")
    if not libraries:
        return (emulator,)
    return ("env", f"QEMU_LD_PREFIX=/usr/{libraries}", emulator)  # for what it executes, too


def prefix(program: Path | str) -> tuple[str, ...]:
    """The words before a command that runs program: none for this machine's own."""
    if sys.platform == "win32":
        return ()
    path = shutil.which(str(program)) or str(program)
    with Path(path).open("rb") as file:
        head = file.read(20)
    if head[:4] == b"\x7fELF":
        return _elf(head)
    if head[:2] == b"MZ":
        wine = shutil.which("wine64") or shutil.which("wine")
        if not wine:
            raise NoEmulatorError("no wine on PATH")
        return (wine,)
    return ()


def version(program: Path | str) -> str:
    """What runs program, and its version."""
    words = prefix(program)
    if not words:
        return "this machine"
    done = subprocess.run([words[-1], "--version"], capture_output=True, text=True, check=True)
    # "qemu-arm version 7.2.22 (Debian ...)", "wine-8.0 (Debian ...)"
    return done.stdout.partition("(")[0].replace(" version", "").strip()
