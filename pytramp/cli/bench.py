"""``python -m pytramp bench``: the table of targets, measured on this machine."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from pytramp.cli._bench_rows import Bench, rows
from pytramp.cli._callers import Callers, LibcOnly, LoopsInC, NoCompiler
from pytramp.cli._rows import header, show


def run(arguments: argparse.Namespace) -> int:
    """Prints the rows; a missed target is no failure: machines are noisy."""
    print(header())
    print("Medians of several rounds; ratios are taken within each round.")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(_callers(Path(folder)), quick=arguments.quick)
        missed = show("C calls a Python function", rows(bench))
    print(f"\n{len(missed)} rows missed their target." if missed else "\nAll targets are met.")
    return 0


def _callers(folder: Path) -> Callers:
    try:
        return LoopsInC(LoopsInC.build(folder))
    except NoCompiler as reason:
        print(f"{reason}: lfind of the C library calls instead, and some rows are left out.")
        return LibcOnly()
