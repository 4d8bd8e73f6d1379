"""The command; see the package."""

import argparse
import os
import random
import sys
from collections.abc import Iterator

from soak.run import MAY_BE_LEFT_OUT, Plan, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak")
    parser.add_argument("seconds", nargs="?", type=float, default=float("inf"))
    parser.add_argument("--operations", type=int, default=sys.maxsize, help="end after so many")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--without", nargs="+", default=[], choices=list(MAY_BE_LEFT_OUT))
    options = parser.parse_args()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    without = {*options.without, *impossible()}
    return soak(Plan(options.seconds, options.operations, seed, frozenset(without)))


def impossible() -> Iterator[str]:
    if sys.version_info < (3, 12):
        print("no interpreters: pytramp in others than the main one needs Python 3.12")
        yield "interpreters"
    if "libtsan" in os.environ.get("LD_PRELOAD", ""):
        print("no fork: in a child ThreadSanitizer still has the parent's threads")
        yield "fork"
    elif "PYTRAMP_TEST_EMULATED" in os.environ:
        print("no fork: qemu may leave a lock of its own locked in the child (seen with 7.2)")
        yield "fork"
    elif not getattr(sys, "_is_gil_enabled", lambda: True)():
        print("no fork: without a GIL an object may stay locked in the child, by CPython")
        yield "fork"


if __name__ == "__main__":
    sys.exit(main())
