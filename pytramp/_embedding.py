"""Where the C API is: for extensions that use it, and for programs that compile it in."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _core() -> Path:
    """The folder of the C core: installed beside this file, or a checkout's."""
    installed = _PACKAGE / "csrc"
    return installed if installed.is_dir() else _PACKAGE.parent / "csrc"


def get_include() -> str:
    """The folder of ``pytramp.h`` and ``pytramp_import.h``, for a compiler's ``-I``.

    An extension includes ``pytramp_import.h``, calls ``pytramp_import()`` when it is initialised,
    and links nothing. Any thread.
    """
    return str(_core() / "include")


def get_sources() -> list[str]:
    """The C and assembler files of pytramp's core, as absolute paths in a fixed order.

    All of them, compiled by gcc or clang in C11 with the folder of ``get_include()``, are the whole
    of ``pytramp.h``, without Python; what is for another CPU or system is empty. To keep them to a
    library of one's own compile them with ``-fvisibility=hidden -DPYTRAMP_API=``. setuptools has to
    be told of ``.S``: examples/embedding/vendored/setup.py in the source does. Any thread.
    """
    folders = ("*.c", "abi/*.c", "pages/*.c", "arch/*/*.[cS]")
    core = _core()
    return [str(path) for pattern in folders for path in sorted(core.glob(pattern))]
