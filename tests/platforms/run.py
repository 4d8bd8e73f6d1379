"""Builds and tests pytramp for other machines, here; prints one row for each.

    python tests/platforms/run.py --list
    python tests/platforms/run.py aarch64 s390x          # C and Python tests
    python tests/platforms/run.py --quick                # what CI does on every commit
    python tests/platforms/run.py --write                # all, into docs/platforms.md
    python tests/platforms/run.py --write riscv64        # its row there, the others stay

As root, on Debian: compilers, emulators and roots are installed or made where they are missing.
What a row says was run was run; "linked" means that nothing here can run it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # when run as a script

from platforms import c_tests, page, prepare, python_tests  # noqa: E402
from platforms.outcome import Outcome, Row, hardening  # noqa: E402
from platforms.table import PLATFORMS, Platform, WindowsPython  # noqa: E402
from platforms.windows import tests as windows_tests  # noqa: E402


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="platforms; all of them if none")
    parser.add_argument("--list", action="store_true", help="name them and what they need")
    parser.add_argument("--quick", action="store_true", help="those that CI runs each time")
    parser.add_argument("--only", choices=["c", "python"], help="half of the tests")
    parser.add_argument("--tests", nargs="+", default=[], help="Python tests to run, not all")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/pytramp-platforms"))
    parser.add_argument("--write", action="store_true", help="put the rows into docs/platforms.md")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Platform]:
    known = {platform.name: platform for platform in PLATFORMS}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        sys.exit(f"no platform {', '.join(unknown)}: --list names them")
    if options.names:
        return [known[name] for name in options.names]
    return [platform for platform in PLATFORMS if platform.quick or not options.quick]


def _show(platform: Platform) -> None:
    python = platform.python
    real = str(python) if python else "no CPython"
    how = "linked only" if platform.only_linked else "run"
    print(f"{platform.name:16} {platform.compiler:60} {how:12} {real}")


def _step(name: str, what: str, do: Callable[[], Outcome]) -> Outcome:
    """Does it, with a line before and after."""
    start = time.monotonic()
    print(f"{name}: {what} ...", flush=True)
    try:
        outcome = do()
    except Exception as error:  # a platform that fails is a row, and the others go on
        outcome = Outcome.failure(f"{type(error).__name__}\n{error}")
    print(f"{name}: {what}: {outcome.text} ({time.monotonic() - start:.0f} s)", flush=True)
    return outcome


def _test(platform: Platform, options: argparse.Namespace) -> Row:
    folder: Path = options.folder.resolve() / platform.name
    folder.mkdir(parents=True, exist_ok=True)
    name, row = platform.name, Row(platform.name)
    row.built = _step(name, "build", lambda: prepare.build(platform, folder))
    if not row.built.passed:
        return row
    if platform.only_linked:
        return row
    if options.only != "python":
        row.c = _step(name, "C tests", lambda: c_tests.run(platform, folder))
        row.hardening = _step(name, "hardening", lambda: hardening(c_tests.report(folder)))
    tests = options.tests or list(platform.quick_tests if options.quick else ())
    if options.only != "c" and platform.python and (tests or not options.quick):
        in_windows = isinstance(platform.python, WindowsPython)
        run = windows_tests.run if in_windows else python_tests.run
        row.python = _step(name, "Python tests", lambda: run(platform, folder, tests))
    return row


def main() -> int:
    options = _parse()
    platforms = _chosen(options)
    if options.list:
        for platform in platforms:
            _show(platform)
        return 0
    rows = [_test(platform, options) for platform in platforms]
    print(page.table(rows))
    if options.write:
        page.write(rows)
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
