"""The C API as other extensions and programs have it: the capsule's table, headers and sources."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import native
import pytest
import tools

import pytramp

EXAMPLES = native.TESTS.parent / "examples/embedding"

# In their order, for ever: compiled extensions know where each is. New ones are added at the end.
FIELDS = """
    status_text alloc init free retire data owns reserve set_growth get_growth try_growth
    growth_error stats pool_check type_void type_bool type_char type_schar type_uchar
    type_short type_ushort type_int type_uint type_long type_ulong type_longlong type_ulonglong
    type_int128 type_uint128 type_wchar type_char16 type_char32 type_float16 type_float
    type_double type_longdouble type_complex_float type_complex_double type_complex_longdouble
    type_pointer type_named type_spelling type_size type_alignment type_struct type_union
    type_layout type_layout_ex type_bits abi_name abi_named signature_new
    signature_new_variadic signature_explain closure_new closure_new_ex closure_free
    set_late_call_hook
""".split()


def header(name: str) -> str:
    return (Path(pytramp.get_include()) / name).read_text()


# ---- The table ----


def test_no_field_moves() -> None:
    lines = [f'printf("%d\\n", (int)offsetof(pytramp_api, {name}));' for name in FIELDS]
    include = sysconfig.get_paths()["include"]
    source = native.folder() / "offsets.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <pytramp_import.h>\n"
        f"int main(void) {{ {' '.join(lines)} return sizeof(pytramp_api) != "
        f"sizeof(size_t) + 2 * sizeof(unsigned) + {len(FIELDS)} * sizeof(void *); }}\n"
    )
    program = source.with_suffix("")
    native.need("gcc")
    flags = ("-Wall", "-Wextra", "-Werror", f"-I{include}", f"-I{pytramp.get_include()}")
    # Nothing of Python's is called: what the header's functions need is left undefined.
    native.execute(
        ["gcc", *flags, "-O2", "-Wl,--unresolved-symbols=ignore-all", source, "-o", program]
    )
    offsets = [int(line) for line in native.execute([program]).stdout.split()]
    word = ctypes.sizeof(ctypes.c_void_p)
    assert offsets == [word + 8 + word * i for i in range(len(FIELDS))]


def test_the_table_is_all_of_the_header() -> None:
    seen = ["gcc", "-E", "-P", "-DPYTRAMP_API=EXPORTED", f"{pytramp.get_include()}/pytramp.h"]
    native.need("gcc")
    declared = set(
        re.findall(r"^EXPORTED[^;(]*?\bpytramp_(\w+)[;(]", native.execute(seen).stdout, re.M)
    )
    redirected = set(re.findall(r"^#\s*define pytramp_(\w+) +\(", header("pytramp_import.h"), re.M))
    assert redirected == set(FIELDS)
    assert declared | {"type_int128", "type_uint128"} == redirected


def test_no_field_is_forgotten() -> None:
    """The initializer of the table names its fields, and C leaves those it does not name NULL."""
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    table = get(pytramp._core.c_api, b"pytramp._core.c_api")
    word = ctypes.sizeof(ctypes.c_void_p)
    pointers = (ctypes.c_void_p * len(FIELDS)).from_address(table + word + 8)
    empty = {name for name, pointer in zip(FIELDS, pointers, strict=True) if not pointer}
    assert empty <= {"type_int128", "type_uint128"}  # compilers for 32-bit machines have none
    assert not empty or word == 4


# ---- Another extension ----

GNU = tools.posix("GNU C that setuptools takes unless it is told")


def build(folder: Path, example: str = "extension", *, include: Path | None = None) -> Path:
    """An extension of the examples, built there."""
    shutil.copytree(EXAMPLES / example, folder, dirs_exist_ok=True)
    tools.need_module("setuptools")
    native.need("gcc")
    env = {"CFLAGS": f"-I{include} -Wall -Wextra -Werror"} if include else {"CFLAGS": "-Werror"}
    command = ["env", "-C", folder, sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    native.execute(command, env=env)
    return folder


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@GNU
def test_an_extension_that_links_nothing(tmp_path: Path) -> None:
    folder = build(tmp_path)
    done = run(folder, "import sorting; print(sorting.sort_by([9, 4, 5, 7, 2], 5))")
    assert not done.stderr
    assert sorted_well(done.stdout)
    code = "import sorting; print(sorting.twice_in_c(lambda n: 10 * n + 1))"
    assert run(folder, code).stdout == "111\n"
    assert (
        "ValueError: the modulus is 0"
        in run(folder, "import sorting; sorting.sort_by([1], 0)").stderr
    )
    code = "import sorting; sorting.twice_in_c(1)"
    assert "TypeError" in run(folder, code).stderr


def sorted_well(text: str) -> bool:
    """qsort need not be stable."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return sorted(numbers) == [2, 4, 5, 7, 9] and [n % 5 for n in numbers] == [0, 2, 2, 4, 4]


BUTTON = """
import gc, sorting, pytramp
button = sorting.Button()
print(button.click(1, 2.0), button.on_click)
button.on_click = lambda times, pressure: times * pressure > 3
gc.collect()
print(button.click(1, 2.0), button.click(2, 2.0), type(button.on_click).__name__)
ours = pytramp.callback("_Bool (int, double)", lambda times, pressure: True)
button.on_click = ours
print(button.click(0, 0.0), button.on_click.address == ours.address)
button.on_click = None
print(button.click(2, 2.0))
for other in (5, lambda: 0):
    try:
        button.on_click = other
    except TypeError as error:
        print(str(error).rpartition("> ")[2] if other != 5 else "not callable")
"""


