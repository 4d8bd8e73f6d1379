"""Prints the table, or writes it where the documents show it."""

from __future__ import annotations

import argparse
import sys

from three_ways import page
from three_ways.job import NOT_HERE
from three_ways.jobs import JOBS
from three_ways.measure import costs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m three_ways")
    parser.add_argument("examples", nargs="*", help="only the jobs of these")
    parser.add_argument("--write", action="store_true", help=f"into {page.PATH.name}: all jobs")
    options = parser.parse_args()
    if unknown := set(options.examples) - {job.example for job in JOBS}:
        parser.error(f"there are no jobs of {', '.join(sorted(unknown))}")
    chosen = [job for job in JOBS if not options.examples or job.example in options.examples]
    if options.write and len(chosen) < len(JOBS):
        parser.error("the page has all jobs")
    measured = {job: found for job in chosen if (found := costs(job))}
    if options.write and len(measured) < len(JOBS):
        sys.exit(NOT_HERE)
    if options.write:
        page.PATH.write_text(page.page(page.PATH.read_text(), measured))
    else:
        print(page.table(measured))


if __name__ == "__main__":
    main()
