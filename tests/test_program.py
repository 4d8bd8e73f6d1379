"""C programs without Python: the core as a library, found by pkg-config and by CMake."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import native
import pytest
import tools

pytestmark = tools.posix("ELF, for which csrc/install is")

EXAMPLE = native.TESTS.parent / "examples/embedding/program"
WORDS = ["5", "1", "4.5", "7", "6"]
SORTED = "4.5\n6\n7\n1\n"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is installed: moved after that, to a name with a space."""
    native.need("cc")
    folder = tmp_path_factory.mktemp("program")
    command = ["sh", native.CSRC / "install", folder / "first"]
    done = native.execute(command, env={"CFLAGS": "-Wall -Wextra -Werror"}, timeout=300)
    assert f"is in {folder}/first" in done.stdout
    return (folder / "first").rename(folder / "moved to")


def pkg_config(prefix: Path, *words: str) -> list[str]:
    """What it prints, as a shell takes it."""
    tools.need("pkg-config")
    found = native.execute(
        ["pkg-config", *words, "pytramp"],
        env={"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")},
    )
    return shlex.split(found.stdout)


def sorts(program: Path) -> None:
    assert native.execute([program, *WORDS]).stdout == SORTED


def needed(program: Path) -> list[str]:
    text = native.execute(["readelf", "-d", program]).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def test_pkg_config(prefix: Path, tmp_path: Path) -> None:
    words = pkg_config(prefix, "--cflags", "--libs")
    program = tmp_path / "nearest"
    native.execute(["cc", EXAMPLE / "nearest.c", *words, f"-Wl,-rpath,{prefix}/lib", "-o", program])
    sorts(program)
    assert "libpytramp.so.0" in needed(program)


def test_pkg_config_for_a_program_of_its_own(prefix: Path, tmp_path: Path) -> None:
    """Linked with the archive, and with no shared library at all."""
    words = pkg_config(prefix, "--cflags", "--libs", "--static")
    program = tmp_path / "nearest"
    native.execute(["cc", "-static", EXAMPLE / "nearest.c", *words, "-o", program])
    assert not needed(program)
    sorts(program)


def test_every_object_is_marked(prefix: Path) -> None:
    """... as built for the CPU's control-flow protection: one that is not takes it from all."""
    machine = native.execute(["cc", "-dumpmachine"]).stdout.partition("-")[0]
    marks = {"aarch64": "AArch64 feature: BTI, PAC", "x86_64": "x86 feature: IBT, SHSTK"}
    if machine not in marks:
        pytest.skip("nothing is known to protect this CPU's control flow")
    archive = prefix / "lib/libpytramp.a"
    notes = native.execute(["readelf", "-n", archive], env={"LC_ALL": "C"}).stdout
    objects = native.execute(["ar", "-t", archive]).stdout.split()
    assert notes.count(marks[machine]) == len(objects) > 20


def test_names_of_ones_own(tmp_path: Path) -> None:
    """PT_PREFIX; relative paths, where cd would look elsewhere, too."""
    native.need("cc")
    (tmp_path / "elsewhere/csrc").mkdir(parents=True)
    (tmp_path / "csrc").symlink_to(native.CSRC)
    env = {"CFLAGS": "-O0 -DPT_PREFIX=mine_", "CDPATH": str(tmp_path / "elsewhere")}
    command = ["env", "-C", tmp_path, "sh", "csrc/install", "here"]
    native.execute(command, env=env, timeout=300)
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(
        "#include <pytramp.h>\n"
        "int mine_pytramp_owns(const void *code);\n"
        "int main(void) {\n"
        "    void *code;\n"
        "    return pytramp_alloc(&code) || !mine_pytramp_owns(code);\n"
        "}\n"
    )
    words = ["-Ihere/include", "here/lib/libpytramp.a", "-lpthread", "-ldl", "-o", program]
    native.execute(["env", "-C", tmp_path, "cc", "-DPT_PREFIX=mine_", source, *words])
    native.execute([program])


@pytest.mark.parametrize("target", ["pytramp", "static"])
def test_cmake(target: str, prefix: Path, tmp_path: Path) -> None:
    source, build = tmp_path / "source", tmp_path / "build"
    shutil.copytree(EXAMPLE, source)
    lists = source / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("pytramp::pytramp", f"pytramp::{target}"))
    cmake(source, build, prefix)
    native.execute(["cmake", "--build", build])
    sorts(build / "nearest")
    assert ("libpytramp.so.0" in needed(build / "nearest")) == (target == "pytramp")


def cmake(source: Path, build: Path, prefix: Path) -> None:
    tools.need("cmake")
    native.execute(["cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", source])


def wants(version: str, folder: Path) -> Path:
    """The example, if it asked for this version."""
    source = folder / "source"
    shutil.copytree(EXAMPLE, source)
    lists = source / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("pytramp 0.1", f"pytramp {version}"))
    return source


def test_cmake_wants_an_older_version(prefix: Path, tmp_path: Path) -> None:
    cmake(wants("0.0", tmp_path), tmp_path / "build", prefix)


@pytest.mark.parametrize("version", ["0.2", "1.0"])
def test_cmake_wants_another_version(version: str, prefix: Path, tmp_path: Path) -> None:
    with pytest.raises(native.NativeError, match=r"not accepted[\s\S]*version: 0\.1"):
        cmake(wants(version, tmp_path), tmp_path / "build", prefix)


def test_exports_are_the_public_header(prefix: Path) -> None:
    header = (prefix / "include/pytramp.h").read_text()
    declared = set(re.findall(r"^PYTRAMP_API[^;(]*?\b(pytramp_\w+)[;(]", header, re.MULTILINE))
    exported = native.symbols("--dyn-syms", prefix / "lib/libpytramp.so")
    wide = {"pytramp_type_int128", "pytramp_type_uint128"}
    assert exported == declared - (set() if tools.INT128 else wide)


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "usage: install PREFIX"), (["a", "b"], "usage"), (["/proc/no/such"], "/proc/no")],
)
def test_misuse(words: list[str], said: str) -> None:
    done = subprocess.run(
        ["sh", str(native.CSRC / "install"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert said in done.stderr


def test_it_is_for_elf(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho x86_64-w64-mingw32\n")
    compiler.chmod(0o755)
    with pytest.raises(native.NativeError, match="for ELF systems"):
        native.execute(["sh", native.CSRC / "install", tmp_path], env={"CC": str(compiler)})
