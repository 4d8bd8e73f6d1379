"""Run by the demo as a process of its own: many closures where executable memory is forbidden.

PR_SET_MDWE cannot be undone. Prints what happened as one line of JSON.
"""

from __future__ import annotations

import errno
import json
import mmap
import sys

from pytramp import Signature, stats
from pytramp.cli._process import MDWE_REFUSE_EXEC_GAIN, PR_SET_MDWE, prctl


def forbid() -> str:
    """Has the kernel refuse writable memory that is or becomes executable; else why it does not."""
    try:
        prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "an error")
    return ""


def map_writable_and_executable() -> str:
    """The name of the error, "" when it was allowed."""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "an error")
    return ""


def main(closures: int) -> None:
    refusal = forbid()
    mapping = "" if refusal else map_writable_and_executable()
    signature = Signature("int (int)")
    made = [signature(lambda x, n=n: x + n) for n in range(closures)]
    right = sum(closure.as_ctypes()(1) == n + 1 for n, closure in enumerate(made))
    print(json.dumps({"refusal": refusal, "mapping": mapping, "right": right, "stats": stats()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
