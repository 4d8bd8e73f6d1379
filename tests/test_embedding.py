"""The C API as other extensions and programs have it: the capsule's table, headers and sources."""

from __future__ import annotations

import ctypes
import os
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


def as_compiled(header: str, expressions: list[str]) -> list[int]:
    """What a compiler makes of them."""
    lines = [f'printf("%lld\\n", (long long)({each}));' for each in expressions]
    source = native.folder() / "compiled.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n"
        f"#include <{header}>\nint main(void) {{ {' '.join(lines)} }}\n"
    )
    program = source.with_suffix("")
    native.need("gcc")
    include = [f"-I{sysconfig.get_paths()['include']}", f"-I{pytramp.get_include()}"]
    # Optimised: functions of the headers that nothing calls are left out, and need no Python.
    words = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", *include]
    native.execute(["gcc", *words, source, "-o", program])
    return [int(line) for line in native.execute([program]).stdout.split()]


WORD = ctypes.sizeof(ctypes.c_void_p)


def test_no_field_of_the_table_moves() -> None:
    offsets = [f"offsetof(pytramp_api, {name})" for name in FIELDS]
    *found, size = as_compiled("pytramp_import.h", [*offsets, "sizeof(pytramp_api)"])
    assert found == [WORD + 8 + WORD * i for i in range(len(FIELDS))]
    assert size == WORD + 8 + WORD * len(FIELDS)


# Each field is a word, or begins one.
STRUCTS = {
    "statistics": "size capacity builtin live quarantined reusable untouched "
    "mremap_pairs file_pairs memfd_pairs memory_pairs late_calls",
    "member": "type count offset",
    "layout": "struct_size size alignment natural is_union nmembers members",
    "place": "name offset size stack",
    "closure_options": "size handler userdata name error destroy",
}


@pytest.mark.parametrize("name", STRUCTS)
def test_no_field_of_a_struct_moves(name: str) -> None:
    fields = STRUCTS[name].split()
    offsets = [f"offsetof(pytramp_{name}, {field})" for field in fields]
    *found, size = as_compiled("pytramp.h", [*offsets, f"sizeof(pytramp_{name})"])
    assert found == [WORD * i for i in range(len(fields))]
    assert size == WORD * len(fields)


