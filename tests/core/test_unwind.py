"""Through an entry the way back to the caller is known: to exceptions, debuggers and profilers."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import native
import pytest
import tools

C = native.TESTS / "c"

# The compilers of the core and of the C++ program.
COMPILERS = {
    "gcc": ("gcc", "g++", ()),
    "clang": ("clang", "clang++", ()),
    "mixed": ("clang", "g++", ()),
    "asan": ("gcc", "g++", native.ADDRESS),
}


@tools.posix("unwinding but SEH's, for which test_windows.py has this program")
@pytest.mark.parametrize("leg", COMPILERS)
def test_cplusplus(leg: str, tmp_path: Path) -> None:
    """Exceptions, cancellation, longjmp and backtraces, for each entry and each kind of page."""
    cc, cxx, flags = COMPILERS[leg]
    for compiler in (cc, cxx):
        native.need(compiler, optional="clang" in compiler)
    words = ["-std=c++17", "-O2", "-g1", "-Wall", "-Wextra", "-Werror", *native.INCLUDES, *flags]
    target = tmp_path / "unwind"
    native.execute(
        [
            *[cxx, *words, C / "unwind.cpp", *native.core(cc, flags)],
            *[*native.link_flags(cc), "-o", target],
        ]
    )
    # AddressSanitizer does not survive a forced unwinding, and what a handler's unwinding leaks is
    # documented: the block of a call with 40 arguments.
    left_out = ["ends_of_threads"] if leg == "asan" else []
    environment = {"ASAN_OPTIONS": "detect_leaks=0", "LD_PRELOAD": ""}
    output = native.run(target, *left_out, env=environment).stdout
    for place in ("built-in", "mremap", "file", "memfd"):
        done = re.findall(rf"^{place}: ", output, re.MULTILINE)
        assert len(done) == 6 - len(left_out), output


# ---- Debuggers and profilers ----


@functools.cache
def _subject() -> Path:
    native.need("gcc")
    return native.program(C / "backtraces.c", extra=["-g", "-O1"])


def _gdb(place: str, commands: Sequence[str]) -> str:
    tools.need("gdb")
    words = [word for command in commands for word in ("-ex", command)]
    output = native.execute(
        ["gdb", "-nx", "-batch", "-ex", "set pagination off", *words, "--args", _subject(), place],
        # A sanitizer is for the tests' own process.
        env={"DEBUGINFOD_URLS": "", "LC_ALL": "C", "LD_PRELOAD": ""},
    ).stdout
    if "ptrace: Operation not permitted" in output:
        pytest.skip("gdb may not trace processes here")
    return output


PLACES = ["built-in", "grown"]


def _backtraces(output: str) -> list[list[str]]:
    """The functions of each backtrace in gdb's output, innermost first."""
    texts = re.split(r"^#0 ", output, flags=re.MULTILINE)[1:]
    frame = r"^#\d+ +(?:0x\w+ in )?(\S+) \("
    return [re.findall(frame, "#0 " + text, re.MULTILINE) for text in texts]


@pytest.mark.parametrize("place", PLACES)
def test_gdb_in_a_handler(place: str) -> None:
    """bt shows who called, finish goes back there."""
    output = _gdb(place, ["break handle", "run", "bt", "select-frame 3", "finish", "finish"])
    (frames,) = _backtraces(output)
    assert frames[0] == "handle"
    assert frames[3].startswith("pt_entry_")
    assert frames[4:] == ["apply", "main"]
    assert re.search(r"^Value returned is \$1 = 43$", output, re.MULTILINE), output


@pytest.mark.parametrize("place", PLACES)
def test_gdb_in_a_stub(place: str) -> None:
    """A breakpoint at the closure's address works, and bt shows who called."""
    stops = ["break apply", "run", "break *stub_address", "continue", "bt"]
    output = _gdb(place, [*stops, *["stepi", "bt"] * 4, "continue"])
    frames = _backtraces(output)
    assert len(frames) == 5, output
    assert frames[-1][0].startswith("pt_entry_"), output
    assert all(names[1:] == ["apply", "main"] for names in frames), output
    assert re.search(r"^43$", output, re.MULTILINE), output


@pytest.mark.parametrize("place", PLACES)
def test_perf(place: str, tmp_path: Path) -> None:
    """Where perf may count: all samples in a handler know their caller."""
    tools.need("perf")
    data = tmp_path / "perf.data"
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "--call-graph", "dwarf"]
    subject = _subject()
    try:
        native.execute([*record, "-o", data, "--", subject, place, "7000"])
    except native.NativeError as error:
        pytest.skip(f"perf cannot record here: {str(error).splitlines()[-1]}")
    text = native.execute(["perf", "script", "--no-inline", "-i", data], timeout=300).stdout
    samples = [sample for sample in text.split("\n\n") if re.search(r" handle\+", sample)]
    assert len(samples) > 10, text[:2000]
    for sample in samples:
        names = re.findall(r"^\s+[0-9a-f]+ ([^+\s]+)", sample, re.MULTILINE)
        assert names[0] == "handle" or "handle" in names, sample
        after = names[names.index("handle") :]
        assert [name for name in after if name.startswith("pt_entry_")], sample
        assert {"apply", "main"} <= set(after), sample
