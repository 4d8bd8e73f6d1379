"""``python -m pytramp``: demo, doctor, bench and explain."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
from typing import Any


def parser() -> argparse.ArgumentParser:
    """Each command is a module of pytramp.cli, imported when it is chosen."""
    made = argparse.ArgumentParser(prog="python -m pytramp", description="C calls Python.")
    commands = made.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("demo", help="show pytramp at work here, and check every result")
    commands.add_parser("doctor", help="say what this process allows, and what follows from it")
    bench = commands.add_parser("bench", help="measure pytramp against ctypes and cffi")
    bench.add_argument("--quick", action="store_true", help="few calls: shows that it runs")
    explain = commands.add_parser("explain", help="show where a C function's arguments live")
    explain.add_argument("declaration", help='for example "double (int, double)"')
    explain.add_argument("--abi", help="a calling convention; this machine's by default")
    return made


# Windows says of a pipe without a reader that the argument was invalid.
_NO_READER = {errno.EPIPE, errno.EINVAL} if sys.platform == "win32" else {errno.EPIPE}


def _prepare_stdout() -> None:
    if sys.stdout is None:  # it was closed, and its number is free for any file that is opened
        sys.stdout = open(os.devnull, "w")
    elif isinstance(sys.stdout, io.TextIOWrapper):  # it gets file names, of any characters
        sys.stdout.reconfigure(errors="backslashreplace")


def _imported(command: str) -> Any:
    """Its module. SystemExit where it needs ctypes, which Pythons built without libffi lack."""
    try:
        return importlib.import_module(f"pytramp.cli.{command}")
    except ImportError as error:
        if error.name not in ("ctypes", "_ctypes"):
            raise
        sys.exit(f"pytramp {command}: this Python has no ctypes ({error})")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    chosen = parser().parse_args(arguments)
    _prepare_stdout()
    command = _imported(chosen.command)
    try:
        status: int = command.run(chosen)
        sys.stdout.flush()
    except OSError as error:  # the reader of our output has seen enough
        if error.errno not in _NO_READER or error.filename is not None:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
