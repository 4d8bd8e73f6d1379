"""Random C signatures: the compiler calls, pytramp answers, every bit is compared (tests/abi)."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterable

import native
import pytest
import tools
from abi import foreign, run
from abi.compilers import accepted_by
from abi.model import (
    BIT_FIELDS,
    CONVENTIONS,
    INT,
    PROMOTED,
    SCALARS,
    VA_LIST,
    Aggregate,
    Member,
    Signature,
    Type,
)
from abi.signatures import both, choose, signature, without_lists

RecordProperty = Callable[[str, object], None]

# How many, unless --abi-signatures says otherwise. Another machine's compiler is tried alone.
COUNTS = {"gcc": 400, "clang": 200} if native.CC == "gcc" else {native.CC: 400}


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    given = request.config.getoption("--abi-seed", None)
    return run.SEED if given is None else int(given)


@functools.cache
def _has_headers(compiler: str) -> bool:
    """Those of the C library, which another machine's compiler may come without."""
    command, text = [compiler, "-E", "-xc", "-"], b"#include <stdint.h>\n"  # all that zig can
    return not subprocess.run(command, input=text, check=False, capture_output=True).returncode


def _need(compiler: str) -> None:
    native.need(compiler, optional=compiler != native.CC)
    if not _has_headers(compiler):
        assert compiler != native.CC, f"{compiler} finds no headers"
        tools.missing(f"{compiler} has no C library: there are no headers")


def _say(report: run.Report, record_property: RecordProperty) -> None:
    print(report)
    record_property("abi_signatures", report.signatures)
    record_property("abi_arguments", report.arguments)
    record_property("abi_seed", report.seed)
    record_property("abi_compiler", report.compiler)


def _spellings(kinds: Iterable[Type | None]) -> set[str]:
    return {kind.spelling for kind in kinds if kind}


# Other machines' compilers, and their conventions. (Windows' is this CPU's, too: `ms_abi` below.)
EXPLAINED = {
    "aarch64-linux-gnu-gcc": "aapcs64",
    "arm-linux-gnueabihf-gcc": "aapcs32",
    "i686-linux-gnu-gcc": "cdecl_x86",
    "riscv64-linux-gnu-gcc": "riscv",
    "s390x-linux-gnu-gcc": "s390x",
}


def _is_portable(s: Signature) -> bool:
    """Bit-fields follow from how they were declared, which a layout does not tell."""
    return s.convention == "plain" and not any(a.has_bits for a in s.aggregates)


@pytest.mark.parametrize("compiler", EXPLAINED if native.CC == "gcc" else ())
def test_explained_elsewhere(compiler: str, seed: int) -> None:
    """What is said here of another machine is what is said there, of the types that its compiler
    has laid out; and that is compared with its calls when that machine is tested."""
    abi, count = EXPLAINED[compiler], 100
    _need(native.CC)
    _need(compiler)
    accept = both(_is_portable, without_lists, accepted_by(native.CC, compiler))
    here, there = (
        run.explain(run.programs(count, seed, compiler=made_by, accept=accept), name)
        for made_by, name in ((native.CC, abi), (compiler, "default"))
    )
    refused = {number for number, text in here.items() if "places" not in text}
    assert len(here) == count
    assert len(refused) < count / 4
    for number in here.keys() - refused:
        assert here[number] == there[number], f"signature {number}, seed {seed}"


def test_every_type_is_tried() -> None:
    chosen = choose(run.SEED, 0, COUNTS[native.CC])
    scalars = _spellings(SCALARS)
    arguments = [kind for s in chosen for kind in s.arguments]
    results = [s.result for s in chosen]
    assert scalars <= _spellings(arguments)
    assert scalars <= _spellings(results)
    assert None in results
    aggregates = [kind for kind in [*arguments, *results] if isinstance(kind, Aggregate)]
    assert {*range(18), 32, 64} <= {kind.size for kind in aggregates}
    assert {0, 1, 2, 4, 8} == {kind.pack for kind in aggregates}
    assert any(kind.is_union for kind in aggregates)
    assert any(kind.realigned for kind in aggregates)
    assert any(kind.layout for kind in aggregates)
    assert {s.convention for s in chosen} == set(CONVENTIONS)


