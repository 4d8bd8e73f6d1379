"""The Python tests in a real CPython of another architecture."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

import native

from platforms import chroot, prepare
from platforms.outcome import Outcome, of_pytest
from platforms.table import Platform, Python

_ROOT = native.TESTS.parent
_PURE = ("pytest", "hypothesis", "pycparser")  # what a root needs and Debian's has too old
_C_ONLY = ("test_c.py", "test_abi_random.py", "test_fuzz.py")


def _interpreter(version: str) -> str:
    """This machine's CPython of that version: on PATH, or where pyenv puts it."""
    found = [shutil.which(f"python{version}") or ""]
    found += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
    for path in filter(None, found):
        if not subprocess.run([path, "-c", "import ensurepip"], check=False).returncode:
            return path
    raise native.NativeError(f"cross compiling for it needs a python{version} here")


def builder(version: str, folder: Path) -> Path:
    """A venv with what builds the package."""
    venv = folder / f"build-{version}"
    if not (venv / "made").exists():
        subprocess.run([_interpreter(version), "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "setuptools>=77", "pybind11>=3.0"], check=True)
        (venv / "made").touch()
    return venv / "bin/python"


def copy_checkout(to: Path) -> None:
    """What git knows, and what it will."""
    shutil.rmtree(to, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (_ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, to / name)


def _build(python: Python, root: Path, folder: Path) -> Path:
    """The built package, from a copy: the checkout may hold this machine's objects."""
    source, out = folder / "source", folder / "package"
    copy_checkout(source)
    shutil.rmtree(out, ignore_errors=True)
    interpreter = builder(python.version, folder.parent)
    script = source / "tests/platforms/crossbuild.py"
    # Roots have no C++ library.
    flags = {"PYTRAMP_CFLAGS": "-static-libstdc++ -static-libgcc", "PYTRAMP_WERROR": "1"}
    command = [str(interpreter), str(script), str(root), python.version]
    command += ["build", "--build-lib", str(out), "--build-temp", f"{out}-temp"]
    native.execute(["env", "-C", str(source), *command], env=flags, timeout=1800)
    return out


def _fill(root: Path, package: Path, python: Python, folder: Path) -> None:
    """The package, the tests and what they need, within root."""
    site = root / "opt/site"
    if not site.exists():
        pip = [str(builder(python.version, folder.parent)), "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check", "--only-binary=:all:", "--target", str(site)]
        subprocess.run([*pip, *_PURE], check=True)
    shutil.rmtree(site / "pytramp", ignore_errors=True)
    shutil.copytree(package / "pytramp", site / "pytramp")
    copy_checkout(root / "pytramp")


def run(platform: Platform, folder: Path, tests: list[str]) -> Outcome:
    """All Python tests, or those named, in the platform's root below folder."""
    python = platform.python
    assert python
    prepare.install("mmdebstrap", "qemu-user-static")
    chroot.register_emulators()
    root = folder / "root"
    chroot.make(python, root)
    chroot.add_compiler(root, platform.compiler.removesuffix("-gcc"))
    _fill(root, _build(python, root, folder), python, folder)
    report, log = root / "report.xml", folder / "python.log"
    report.unlink(missing_ok=True)
    words = [f"python{python.version}", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words += ["--junitxml=/report.xml"]
    words += tests or ["tests", *(f"--ignore=tests/{name}" for name in _C_ONLY)]
    settings = {"PYTHONPATH": "/opt/site", "HOME": "/root", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    settings |= {"PYTRAMP_TEST_PATIENCE": "10", "PYTRAMP_TEST_RUNS": "3", "LC_ALL": "C.UTF-8"}
    with chroot.mounted(root), log.open("w") as output:
        done = subprocess.run(
            chroot.command(root, ["env", "-C", "/pytramp", *words]),
            env=settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    return of_pytest(report, done.returncode, log)


if __name__ == "__main__":
    sys.exit("python tests/platforms/run.py --only python NAME")
