"""The table, and the section of docs/coming-from.md that it stands in."""

from __future__ import annotations

import importlib
import platform
from pathlib import Path

from three_ways.job import Job
from three_ways.measure import Cost
from three_ways.one import RIGHT

PATH = Path(__file__).resolve().parent.parent.parent / "docs" / "coming-from.md"
TITLE = "## What each costs\n"

HEAD = """
Made by `python -m three_ways --write` in `examples/`. Each job is that of an example, and stands
there three times, side by side: follow its name.

- **Lines** are those of the callbacks and, in the examples where an exception must reach who called
  C, of what brings it there. Calling the library is the same for all and not counted.
- **ns per call** is the CPU time of C's part of the job, by the number of calls: it includes what
  C does between them, such as comparing, starting a thread, parsing. The callbacks are made before.
  It is that of the best of many short rounds, in which the three take turns; **against pytramp** is
  the median of the rounds' ratios.
- **Without executable memory** is under `PR_SET_MDWE`, as systemd's `MemoryDenyWriteExecute=` sets
  it: memory that is writable can never be executable.
"""

COLUMNS = ("job", "", "lines", "ns per call", "against pytramp", "without executable memory")

TAIL = """
Where pytramp is not faster: in a thread that calls only once, for which it makes a state that it
keeps for the next call; and with arrays of strings, whose items are a `Pointer` each before they
are bytes, while ctypes' `c_char_p` is bytes at once.

What libxml2 has to say comes as a format of `printf` and its arguments. ctypes has no word for
`...`: its callback gets the format alone. cffi has one, and refuses to make the callback.
"""


def number(x: float) -> str:
    """Three digits that mean something."""
    return f"{float(f'{x:.3g}'):,.0f}".replace(",", " ")


def cells(cost: Cost) -> list[str]:
    if cost.outcome != RIGHT:
        return [cost.peer, "—", "—", "—", f"cannot do it: {cost.outcome}"]
    figures = [str(cost.lines), number(cost.nanoseconds), f"{cost.ratio:.2f}"]
    restricted = {RIGHT: "works", None: "—"}.get(cost.restricted, cost.restricted)
    return [cost.peer, *figures, str(restricted)]


def line(*words: str) -> str:
    return f"| {' | '.join(words)} |".replace("|  |", "| |")


def link(job: Job) -> str:
    return f"[{job.name}](../examples/three_ways/{job.example}.py)"


def table(costs: dict[Job, list[Cost]]) -> str:
    rows = [line(*COLUMNS), "|" + "---|" * len(COLUMNS)]
    for job, of_job in costs.items():
        name = link(job)
        for cost in of_job:
            rows.append(line(name, *cells(cost)))
            name = ""
    return "\n".join(rows)


def versions() -> str:
    cffi = importlib.import_module("cffi").__version__
    system = f"{platform.system()} {platform.release().split('-')[0]} on {platform.machine()}"
    return f"CPython {platform.python_version()}, cffi {cffi}, {system}."


def page(before: str, costs: dict[Job, list[Cost]]) -> str:
    """The text of the document, whose last section is this one."""
    start, title, _ = before.partition(TITLE)
    return "\n".join([start + title + HEAD, table(costs), TAIL, versions()]) + "\n"
