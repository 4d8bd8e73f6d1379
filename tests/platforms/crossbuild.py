"""crossbuild ROOT VERSION COMMAND...: setup.py's commands, for the CPython of another root.

Run with setuptools and pybind11; wheels are tagged for the version of the CPython that runs it.
distutils asks sysconfig for everything; here sysconfig answers for the other interpreter.
"""

from __future__ import annotations

import glob
import importlib.util
import runpy
import sys
import sysconfig
from pathlib import Path
from typing import Any


def _variables(root: Path, version: str) -> dict[str, Any]:
    """The other interpreter's configuration."""
    (path,) = glob.glob(str(root / f"usr/lib/python{version}/_sysconfigdata__*-linux-gnu*.py"))[:1]
    spec = importlib.util.spec_from_file_location("_sysconfigdata", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    variables: dict[str, Any] = module.build_time_vars
    return variables


def _answer_for(root: Path, version: str) -> None:
    include = str(root / f"usr/include/python{version}")
    known = sysconfig.get_config_vars()
    known.update(_variables(root, version), INCLUDEPY=include, CONFINCLUDEPY=include)
    own = sysconfig.get_paths

    def get_paths(*args: Any, **kwargs: Any) -> dict[str, str]:
        return own(*args, **kwargs) | {"include": include, "platinclude": include}

    sysconfig.get_paths = get_paths
    # Debian's pyconfig.h includes the architecture's own, beside the C library's headers.
    known["CFLAGS"] += f" -idirafter{root}/usr/include"


def main() -> None:
    root, version = Path(sys.argv[1]), sys.argv[2]
    _answer_for(root, version)
    sys.argv[:3] = ["setup.py"]
    runpy.run_path("setup.py", run_name="__main__")


if __name__ == "__main__":
    main()
