"""Does one job once, in a process of its own, and prints the outcome.

python -m three_ways.one gsl_numerics.integral cffi                   without anything forbidden
python -m three_ways.one gsl_numerics.integral cffi --restricted      without executable memory
"""

from __future__ import annotations

import argparse
import ctypes
import signal
import subprocess
import sys
from pathlib import Path

from three_ways.job import NOT_HERE, PEERS, Job, Variant, answer
from three_ways.jobs import JOBS

RIGHT = "right"
PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 65, 1


def loses_exceptions(job: Job, variant: Variant) -> bool:
    if job.raises is None:
        return False
    try:
        answer(variant, job.raises)
    except ValueError:
        return False
    return True


def outcome(job: Job, variant: Variant) -> str:
    try:
        if not job.right(answer(variant, job.work)):
            return "wrong answer"
        return "lost exception" if loses_exceptions(job, variant) else RIGHT
    except (MemoryError, NotImplementedError) as error:
        return type(error).__name__


def outcome_elsewhere(job: Job, peer: str, *options: str) -> str | None:
    """In a new process; None where a library or the restriction is not there."""
    command = [sys.executable, "-m", __name__, job.key, peer, *options]
    folder = Path(__file__).parent.parent
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=folder)
    if done.returncode < 0:
        return f"crash ({signal.Signals(-done.returncode).name})"
    if done.returncode == NOT_HERE:
        print(done.stdout.strip(), file=sys.stderr)
        return None
    done.check_returncode()
    return done.stdout.strip()


def forbid_executable_memory() -> None:
    """What is writable can never be executable, as systemd's MemoryDenyWriteExecute= has it."""
    if ctypes.CDLL(None).prctl(PR_SET_MDWE, ctypes.c_ulong(MDWE_REFUSE_EXEC_GAIN), 0, 0, 0):
        print("this kernel has no PR_SET_MDWE")
        sys.exit(NOT_HERE)


def main() -> None:
    jobs = {job.key: job for job in JOBS}
    parser = argparse.ArgumentParser(prog="python -m three_ways.one")
    parser.add_argument("job", choices=jobs)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--restricted", action="store_true", help="without executable memory")
    options = parser.parse_args()
    if options.restricted:
        forbid_executable_memory()
    job = jobs[options.job]
    print(outcome(job, job.variants[PEERS.index(options.peer)]))


if __name__ == "__main__":
    main()
