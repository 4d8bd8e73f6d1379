"""A Debian root of another architecture with a real CPython, and this machine's compiler for it.

Its programs run under qemu, by the kernel's binfmt_misc. The compiler in it is this machine's cross
compiler at full speed: the host's own root is mounted in it, and `gcc` is a script that runs that.
As root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from platforms import debian
from platforms.table import Python

_PEERS = ("python3-numpy", "python3-cffi")
_SHELL = ("coreutils", "dash", "sed")  # for the compiler's script, and what tests run

# Extracted only, no package was set up: what the set-up would have linked is found by path.
_SCRIPT = """\
#!/bin/sh
LD_LIBRARY_PATH=/host/usr/lib/x86_64-linux-gnu:/host/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
exec /host{command} "$@"
"""


def is_emulated(python: Python) -> bool:
    return python.architecture != "i386"  # which this machine runs, too


def make(python: Python, root: Path, *more: str) -> None:
    """Extracts a root, with more packages, unless it is there."""
    name = f"python{python.version}"
    packages = [name, f"lib{name}-dev", f"lib{name}-stdlib", *_PEERS, *_SHELL, *more]
    debian.extract(python.suite, root, packages, python.architecture)


def _add_tools(root: Path, commands: Mapping[str, str]) -> None:
    """Scripts for them, and the loader of this machine's programs."""
    for name, command in commands.items():
        script = root / "usr/bin" / name
        script.unlink(missing_ok=True)
        script.write_text(_SCRIPT.format(command=command))
        script.chmod(0o755)
    loader = Path("/lib64/ld-linux-x86-64.so.2")
    # Links in it may be absolute.
    _link(root / loader.relative_to("/"), Path(f"/host{loader.resolve()}"))


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def add_gcc(root: Path, triplet: str) -> None:
    """The compilers and binutils in root are this machine's for triplet."""
    tools = {"gcc": "gcc", "cc": "gcc", "g++": "g++", "ar": "ar", "readelf": "readelf"}
    _add_tools(root, {name: f"/usr/bin/{triplet}-{tool}" for name, tool in tools.items()})
    _link(root / "usr" / triplet, Path(f"/host/usr/{triplet}"))


def add_zig(root: Path, program: Path, target: str) -> None:
    """The same with zig; target is its word and flags."""
    tools = {"gcc": "cc", "cc": "cc", "g++": "c++"}
    # Debian's folder after zig's own: a machine's part of Python's headers is there.
    words = f"-target {target} -idirafter /usr/include"
    commands = {name: f"{program} {tool} {words}" for name, tool in tools.items()}
    _add_tools(root, commands | {"ar": f"{program} ar", "readelf": "/usr/bin/readelf"})


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
