"""The parts of the demo about executable memory."""

from __future__ import annotations

import bisect
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pytramp import Signature, _core
from pytramp.cli._demo import Skipped, Wrong, check, say
from pytramp.cli._process import Mapping, executable_mappings

CLOSURES = 20_000
STEPS = ("mremap", "file", "memfd")


def require_growth() -> None:
    if not _core.get_growth():
        raise Skipped("growth is forbidden in this process (PYTRAMP_GROWTH)")


# ---- Where new executable memory is forbidden ----


def forbidden() -> None:
    require_growth()
    found = _run_child()
    if found["refusal"]:
        raise Skipped(f"no PR_SET_MDWE in this kernel ({found['refusal']}); Linux 6.3 brought it")
    check("the error of mmap(PROT_WRITE | PROT_EXEC)", found["mapping"], "EACCES")
    say("in a child process after prctl(PR_SET_MDWE): mmap(PROT_WRITE | PROT_EXEC) gives EACCES")
    check("the closures that gave the right answer", found["right"], CLOSURES)
    stats = found["stats"]
    pairs = sum(stats[f"{step}_pairs"] for step in STEPS)
    say(f"and yet {CLOSURES} closures were made, called and right: {stats['builtin']} stubs are")
    say(f"built in, the others are in {pairs} more code pages, had by {stats['source']}")


def _run_child() -> Any:
    command = [sys.executable, "-m", "pytramp.cli._mdwe", str(CLOSURES)]
    child = subprocess.run(command, capture_output=True, errors="backslashreplace", timeout=60)
    if child.returncode:
        raise Wrong(f"the child process ended with {child.returncode}: {child.stderr.strip()}")
    return json.loads(child.stdout)


# ---- This process ----


def mappings() -> None:
    require_growth()
    signature = Signature("int (int)")
    closures = [signature(abs) for _ in range(CLOSURES)]
    found = executable_mappings()
    if not found:
        raise Skipped("no /proc/self/maps to read")
    ours = _holding((closure.address for closure in closures), found)
    others = [mapping for mapping in found if mapping not in ours]
    for mapping in ours:
        say(f"{mapping.start:012x}-{mapping.end:012x} {mapping.permissions}  {mapping.path}")
        if mapping.is_writable or not os.path.samefile(mapping.path, _core.__file__):
            raise Wrong("these stubs do not lie in pytramp's own read-only text")
    say(f"hold the {CLOSURES} closures that live now, in pytramp's own file; besides")
    _list(others)
    _judge(others)


def _holding(addresses: Iterable[int], found: list[Mapping]) -> list[Mapping]:
    """The mappings in which the addresses lie, each once."""
    starts = [mapping.start for mapping in found]
    holders = {found[bisect.bisect(starts, address) - 1]: address for address in addresses}
    for mapping, address in holders.items():
        if not mapping.start <= address < mapping.end:
            raise Wrong(f"{address:#x} lies in no executable mapping")
    return sorted(holders)


def _list(others: list[Mapping]) -> None:
    """One line per folder: with SciPy there are a hundred files."""
    groups = Counter((m.permissions, os.path.dirname(m.path) or m.path) for m in others)
    for (permissions, folder), count in sorted(groups.items(), key=lambda item: item[0][1]):
        say(f"{permissions} {count:4} in {folder or 'anonymous memory'}")


def _judge(others: list[Mapping]) -> None:
    """What others mapped is theirs; but it is said where pytramp would not have."""
    odd = [m for m in others if m.is_writable or not (m.is_file or m.is_kernels)]
    for mapping in odd:
        say(f"not pytramp's: {mapping.permissions} {mapping.path or 'anonymous memory'}")
    if not odd:
        say("none of them is writable, none is anonymous")
