"""``python -m pytramp explain``: where each value of a C function type lives."""

from __future__ import annotations

import argparse
import sys

from pytramp import Signature


def run(arguments: argparse.Namespace) -> int:
    """Prints the table; what is wrong with the declaration or the convention goes to stderr."""
    try:
        signature = Signature(arguments.declaration)
        table = signature.explain(abi=arguments.abi)
    except (TypeError, ValueError) as error:  # all that a text can be wrong about
        print(f"pytramp explain: {error}", file=sys.stderr)
        return 2
    print(signature)
    print(table)
    return 0
