"""What the Python tests share: tools that may be missing, callers in C, scripts, reports.

need("mypy"): a program or a module; skips the test without it, fails it in CI.
library("int twice(int n) { return 2 * n; }"): C, compiled and loaded.
caller("double _Complex"): a function through which C calls an address, bytes in and bytes out.
script("fork.py"): runs a script of isolated/ in a new interpreter.
with reports() as seen: what sys.unraisablehook got.
@posix("fork"): a test of something that Windows lacks.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import native
import pytest

# A sanitizer keeps memory of its own, and freed memory for a while: sizes mean nothing.
SANITIZED = any(name in os.environ.get("LD_PRELOAD", "") for name in ("libasan", "libtsan"))
EMULATED = "PYTRAMP_TEST_EMULATED" in os.environ  # another CPU's programs, by qemu
# qemu answers for the kernel: its mappings are not the program's, nor are its limits.
real_kernel = pytest.mark.skipif(EMULATED, reason="the emulator's memory and limits are its own")
LATE = {"numba", "scipy"}  # no wheels yet for the newest Python
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
WINDOWS = sys.platform == "win32"
WORD = 8 * ctypes.sizeof(ctypes.c_void_p)  # bits, as of LONG
LONG = 8 * ctypes.sizeof(ctypes.c_long)
INT128 = WORD == 64  # compilers for other machines have none
int128 = pytest.mark.skipif(not INT128, reason="there is no __int128 here")
WCHAR = ctypes.sizeof(ctypes.c_wchar)

# For the C of the tests, too: a sanitizer of threads must see both sides ("-fsanitize=thread").
CFLAGS = shlex.split(os.environ.get("PYTRAMP_TEST_CFLAGS", ""))
# Compilers for i386 have _Float16 with these instructions only.
if WORD == 32 and platform.machine() in ("x86_64", "i386", "i686"):
    CFLAGS.append("-msse2")
# Not all compilers know it; those for Windows pass it in different ways, and pytramp refuses it.
FLOAT16 = (
    not WINDOWS and native.have("gcc") and "__FLT16_MAX__" in native.macros("gcc", tuple(CFLAGS))
)

ISOLATED = Path(__file__).resolve().parent / "isolated"


def missing(reason: str) -> NoReturn:
    """Skips the test with this reason; where CI is set everything must be there, and it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def need(name: str) -> Any:
    """The path of a program, or the module, called name."""
    return shutil.which(name) or need_module(name)


def need_cffi(major: int, minor: int) -> None:
    """Skips the test with one that is older; CI has what the test extras ask for."""
    found = need_module("cffi").__version_info__
    if found < (major, minor):
        missing(f"cffi {'.'.join(map(str, found))} is too old for this")


def need_module(name: str) -> Any:
    """The module called name."""
    if name in LATE and SANITIZED:
        pytest.skip(f"{name} is not instrumented", allow_module_level=True)
    if importlib.util.find_spec(name) is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, not ours
            return importlib.import_module(name)
    reason = f"there is no program and no Python module {name!r} here"
    if name in LATE and sys.version_info >= (3, 14):
        pytest.skip(reason, allow_module_level=True)
    missing(reason)


def posix(what: str) -> pytest.MarkDecorator:
    """For tests of something that Windows lacks."""
    return pytest.mark.skipif(WINDOWS, reason=f"Windows has no {what}")


def wide(text: str) -> str:
    """Those of the characters that a wchar_t has room for."""
    return "".join(character for character in text if ord(character) < 1 << 8 * WCHAR)


def shown(address: int) -> str:
    """As Python's own reprs have it."""
    return f"0x{address:016X}" if WINDOWS else f"{address:#x}"


def c_library() -> ctypes.CDLL:
    """Python's own."""
    return ctypes.CDLL("ucrtbase" if WINDOWS else None)


# ---- C callers ----

LONG_DOUBLE = ("-mlong-double-64",) if WINDOWS else ()  # mingw's own is not that of Windows
# A DLL has no other folder than its own to be searched for the compiler's libraries.
LINK = ("-static", *LONG_DOUBLE) if WINDOWS else ("-fPIC",)


def build(source: str, *, flags: Sequence[str] = ()) -> Path:
    """A shared library from C text; one per text and session."""
    return _build(source, tuple(flags))


