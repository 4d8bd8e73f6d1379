"""A Debian root of another architecture with a real CPython, and this machine's compiler for it.

Its programs run under qemu, by the kernel's binfmt_misc. The compiler in it is this machine's cross
compiler at full speed: the host's own root is mounted in it, and `gcc` is a script that runs that.
As root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from platforms.table import Python

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
# Debian's architecture -> the name of qemu; i386 runs natively.
_QEMU = {
    "arm64": "aarch64",
    "armhf": "arm",
    "s390x": "s390x",
    "ppc64el": "ppc64le",
    "riscv64": "riscv64",
    "loong64": "loongarch64",
}
_PEERS = ("python3-numpy", "python3-cffi-backend")

# Extracted only, no package was set up: what the set-up would have linked is found by path.
_COMPILER = """\
#!/bin/sh
LD_LIBRARY_PATH=/host/usr/lib/x86_64-linux-gnu:/host/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
exec /host/usr/bin/{compiler} "$@"
"""


def register_emulators() -> None:
    """What a Debian boots with."""
    if not (_BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)], check=True)
    for name in set(_QEMU.values()):
        if not (_BINFMT / f"qemu-{name}").exists():
            text = Path(f"/usr/lib/binfmt.d/qemu-{name}.conf").read_text()
            (_BINFMT / "register").write_text(text)


def _mirror() -> str:
    """Debian's mirror of this machine, without its security updates: those of other architectures
    may be behind."""
    wanted = ["Created-By: Packages", "Component: main"]
    command = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", *wanted]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [line.split() for line in text.splitlines()]
    return next(uri for codename, uri in found if "-" not in codename)


def make(python: Python, root: Path) -> None:
    """Extracts a root, unless it is there."""
    if (root / "made").exists():
        return
    name = f"python{python.version}"
    packages = [name, f"lib{name}-dev", f"lib{name}-stdlib", *_PEERS]
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", f"--arch={python.architecture}", "--variant=extract"),
            *('--aptopt=Acquire::Check-Valid-Until "false"', f"--include={','.join(packages)}"),
            *(python.suite, str(root), f"deb {_mirror()} {python.suite} main"),
        ],
        check=True,
    )
    if not (root / "lib").exists():  # a link that base-files' set-up makes
        (root / "lib").symlink_to("usr/lib")
    (root / "made").touch()


def add_compiler(root: Path, triplet: str) -> None:
    """gcc and g++ in root are this machine's cross compilers for triplet."""
    for name in ("gcc", "g++"):
        script = root / "usr/bin" / name
        script.unlink(missing_ok=True)
        script.write_text(_COMPILER.format(compiler=f"{triplet}-{name}"))
        script.chmod(0o755)
    for link, target in (
        (root / "lib64/ld-linux-x86-64.so.2", "/host/lib64/ld-linux-x86-64.so.2"),
        (root / "usr" / triplet, f"/host/usr/{triplet}"),
    ):
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(target)


@contextmanager
def mounted(root: Path) -> Iterator[None]:
    """/proc, /dev and this machine's root at /host."""
    points = {"proc": "/proc", "dev": "/dev", "host": "/"}
    done: list[Path] = []
    try:
        for name, source in points.items():
            (root / name).mkdir(exist_ok=True)
            subprocess.run(["mount", "--bind", source, str(root / name)], check=True)
            done.append(root / name)
        yield
    finally:
        for point in reversed(done):
            subprocess.run(["umount", "--lazy", str(point)], check=True)


def command(root: Path, words: Sequence[str]) -> list[str]:
    """words, to be run within root."""
    libraries = [str(path.parent) for path in root.glob("usr/lib/*/*/lib*.so.3")]
    found = ":".join(os.path.join("/", os.path.relpath(path, root)) for path in libraries)
    return ["chroot", str(root), "/usr/bin/env", f"LD_LIBRARY_PATH={found}", *words]
