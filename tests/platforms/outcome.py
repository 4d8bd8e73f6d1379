"""What came of a step, and a platform's row of them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    text: str
    passed: bool = True

    @property
    def summary(self) -> str:
        """Its first line, cut where a table has no more room."""
        return self.text.partition("\n")[0][:100]

    @classmethod
    def failure(cls, reason: str) -> Outcome:
        return cls(f"FAILED: {reason}", passed=False)


@dataclass
class Row:
    name: str
    built: Outcome | None = None
    c: Outcome | None = None
    hardening: Outcome | None = None
    python: Outcome | None = None

    @property
    def failed(self) -> bool:
        steps = (self.built, self.c, self.hardening, self.python)
        return any(step is not None and not step.passed for step in steps)


_SHOWN = 60  # lines of a log: pytest ends with what failed, and CI keeps no folders


def _end(log: Path) -> str:
    return "\n".join(log.read_text(errors="backslashreplace").splitlines()[-_SHOWN:])


def of_pytest(report: Path, status: int, log: Path) -> Outcome:
    """From the JUnit report of a run that ended with status."""
    if not report.exists():
        return Outcome.failure(f"pytest ended with {status} and no report\n{log}:\n{_end(log)}")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        for name in counts:
            counts[name] += int(suite.get(name, 0))
    bad = counts["failures"] + counts["errors"]
    good = counts["tests"] - bad - counts["skipped"]
    text = f"{good} passed, {counts['skipped']} skipped"
    if bad or status or not good:
        return Outcome.failure(f"{bad} failed, {text}\n{log}:\n{_end(log)}")
    return Outcome(text)


def hardening(report: Path) -> Outcome:
    """What the tests marked so have shown, each by the words of its mark."""
    shown: dict[str, None] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if not any(case.find(what) is not None for what in ("failure", "error", "skipped")):
            marks = case.iterfind("properties/property[@name='hardening']")
            shown |= dict.fromkeys(mark.get("value", "") for mark in marks)
    return Outcome(", ".join(shown) or "-")
