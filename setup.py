"""Builds the C core and its Python layer as static libraries, and the module that links them.

What is built is in csrc/; every .S and port file guards itself, so nothing here knows a CPU.
Environment: PYTRAMP_CFLAGS adds compiler and linker flags ("-fsanitize=thread", "-O0 -g");
PYTRAMP_WERROR makes warnings errors.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from glob import glob
from pathlib import Path

if sys.implementation.name != "cpython":
    sys.exit(f"pytramp needs CPython, whose own structures it uses, and this is {sys.version}")

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext

EXTRA = shlex.split(os.environ.get("PYTRAMP_CFLAGS", ""))
WARNINGS = ["-Wall", "-Wextra", "-Werror"] if "PYTRAMP_WERROR" in os.environ else []
# Hidden symbols and no PLT: a call within the library is direct, one out of it one instruction.
# Unwind tables, which C has by default on some CPUs only: exceptions pass through the core.
CFLAGS = ["-O3", "-fPIC", "-fvisibility=hidden", "-fno-plt", "-funwind-tables", *WARNINGS, *EXTRA]

# Where the compiler has them: TLS descriptors (thread-local data in 4 instructions instead of
# __tls_get_addr's 15), and landing pads in C code as in the stubs (IBT, shadow stacks).
OPTIONAL = ["-mtls-dialect=gnu2", "-fcf-protection"]

CORE = sorted(
    glob("csrc/*.c") + glob("csrc/abi/*.c") + glob("csrc/pages/*.c") + glob("csrc/arch/*/*.[cS]")
)
PYTHON = sorted(glob("csrc/python/*.c"))
HEADERS = sorted(glob("csrc/**/*.h", recursive=True) + glob("csrc/*.def"))


def try_to_compile(compiler, text, *flags):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "trial.c")
        source.write_text(text)
        command = [*compiler.compiler_so, *flags, "-c", str(source), "-o", str(source) + ".o"]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def accepts(compiler, flag):
    """Does the compiler take this flag?"""
    return try_to_compile(compiler, "int empty;\n", flag).returncode == 0


def has_port(compiler):
    """Is there one for what the compiler compiles for? Without it the package is installed all the
    same: importing it says so, which whoever depends on it can catch."""
    done = try_to_compile(compiler, '#include "config.h"\n', f"-I{Path('csrc').resolve()}", *EXTRA)
    missing = [line for line in done.stderr.splitlines() if "pytramp has no port" in line]
    if missing:
        print(missing[0], "(no module is built)", sep="\n", file=sys.stderr)
    return not missing


class BuildLibraries(build_clib):
    """setuptools' own, which also takes assembler with a preprocessor."""

    def build_libraries(self, libraries):
        if not has_port(self.compiler):
            return
        self.compiler.src_extensions.append(".S")
        flags = [flag for flag in OPTIONAL if accepts(self.compiler, flag)]
        for _, options in libraries:
            options["cflags"] += flags
        super().build_libraries(libraries)


class BuildExtension(build_ext):
    """Builds the libraries first, also for a bare ``build_ext --inplace``.

    The module is copied into the checkout, too: ``python -m pytramp`` in the folder that
    ``pip install .`` was run in finds the package there first.
    """

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
            "cflags": ["-std=c11", *CFLAGS],
        },
    )


module = Pybind11Extension(
    "pytramp._core",
    sorted(glob("csrc/bindings/*.cpp")),
    depends=HEADERS,
    include_dirs=["csrc"],
    cxx_std=17,
    # In the order in which they need each other; the module stays loaded, for C may hold addresses.
    libraries=["pytramp_python", "pytramp_core"],
    extra_compile_args=[*CFLAGS],
    extra_link_args=["-Wl,-z,nodelete", "-Wl,--build-id", *EXTRA],
)

setup(
    libraries=[library("pytramp_core", CORE), library("pytramp_python", PYTHON)],
    ext_modules=[module],
    cmdclass={"build_clib": BuildLibraries, "build_ext": BuildExtension},
)
