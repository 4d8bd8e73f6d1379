"""The rows as text, and as the table of docs/platforms.md."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from platforms.outcome import Outcome, Row
from platforms.table import PLATFORMS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/platforms.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEAD = ("platform", "built with, run by", "C tests", "hardening", "Python tests")
_NOTHING = "-"

Cells = tuple[str, ...]


def _text(outcome: Outcome | None, day: str = "", before: str = "") -> str:
    if not outcome:
        return _NOTHING
    return f"{before}{outcome.summary}{day}"


def _cells(row: Row, day: str = "") -> Cells:
    python = next(platform.python for platform in PLATFORMS if platform.name == row.name)
    interpreter = f"CPython {python.version}: " if python else ""
    return (
        row.name,
        _text(row.built),
        _text(row.c, day),
        _text(row.hardening),
        _text(row.python, day, interpreter),
    )


def table(rows: Sequence[Row]) -> str:
    """Columns, for people."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _line(cells: Cells) -> str:
    return f"| {' | '.join(cells)} |"


def _read(text: str) -> dict[str, Cells]:
    """A table's rows by their platforms."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    rows = (tuple(map(str.strip, line.strip("| ").split(" | "))) for line in lines)
    return {cells[0]: cells for cells in rows}


def _merge(before: Cells | None, cells: Cells) -> Cells:
    """What was not run this time stays as it was."""
    if before is None or len(before) != len(cells):
        return cells
    return tuple(old if new == _NOTHING else new for old, new in zip(before, cells, strict=True))


def write(rows: Sequence[Row]) -> None:
    """Puts them into the page's table, in place of those platforms' rows."""
    text = PAGE.read_text()
    found = _TABLE.search(text)
    if not found:
        raise ValueError(f"{PAGE.name} has no place for the table")
    day = f" ({datetime.date.today().isoformat()})"
    known = _read(found[0])
    for row in rows:
        known[row.name] = _merge(known.get(row.name), _cells(row, day))
    order = [platform.name for platform in PLATFORMS]
    lines = [_line(_HEAD), "|---" * len(_HEAD) + "|"]
    lines += [_line(known[name]) for name in order if name in known]
    PAGE.write_text(text[: found.start()] + "\n".join(lines) + "\n" + text[found.end() :])
