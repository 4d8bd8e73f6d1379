"""The Python tests in a real CPython of another architecture."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from pathlib import Path

import native

from platforms import chroot, prepare, zig
from platforms.outcome import Outcome, of_pytest
from platforms.table import Platform, Python

_ROOT = native.TESTS.parent
_PURE = ("pytest", "hypothesis", "pycparser")  # what a root needs and Debian's has too old
ALL = ("tests", "--ignore=tests/core")  # the core does not depend on the interpreter


def _interpreter(version: str) -> str:
    """This machine's CPython of that version: on PATH, or where pyenv puts it."""
    found = [shutil.which(f"python{version}") or ""]
    found += sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
    for path in filter(None, found):
        trial = [path, "-c", "import ensurepip"]
        if not subprocess.run(trial, check=False, capture_output=True).returncode:
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


def _settings(platform: Platform, folder: Path) -> dict[str, str]:
    """What setup.py is told: roots have no C++ library, and zig brings its own along."""
    if not platform.is_zig:
        return {"PYTRAMP_CFLAGS": "-static-libstdc++ -static-libgcc", "PYTRAMP_WERROR": "1"}
    return zig.settings(platform.zig_target, platform.name, folder)


def _build(platform: Platform, python: Python, root: Path, folder: Path) -> Path:
    """The built package, from a copy: the checkout may hold this machine's objects."""
    source, out = folder / "source", folder / "package"
    copy_checkout(source)
    shutil.rmtree(out, ignore_errors=True)
    script = source / "tests/platforms/crossbuild.py"
    command = [str(builder(python.built_by, folder.parent)), str(script), str(root), python.version]
    command += ["build", "--build-lib", str(out), "--build-temp", f"{out}-temp"]
    command += ["dist_info", "--output-dir", str(out)]
    settings = _settings(platform, folder.parent)
    native.execute(["env", "-C", str(source), *command], env=settings, timeout=1800)
    return out


def _add_compiler(platform: Platform, root: Path, folder: Path) -> None:
    if platform.is_zig:
        chroot.add_zig(root, zig.program(folder.parent), platform.zig_target)
    else:
        chroot.add_gcc(root, platform.compiler.removesuffix("-gcc"))


def _fill(root: Path, package: Path, python: Python, folder: Path) -> None:
    """The package, the tests and what they need, within root."""
    site = root / "opt/site"
    if not site.exists():
        pip = [str(builder(python.built_by, folder.parent)), "-m", "pip", "install", "--quiet"]
        pip += ["--disable-pip-version-check", "--only-binary=:all:", "--target", str(site)]
        pip += ["--platform", "any", "--python-version", python.version]  # not this machine's
        subprocess.run([*pip, *_PURE], check=True)
    for old in site.glob("pytramp*"):
        shutil.rmtree(old)
    shutil.copytree(package, site, dirs_exist_ok=True)
    # A path of the interpreter's own: tests give programs a PYTHONPATH of theirs.
    (root / "usr/lib/python3/dist-packages/site.pth").write_text("/opt/site\n")
    copy_checkout(root / "pytramp")


def run(platform: Platform, folder: Path, tests: list[str]) -> Outcome:
    """All Python tests, or those named, in the platform's root below folder."""
    python = platform.python
    assert isinstance(python, Python)
    prepare.install("mmdebstrap")
    root = folder / "root"
    chroot.make(python, root)
    _add_compiler(platform, root, folder)
    _fill(root, _build(platform, python, root, folder), python, folder)
    report, log = root / "report.xml", folder / "python.log"
    report.unlink(missing_ok=True)
    words = [f"python{python.version}", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words += ["--junitxml=/report.xml"]
    words += tests or ALL
    settings = {"HOME": "/root", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    settings |= {"PYTRAMP_TEST_PATIENCE": "10", "PYTRAMP_TEST_RUNS": "3", "LC_ALL": "C.UTF-8"}
    settings |= {"PYTRAMP_TEST_EMULATED": "1"} if chroot.is_emulated(python) else {}
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
