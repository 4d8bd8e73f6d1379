"""Where code lives: never writable, never anonymous, and to be had under restrictions."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from pathlib import Path

import pytest
import tools

import pytramp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")

# Restriction, PYTRAMP_GROWTH, the step that gives memory then.
GROWS = [
    ("none", None, "mremap"),
    ("none", "", "mremap"),
    ("none", "mremap", "mremap"),
    ("none", "file", "file"),
    ("none", "memfd", "memfd"),
    ("none", "memfd,file", "file"),
    ("none", "mremap,file,memfd", "mremap"),
    ("mdwe", None, "mremap"),
    ("mdwe", "file", "file"),
    ("mdwe", "memfd", "memfd"),
    ("no_proc", None, "mremap"),
    ("no_proc", "file", "file"),
    ("no_proc", "memfd", "memfd"),
    ("seccomp", None, "mremap"),
]

# What begins a function that is called through a pointer: endbr64; endbr32; `bti c` or paciasp.
LANDING_PADS = {
    "x86_64": {b"\xf3\x0f\x1e\xfa"},
    "i686": {b"\xf3\x0f\x1e\xfb"},
    "aarch64": {b"\x5f\x24\x03\xd5", b"\x3f\x23\x03\xd5"},
}

# ... or the words of the MemoryError.
FAILS = [
    ("none", "none", ("mremap: not allowed", "file: not allowed", "memfd: not allowed")),
    ("none", "fiel", ("PYTRAMP_GROWTH names no step", "fiel")),
    ("none", "file,", ("PYTRAMP_GROWTH names no step",)),
    ("seccomp", "file", ("mremap: not allowed", "file: open of the module's file: Operation not")),
    ("seccomp", "memfd", ("memfd: memfd_create: Operation not permitted",)),
    ("mdwe", "none", ("not allowed",)),
]


def environment(growth: str | None) -> dict[str, str]:
    return {} if growth is None else {"PYTRAMP_GROWTH": growth}


@pytest.fixture(autouse=True)
def _no_setting_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTRAMP_GROWTH", raising=False)


@tools.real_kernel
@pytest.mark.parametrize(("restriction", "growth", "step"), GROWS)
def test_growth(restriction: str, growth: str | None, step: str) -> None:
    """More closures than are built in work, in a forked child too, and no page is wrong."""
    tools.script("growth.py", restriction, step, env=environment(growth))


@tools.real_kernel
@pytest.mark.parametrize(("restriction", "growth", "words"), FAILS)
def test_no_growth(restriction: str, growth: str, words: tuple[str, ...]) -> None:
    """MemoryError gives each step's reason; the closures that exist go on, freed ones come back."""
    tools.script("growth.py", restriction, "fails", *words, env=environment(growth))


@tools.posix("pthread_key_create")
def test_an_import_after_one_that_failed() -> None:
    tools.script("import_again.py")


def copy_of_the_package(folder: Path) -> dict[str, str]:
    """The environment in which the package is found in folder."""
    shutil.copytree(Path(pytramp.__file__).parent, folder / "pytramp")
    return {"PYTHONPATH": str(folder)}


MOVED = [
    ("none", "file", "file", ()),
    ("deleted", None, "mremap", ()),
    ("deleted", "memfd", "memfd", ()),
    ("deleted", "file", "fails", ("file: open of the module's file: No such file",)),
    ("other", None, "mremap", ()),
    ("other", "file", "fails", ("file: the module's file was replaced by another build",)),
    ("short", None, "mremap", ()),
    ("short", "file", "fails", ("file: the module's file was replaced by a shorter one",)),
]


@tools.real_kernel
@pytest.mark.parametrize(("restriction", "growth", "step", "words"), MOVED)
def test_the_file_of_the_library(
    restriction: str, growth: str | None, step: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """Deleted or replaced by an upgrade before the pool grows; in a folder with odd characters."""
    env = copy_of_the_package(tmp_path / "a b (deleted)\tü")
    env |= environment(growth)
    tools.script("growth.py", restriction, step, *words, env=env)


def test_reserve() -> None:
    tools.script("reserve.py")


@tools.real_kernel
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer adds to the size of everything")
def test_the_size_of_a_closure() -> None:
    tools.script("size.py", env={"PYTHONMALLOC": "default"}, python=())


def test_stats_name_the_source() -> None:
    """...and add up."""
    stats = pytramp.stats()
    assert stats["source"] in {"built-in", "mremap", "file", "memfd"}
    assert stats["builtin"] <= stats["capacity"]
    used = stats["live"] + stats["quarantined"] + stats["reusable"]
    assert used + stats["untouched"] == stats["capacity"]
    closure = pytramp.callback("int (int)", abs)
    assert pytramp.stats()["live"] == stats["live"] + 1
    closure.close()
    assert pytramp.stats()["live"] == stats["live"]
    stats.clear()
    assert pytramp.stats()["capacity"]


@pytest.mark.parametrize(
    ("count", "error"),
    [
        *[(-1, ValueError), (-1 << 100, ValueError)],
        *[(1 << 40, MemoryError), (1 << 100, MemoryError)],
        *[("x", TypeError), (1.5, TypeError)],
    ],
)
def test_reserve_refuses(count: object, error: type) -> None:
    before = pytramp.stats()["capacity"]
    with pytest.raises(error):
        pytramp.reserve(count)
    assert pytramp.stats()["capacity"] == before


@tools.real_kernel
def test_no_file_descriptor_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growth opens files for itself only: descriptors that others close and reuse are no danger."""
    before = sorted(os.listdir("/proc/self/fd"))
    for step in ("file", "memfd", "mremap"):
        assert pytramp._core.try_growth(step) is None
    assert sorted(os.listdir("/proc/self/fd")) == before


def _machine() -> str:
    return "i686" if tools.WORD == 32 and platform.machine() == "x86_64" else platform.machine()


@pytest.mark.skipif(_machine() not in LANDING_PADS, reason="a CPU without landing pads")
def test_landing_pads_in_c_code() -> None:
    """As in the stubs: where the CPU asks for them, who lacks them dies."""
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype = ctypes.c_void_p
    get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    table = get_pointer(pytramp._core.c_api, b"pytramp._core.c_api")
    assert table is not None
    functions = table + ctypes.sizeof(ctypes.c_size_t) + 2 * ctypes.sizeof(ctypes.c_uint)
    begins = {
        ctypes.string_at(address, 4) for address in (ctypes.c_void_p * 14).from_address(functions)
    }
    module = ctypes.PyDLL(pytramp._core.__file__)
    begins.add(ctypes.string_at(ctypes.cast(module.PyInit__core, ctypes.c_void_p), 4))
    assert begins <= LANDING_PADS[_machine()]
