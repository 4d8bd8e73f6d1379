"""PYTRAMP_DEBUG=1: the closures that are alive when the interpreter has ended, and only those."""

from __future__ import annotations

import re
import sys

import pytest
import tools

PLAIN = ("-W", "error")


def report(case: str, debug: str = "1", python: tuple[str, ...] = PLAIN) -> list[str]:
    """What is printed on both streams, without the places."""
    env = {"PYTRAMP_DEBUG": debug, "PYTHONDEVMODE": ""}
    text = tools.script("leak_report.py", case, env=env, python=python)
    return re.sub(r"made at .*leak_report\.py:\d+$", "made at here", text, flags=re.M).splitlines()


def test_what_goes_with_the_interpreter() -> None:
    """Globals, cycles, caches, thread and context variables, immortal ones: nobody's leak."""
    assert report("nothing") == ["done"]


def test_leaks() -> None:
    """Name, type and place; not the rest of the module, which they keep alive."""
    same = "(int (int, const char *)), made at here"
    assert report("leaks") == [
        "done",
        "pytramp: 7 callbacks are still alive at exit:",
        f"  'module level' {same}",
        f"  'Class.method' {same}",
        f"  'dropped' {same}",
        f"  'print' {same}",
        f"  'functools.partial' {same}",
        "  '<lambda>' (double (int (*)(int), const double [n], int, ...)), made at here",
        f"  'silenced' {same}",
    ]


def test_the_place() -> None:
    text = tools.script("leak_report.py", "leaks", env={"PYTRAMP_DEBUG": "1"}, python=PLAIN)
    places = re.findall(r"'(.*?)' .* made at (.*):(\d+)$", text, re.M)
    lines = (tools.ISOLATED / "leak_report.py").read_text().splitlines()
    found = {name: lines[int(line) - 1] for name, _, line in places}
    assert found["print"] == "    leak(signature(print))"
    assert found["Class.method"] == "instance.bound = signature(instance.method)"
    assert {path for _, path, _ in places} == {str(tools.ISOLATED / "leak_report.py")}


def test_a_thread_that_goes_on() -> None:
    """Its frame holds what it holds."""
    done, count, *lines = report("thread")
    assert done == "done"
    if tools.FREE_THREADED:  # there something else lives as long as threads do
        of_threads = "context variable" if sys.version_info >= (3, 14) else "in a class"
        assert lines.pop(0) == f"  '{of_threads}' (int (int, const char *)), made at here"
        assert count == "pytramp: 2 callbacks are still alive at exit:"
    else:
        assert count == "pytramp: 1 callback is still alive at exit:"
    assert lines == ["  'in the frame of a thread' (int (int, const char *)), made at here"]


def test_thousands() -> None:
    lines = report("many")
    assert lines[1] == "pytramp: 1000 callbacks are still alive at exit:"
    assert len(lines) == 103
    assert lines[-1] == "  and 900 more"


@tools.posix("UTF-8 in its pipes")
def test_text_that_is_not_ascii() -> None:
    """...nor even text, in the name and in the file's name."""
    lines = report("strange")
    name = "\\ud800 \u00e9 \u20ac \U0001f600"
    assert lines[2] == f"  '{name}' (int (int, const char *)), made at here"
    assert lines[3] == "  'strange' (int (int, const char *)), made at \\udcff:1"


@pytest.mark.parametrize(
    ("debug", "python", "wanted"),
    [
        ("1", PLAIN, True),
        ("yes", PLAIN, True),
        ("", PLAIN, False),
        ("0", PLAIN, False),
        ("", ("-X", "dev"), True),
        ("0", ("-X", "dev"), False),
    ],
)
def test_who_asks(debug: str, python: tuple[str, ...], wanted: bool) -> None:
    """PYTRAMP_DEBUG, or else Python's development mode."""
    assert (len(report("many", debug, python)) > 1) == wanted