@GNU
def test_pybind11(tmp_path: Path) -> None:
    """pytramp/pybind11.h: parameters and results that are C function pointers."""
    tools.need_module("pybind11")
    folder = build(tmp_path, "pybind11")
    done = run(folder, "import sorting; print(sorting.sort([3, 1, 2], lambda a, b: b[0] - a[0]))")
    assert (done.stdout, done.stderr) == ("[3, 2, 1]\n", "")
    assert (
        "ValueError: compare is None"
        in run(folder, "import sorting; sorting.sort([1], None)").stderr
    )
    done = run(folder, BUTTON)
    assert done.stdout.splitlines() == [
        "False None",
        "False True Closure",
        "True True",
        "False",
        "not callable",
        "takes 0 positional arguments, but _Bool (int, double) passes 2",
    ]
    assert not done.stderr


SPELLED = """
#include <pytramp/pybind11.h>
enum color : unsigned char { RED };
struct point { int x, y; };
using pytramp::callback;
#define IS(text, ...) \\
    if (callback<__VA_ARGS__>::declaration() != text) return #__VA_ARGS__;
static const char *wrong() {
    IS("void (void)", void())
    IS("_Bool (char, const char *)", bool(char, const char *))
    IS("unsigned char (int)", color(const int))
    IS("int * (const void *, void *)", int *(const point *, point *))
    IS("void (void *, void *)", void(void (*)(int), char **))
    IS("long double (wchar_t, unsigned long long, signed char)",
       long double(wchar_t, unsigned long long, signed char))
    return "";
}
PYBIND11_MODULE(spelled, m) { m.def("wrong", wrong); }
"""


@GNU
def test_spellings_of_cplusplus_types(tmp_path: Path) -> None:
    tools.need_module("pybind11")
    shutil.copytree(EXAMPLES / "pybind11", tmp_path, dirs_exist_ok=True)
    (tmp_path / "sorting.cpp").write_text(SPELLED)
    setup = tmp_path / "setup.py"
    setup.write_text(setup.read_text().replace('"sorting",', '"spelled",', 2))
    native.execute(
        ["env", "-C", tmp_path, sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    )
    assert run(tmp_path, "import spelled; print(spelled.wrong())").stdout == "\n"


@GNU
def test_cython(tmp_path: Path) -> None:
    """cimport pytramp, which is all of the header."""
    tools.need_module("Cython")
    folder = build(tmp_path, "cython")
    code = "import array, sorting; a = array.array('l', [9, 4, 5, 7, 2]); "
    done = run(folder, code + "sorting.sort_by(a, 5); print(a)")
    assert not done.stderr
    assert sorted_well(done.stdout)
    done = run(folder, code + "sorting.sort(a, lambda x, y: y[0] - x[0]); print(a.tolist())")
    assert (done.stdout, done.stderr) == ("[9, 7, 5, 4, 2]\n", "")
    assert "the modulus is 0" in run(folder, code + "sorting.sort_by(a, 0)").stderr


def test_cython_knows_all_of_the_header() -> None:
    declared = (Path(pytramp.__file__).parent / "__init__.pxd").read_text()
    text = header("pytramp.h")
    names = set(re.findall(r"\b(pytramp_\w+)\b", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)))
    names |= set(re.findall(r"\b(PYTRAMP_(?:E|ABI|GROW)_\w+|PYTRAMP_OK)\b", text))
    names -= {"pytramp_prefix"}
    assert not {name for name in names if not re.search(rf"\b{name}\b", declared)}


@GNU
@pytest.mark.parametrize("field", ["MAJOR", "size"])
def test_another_version_is_refused(field: str, tmp_path: Path) -> None:
    """One that is older than the header, or not compatible: at import, with both versions."""
    include = tmp_path / "include"
    shutil.copytree(pytramp.get_include(), include)
    if field == "MAJOR":
        path, old, new = "pytramp.h", "VERSION_MAJOR 0", "VERSION_MAJOR 7"
    else:
        path, old, new = "pytramp_import.h", "} pytramp_api;", "    void *later;\n} pytramp_api;"
    text = (include / path).read_text()
    assert old in text
    (include / path).write_text(text.replace(old, new))
    done = run(build(tmp_path / "built", include=include), "import sorting")
    major = 7 if field == "MAJOR" else 0
    assert (
        f"compiled for pytramp {major}.1 and later of {major}, and 0.1 is installed" in done.stderr
    )
    assert "ImportError" in done.stderr


# ---- Compiled in ----


def test_a_program_without_python(tmp_path: Path) -> None:
    native.need("gcc")
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(
        "#include <pytramp.h>\n"
        "int main(void) { void *code; return pytramp_alloc(&code) || pytramp_free(code); }\n"
    )
    words = ["-std=c11", "-O1", f"-I{pytramp.get_include()}", *pytramp.get_sources()]
    native.execute(["gcc", *words, source, "-o", program], timeout=300)
    native.execute([program])


def test_the_sources_are_the_core() -> None:
    core = Path(pytramp.get_include()).parent
    sources = sorted(map(Path, pytramp.get_sources()))
    assert all(path.is_file() for path in sources)
    ours = [path.relative_to(native.CSRC) for path in native.sources()]
    assert [path.relative_to(core) for path in sources] == ours


def test_nothing_else_is_in_the_folder_of_headers() -> None:
    """A name like config.h there would hide another project's."""
    names = {path.name for path in Path(pytramp.get_include()).iterdir()}
    assert names == {"pytramp", "pytramp.h", "pytramp_import.h", "pytramp_prefix.h"}
