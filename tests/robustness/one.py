"""one.py KEY PEER LIBRARY: one situation with one peer, in this process; prints the outcome."""

import os
import resource
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from robustness.peers import PEERS, Refused  # noqa: E402
from robustness.rows import NotHere, NotTried, all_rows, load  # noqa: E402


def main(key: str, name: str, library: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        peer = PEERS[name]()
        outcome = all_rows()[key].run(peer, load(library))
    except Refused as refusal:
        outcome = f"refused: {refusal}"
    except NotTried as reason:
        outcome = f"not tried: {reason}"
    except NotHere as reason:
        outcome = f"not here: {reason}"
    if outcome:
        os.write(1, (outcome + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
