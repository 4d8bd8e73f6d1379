"""What must hold for the package as a whole: versions, names, types, headers, sizes, imports."""

from __future__ import annotations

import ast
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import native
import pytest
import tools

import pytramp

ROOT = native.TESTS.parent
PACKAGE = Path(pytramp.__file__).parent
SOURCES = sorted(
    path
    for folder, patterns in (
        ("csrc", ("*.c", "*.h", "*.S", "*.cpp", "*.def")),
        ("pytramp", ("*.py",)),
    )
    for pattern in patterns
    for path in (ROOT / folder).rglob(pattern)
)


def python(code: str, *options: str) -> str:
    """What code prints in a new interpreter; nothing may be written to stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# ---- Versions ----


def test_one_version() -> None:
    """The project's, the package's and the header's."""
    project = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "([^"]+)"', project, re.MULTILINE)
    assert pytramp.__version__ == version
    header = (native.INCLUDE / "pytramp.h").read_text()
    numbers = dict(re.findall(r"#define PYTRAMP_VERSION_(MAJOR|MINOR) (\d+)", header))
    assert version.split(".")[:2] == [numbers["MAJOR"], numbers["MINOR"]]


def test_the_installed_version() -> None:
    from importlib import metadata

    assert metadata.version("pytramp") == pytramp.__version__


# ---- Names ----


def public(owner: Any) -> list[str]:
    return [name for name in vars(owner) if not name.startswith("_")]


def test_all_names_exist_and_nothing_else_is_public() -> None:
    assert sorted(pytramp.__all__) == pytramp.__all__
    for name in pytramp.__all__:
        getattr(pytramp, name)
    modules = {module.name for module in pkgutil.iter_modules(pytramp.__path__)}
    others = {"TYPE_CHECKING", "annotations", "sys", *modules}
    assert set(public(pytramp)) - others <= set(pytramp.__all__)


def test_dir_shows_what_is_public() -> None:
    """Also what is not imported yet, which looking at it does not do."""
    code = "import pytramp, sys; print(*dir(pytramp)); print('pytramp._cdef' in sys.modules)"
    shown, is_imported = python(code).splitlines()
    names = [name for name in shown.split() if not name.startswith("__")]
    assert (names, is_imported) == (pytramp.__all__, "False")
    assert "__version__" in shown


def test_modules_are_imported_when_they_are_used() -> None:
    code = """if 1:
        import sys, pytramp
        print(dir(pytramp.interop)[-4:], "ctypes" in sys.modules, hasattr(pytramp.interop, "x"))
        print(pytramp.interop.ctypes.CFUNCTYPE.__module__, pytramp.interop.install.__name__)
    """
    first, second = python(code, *(["-S"] if _is_without_site() else [])).splitlines()
    assert first == "['cffi', 'ctypes', 'install', 'uninstall'] False False"
    assert second == "pytramp.interop.ctypes install"


def test_every_public_name_is_documented() -> None:
    for name in pytramp.__all__:
        value = getattr(pytramp, name)
        assert inspect.getdoc(value), name
        if not isinstance(value, type):
            continue
        for member in public(value):
            attribute = getattr(value, member)
            assert attribute is None or inspect.getdoc(attribute), f"{name}.{member}"


