"""Builds the C core and its Python layer as static libraries, and the module that links them.

What is built is in csrc/; every .S and port file guards itself, so nothing here knows a CPU.
Environment: PYTRAMP_CFLAGS adds compiler and linker flags ("-fsanitize=thread", "-O0 -g");
PYTRAMP_WERROR makes warnings errors; CC, CXX and AR are the compilers and the archiver, on Windows,
too, where they have to be gcc or clang with mingw-w64 (setup.py says so where they are not).
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from glob import glob
from pathlib import Path

if sys.implementation.name != "cpython":
    sys.exit(f"pytramp needs CPython, whose own structures it uses, and this is {sys.version}")

import pybind11
from pybind11.setup_helpers import Pybind11Extension
from setuptools import Extension, setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError

WINDOWS = sys.platform == "win32"
MACOS = sys.platform == "darwin"
EXTRA = shlex.split(os.environ.get("PYTRAMP_CFLAGS", ""))
WARNINGS = ["-Wall", "-Wextra", "-Werror"] if "PYTRAMP_WERROR" in os.environ else []
# Hidden symbols, so that a call within the library is direct. DLLs have none.
ELF = [] if WINDOWS else ["-fPIC", "-fvisibility=hidden"]
# Unwind tables, which C has by default on some CPUs only: exceptions pass through the core.
CFLAGS = ["-O3", "-funwind-tables", *ELF, *WARNINGS, *EXTRA]

# The module stays loaded, for C may hold addresses in it. On Windows it sees to that itself, and
# brings the compiler's libraries along (for zig the last of the two says whether it is a library of
# objects or a DLL); macOS' linker knows no such flag.
if WINDOWS:
    LINK = ["-static", "-shared"]
elif MACOS:
    LINK = []
else:
    LINK = ["-Wl,-z,nodelete", "-Wl,--build-id"]

# What pyconfig.h does not say on Windows: up to Python 3.12 the one to mingw's compilers, and the
# other to none, as it is the same file for both builds of Python.
MACROS = [("MS_WIN64", None)] if WINDOWS and sys.maxsize > 2**32 else []
if WINDOWS and sysconfig.get_config_var("Py_GIL_DISABLED"):
    MACROS += [("Py_GIL_DISABLED", "1")]

NEEDS = """\
{reason}

