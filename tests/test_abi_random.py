"""Random C signatures: the compiler calls, pytramp answers, every byte is compared (tests/abi)."""

from __future__ import annotations

from collections.abc import Callable

import native
import pytest
from abi import generate, run

RecordProperty = Callable[[str, object], None]

# How many, unless --abi-signatures says otherwise.
COUNTS = {"gcc": 400, "clang": 200}


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    given = request.config.getoption("--abi-seed", None)
    return run.SEED if given is None else int(given)


def _need(compiler: str) -> None:
    native.need(compiler, optional=compiler != "gcc")


def _say(report: run.Report, record_property: RecordProperty) -> None:
    print(report)
    record_property("abi_signatures", report.signatures)
    record_property("abi_arguments", report.arguments)
    record_property("abi_seed", report.seed)
    record_property("abi_compiler", report.compiler)


def test_every_type_is_tried() -> None:
    chosen = generate.choose(run.SEED, 0, COUNTS["gcc"])
    scalars = {kind.spelling for kind in generate.SCALARS}
    arguments = [kind for s in chosen for kind in s.arguments]
    results = [s.result for s in chosen]
    assert scalars <= {kind.spelling for kind in arguments}
    assert scalars <= {kind.spelling for kind in results if kind}
    assert None in results
    aggregates = [kind for kind in [*arguments, *results] if isinstance(kind, generate.Aggregate)]
    assert {*range(18), 32, 64} <= {kind.size for kind in aggregates}
    assert {0, 1, 2, 4, 8} == {kind.pack for kind in aggregates}
    assert any(kind.is_union for kind in aggregates)
    assert any(kind.raised for kind in aggregates)
    assert any(kind.layout for kind in aggregates)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_byte_arrives(
    compiler: str,
    seed: int,
    request: pytest.FixtureRequest,
    record_property: RecordProperty,
) -> None:
    _need(compiler)
    given = request.config.getoption("--abi-signatures", None)
    count = COUNTS[compiler] if given is None else int(given)
    report = run.check(count, seed, compiler=compiler)
    _say(report, record_property)
    assert report.signatures == count


def test_unoptimised_callers(seed: int, record_property: RecordProperty) -> None:
    """At -O0 a caller fills and reads registers in other ways."""
    _need("gcc")
    report = run.check(150, seed + 1, compiler="gcc", flags=("-O0",))
    _say(report, record_property)
    assert report.signatures == 150


@pytest.mark.parametrize("corruption", ["argument", "result"])
def test_one_wrong_byte_is_noticed(corruption: str, seed: int) -> None:
    """The test can fail: one flipped bit in what is expected makes it."""
    _need("gcc")
    (program,) = run.programs(1, seed, compiler="gcc", first=_with_both(seed))
    native.run(program)
    assert run.notices(program, corruption)


@pytest.mark.parametrize(("caller", "callee"), [("gcc", "gcc"), ("gcc", "clang"), ("clang", "gcc")])
def test_compilers_agree(
    caller: str, callee: str, seed: int, record_property: RecordProperty
) -> None:
    """The control: with compiled functions for closures, harness and generator find nothing."""
    _need(caller)
    _need(callee)
    report = run.control(100, seed, caller=caller, callee=callee)
    _say(report, record_property)
    assert report.signatures == 100


def _with_both(seed: int) -> int:
    """The first signature with an argument and a result to corrupt."""
    number = 0
    while True:
        s = generate.signature(seed, number)
        if s.result and s.result.size and any(a.size for a in s.arguments):
            return number
        number += 1
