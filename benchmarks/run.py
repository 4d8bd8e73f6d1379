"""Every row of the targets, against every peer, in one run.

All of it takes about four minutes; ``run.py python native`` leaves the instruction counts out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import instructions
import native
import peers
import scaling

from pytramp.cli import _bench_rows
from pytramp.cli._callers import LoopsInC
from pytramp.cli._rows import Missing, Row, header, show

Rows = Iterator[Row | Missing]


def python_rows(folder: Path, quick: bool) -> Rows:
    loops = LoopsInC(LoopsInC.build(folder))
    return _bench_rows.rows(_bench_rows.Bench(loops, quick, peers.more_peers(folder)))


def scaling_rows(folder: Path, quick: bool) -> Rows:
    return scaling.rows(LoopsInC(LoopsInC.build(folder)), quick)


def native_rows(folder: Path, quick: bool) -> Rows:
    return native.rows(folder, rounds=1 if quick else 7)


def instruction_rows(_folder: Path, _quick: bool) -> Rows:
    return instructions.rows()


TABLES: dict[str, tuple[str, Callable[[Path, bool], Rows]]] = {
    "python": ("C calls a Python function", python_rows),
    "scaling": ("The same without a GIL, in one thread and in two", scaling_rows),
    "instructions": ("The same, counted in instructions by valgrind", instruction_rows),
    "native": ("C only, no Python", native_rows),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}; by default all")
    parser.add_argument("--quick", action="store_true", help="few calls: shows that it runs")
    arguments = parser.parse_args()
    if unknown := set(arguments.tables) - set(TABLES):
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    print(header())
    missed: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.tables or TABLES:
            title, rows = TABLES[name]
            missed += show(title, rows(Path(folder), arguments.quick))
    print("\nTargets missed by:" if missed else "\nAll targets are met.")
    for row in missed:
        print(f"  {row.title}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
