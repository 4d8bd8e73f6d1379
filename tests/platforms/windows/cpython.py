"""CPython's official build for Windows, laid out like an installed one.

The DLL and the extension modules come with PyPI's panda3d, which ships programs with them; the
library and the headers are those of Debian's source package, of an earlier bug fix release of the
same version; python.exe, which only calls the DLL, is made here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import native

from platforms import debian
from platforms.table import WindowsPython
from platforms.windows import wine

_HERE = Path(__file__).resolve().parent
_TOOLS = "x86_64-w64-mingw32-"
_GCC = f"{_TOOLS}gcc"
_PURE = ("setuptools>=77", "pybind11>=3.0", "pytest", "hypothesis", "pycparser", "colorama")
_PEERS = ("cffi",)  # numpy calls functions of the C library that wine 8 does not have

_PROGRAM = """\
#include <wchar.h>
int Py_Main(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
"""


# ---- This machine's compilers, for Python's own C library ----


def _specs(folder: Path) -> Path:
    """What newer compilers' -mcrtdll=ucrt does: link with the UCRT, not with the old C library."""
    text = native.execute([_GCC, "-dumpspecs"]).stdout
    if "-lmsvcrt" not in text:
        raise native.NativeError(f"{_GCC} links no -lmsvcrt that could be replaced")
    path = folder / "ucrt.specs"
    path.write_text(text.replace("-lmsvcrt", "-lucrt"))
    return path


def _flags(folder: Path) -> list[str]:
    """The compilers' own library of threads was compiled for the old one, and calls its _setjmp."""
    return [
        *(f"-specs={_specs(folder)}", "-D_UCRT", "-D__MSVCRT_VERSION__=0xE00"),
        "-Wl,--defsym=_setjmp=__intrinsic_setjmpex",
    ]


# ---- The interpreter ----


def _pip(folder: Path, python: WindowsPython, *words: str) -> None:
    """pip, for that CPython; any pip can."""
    venv = folder / "pip"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        (venv / "made").touch()
    command = [str(venv / "bin/pip"), words[0], "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--platform=win_amd64", "--implementation=cp"]
    subprocess.run([*command, f"--python-version={python.version}", *words[1:]], check=True)


def _unpack_wheel(python: WindowsPython, home: Path, folder: Path) -> None:
    """python311.dll and what it needs beside it, extension modules in DLLs."""
    _pip(folder, python, "download", "--no-deps", f"--dest={folder}", python.shipped_by)
    (wheel,) = folder.glob("panda3d-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            file = Path(name)
            if file.parent.name != "deploy_libs" or file.name.startswith("api-ms-"):  # wine's own
                continue
            target = home / ("DLLs" if file.suffix == ".pyd" else ".") / file.name
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(archive.read(name))


def _source(python: WindowsPython, folder: Path) -> Path:
    """Debian's archive of the source."""
    sources = folder / "sources.list"
    sources.write_text(f"deb-src {debian.mirror()} {python.suite} main\n")
    (folder / "lists").mkdir(exist_ok=True)
    options = [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=-"]
    options += [f"Dir::State::Lists={folder / 'lists'}", "APT::Sandbox::User=root"]
    options += ["Acquire::Check-Valid-Until=false"]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    name = f"python{python.version}"
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "source", "--download-only", "--tar-only", name], cwd=folder, check=True)
    (archive,) = folder.glob(f"{name}_*.orig.tar.*")
    return archive


def _unpack_source(archive: Path, home: Path) -> None:
    """Lib without its tests, and the headers."""
    places = {"Lib/": "Lib", "Include/": "Include", "PC/pyconfig.h": "Include/pyconfig.h"}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            start = next((start for start in places if name.startswith(start)), None)
            if not start or not member.isfile() or name.startswith("Lib/test/"):
                continue
            target = home / places[start] / name.removeprefix(start)
            target.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content
            target.write_bytes(content.read())


def _make_import_library(dll: Path, folder: Path) -> None:
    """libs/python311.lib, which is where linkers are sent by distutils."""
    text = native.execute([f"{_TOOLS}objdump", "-p", dll]).stdout
    table = text.partition("[Ordinal/Name Pointer] Table\n")[2].partition("\n\n")[0]
    names = re.findall(r"\] (\w+)$", table, re.MULTILINE)
    if not names:
        raise native.NativeError(f"objdump says of no export of {dll.name}")
    definition = folder / "python.def"
    definition.write_text("\n".join([f"LIBRARY {dll.name}", "EXPORTS", *names, ""]))
    (dll.parent / "libs").mkdir(exist_ok=True)
    library = dll.parent / "libs" / f"{dll.stem}.lib"
    native.execute([f"{_TOOLS}dlltool", "-d", definition, "-l", library])


def _link(python: WindowsPython, home: Path, folder: Path) -> None:
    """python.exe, and what others are linked with."""
    dll = home / f"python{python.version.replace('.', '')}.dll"
    source = folder / "python.c"
    source.write_text(_PROGRAM)
    flags = [*_flags(folder), "-municode", "-static"]
    native.execute([_GCC, *flags, source, dll, "-o", home / "python.exe"])
    _make_import_library(dll, folder)


def install(python: WindowsPython, home: Path, folder: Path, *what: str) -> None:
    """Into its site-packages, by a pip of this machine."""
    site = home / "Lib/site-packages"
    _pip(folder, python, "install", "--upgrade", f"--target={site}", *what)


def make(python: WindowsPython, folder: Path) -> Path:
    """The folder with python.exe; it is made unless it is there."""
    home = folder / "python"
    if (home / "made").exists():
        return home
    home.mkdir(exist_ok=True)
    _unpack_wheel(python, home, folder)
    _unpack_source(_source(python, folder), home)
    _link(python, home, folder)
    install(python, home, folder, *_PURE, *_PEERS)
    (home / "made").touch()
    return home


# ---- Compilers within ----


def make_compilers(folder: Path, prefix: Path) -> Path:
    """A folder with gcc.exe and so on for Windows programs: this machine's cross compilers."""
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    flags = " ".join(_flags(folder))
    for name, options in (("gcc", flags), ("g++", flags), ("ar", "")):
        words = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"]
        native.execute([_GCC, *words, _HERE / "launcher.c", "-o", bin_ / f"{name}.exe"])
        script = bin_ / f"{name}.linux"
        command = f"{sys.executable} {_HERE / 'compiler.py'} {prefix} '{_TOOLS}{name} {options}'"
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o755)
    return bin_


def search_path(*folders: Path) -> str:
    return ";".join(map(wine.dos, folders))
