"""Copies of the core that do not know each other, in one program and in one process."""

from __future__ import annotations

import re
from pathlib import Path

import native
import pytest
import tools

C = native.TESTS / "c"


def _flags(prefix: str) -> tuple[str, ...]:
    return (f"-DPT_PREFIX={prefix}", "-fPIC")


def _copy(prefix: str) -> list[Path]:
    """copy.c and a core whose symbols begin with prefix, as objects."""
    native.need(native.CC)
    flags = _flags(prefix)
    (user,) = native.compile_all(
        [C / "copy.c"], native.folder() / f"copy-{prefix}", compiler=native.CC, flags=flags
    )
    return [user, *native.core(native.CC, flags)]


def _symbols(objects: list[Path]) -> set[str]:
    """What they define for others, except what the compiler adds of its own."""
    found = native.symbols("--syms", *objects)
    return {name for name in found if not name.startswith("__x86.get_pc_thunk.")}


def test_every_symbol_has_the_prefix() -> None:
    plain = {
        name for name in _symbols(native.core(native.CC)) if "pt_" in name or "pytramp" in name
    }
    assert len(plain) > 100
    assert _symbols(native.core(native.CC, _flags("one_"))) == {f"one_{name}" for name in plain}


def _check(extra: list[Path | str]) -> None:
    """copies.c, which has a copy, too, with two more in extra."""
    program = native.program(C / "copies.c", compiler=native.CC, extra=extra)
    _need_loader(program)
    output = native.run(program).stdout
    assert "each grows by itself" in output


def _need_loader(program: Path) -> None:
    """zig brings musl without the program that loads its libraries."""
    headers = native.execute([tools.need("readelf"), "-l", program], env={"LC_ALL": "C"}).stdout
    found = re.search(r"interpreter: (\S*musl\S*)\]", headers)
    if found and not Path(found[1]).exists():
        pytest.skip(f"there is no {found[1]}")


def test_two_in_a_program() -> None:
    _check([*_copy("one_"), *_copy("two_")])


def _library(prefix: str) -> Path:
    """A library with a core that it keeps for itself, whose names are everybody's."""
    native.need(native.CC)
    flags = ("-DPYTRAMP_API=", "-fPIC")
    target = native.folder() / f"lib{prefix}copy.so"
    words = [*native.BASE, *flags, f"-DCOPY_PREFIX={prefix}", *native.INCLUDES, "-shared"]
    objects = [*native.core(native.CC, flags), *native.link_flags(native.CC)]
    native.execute([native.CC, *words, C / "copy.c", *objects, "-Wl,-z,nodelete", "-o", target])
    return target


def test_two_libraries_in_a_process() -> None:
    libraries = [_library("one_"), _library("two_")]
    _check([*libraries, f"-Wl,-rpath,{native.folder()}"])
