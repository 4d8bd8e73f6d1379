"""Run by the benchmarks as a process of its own: makes many closures and keeps them.

Arguments: who makes them, and how many. Prints nanoseconds and bytes of resident memory each,
and how many executable mappings it took.
"""

from __future__ import annotations

import sys
import time

from pytramp.cli._peers import peer
from pytramp.cli._process import executable_mappings, resident_bytes


def main(name: str, count: int) -> None:
    make = peer(name, "int (int, int)").make
    kept: list[object] = [None] * count
    first = make(max)
    mappings, resident = len(executable_mappings()), resident_bytes()
    start = time.perf_counter_ns()
    for i in range(count):
        kept[i] = make(max)
    ns = time.perf_counter_ns() - start
    resident, mappings = resident_bytes() - resident, len(executable_mappings()) - mappings
    print(ns / count, resident / count, mappings)
    del first


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
