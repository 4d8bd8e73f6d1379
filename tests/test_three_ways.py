"""The jobs of the examples with callbacks of ctypes, cffi and pytramp, and what they cost."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import native
import pytest
import tools

if tools.WINDOWS:
    pytest.skip("Windows has no C library that CDLL(None) is", allow_module_level=True)

from three_ways import measure, page
from three_ways.job import PEERS, Job
from three_ways.jobs import JOBS, MODULES
from three_ways.measure import Cost
from three_ways.one import RIGHT

EXAMPLES = native.TESTS.parent / "examples"
BY_KEY = {job.key: job for job in JOBS}
WORKS = "works"

# What C says by `...` cannot be had.
CANNOT = {
    ("libxml2_sax.messages", "ctypes"): "wrong answer",
    ("libxml2_sax.messages", "cffi"): "NotImplementedError",
}


def outcome(job: Job, peer: str, *options: str) -> str:
    """All that the job prints in a process of its own."""
    if peer == "cffi":
        tools.need_module("cffi")
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-m", "three_ways.one"]
    # In development mode asyncio tells which tasks took long.
    environment = {"PYTHONPATH": str(EXAMPLES), "PYTHONDEVMODE": ""}
    done = tools.captured([*command, job.key, peer, *options], environment, timeout=120)
    if done.returncode == 77:  # the library, or PR_SET_MDWE, is not here
        tools.missing(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("job", JOBS, ids=BY_KEY)
def test_answers(job: Job, peer: str) -> None:
    """Of all three, and where they must, exceptions that arrive: otherwise figures mean nothing."""
    assert outcome(job, peer) == CANNOT.get((job.key, peer), RIGHT)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("job", JOBS, ids=BY_KEY)
def test_without_executable_memory(job: Job, peer: str) -> None:
    """As the table says, but that ctypes depends on how libffi was built."""
    usual = CANNOT.get((job.key, peer), RIGHT)
    allowed = {"pytramp": {usual}, "cffi": {"MemoryError"}, "ctypes": {usual, "MemoryError"}}
    assert outcome(job, peer, "--restricted") in allowed[peer]


def test_each_example_names_its_module() -> None:
    for module in MODULES:
        name = module.__name__.removeprefix("three_ways.")
        assert f"python -m three_ways {name}\n" in (EXAMPLES / f"{name}.py").read_text()
    assert {job.example for job in JOBS} == {
        path.stem
        for path in EXAMPLES.joinpath("three_ways").glob("*.py")
        if EXAMPLES.joinpath(path.name).exists()
    }


# ---- Measuring ----


def variant(work: Any) -> Any:
    # No line of code,

    return work(variant)  # but one


def test_lines() -> None:
    assert measure.lines(variant) == 1


def test_calls() -> None:
    """In this thread, in those of C, and coroutines."""
    assert measure.calls(BY_KEY["libc_callbacks.threads"]) == 199
    assert measure.calls(BY_KEY["asyncio_callbacks.reports"]) == 50
    assert measure.calls(BY_KEY["libc_callbacks.sort"]) > 3000


def test_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """How it is measured, not how long it takes."""
    tools.need_module("cffi")
    monkeypatch.setattr(measure, "ROUNDS", 2)
    monkeypatch.setattr(measure, "ENOUGH", 1)
    costs = measure.costs(BY_KEY["libc_callbacks.sort"])
    assert costs is not None
    assert [cost.peer for cost in costs] == list(PEERS)
    assert {cost.outcome for cost in costs} == {RIGHT}
    assert all(cost.nanoseconds > 0 and cost.ratio > 0 for cost in costs)
    assert costs[-1].ratio == 1
    assert costs[-1].restricted in (RIGHT, None)


def test_an_unknown_example_is_named() -> None:
    command = [sys.executable, "-m", "three_ways", "nlopt_minimum", "typo"]
    done = tools.captured(command, {"PYTHONPATH": str(EXAMPLES)}, timeout=60)
    assert done.returncode == 2
    assert "there are no jobs of typo\n" in done.stdout


# ---- The table ----


@pytest.mark.parametrize(
    ("cost", "cells"),
    [
        (Cost("a", 5, RIGHT, RIGHT, 12345.6, 2.004), ["a", "5", "12 300", "2.00", WORKS]),
        (Cost("a", 5, RIGHT, "MemoryError", 0.5, 1), ["a", "5", "0", "1.00", "MemoryError"]),
        (Cost("a", 5, RIGHT, None, 999.4, 1), ["a", "5", "999", "1.00", "—"]),
        (Cost("a", 5, "wrong answer"), ["a", "—", "—", "—", "cannot do it: wrong answer"]),
    ],
)
def test_cells(cost: Cost, cells: list[str]) -> None:
    assert page.cells(cost) == cells


def test_writing_leaves_the_rest_alone() -> None:
    job = JOBS[0]
    before = f"# Title\n\nText.\n\n{page.TITLE}\nold\n"
    tools.need_module("cffi")
    text = page.page(before, {job: [Cost("a", 5, RIGHT, RIGHT, 1, 1)]})
    assert text.startswith(f"# Title\n\nText.\n\n{page.TITLE}")
    assert "old" not in text
    assert page.page(text, {job: [Cost("a", 5, RIGHT, RIGHT, 1, 1)]}) == text


def documented() -> list[list[str]]:
    """The cells of the rows below the head of the table."""
    text = page.PATH.read_text()
    assert page.HEAD in text
    assert page.TAIL in text
    table = text.partition(page.line(*page.COLUMNS))[2]
    rows = re.findall(r"^\| (.*) \|$", table, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def test_the_page_has_these_rows() -> None:
    """What a machine cannot change: names, lines, and who can do it."""
    rows = iter(documented())
    for job in JOBS:
        for peer, variant in zip(PEERS, job.variants, strict=True):
            name, *cells = next(rows)
            assert name == (page.link(job) if peer == PEERS[0] else "")
            if (job.key, peer) in CANNOT:
                assert cells == page.cells(Cost(peer, 0, CANNOT[job.key, peer]))
                continue
            assert cells[:2] == [peer, str(measure.lines(variant))]
            assert float(cells[2].replace(" ", "")) > 0
            assert cells[4] == ("MemoryError" if peer == "cffi" else WORKS)
    assert next(rows, None) is None


def test_links() -> None:
    for job in JOBS:
        target = re.search(r"\]\((.*)\)$", page.link(job))
        assert target
        assert Path(page.PATH.parent, target[1]).exists()