def _passes_zero_width() -> bool:
    """On some CPUs a bit-field without a width changes how a struct is passed, and nothing tells
    pytramp of it."""
    kind = Aggregate("struct s", (Member(INT, bits=0, named=False), Member(INT)))
    return accepted_by(native.CC)(Signature(0, None, [kind], [kind]))


def test_every_bit_field_is_tried() -> None:
    chosen = choose(run.SEED, 0, COUNTS[native.CC], accepted_by(native.CC))
    aggregates = [a for s in chosen for a in s.aggregates if a.has_bits]
    members = [m for a in aggregates for m in a.members if m.is_bits]
    assert _spellings(BIT_FIELDS) <= _spellings(m.type for m in members if m.named)
    widths = {*range(1, 8), 8, 16, 32, 64} | ({0} if _passes_zero_width() else set())
    assert widths <= {m.bits for m in members}
    assert any(m.is_unnamed for m in members)
    assert {True, False} == {a.is_union for a in aggregates} == {a.packed for a in aggregates}


def test_every_list_is_tried() -> None:
    """What stands for "..." and behind a va_list, and where they begin."""
    chosen = choose(run.SEED, 0, COUNTS[native.CC])
    for lists in ([s for s in chosen if s.variadic], [s for s in chosen if VA_LIST in s.arguments]):
        extra = [kind for s in lists for kind in s.extra]
        assert _spellings(PROMOTED) <= _spellings(extra)
        assert any(isinstance(kind, Aggregate) and kind.size <= 16 for kind in extra)
        assert any(isinstance(kind, Aggregate) and kind.size > 16 for kind in extra)
        assert any(s.result and s.result.size > 16 for s in lists)
        assert any(len(s.arguments) > 14 for s in lists)
    assert any(s.arguments[0] == VA_LIST for s in chosen if s.arguments)


@pytest.mark.parametrize("compiler", COUNTS)
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
    _need(native.CC)
    report = run.check(150, seed + 1, compiler=native.CC, flags=("-O0",))
    _say(report, record_property)
    assert report.signatures == 150


@pytest.mark.parametrize("corruption", ["argument", "extra", "result"])
def test_one_wrong_byte_is_noticed(corruption: str, seed: int) -> None:
    """The test can fail: one flipped bit in what is expected makes it."""
    _need(native.CC)
    (program,) = run.programs(1, seed, compiler=native.CC, first=_with_all(seed))
    native.run(program)
    assert run.notices(program, corruption)


PAIRS = [("gcc", "gcc"), ("gcc", "clang"), ("clang", "gcc")]


@pytest.mark.parametrize(
    ("caller", "callee"), PAIRS if native.CC == "gcc" else [(native.CC, native.CC)]
)
def test_compilers_agree(
    caller: str, callee: str, seed: int, record_property: RecordProperty
) -> None:
    """The control: with compiled functions for closures, harness and generator find nothing."""
    _need(caller)
    _need(callee)
    report = run.control(100, seed, caller=caller, callee=callee)
    _say(report, record_property)
    assert report.signatures == 100


@pytest.mark.parametrize("level", ["-O2", "-O0"])
@pytest.mark.parametrize("system", foreign.SYSTEMS)
def test_conventions_of_other_systems(system: str, level: str, seed: int) -> None:
    """AArch64: callers made for Apple and for Windows, run on Linux."""
    if native.CC != foreign.CC:
        pytest.skip(f"with PYTRAMP_TEST_CC={foreign.CC}")
    native.need("clang", optional=True)
    report = foreign.check(system, 300, seed, level=level)
    print(report)
    assert report.startswith("abi: 300 signatures, ")


def _with_all(seed: int) -> int:
    """The first signature with an argument, an extra one and a result to corrupt."""
    number = 0
    while True:
        s = signature(seed, number)
        corruptible = [*s.arguments[:1], *s.extra[:1], *([s.result] if s.result else [])]
        plain = [kind for kind in corruptible if kind in SCALARS]
        if len(plain) == 3 and not s.aggregates and accepted_by(native.CC)(s):
            return number
        number += 1
