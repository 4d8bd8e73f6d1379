"""What crashes ctypes and cffi does not crash pytramp, and docs/robustness.md says what is so."""

from __future__ import annotations

import re
import sys

import pytest
import tools
from robustness import page, run
from robustness.rows import Row, all_rows

pytestmark = tools.posix("resource limits, within which these programs run")

ROWS = all_rows()

# Right is "refused" here, where Python or the system cannot do it at all: an isolated interpreter,
# or before 3.12 any other than the main one.
SUBINTERPRETERS = {key for key in ROWS if key.startswith("sub_")}
MAY_REFUSE = {"sub_own_gil"} | (SUBINTERPRETERS if sys.version_info < (3, 12) else set())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_pytramp(row: Row) -> None:
    """Right in every run."""
    log: list[str] = []
    outcome = run.outcome(row, "pytramp", 120, log.append)
    if outcome.kind == "not here":
        pytest.skip(outcome.detail)
    if outcome.kind == "not tried":
        tools.missing(outcome.detail)
    good = {"right", "refused"} if row.key in MAY_REFUSE else {"right"}
    assert outcome.kind in good, f"{outcome}\n{''.join(log)}"


def test_rows_exist() -> None:
    assert MAY_REFUSE <= ROWS.keys()


# ---- How outcomes are told ----


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, "right\n", "right"),
        (0, "right\nright\n", "right"),
        (0, "right\nwrong answer: 3\nright\n", "wrong answer (3)"),
        (0, "lost: the exception\nright\n", "lost (the exception)"),
        (0, "refused: TypeError\n", "refused (TypeError)"),
        (0, "noise\n", "lost (it ended without a word)"),
        (1, "Traceback\nright\n", "wrong answer (exit code 1)"),
        (-11, "right\n", "crash (SIGSEGV)"),
        (-6, "", "crash (SIGABRT)"),
        (77, "no PR_SET_MDWE\n", "not tried (no PR_SET_MDWE)"),
    ],
)
def test_classification(code: int, output: str, expected: str) -> None:
    assert str(run.classify(code, output)) == expected


def test_the_worst_run_counts() -> None:
    found = [run.classify(code, "right\n") for code in (0, -11, 1, -11)]
    assert str(run.worst(found)) == "crash (SIGSEGV), 2 of 4"
    assert str(run.worst(found[:1] * 3)) == "right"


def test_a_hang_is_seen() -> None:
    row = ROWS["freed"]
    assert run.once(row, "pytramp", timeout=0.001).kind == "hang"


# ---- The page ----

CELL = re.compile(r"^\| (?!situation)(.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_has_these_rows() -> None:
    """Names and what is right, in this order; pytramp's column as it is tested."""
    text = page.PATH.read_text()
    assert page.HEAD in text
    shown = [match.groups() for match in CELL.finditer(text)]
    assert [cells[:2] for cells in shown] == [(row.name, row.right) for row in ROWS.values()]
    for key, cells in zip(ROWS, shown, strict=True):
        may_be_missing = key in MAY_REFUSE and cells[-1] == "—"
        assert cells[-1] == "right" or may_be_missing, cells


def test_the_page_says_what_it_was_made_with() -> None:
    last = page.PATH.read_text().rstrip().split("\n")[-1]
    assert re.search(r"CPython \d.*cffi \d.*libffi.*Linux", last)
