"""Instructions per call, by valgrind: two runs of different length, their difference by the calls.

    python benchmarks/instructions.py               the rows
    python benchmarks/instructions.py --functions   and where pytramp's own go

Repeatable where times are not. Growth by mremap is refused under valgrind; nothing here grows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import peers

from pytramp.cli._callers import LoopsInC
from pytramp.cli._peers import Peer, peer
from pytramp.cli._rounds import Timings
from pytramp.cli._rows import Missing, Row, show

SHORT, LONG = 1000, 6000
DECLARATIONS = {"int": "int (int, int)", "double": "double (double)"}
BY_HAND = ("hand-written", "API floor", "floor")
NAMES = ("pytramp", "ctypes", "cffi", "cffi API", *BY_HAND)
# (kind, held, most for pytramp, greatest ratios)
ROWS: tuple[tuple[str, bool, float | None, dict[str, float]], ...] = (
    ("int", True, 610, {}),
    ("int", False, 1030, {}),
    ("double", True, None, {"hand-written": 1.0}),
    ("double", False, None, {"hand-written": 1.0}),
)


def rows() -> Iterator[Row | Missing]:
    if shutil.which("valgrind") is None:
        yield Missing("instructions per call", "valgrind is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder))
        for kind, held, most, targets in ROWS:
            figures = _counts(Path(folder), kind, held)
            title = f"{DECLARATIONS[kind]}, the caller {'holds' if held else 'gave up'} the GIL"
            yield Row(title, Timings(figures), targets, most, "instructions per call")


def _counts(folder: Path, kind: str, held: bool) -> dict[str, list[float]]:
    """Of all contestants, counted side by side: counts do not mind a busy machine."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        profiles = pool.map(lambda name: profile(folder, name, kind, held), NAMES)
    return {name: [sum(found.values())] for name, found in zip(NAMES, profiles, strict=True)}


def profile(folder: Path, name: str, kind: str, held: bool) -> dict[str, float]:
    """Instructions per call, by function."""
    short, long = (_run(folder, name, kind, held, calls) for calls in (SHORT, LONG))
    return {function: (long[function] - short[function]) / (LONG - SHORT) for function in long}


def _run(folder: Path, name: str, kind: str, held: bool, calls: int) -> Counter[str]:
    output = folder / f"callgrind.{name}.{calls}"
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"]
    child = [sys.executable, __file__, "--child", str(folder), name, kind]
    length = [str(int(held)), str(calls)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    subprocess.run([*tool, *child, *length], check=True, capture_output=True, env=environment)
    return read_profile(output)


def read_profile(path: Path) -> Counter[str]:
    """The self cost of each function in a file of callgrind's format."""
    costs: Counter[str] = Counter()
    names: dict[str, str] = {}
    function = ""
    is_call = False
    for line in path.read_text().splitlines():
        if line.startswith(("fn=", "cfn=")):
            key, _, name = line.partition("=")[2].partition(" ")
            names.setdefault(key, name)
            function = names[key] if line[0] == "f" else function
        elif line.startswith("calls="):
            is_call = True  # the next line is the cost of the callee
        elif line[:1] in "+-*0123456789" and line:
            costs[function] += 0 if is_call else int(line.split()[1])
            is_call = False
    return costs


# ---- The process that is counted ----


def _build(folder: Path) -> None:
    """All that is compiled, so that the children only load it."""
    LoopsInC.build(folder)
    peers.build_handwritten(folder)
    peers.build_cffi_api(folder)


def _child(folder: str, name: str, kind: str, held: str, calls: str) -> None:
    loops = LoopsInC(Path(folder, "bench.so"))
    function = loops.int_function if kind == "int" else lambda x: x
    chosen = _peer(Path(folder), name, kind, bool(int(held)))
    callback = chosen.make(function)
    loops.ns(kind, chosen.address(callback), int(calls), held=bool(int(held)))


def _peer(folder: Path, name: str, kind: str, held: bool) -> Peer:
    if name in BY_HAND:
        return peers.handwritten_peers(peers.load("handwritten", folder), kind, held)[name]
    if name == "cffi API":
        return peers.cffi_api_peer(peers.load("_extern_python", folder), kind)
    return peer(name, DECLARATIONS[kind])


# ---- Command line ----


def show_functions(least: float = 1.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder))
        for held in (True, False):
            print(f"\npytramp, int (int, int), the caller {'holds' if held else 'gave up'} the GIL")
            found = profile(Path(folder), "pytramp", "int", held)
            for name, cost in sorted(found.items(), key=lambda item: -item[1]):
                if cost >= least:
                    print(f"  {cost:7.1f}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--functions", action="store_true", help="show where the instructions go")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    arguments: Any = parser.parse_args()
    if arguments.child:
        _child(*arguments.child)
        return
    show("Instructions", rows())
    if arguments.functions:
        show_functions()


if __name__ == "__main__":
    main()