def test_every_module_is_documented() -> None:
    for path in [*PACKAGE.rglob("*.py"), *native.TESTS.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not text or ast.get_docstring(ast.parse(text)), path


def test_signatures_are_readable() -> None:
    """For help() and editors."""
    for function in (
        pytramp.Closure.close,
        pytramp.Closure.as_ctypes,
        pytramp.Signature.from_types,
        pytramp.Signature.explain,
        pytramp.callback,
        pytramp.propagate,
    ):
        assert inspect.signature(function)
    parameters = inspect.signature(pytramp.Closure.as_ctypes).parameters
    assert list(parameters) == ["self", "prototype"]


def test_classes_know_their_names() -> None:
    for name in pytramp.__all__:
        value = getattr(pytramp, name)
        if isinstance(value, type):
            assert (value.__name__, value.__qualname__) == (name, name)
            assert value.__module__.partition(".")[0] == "pytramp"


def test_the_base_classes_of_the_exceptions() -> None:
    assert issubclass(pytramp.DeclarationError, ValueError)
    assert issubclass(pytramp.UnsupportedTypeError, TypeError)
    assert issubclass(pytramp.FreedCallbackError, RuntimeError)


# ---- Types ----


def mypy(*paths: Path, cache: Path) -> None:
    tools.need("mypy")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_of_the_package(tmp_path: Path) -> None:
    mypy(ROOT / "pytramp", cache=tmp_path)


def test_mypy_of_user_code(tmp_path: Path) -> None:
    """What annotations promise holds under --strict: aliases, decorators, results."""
    mypy(ROOT / "examples" / "typed.py", cache=tmp_path)


def test_mypy_knows_the_modules(tmp_path: Path) -> None:
    """That one import is enough for, as at run time; and where types= and others may stand."""
    user = tmp_path / "user.py"
    user.write_text(
        "import pytramp\n\n"
        "types = pytramp.cdef('typedef int number;')\n"
        "prototype = pytramp.interop.ctypes.CFUNCTYPE(None)\n"
        "made = pytramp.interop.cffi.callback\n"
        "pytramp.interop.install()\n"
        "p = pytramp.Pointer('number *', 8, types=types).cast('char *', types=types)\n"
        "signature = pytramp.Signature.from_types('number', int, types=types)\n\n\n"
        "class User:\n"
        "    @pytramp.callback('int (int)', types=types)\n"
        "    @staticmethod\n"
        "    def called(n: int) -> int:\n"
        "        return n\n\n\n"
        "address: int = User.called.address\n"
    )
    mypy(user, cache=tmp_path)


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE / "_core.pyi").exists()


# ---- Imports ----

HEAVY = ["pycparser", "ctypes", "_ctypes", "numpy", "asyncio", "cffi", "inspect"]


def test_importing_is_light() -> None:
    """Nothing is imported that takes time, or that the user may not have."""
    code = f"import sys, pytramp; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code, "-S" if _is_without_site() else "-I").strip() == "[]"


def _is_without_site() -> bool:
    """Whether the package is found without the site module, which may import things itself."""
    command = [sys.executable, "-S", "-c", "import pytramp"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_no_module_warns() -> None:
    """Every module of the package can be imported where warnings are errors."""
    names = [
        module.name
        for module in pkgutil.walk_packages(pytramp.__path__, "pytramp.")
        if not module.name.endswith("__main__")
    ]
    assert "pytramp.declare" in names
    assert python(f"import {', '.join(names)}; print('done')", "-X", "dev") == "done\n"


def test_compiling_does_not_warn() -> None:
    for path in PACKAGE.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


# ---- C ----


@pytest.mark.parametrize(
    ("compiler", "standard"),
    [("gcc", "c11"), ("g++", "c++17"), ("clang", "c11"), ("clang++", "c++17")],
)
def test_the_header_compiles(compiler: str, standard: str, tmp_path: Path) -> None:
    """By itself, twice, as C and as C++, without a warning."""
    native.need(compiler, optional=compiler.startswith("clang"))
    source = tmp_path / ("t.cpp" if "++" in standard else "t.c")
    source.write_text('#include "pytramp.h"\n#include "pytramp.h"\nint main(void) { return 0; }\n')
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    include = f"-I{native.INCLUDE}"
    clean = {"LD_PRELOAD": ""}
    command = [compiler, f"-std={standard}", *warnings, include, "-c", source, "-o", "/dev/null"]
    native.execute(command, env=clean)


def test_the_module_needs_no_executable_memory() -> None:
    """No segment is writable and executable, no stack is executable, no text is relocated."""
    readelf = tools.need("readelf")
    path = pytramp._core.__file__
    text = native.execute([readelf, "-lWd", path]).stdout
    flags = re.findall(r"^  (LOAD|GNU_STACK) .* ([R ][W ][E ]) +0x", text, re.MULTILINE)
    assert len(flags) > 2
    for kind, letters in flags:
        assert not ("W" in letters and "E" in letters), (kind, letters)
        assert kind == "LOAD" or "E" not in letters
    assert "TEXTREL" not in text
    assert "NODELETE" in text


# ---- Sizes ----


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_is_too_long(path: Path) -> None:
    """Files that can be read in one go."""
    lines = path.read_text().splitlines()
    assert len(lines) <= 500
    if path.suffix != ".py":  # there ruff looks at it
        assert max(map(len, lines), default=0) <= 112


def test_the_package_is_small() -> None:
    """What is installed, without debug information that the builder asked for."""
    if "-g" in os.environ.get("PYTRAMP_CFLAGS", ""):
        pytest.skip("built for a debugger")
    for path in PACKAGE.rglob("*"):
        if path.is_file() and path.suffix not in (".so", ".pyd"):
            assert path.stat().st_size < 40_000, path
