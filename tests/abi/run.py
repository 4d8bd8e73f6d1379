"""Generates, compiles and runs random signatures; prints what ran.

    python tests/abi/run.py --signatures 2000 --seed 7 --compiler clang
    python tests/abi/run.py --seed 7 --first 123 --signatures 1       # one of them again
    python tests/abi/run.py --compiler aarch64-linux-gnu-gcc          # another machine's, emulated

generate.py says what is made, harness.c what is compared.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # when run as a script

import native  # noqa: E402
from platforms import emulate  # noqa: E402

from abi import generate  # noqa: E402
from abi.compilers import accepted_by  # noqa: E402
from abi.signatures import Filter, choose  # noqa: E402

SEED = 20261122
CHUNKS = 2  # files compiled and run side by side

HARNESS = [HERE / name for name in ("harness.c", "values.c", "build.c")]

# gcc notes, once per file, that some rule was another one before gcc 4.4. A last named argument
# that promotion would change is only undefined where va_start looks for its address. clang says
# that a variadic stdcall is a cdecl.
FLAGS = ("-Wno-psabi", "-Wno-varargs", "-Wno-ignored-attributes")

_REPORT = re.compile(
    r"^abi: (\d+) signatures, (\d+) arguments, seed \d+, (.+): all equal$", re.MULTILINE
)

_EXPLAINED = re.compile(r"^signature (\d+): ", re.MULTILINE)


@dataclass(frozen=True)
class Report:
    signatures: int
    arguments: int
    seed: int
    compiler: str

    def __str__(self) -> str:
        return (
            f"abi: {self.signatures} signatures, {self.arguments} arguments, "
            f"seed {self.seed}, {self.compiler}: all equal"
        )


def _generate(folder: Path, count: int, seed: int, first: int, accept: Filter) -> list[Path]:
    """The files, of equal length; together the first count accepted signatures from first on."""
    chosen = choose(seed, first, count, accept)
    size = max(1, -(-len(chosen) // CHUNKS))
    files = []
    for start in range(0, len(chosen), size):
        path = folder / f"cases_{start}.c"
        path.write_text(generate.emit(seed, chosen[start : start + size]))
        files.append(path)
    return files


def _run_all(programs: list[Path], seed: int, arguments: tuple[str, ...] = ()) -> Report:
    with ThreadPoolExecutor(CHUNKS) as pool:
        done = list(pool.map(lambda program: native.run(program, *arguments), programs))
    return _sum([process.stdout for process in done], seed)


def _sum(outputs: list[str], seed: int) -> Report:
    found = [_REPORT.search(output) for output in outputs]
    if not all(found):
        raise native.NativeError("a program ended without its report:\n" + "\n".join(outputs))
    matches = [match for match in found if match]
    return Report(
        sum(int(match.group(1)) for match in matches),
        sum(int(match.group(2)) for match in matches),
        seed,
        matches[0].group(3),
    )


def programs(
    signatures: int,
    seed: int = SEED,
    *,
    compiler: str = "gcc",
    flags: tuple[str, ...] = (),
    first: int = 0,
    accept: Filter | None = None,
) -> list[Path]:
    """Callers made by compiler, linked with the core made by the same."""
    folder = Path(tempfile.mkdtemp(prefix="abi-", dir=native.folder()))
    files = _generate(folder, signatures, seed, first, accept or accepted_by(compiler))
    own = (*FLAGS, f"-I{HERE}")
    jobs = [(path, own) for path in [*files, *HARNESS]]
    objects = native.compile_all(jobs, folder, compiler=compiler, flags=flags)
    cases, harness = objects[: len(files)], objects[len(files) :]
    core = native.core(compiler, flags)
    made = []
    for case in cases:
        program = native.executable(case.with_suffix(""), compiler)
        link = native.link_flags(compiler)
        native.execute([compiler, *flags, case, *harness, *core, *link, "-o", program])
        made.append(program)
    return made


def check(
    signatures: int,
    seed: int = SEED,
    *,
    compiler: str = "gcc",
    flags: tuple[str, ...] = (),
    first: int = 0,
) -> Report:
    """Raises NativeError with the first differences, or says how much was equal."""
    made = programs(signatures, seed, compiler=compiler, flags=flags, first=first)
    return _run_all(made, seed)


def control(signatures: int, seed: int = SEED, *, caller: str = "gcc", callee: str) -> Report:
    """The same without pytramp: compiled callees stand where the closures would."""
    folder = Path(tempfile.mkdtemp(prefix="abi-control-", dir=native.folder()))
    files = _generate(folder, signatures, seed, 0, accepted_by(caller, callee))
    own = (*FLAGS, f"-I{HERE}", "-DABI_PEER")
    callers = [(path, own) for path in [*files, *HARNESS]]
    callees = [(path, (*own, "-DABI_CALLEES")) for path in files]
    objects = native.compile_all(callers, folder / "callers", compiler=caller)
    peers = native.compile_all(callees, folder / "callees", compiler=callee)
    cases, harness = objects[: len(files)], objects[len(files) :]
    made = []
    for case, peer in zip(cases, peers, strict=True):
        program = native.executable(case.with_suffix(""), caller)
        native.execute([caller, case, peer, *harness, *native.link_flags(caller), "-o", program])
        made.append(program)
    return _run_all(made, seed)


def explain(made: list[Path], abi: str) -> dict[int, str]:
    """What pytramp_signature_explain says of each signature of these programs, by its number."""
    output = "".join(native.run(program, "--explain", abi).stdout for program in made)
    parts = _EXPLAINED.split(output)[1:]
    return {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}


def notices(program: Path, corruption: str) -> bool:
    """Whether a run with one wrong byte ("argument", "extra" or "result") fails, as it must."""
    done = subprocess.run(
        [*emulate.prefix(program), str(program), "--corrupt", corruption],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 1 and "1 FAILED" in done.stdout and "differs" in done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--signatures", type=int, default=400)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("--callee", help="no pytramp: callees made by this compiler instead")
    parser.add_argument("flags", nargs="*", help="more compiler flags, after --")
    options = parser.parse_args()
    try:
        if options.callee:
            report = control(
                options.signatures, options.seed, caller=options.compiler, callee=options.callee
            )
        else:
            report = check(
                options.signatures,
                options.seed,
                compiler=options.compiler,
                flags=tuple(options.flags),
                first=options.first,
            )
    except native.NativeError as error:
        print(error)
        return 1
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
