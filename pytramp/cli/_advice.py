"""What follows from the doctor's findings, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytramp.cli._facts import MISSING, NO_STEP, UNKNOWN, WORKS, Fact

_BUILT_IN_ONLY = "the built-in closures are all there are, one more is a MemoryError"
_NO_CTYPES = "This Python has no ctypes: structs, Pointer and demo need it, most callbacks do not."


def lines(growth: Sequence[Fact], others: Sequence[Fact]) -> list[str]:
    """At least one line."""
    found = [*_about_growth(dict(growth)), *_about_others(dict(others))]
    return found or ["Nothing to do: everything works here."]


def _about_growth(growth: dict[str, str]) -> Iterator[str]:
    usable = [step for step in ("mremap", "file", "memfd") if growth[step] == WORKS]
    if NO_STEP in growth["PYTRAMP_GROWTH"]:
        yield f"PYTRAMP_GROWTH is misspelled, which forbids growth: {_BUILT_IN_ONLY}."
    elif growth["allowed"] == "none":
        yield f"Growth is forbidden: {_BUILT_IN_ONLY}."
    elif not usable:
        yield f"No allowed growth step works: {_BUILT_IN_ONLY}."
        if growth["memfd"].startswith(WORKS):
            yield "A sealed memfd would work: allow it with PYTRAMP_GROWTH=mremap,file,memfd."
    elif usable == ["memfd"]:
        yield "Growth needs a memfd here, which a sandbox may refuse: pytramp.reserve(n) early."
    elif "mremap" not in usable:
        yield "Growth reads pytramp's own file: call pytramp.reserve(n) before chroot or seccomp."


def _about_others(others: dict[str, str]) -> Iterator[str]:
    if others["pytramp"] != WORKS and not others["pytramp"].startswith(UNKNOWN):
        yield "pytramp itself fails in a child process: please report that, with this output."
    for name in ("ctypes", "cffi", "ctypes, forked"):
        if others.get(name, "").startswith(("fails", "crashes")):
            yield f"Callbacks of {name} do not work here; make them with pytramp.callback instead."
    if others["ctypes"].startswith(MISSING):
        yield _NO_CTYPES
    if any(found.startswith(UNKNOWN) for found in others.values()):
        yield "Callbacks that could not be tried are unknown above: this advice leaves them out."
