"""Inputs that nobody thought of for what takes types (tests/fuzz): random ones, and libFuzzer's.

Only a few here, and the same in every run. tests/fuzz/run goes on for as long as it is told to.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import native
import tools

FUZZ = native.TESTS / "fuzz"

# A sanitizer's own exit would not tell the number of the input.
ABORT = {"ASAN_OPTIONS": "abort_on_error=1", "UBSAN_OPTIONS": "abort_on_error=1"}


@functools.cache
def _replay() -> Path:
    native.need("gcc")
    return native.program(FUZZ / "types.c", flags=native.ADDRESS, extra=("-DPT_REPLAY",))


@functools.cache
def _links_libfuzzer() -> bool:
    source = native.folder() / "target.c"
    source.write_text("int LLVMFuzzerTestOneInput(void) { return 0; }\n")
    flags = ("-fsanitize=fuzzer,address,undefined",)
    try:
        native.execute(["clang", *flags, source, "-o", native.folder() / "target"])
    except native.NativeError:
        return False
    return True


def test_random_inputs() -> None:
    output = native.run(_replay(), "-seed=1", "-runs=5000", env=ABORT).stdout
    assert output == "5000 random inputs, 2 arguments\n"


def test_a_file_is_an_input(tmp_path: Path) -> None:
    """How a failure that libFuzzer found is looked at where there is no libFuzzer."""
    for name, data in {"empty": b"", "bytes": bytes(range(256))}.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(path) for path in tmp_path.iterdir()]
    assert native.run(_replay(), *paths, env=ABORT).stdout == "0 random inputs, 2 arguments\n"


def test_libfuzzer(tmp_path: Path) -> None:
    tools.need("clang")
    if not _links_libfuzzer():
        tools.missing("clang has no libFuzzer here (Debian: libclang-rt-dev)")
    command = ["bash", FUZZ / "run", "60", tmp_path / "corpus", "20000", "-seed=1"]
    output = native.execute(command, env={"CC": "clang"}).stdout
    print(output)
    inputs = re.search(r"^== (\d+) inputs, nothing found", output, re.MULTILINE)
    assert inputs
    assert int(inputs.group(1)) > 1000
