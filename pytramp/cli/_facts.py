"""The doctor's findings, as (name, value) for people. "unknown" where there is nothing to read."""

from __future__ import annotations

import importlib
import importlib.util
import mmap
import os
import platform
import subprocess
import sys
import sysconfig

import pytramp
from pytramp import _core
from pytramp.cli import _elf, _process

Fact = tuple[str, str]

UNKNOWN = "unknown"
WORKS = "works"
MISSING = "missing"
STEPS = ("mremap", "file", "memfd")
NO_STEP = ": there is no step"

# ---- The installation ----


def installation() -> list[Fact]:
    return [
        ("pytramp", pytramp.__version__),
        ("module", _core.__file__),
        ("branches", _branches()),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}, {_build()}"),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("CPU", _cpu()),
        ("page size", str(mmap.PAGESIZE)),
    ]


def _build() -> str:
    marks = [platform.python_compiler()]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        marks.append("free-threaded")
    if hasattr(sys, "gettotalrefcount"):
        marks.append("debug")
    return ", ".join(marks)


def _branches() -> str:
    """The hardware checks that the module is built to pass."""
    promised = _elf.branch_protection(_core.__file__)
    if promised is None:
        return UNKNOWN
    return "the module is marked " + ", ".join(promised) if promised else "the module is not marked"


def _cpu() -> str:
    for line in (_process.read("/proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "cpu model", "uarch", "cpu"):
            return value.strip()
    return platform.processor() or UNKNOWN


# ---- The process ----


def process() -> list[Fact]:
    status = _process.status()
    return [
        ("MDWE", mdwe()),
        ("SELinux", _selinux()),
        ("seccomp", _SECCOMP.get(status.get("Seccomp", ""), UNKNOWN)),
        ("NoNewPrivs", _NO_YES.get(status.get("NoNewPrivs", ""), UNKNOWN)),
        ("shadow stack", _shadow_stack(status)),
    ]


_SECCOMP = {"0": "off", "1": "strict", "2": "a filter is installed"}
_NO_YES = {"0": "no", "1": "yes"}


def mdwe() -> str:
    """Whether the kernel refuses memory that is or was writable and shall be executable."""
    try:
        return "on" if _process.prctl(_process.PR_GET_MDWE) else "off"
    except OSError as error:
        return f"{UNKNOWN} ({error.strerror})"


def _selinux() -> str:
    enforcing = _process.read("/sys/fs/selinux/enforce")
    if enforcing is None:
        return "not there"
    context = (_process.read("/proc/self/attr/current") or UNKNOWN).rstrip("\0")
    return f"{'enforcing' if enforcing == '1' else 'permissive'}, {context}"


def _shadow_stack(status: dict[str, str]) -> str:
    if not status:
        return UNKNOWN
    features = status.get("x86_Thread_features")
    if features is None:
        return "the kernel names none"
    return "on" if "shstk" in features.split() else "off"


# ---- Growth ----


def growth_steps() -> list[Fact]:
    """What was done so far, what may be done, and each step tried now."""
    stats = _core.stats()
    allowed = _core.get_growth()
    setting = os.environ.get("PYTRAMP_GROWTH")
    return [
        ("built in", f"{stats['builtin']} closures need no new memory, {stats['live']} live now"),
        ("in use", str(stats["source"])),
        ("allowed", ", ".join(allowed) or "none"),
        ("PYTRAMP_GROWTH", "not set" if setting is None else repr(setting) + _misspelled(setting)),
        *((step, _try(step, step in allowed)) for step in STEPS),
    ]


def _misspelled(setting: str) -> str:
    """What of PYTRAMP_GROWTH is no step, by which it allows none; "memory" is one elsewhere."""
    known = {*STEPS, "memory"}
    wrong = [name for name in setting.split(",") if name not in known]
    return f"{NO_STEP} {wrong[0]!r}" if wrong and setting not in ("", "none") else ""


def _try(step: str, allowed: bool) -> str:
    result = _core.try_growth(step) or WORKS
    return result if allowed else f"{result} (not allowed)"


# ---- Others ----

_CTYPES = "import ctypes; r = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)()"
_CFFI = (
    "import cffi; f = cffi.FFI(); c = f.callback('int(*)(void)', lambda: 7); "
    "r = f.cast('int(*)(void)', int(f.cast('intptr_t', c)))()"
)
_FORKED = (
    "import ctypes, os; f = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)\n"
    "if (p := os.fork()) == 0: os._exit(f())\n"
    "r = os.waitstatus_to_exitcode(os.waitpid(p, 0)[1])\n"
    "if r < 0: os.kill(os.getpid(), -r)"
)
_PYTRAMP = "import pytramp; r = pytramp.callback('int (void)', lambda: 7).as_ctypes()()"


def others() -> list[Fact]:
    """Whether callbacks work in a child process, which inherits the limits of this one."""
    cffi = _run(_CFFI) if importlib.util.find_spec("cffi") else "not installed"
    return [*_called_by_ctypes(), ("cffi", cffi)]


def _called_by_ctypes() -> list[Fact]:
    try:
        importlib.import_module("ctypes")
    except ImportError as error:
        unknown = f"{UNKNOWN}: nothing here can call it without ctypes"
        return [("pytramp", unknown), ("ctypes", f"{MISSING}: {error}")]
    found = [("pytramp", _run(_PYTRAMP)), ("ctypes", _run(_CTYPES))]
    if hasattr(os, "fork"):
        found.append(("ctypes, forked", _run(_FORKED)))
    return found


def _run(code: str) -> str:
    command = [sys.executable, "-c", f"{code}\nraise SystemExit(r != 7)"]
    try:
        child = subprocess.run(command, capture_output=True, errors="backslashreplace", timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{UNKNOWN}: no child process ({error})"
    if child.returncode < 0:
        return f"crashes with signal {-child.returncode}"
    if child.returncode:
        return f"fails: {(child.stderr.strip().splitlines() or ['a wrong result'])[-1]}"
    return WORKS
