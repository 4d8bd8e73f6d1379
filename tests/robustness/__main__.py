"""Prints the table; see the package."""

import argparse

from robustness import page, run
from robustness.rows import all_rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m robustness")
    parser.add_argument("words", nargs="*", help="only rows whose keys contain one of these")
    parser.add_argument("--write", action="store_true", help="write docs/robustness.md")
    parser.add_argument("--timeout", type=float, default=20, help="seconds until a run is a hang")
    parser.add_argument("--peers", default=",".join(run.ALL_PEERS))
    options = parser.parse_args()
    rows = [
        row
        for key, row in all_rows().items()
        if not options.words or any(word in key for word in options.words)
    ]
    peers = options.peers.split(",")
    text = page.page(rows, run.outcomes(rows, peers, options.timeout), peers)
    if options.write:
        page.PATH.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