@functools.cache
def _build(source: str, flags: tuple[str, ...]) -> Path:
    native.need("gcc")
    folder = Path(tempfile.mkdtemp(prefix="lib-", dir=native.folder()))
    text, target = folder / "lib.c", folder / ("lib.dll" if WINDOWS else "lib.so")
    text.write_text(source)
    # What is preloaded into Python, a sanitizer, is not for the compiler.
    clean = {"LD_PRELOAD": "", "PYTHONMALLOC": ""}
    warnings = ("-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-Wno-pedantic")
    command = ["gcc", "-std=gnu11", "-O1", "-g1", *warnings, "-shared", *LINK, *CFLAGS, *flags]
    native.execute([*command, text, "-o", target, "-lpthread"], env=clean)
    return target


def library(source: str) -> ctypes.CDLL:
    """build(), loaded; calls release the GIL."""
    return ctypes.CDLL(str(build(source)))


_HEADERS = """
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uchar.h>
#include <wchar.h>
#include <stdbool.h>
"""

_CALLER = """
typedef {type} T;
void call_it(T (*f)(T), const void *in, void *out) {{
    T value;
    __builtin_memcpy(&value, in, sizeof value); /* which need not be aligned as T */
    value = f(value);
    __builtin_memcpy(out, &value, sizeof value);
}}
size_t size_of_it(void) {{ return sizeof(T); }}
"""


def caller(spelling: str, declarations: str = "") -> Callable[[Any, bytes], bytes]:
    """call(f, data): C calls f, a ``T f(T)``, with the T that data holds; the bytes of its result.

    What f leaves unwritten shows as 0xAA. spelling names the type T in C, after declarations.
    """
    return _caller(spelling, declarations)


@functools.cache
def _caller(spelling: str, declarations: str) -> Callable[[Any, bytes], bytes]:
    lib = library(_HEADERS + declarations + _CALLER.format(type=spelling))
    lib.size_of_it.restype = ctypes.c_size_t
    size = lib.size_of_it()

    def call(function: Any, data: bytes) -> bytes:
        assert len(data) == size, f"{spelling} has {size} bytes"
        into = ctypes.create_string_buffer(b"\xaa" * size, size)
        source = ctypes.create_string_buffer(data, size)
        lib.call_it(ctypes.c_void_p(int(function)), source, into)
        return into.raw

    return call


# ---- Scripts that may crash ----


def captured(
    command: Sequence[str], env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """A process with env added to its environment, both of its streams as one text.

    timeout is multiplied by native.PATIENCE.
    """
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        env={**os.environ, **env},
        timeout=timeout * native.PATIENCE,
        check=False,
    )


def script(
    name: str,
    *args: object,
    env: dict[str, str] | None = None,
    python: Sequence[str] = ("-X", "dev", "-W", "error"),
    timeout: float = 120,
) -> str:
    """Runs tests/isolated/name in a new interpreter; what it printed on both streams.

    It must exit with 0 and print a line "done".
    """
    command = [sys.executable, *python, str(ISOLATED / name), *map(str, args)]
    try:
        done = captured(command, env or {}, timeout)
    except subprocess.TimeoutExpired as error:
        text = error.stdout if isinstance(error.stdout, str) else (error.stdout or b"").decode()
        pytest.fail(f"{name} ran longer than {error.timeout} s\n{text}")
    if done.returncode == 77:
        missing(done.stdout.strip() or f"{name} cannot run here")
    assert done.returncode == 0, f"{name} ended with {done.returncode}\n{done.stdout}"
    assert "done" in done.stdout.split("\n"), f"{name} did not finish\n{done.stdout}"
    return done.stdout


# ---- sys.unraisablehook ----


class Report(NamedTuple):
    """One call of sys.unraisablehook."""

    exception: BaseException
    object: object
    message: str | None
    has_traceback: bool

    @property
    def text(self) -> str:
        return str(self.exception)


@contextmanager
def reports() -> Iterator[list[Report]]:
    """What is reported in the block, instead of to pytest."""
    seen: list[Report] = []

    def hook(args: Any) -> None:
        has_traceback = args.exc_traceback is not None
        seen.append(Report(args.exc_value, args.object, args.err_msg, has_traceback))

    before, sys.unraisablehook = sys.unraisablehook, hook
    try:
        yield seen
    finally:
        sys.unraisablehook = before


def chain(exception: BaseException | None) -> list[type]:
    """The types of an exception and its contexts, outermost first."""
    types = []
    while exception is not None:
        types.append(type(exception))
        exception = exception.__context__
    return types
