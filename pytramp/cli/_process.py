"""What the kernel says about this process. Nothing here fails where a file or a call is missing."""

from __future__ import annotations

import errno
import os
import sys
from typing import NamedTuple

PR_SET_MDWE = 65
PR_GET_MDWE = 66
MDWE_REFUSE_EXEC_GAIN = 1


class Mapping(NamedTuple):
    """A line of /proc/self/maps."""

    start: int
    end: int
    permissions: str  # "r-xp"
    path: str  # "" for anonymous memory

    @property
    def is_executable(self) -> bool:
        return "x" in self.permissions

    @property
    def is_writable(self) -> bool:
        return "w" in self.permissions

    @property
    def is_kernels(self) -> bool:
        """[vdso] and its like: the kernel's, in every process."""
        return self.path.startswith("[v") or self.path == "[uprobes]"

    @property
    def is_file(self) -> bool:
        """A file on disk; a memfd is anonymous memory that has a name."""
        return self.path.startswith("/") and not self.path.startswith(("/memfd:", "/dev/zero"))


def read(path: str) -> str | None:
    """The text of a file, stripped, with file names in it as os has them; None where it cannot be
    read, and on Windows, where wine would show Linux' own /proc."""
    if sys.platform == "win32":
        return None
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read()).strip()
    except (OSError, ValueError):
        return None


def executable_mappings() -> list[Mapping]:
    """In the order of their addresses; empty without /proc."""
    found = []
    maps = read("/proc/self/maps")
    # Not by splitlines(): a file name may hold what it takes for the end of a line.
    for line in maps.split("\n") if maps else ():
        extent, permissions, _offset, _device, _inode, *path = line.split(None, 5)
        start, end = (int(bound, 16) for bound in extent.split("-"))
        found.append(Mapping(start, end, permissions, path[0] if path else ""))
    return [mapping for mapping in found if mapping.is_executable]


def status() -> dict[str, str]:
    """The fields of /proc/self/status; empty without /proc."""
    lines = (read("/proc/self/status") or "").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, _, value in pairs}


def resident_bytes() -> int:
    """The memory that this process has in RAM; 0 without /proc."""
    fields = status().get("VmRSS", "0 kB").split()
    return int(fields[0]) * 1024


def prctl(option: int, argument: int = 0) -> int:
    """What prctl(2) returns; OSError where it fails, where there is none or no ctypes."""
    try:
        import ctypes  # the doctor works without

        function = ctypes.CDLL(None, use_errno=True).prctl
    except ImportError:
        raise OSError(errno.ENOSYS, "there is no ctypes to ask with") from None
    except (AttributeError, OSError, TypeError):
        raise OSError(errno.ENOSYS, "this system has no prctl") from None
    zero = ctypes.c_ulong(0)
    result: int = function(option, ctypes.c_ulong(argument), zero, zero, zero)
    if result < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return result
