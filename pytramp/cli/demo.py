"""``python -m pytramp demo``: pytramp at work on this machine, every result checked."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable

import pytramp
from pytramp.cli import _demo_calls, _demo_pages, _demo_speed
from pytramp.cli._demo import Skipped, Wrong

PARTS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("sort with the C library's qsort_r", _demo_calls.sort),
    ("walk a directory tree with nftw", _demo_calls.walk),
    ("integrate with SciPy", _demo_calls.integrate),
    ("call from threads that Python did not make", _demo_calls.threads),
    ("call a callback that was freed", _demo_calls.freed),
    ("make 20 000 closures where new executable memory is forbidden", _demo_pages.forbidden),
    ("look at this process's executable memory", _demo_pages.mappings),
    ("race ctypes and cffi", _demo_speed.race),
)


def run(_arguments: argparse.Namespace) -> int:
    print(
        f"pytramp {pytramp.__version__} on {platform.python_implementation()} "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    start = time.perf_counter()
    wrong = []
    for number, (title, part) in enumerate(PARTS, 1):
        if not _play(number, title, part):
            wrong.append(title)
    seconds = time.perf_counter() - start
    for title in wrong:
        print(f"WRONG: {title}", file=sys.stderr)
    if not wrong:
        print(f"\nEvery result was checked and right. {seconds:.1f} s.")
    return 1 if wrong else 0


def _play(number: int, title: str, part: Callable[[], None]) -> bool:
    """Runs one part; False where its result was wrong or it failed."""
    print(f"\n{number}. {title}", flush=True)
    try:
        part()
    except Skipped as reason:
        print(f"   skipped: {reason}")
    except Wrong as what:
        print(f"   WRONG: {what}")
        return False
    except Exception as error:
        print(f"   FAILED: {type(error).__name__}: {error}")
        if "PYTRAMP_DEBUG" in os.environ:
            raise
        return False
    return True
