"""compiler.py PREFIX COMMAND NAME WORDS...: runs a compiler of this machine for a Windows program.

WORDS are a Windows program's, with its names of files; launcher.c, which calls this, says how it
wants to hear what came of it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

_DRIVE = re.compile(r"(?:(?<![A-Za-z])|(?<=^-[IL]))([A-Za-z]):(?=[\\/])")


def own_name(word: str, prefix: Path) -> str:
    """word with this machine's names of files in it. A macro's text is left alone."""
    if word.startswith("-D"):
        return word
    drives = prefix / "dosdevices"
    absolute = _DRIVE.sub(lambda m: str((drives / f"{m[1].lower()}:").resolve()), word)
    return re.sub(r"/+", "/", absolute.replace("\\", "/"))


def main() -> None:
    prefix, command = Path(sys.argv[1]), shlex.split(sys.argv[2])
    name, *words = (own_name(word, prefix) for word in sys.argv[3:])
    with open(f"{name}.out", "wb") as out, open(f"{name}.err", "wb") as err:
        done = subprocess.run(
            [*command, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
    written = Path(f"{name}.writing")
    written.write_text(str(done.returncode))
    written.rename(f"{name}.status")  # all of it at once


if __name__ == "__main__":
    main()
