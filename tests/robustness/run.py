"""Runs situations in processes of their own, and says what became of them."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import native
import tools

from robustness.peers import PEERS
from robustness.rows import KINDS, Row

HERE = Path(__file__).resolve().parent
NO_OUTCOME = ("not tried", "not here")
HANGS = 3  # so many, and a situation is not repeated again


@dataclass(frozen=True)
class Outcome:
    """The worst of all runs: of KINDS or NO_OUTCOME, why, and how many runs ended so."""

    kind: str
    detail: str = ""
    times: int = 1
    runs: int = 1

    def __str__(self) -> str:
        text = f"{self.kind} ({self.detail})" if self.detail else self.kind
        if self.runs > 1 and self.kind != "right":
            text += f", {self.times} of {self.runs}"
        return text


Outcomes = dict[str, dict[str, Outcome]]  # of a row's key and a peer


def _line(text: str) -> Outcome | None:
    kind, _, detail = text.partition(": ")
    return Outcome(kind, detail) if kind in (*KINDS, *NO_OUTCOME) else None


def _badness(outcome: Outcome) -> int:
    return KINDS.index(outcome.kind) if outcome.kind in KINDS else -1


def _status(code: int) -> Outcome | None:
    """What the end of the process says by itself."""
    if code < 0:
        return Outcome("crash", signal.Signals(-code).name)
    return Outcome("wrong answer", f"exit code {code}") if code else None


def classify(code: int, output: str) -> Outcome:
    """By the lines of outcome that the process wrote, and how it ended."""
    if code == 77:
        return Outcome("not tried", output.strip().split("\n")[-1])
    said = [_line(line) for line in output.split("\n")]
    found = [outcome for outcome in (*said, _status(code)) if outcome]
    return max(found, key=_badness) if found else Outcome("lost", "it ended without a word")


def library() -> Path:
    """The C side, compiled."""
    return tools.build((HERE / "support.c").read_text())


@functools.cache
def embedding() -> Path | None:
    """The program of embed.c; None without the libpython of this interpreter."""
    target = native.folder() / "embed"
    get = sysconfig.get_config_var
    folders = [f"-L{get(name)}" for name in ("LIBDIR", "LIBPL")]
    name = f"-lpython{get('LDVERSION')}"
    words = f"{get('LIBS')} {get('SYSLIBS')} {get('LINKFORSHARED')}".split()
    command: list[str | Path] = [
        "gcc",
        "-O1",
        HERE / "embed.c",
        f"-I{sysconfig.get_path('include')}",
        *folders,
    ]
    try:
        rpath = f"-Wl,-rpath,{get('LIBDIR')}"
        native.execute([*command, name, rpath, *words, "-ldl", "-lm", "-o", target])
    except native.NativeError:
        return None
    return target


def once(row: Row, peer: str, timeout: float, log: Callable[[str], None] | None = None) -> Outcome:
    """One run."""
    command = [sys.executable, str(HERE / "one.py"), row.key, peer, str(library())]
    environment = {"PYTHONDEVMODE": "", "PYTHONWARNINGS": ""}
    program = embedding()
    if program:
        environment["ROBUSTNESS_EMBED"] = str(program)
    try:
        done = tools.captured(command, environment, timeout)
    except subprocess.TimeoutExpired:
        return Outcome("hang")
    if log:
        log(done.stdout)
    return classify(done.returncode, done.stdout)


def outcome(
    row: Row, peer: str, timeout: float, log: Callable[[str], None] | None = None
) -> Outcome:
    """The worst of as many runs as the row asks for."""
    found: list[Outcome] = []
    for _ in range(row.repeat):
        found.append(once(row, peer, timeout, log))
        if sum(one.kind == "hang" for one in found) == HANGS:
            break
    return worst(found)


def worst(found: list[Outcome]) -> Outcome:
    bad = max(found, key=_badness)
    times = sum(one.kind == bad.kind for one in found)
    return Outcome(bad.kind, bad.detail, times, len(found))


def outcomes(rows: Iterable[Row], peers: Iterable[str], timeout: float) -> Outcomes:
    """key -> peer -> Outcome, a few processes at a time."""
    rows = list(rows)
    library()
    embedding()
    pairs = [(row, peer) for row in rows for peer in peers]
    with ThreadPoolExecutor(native.JOBS) as pool:
        found = list(pool.map(lambda pair: outcome(pair[0], pair[1], timeout), pairs))
    table: Outcomes = {row.key: {} for row in rows}
    for (row, peer), one in zip(pairs, found, strict=True):
        table[row.key][peer] = one
    return table


ALL_PEERS = tuple(PEERS)