pytramp is GNU C and assembler in GNU syntax: Microsoft's compiler reads neither. On Windows it is
built by gcc or clang with mingw-w64 for the UCRT, Python's own C library: llvm-mingw
(https://github.com/mstorsjo/llvm-mingw), MSYS2's UCRT64 or CLANG64, or zig:

    set CC=clang                  or: set CC=zig cc
    set CXX=clang++               or: set CXX=zig c++
    set AR=llvm-ar                or: set AR=zig ar
    pip install pytramp
"""

# Where the compiler has them: no PLT (a call out of the library is one instruction), descriptors of
# thread-local data (4 instructions instead of __tls_get_addr's 15), and landing pads and signed
# return addresses in C code as in the stubs (IBT and shadow stacks; BTI, PAC and GCS).
OPTIONAL = [] if WINDOWS else ["-fno-plt"]
OPTIONAL += ["-mtls-dialect=gnu2", "-fcf-protection", "-mbranch-protection=standard"]
# What goes wrong, and for whom (both seen with binutils 2.40 and glibc 2.36). 32-bit Arm: ld marks
# descriptors for lazy binding (bit 31 of the second word), and glibc, where it binds at once, as
# Python wants it, takes the mark for a part of the offset. PowerPC: of what ld.so has resolved only
# ld's stub of __tls_get_addr_opt knows, and without a PLT it is passed by. Signed return addresses
# are for ELF's unwinders, and on Arm's 32-bit CPUs the option is for microcontrollers.
UNFIT = {
    "-fno-plt": "__powerpc64__",
    "-mtls-dialect=gnu2": "__arm__",
    "-mbranch-protection=standard": "!defined(__aarch64__) || !defined(__ELF__)",
}
# Windows' and Python's own long double there is a double; mingw's compilers have the x87's.
OPTIONAL += ["-mlong-double-64"] if WINDOWS else []

ARCHIVER = os.environ.get("AR", "ar")

CORE = sorted(
    glob("csrc/*.c") + glob("csrc/abi/*.c") + glob("csrc/pages/*.c") + glob("csrc/arch/*/*.[cS]")
)
PYTHON = sorted(glob("csrc/python/*.c"))
INCLUDED = ("*.h", "*.def", "arch/*.S")
HEADERS = sorted(path for end in INCLUDED for path in glob(f"csrc/**/{end}", recursive=True))
OWN = ("python", "bindings", "ffi")  # folders that are not the core
CORE_HEADERS = [path for path in HEADERS if Path(path).parts[1] not in OWN]
FFI = sorted(glob("csrc/ffi/*.[ch]"))
SHIPPED = [*CORE, *CORE_HEADERS, *FFI, "csrc/README.md", "csrc/ffi/README.md", "csrc/install"]


def try_to_compile(compiler, text, *flags):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.c")
        source.write_text(text)
        command = [*compiler.compiler_so, *flags, "-c", str(source), "-o", str(source) + ".o"]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def accepts(compiler, flag):
    """Does the compiler take this flag, and is what it compiles for fit for it?"""
    text = f"#if {UNFIT.get(flag, 0)}\n#error unfit\n#endif\nint empty;\n"
    return try_to_compile(compiler, text, flag).returncode == 0


def has_port(compiler):
    """Is there one for what the compiler compiles for? Without it the package is installed all the
    same: importing it says so, which whoever depends on it can catch."""
    done = try_to_compile(compiler, '#include "config.h"\n', f"-I{Path('csrc').resolve()}", *EXTRA)
    missing = [line for line in done.stderr.splitlines() if "pytramp has no port" in line]
    if missing:
        print(missing[0], "(no module is built)", sep="\n", file=sys.stderr)
    return not missing


def not_microsofts(chosen):
    """The kind of compiler: on Windows mingw's, unless another one is asked for."""
    if not WINDOWS or chosen not in (None, "mingw32"):
        return chosen
    for tool in (os.environ.get("CC", "gcc"), ARCHIVER):
        if shutil.which(tool.split()[0]) is None:
            raise CompileError(NEEDS.format(reason=f"there is no {tool.split()[0]} on PATH"))
    return "mingw32"


def check_compiler(compiler):
    """Says what is wrong with it, rather than letting it fail."""
    if not WINDOWS:
        return
    if compiler.compiler_type != "mingw32":
        raise CompileError(NEEDS.format(reason=f"not with --compiler={compiler.compiler_type}"))
    probe = "#include <stdlib.h>\n#ifndef _UCRT\n#error this is not for the UCRT\n#endif\n"
    done = try_to_compile(compiler, probe)
    if done.returncode:
        raise CompileError(NEEDS.format(reason=f"{' '.join(done.args)}\n{done.stderr}"))


class BuildPython(build_py):
    """The package, and in it the C core: for pytramp.get_include() and get_sources(); and what
    makes libpytramp_ffi of it."""

    def run(self):
        super().run()
        for path in self.core():
            target = Path(self.build_lib, "pytramp", path)
            self.mkpath(str(target.parent))
            self.copy_file(path, str(target))

    def core(self):
        return [] if self.editable_mode else SHIPPED

    def get_outputs(self, include_bytecode=1):
        core = [str(Path(self.build_lib, "pytramp", path)) for path in self.core()]
        return super().get_outputs(include_bytecode) + core


class BuildLibraries(build_clib):
    """setuptools' own, which also takes assembler with a preprocessor."""

    def finalize_options(self):
        super().finalize_options()
        self.compiler = not_microsofts(self.compiler)

    def build_libraries(self, libraries):
        check_compiler(self.compiler)
        if not has_port(self.compiler):
            return
        self.compiler.src_extensions.append(os.path.normcase(".S"))  # as distutils looks for it
        if WINDOWS:  # where setuptools does not look at AR
            self.compiler.set_executables(archiver=f"{ARCHIVER} -cr")
        flags = [flag for flag in OPTIONAL if accepts(self.compiler, flag)]
        for _, options in libraries:
            options["cflags"] += flags
        super().build_libraries(libraries)


class BuildExtension(build_ext):
    """Builds the libraries first, also for a bare ``build_ext --inplace``.

    The module is copied into the checkout, too: ``python -m pytramp`` in the folder that
    ``pip install .`` was run in finds the package there first.
    """

    def finalize_options(self):
        super().finalize_options()
        self.compiler = not_microsofts(self.compiler)

    def run(self):
        self.run_command("build_clib")
        super().run()
        if not self.inplace and self.extensions:
            self.copy_extensions_to_source()

    def build_extensions(self):
        if not has_port(self.compiler):
            self.extensions = []
        super().build_extensions()

    def build_extension(self, extension):
        extension.extra_compile_args += [f for f in OPTIONAL if accepts(self.compiler, f)]
        super().build_extension(extension)


def library(name, sources):
    includes = ["csrc", sysconfig.get_paths()["include"], sysconfig.get_paths()["platinclude"]]
    return (
        name,
        {
            "sources": sources,
            "obj_deps": {"": HEADERS},
            "include_dirs": includes,
            "macros": MACROS,
            "cflags": ["-std=c11", *CFLAGS],
        },
    )


def extension(name, sources, **options):
    """pybind11's own knows one compiler on Windows: Microsoft's."""
    if not WINDOWS:
        return Pybind11Extension(name, sources, cxx_std=17, **options)
    options["include_dirs"] += [pybind11.get_include()]
    options["extra_compile_args"] += ["-std=c++17"]
    return Extension(name, sources, language="c++", **options)


module = extension(
    "pytramp._core",
    sorted(glob("csrc/bindings/*.cpp")),
    depends=[*HEADERS, *CORE, *PYTHON],  # which are in the libraries: else it is not linked anew
    include_dirs=["csrc"],
    define_macros=MACROS,
    # In the order in which they need each other.
    libraries=["pytramp_python", "pytramp_core"],
    extra_compile_args=[*CFLAGS],
    extra_link_args=[*LINK, *EXTRA],
)

setup(
    libraries=[library("pytramp_core", CORE), library("pytramp_python", PYTHON)],
    ext_modules=[module],
    cmdclass={
        "build_py": BuildPython,
        "build_clib": BuildLibraries,
        "build_ext": BuildExtension,
    },
)