# By value, which goes up by one; compiled programs have them.
NUMBERS = {
    "E": "NULL NO_MEMORY NO_CODE BUSY FULL NOT_OURS FREED KIND TYPE ABI TOO_LARGE CORRUPT INVALID",
    "ABI": "SYSV_X86_64 WIN64 CDECL_X86 STDCALL_X86 FASTCALL_X86 THISCALL_X86 AAPCS64 "
    "AAPCS64_APPLE AAPCS64_WINDOWS AAPCS32 RISCV ELFV2_PPC64 ELFV1_PPC64 S390X LOONGARCH MIPS_N64",
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_no_number_changes(kind: str) -> None:
    names = NUMBERS[kind].split()
    found = as_compiled("pytramp.h", [f"PYTRAMP_{kind}_{name}" for name in names])
    assert found == list(range(1, len(names) + 1))
    declared = set(re.findall(rf"\bPYTRAMP_{kind}_(\w+)(?:,| =|    )", header("pytramp.h")))
    assert declared - {"DEFAULT"} == set(names)


def test_no_constant_changes() -> None:
    names = "OK ABI_DEFAULT GROW_MREMAP GROW_FILE GROW_MEMFD GROW_MEMORY MAX_PLACES".split()
    found = as_compiled("pytramp.h", [f"PYTRAMP_{name}" for name in names])
    assert found == [0, 0, 1, 2, 4, 8, 9]
    wide = ["PYTRAMP_RESULT + 1 == 0", "PYTRAMP_ARRAY_OF_ONE + 2 == 0"]
    assert as_compiled("pytramp.h", wide) == [1, 1]


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
    native.need(os.environ.get("CC") or sysconfig.get_config_var("CC").split()[0])
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
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 unsigned_128;
__extension__ typedef __int128 signed_128;
#endif
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
    IS("unsigned char (const unsigned char *)", char8_t(const char8_t *))
#ifdef __SIZEOF_INT128__
    IS("unsigned __int128 (__int128)", unsigned_128(signed_128))
#endif
    return "";
}
PYBIND11_MODULE(spelled, m) {
    pytramp::import();
    m.def("wrong", wrong);
    m.def("moved", [](callback<int()> given) {
        callback<int()> other = std::move(given), third;
        third = std::move(other);
        return !given && !other && given.closure().is_none() && third() == 1;
    });
}
"""


def compile_header(folder: Path, text: str, *flags: str) -> Path:
    """A module that includes pytramp/pybind11.h, by a compiler that knows nothing of setuptools."""
    pybind11 = tools.need_module("pybind11")
    native.need("g++")
    source = folder / "spelled.cpp"
    source.write_text(text)
    target = source.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
    folders = [pytramp.get_include(), sysconfig.get_paths()["include"], pybind11.get_include()]
    include = [word for each in folders for word in ("-isystem", each)]
    include[0] = "-I"
    native.execute(
        ["g++", "-Wall", "-Wextra", "-Werror", *flags, *include, "-fPIC", "-shared", source]
        + ["-o", target],
        timeout=300,
    )
    return target


@GNU
def test_the_oldest_cplusplus(tmp_path: Path) -> None:
    """C++11, as for pybind11."""
    one = "pytramp::callback<int(int)>"
    text = f"{one} pass({one} &&c) {{ {one} made(std::move(c)); c = std::move(made); return c; }}"
    compile_header(tmp_path, f"#include <pytramp/pybind11.h>\n{text}", "-std=c++11", "-pedantic")


@GNU
@pytest.mark.parametrize("flags", [("-std=c++20", "-pedantic"), ("-std=gnu++20",)], ids=" ".join)
def test_spellings_of_cplusplus_types(flags: tuple[str, ...], tmp_path: Path) -> None:
    compile_header(tmp_path, SPELLED, *flags)
    code = "import spelled; print(spelled.wrong(), spelled.moved(lambda: 1))"
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == (" True\n", "")


@GNU
@pytest.mark.parametrize("function", ["void(int &)", "int(std::nullptr_t)", "void(std::string)"])
def test_what_c_has_not_is_refused(function: str, tmp_path: Path) -> None:
    text = f"auto text() {{ return pytramp::callback<{function}>::declaration(); }}"
    with pytest.raises(native.NativeError, match="passes what C has"):
        compile_header(tmp_path, f"#include <pytramp/pybind11.h>\n{text}")


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


# What the header wants of Python, which has no headers for Windows here.
PYTHON_H = """
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct _object PyObject;
extern PyObject *PyExc_ImportError, *PyExc_TypeError;
void *PyCapsule_Import(const char *, int), *PyLong_AsVoidPtr(PyObject *);
PyObject *PyErr_Format(PyObject *, const char *, ...), *PyErr_Occurred(void);
PyObject *PyImport_ImportModule(const char *), *PyLong_FromVoidPtr(void *);
PyObject *PyObject_CallMethod(PyObject *, const char *, const char *, ...);
PyObject *PyObject_GetAttrString(PyObject *, const char *);
int PyObject_IsInstance(PyObject *, PyObject *);
void Py_XDECREF(PyObject *), PyErr_BadInternalCall(void);
#ifdef __cplusplus
}
#endif
"""


@pytest.mark.parametrize("target", ["x86_64-pc-windows-msvc", "x86_64-pc-linux-gnu"])
def test_one_table_for_c_and_cplusplus(target: str, tmp_path: Path) -> None:
    """Microsoft's C++ has another name for a variable than C, unless it is declared as C's."""
    native.need("clang", optional=True)
    (tmp_path / "Python.h").write_text(PYTHON_H)
    include = [f"-I{tmp_path}", f"-I{pytramp.get_include()}"]
    for name in ("module.c", "module.cpp"):
        source, made = tmp_path / name, tmp_path / f"{name}.o"
        source.write_text("#include <pytramp_import.h>\nint f(void) { return pytramp_import(); }")
        words = ["-target", target, "-ffreestanding", "-Wall", "-Werror", *include]
        native.execute(["clang", *words, "-c", source, "-o", made])
        assert b"\0pytramp_api_\0" in made.read_bytes()


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


ADDRESS_OF = """
#include <pytramp_import.h>
void *address_of(PyObject *closure) { return pytramp_address_of(closure); }
"""


@GNU
def test_the_address_of_what_is_no_closure(tmp_path: Path) -> None:
    native.need("gcc")
    source, library = tmp_path / "address.c", tmp_path / "address.so"
    source.write_text(ADDRESS_OF)
    include = [f"-I{pytramp.get_include()}", f"-I{sysconfig.get_paths()['include']}"]
    words = ["gcc", "-Wall", "-Wextra", "-Werror", *include, "-fPIC", "-shared"]
    native.execute([*words, source, "-o", library])
    address_of = ctypes.PyDLL(str(library)).address_of
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object]
    closure = pytramp.callback("int (int)", lambda n: n)
    assert address_of(closure) == closure.address
    with pytest.raises(SystemError):
        address_of(ctypes.py_object())  # NULL
    for other in (pytramp.Pointer("int *", bytearray(4)), 5, type("A", (), {"address": 0})()):
        with pytest.raises(TypeError, match=r"pytramp\.Closure is needed, not "):
            address_of(other)
    closure.close()
    with pytest.raises(pytramp.FreedCallbackError):
        address_of(closure)


# ---- Compiled in ----


@GNU
def test_an_extension_with_the_core_in_it(tmp_path: Path) -> None:
    folder = build(tmp_path, "vendored")
    code = "import ordering, sys; print(ordering.order([3, -5, 4]), 'pytramp' in sys.modules)"
    done = run(folder, code)
    assert (done.stdout, done.stderr) == ("[1, 0, 2] False\n", "")
    assert "must be real number" in run(folder, "import ordering; ordering.order(['a'])").stderr
    (module,) = folder.glob("ordering.*.so")
    exported = native.execute([tools.need("nm"), "-D", "--defined-only", module]).stdout
    assert re.findall(r"\w+$", exported, re.MULTILINE) == ["PyInit_ordering"]


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


def test_what_the_installed_documents_lead_to_is_there() -> None:
    core = Path(pytramp.get_include()).parent
    pages = list(core.rglob("README.md"))
    assert {page.relative_to(core).as_posix() for page in pages} == {"README.md", "ffi/README.md"}
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), (page, link)


@tools.posix("preloading")
def test_libpytramp_ffi_of_the_installed_package(tmp_path: Path) -> None:
    """By its README's command, in the folder of the package."""
    core = Path(pytramp.get_include()).parent
    text = (core / "ffi/README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^    (cc -std=.*)$", text, re.MULTILINE)
    native.need("cc")
    target = tmp_path / "libpytramp_ffi.so"
    command = command.replace("-o libpytramp_ffi.so", f"-O0 -o {target}")
    try:
        native.execute(["env", "-C", core.parent, "sh", "-c", command], timeout=300)
    except native.NativeError as error:
        if "ffi.h" not in str(error):
            raise
        tools.missing("no header of libffi here (libffi-dev)")
    exported = native.execute([tools.need("nm"), "-D", "--defined-only", target]).stdout
    assert "ffi_closure_alloc" in exported
    assert "pytramp_alloc" not in exported


def test_nothing_else_is_in_the_folder_of_headers() -> None:
    """A name like config.h there would hide another project's."""
    names = {path.name for path in Path(pytramp.get_include()).iterdir()}
    assert names == {"pytramp", "pytramp.h", "pytramp_import.h", "pytramp_prefix.h"}
