"""Command line options of the ABI tests, for conftest.py."""

from __future__ import annotations

import pytest


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("abi", "random C signatures against the compiler")
    group.addoption(
        "--abi-signatures",
        type=int,
        default=None,
        metavar="N",
        help="how many random signatures each compiler gets (default: 400 gcc, 200 clang)",
    )
    group.addoption(
        "--abi-seed",
        type=int,
        default=None,
        metavar="S",
        help="what the random signatures and values are made from",
    )
