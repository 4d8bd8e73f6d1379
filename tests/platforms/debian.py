"""Roots of Debian's suites and architectures, extracted only: nothing of them is set up."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def mirror() -> str:
    """Debian's mirror of this machine, without its security updates: those of other architectures
    may be behind."""
    wanted = ["Created-By: Packages", "Component: main"]
    command = ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", *wanted]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [line.split() for line in text.splitlines()]
    return next(uri for codename, uri in found if "-" not in codename)


def extract(suite: str, root: Path, packages: Sequence[str], architecture: str = "") -> None:
    """Those packages and what they depend on, unless they are there."""
    if (root / "made").exists():
        return
    words = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(packages)}"]
    words += ['--aptopt=Acquire::Check-Valid-Until "false"']
    words += [f"--arch={architecture}"] if architecture else []
    subprocess.run([*words, suite, str(root), f"deb {mirror()} {suite} main"], check=True)
    _merge(root)
    (root / "made").touch()


def _merge(root: Path) -> None:
    """Links that base-files' set-up makes, where there is no such folder."""
    for path in [root / "usr/bin", root / "usr/sbin", *(root / "usr").glob("lib*")]:
        link = root / path.name
        if path.is_dir() and path.name != "libexec" and not link.exists():
            link.symlink_to(Path("usr", path.name))
