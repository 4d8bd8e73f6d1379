"""The core on Windows: made by mingw, run by wine; skipped where either is missing.

Left out of tests/c: handlers and signals (nothing interrupts a thread there), growth and stepping,
which have programs of their own for Windows, backtraces (of gdb and perf).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import native
import pytest
from abi import run

C = native.TESTS / "c"
COMPILER, COMPILER_CXX = "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++"

# Programs, their arguments, and the functions that they wrap.
PROGRAMS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "freelist": ((), ()),
    "pool": ((), ()),
    "pool_threads": (("30000",), ()),
    "type": ((), ()),
    "signature": ((), ()),
    "signature_win64": ((), ()),
    "closure": ((), ()),
    "faults": ((), ("malloc", "calloc")),
    "growth_windows": ((), ()),
    "stepping_windows": ((), ()),
}


@pytest.fixture(autouse=True, scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Windows of this module's own, unless there is one already."""
    native.need(COMPILER, optional=True)
    native.need("wine", optional=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINEDEBUG", "-all")
        patch.setenv("WINEARCH", "win64")
        patch.setenv("WINEDLLOVERRIDES", "mscoree,mshtml=")  # neither is asked for, nor needed
        if "WINEPREFIX" not in os.environ:
            folder = tmp_path_factory.mktemp("wine")
            patch.setenv("WINEPREFIX", str(folder / "prefix"))
            patch.setenv("TMPDIR", str(folder))  # where its server leaves what it made
            native.execute(["wineboot", "-i"], timeout=300)
        yield


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    arguments, wraps = PROGRAMS[name]
    wrapped = [f"-Wl,--wrap={function}" for function in wraps]
    made = native.program(C / f"{name}.c", compiler=COMPILER, extra=wrapped)
    output = native.run(made, *arguments, timeout=300).stdout
    print(output)
    assert output.strip()
    assert "SKIP" not in output


def _library(folder: Path) -> Path:
    """growth_windows.c and the core as a DLL, in a folder whose name has spaces."""
    target = folder / "a folder with  spaces" / "growth it self.dll"
    target.parent.mkdir()
    words = [*native.BASE, *native.INCLUDES, "-shared", "-static"]
    objects = native.core(COMPILER)
    native.execute([COMPILER, *words, C / "growth_windows.c", *objects, "-o", target])
    return target


GROWTH = re.findall(
    r'^    \{"(\w+)", test_\w+\},$', (C / "growth_windows.c").read_text(), re.MULTILINE
)


@pytest.mark.parametrize("test", GROWTH)
def test_growth_of_a_dll(test: str, tmp_path: Path) -> None:
    loader = native.program(C / "loader_windows.c", compiler=COMPILER)
    print(native.run(loader, str(_library(tmp_path)), test).stdout)


def test_unwinding(tmp_path: Path) -> None:
    """C++ exceptions, longjmp and backtraces, by SEH."""
    native.need(COMPILER_CXX, optional=True)
    target = tmp_path / "unwind.exe"
    words = ["-std=c++17", "-O2", "-g1", "-Wall", "-Wextra", "-Werror", f"-I{native.INCLUDE}"]
    objects = [*native.core(COMPILER), *native.link_flags(COMPILER)]
    native.execute([COMPILER_CXX, *words, C / "unwind.cpp", *objects, "-o", target])
    output = native.run(target).stdout
    for place in ("built-in", "file"):
        assert len(re.findall(rf"^{place}: ", output, re.MULTILINE)) == 5, output


@pytest.mark.parametrize("flags", [(), ("-O0",)], ids=["O2", "O0"])
def test_every_byte_arrives(flags: tuple[str, ...]) -> None:
    report = run.check(100, compiler=COMPILER, flags=flags)
    print(report)
    assert report.signatures == 100


def test_one_wrong_byte_is_noticed() -> None:
    (program,) = run.programs(1, compiler=COMPILER, first=1)
    native.run(program)
    assert run.notices(program, "argument")


# ---- What the linker made of it ----


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    objdump = shutil.which("x86_64-w64-mingw32-objdump")
    if not objdump:
        pytest.skip("no objdump for Windows on PATH")
    library = _library(tmp_path_factory.mktemp("dll"))
    text = native.execute([objdump, "-h", library], env={"LC_ALL": "C"}).stdout
    return dict(re.findall(r"^ +\d+ (\S+) .*\n +(.*)$", text, re.MULTILINE))


def test_code_is_read_only(sections: dict[str, str]) -> None:
    assert "READONLY" in sections[".text"]
    assert [name for name, flags in sections.items() if "CODE" in flags] == [".text"]
