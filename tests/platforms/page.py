"""The rows as text, and as the table of docs/platforms.md."""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from platforms.outcome import Outcome, Row
from platforms.table import PLATFORMS

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/platforms.md"
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD = ("platform", "built with", "C tests", "Python tests")


def _text(outcome: Outcome | None) -> str:
    return outcome.summary if outcome else "-"


def _cells(row: Row) -> tuple[str, ...]:
    python = next(platform.python for platform in PLATFORMS if platform.name == row.name)
    ran = _text(row.python)
    if row.python and python:
        ran = f"CPython {python.version}: {ran}"
    return row.name, _text(row.built), _text(row.c), ran


def table(rows: Sequence[Row]) -> str:
    """Columns, for people."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _versions() -> str:
    qemu = subprocess.run(
        ["qemu-aarch64-static", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[2]
    return f"{datetime.date.today().isoformat()}, on Debian x86-64, qemu {qemu}"


def write(rows: Sequence[Row]) -> None:
    """Replaces the page's table."""
    lines = [f"Run on {_versions()}.", "", "| " + " | ".join(_HEAD) + " |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    text = PAGE.read_text()
    made, n = _TABLE.subn(lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text)
    if n != 1:
        raise ValueError(f"{PAGE.name} has no place for the table")
    PAGE.write_text(made)
