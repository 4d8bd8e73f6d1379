"""The machines that pytramp is for, and how each is had here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Python:
    """A real CPython of a Debian suite, in a chroot that an emulator runs."""

    architecture: str  # Debian's name
    suite: str
    version: str
    builder: str = ""  # the version that builds for it, if this machine does not have the same

    @property
    def built_by(self) -> str:
        return self.builder or self.version

    def __str__(self) -> str:
        return f"CPython {self.version}, Debian {self.architecture}"


@dataclass(frozen=True)
class WindowsPython:
    """The official CPython for Windows, which wine runs (windows/cpython.py)."""

    shipped_by: str  # PyPI's, with the DLL and the extension modules
    suite: str  # Debian's, whose source has the library and the headers
    version: str

    def __str__(self) -> str:
        return f"CPython {self.version}, by wine"


@dataclass(frozen=True)
class Platform:
    """compiler is a command; its first word is "zig" for PyPI's ziglang."""

    name: str
    compiler: str
    packages: tuple[str, ...] = ()  # Debian's, for the compiler
    only_linked: bool = False  # nothing here runs its programs
    libffi: tuple[str, str] | None = None  # the suite and the architecture of Debian that have it
    # Where this machine's qemu is too old: its name for the CPU, and the suite whose qemu is not.
    newer_qemu: tuple[str, str] | None = None
    python: Python | WindowsPython | None = None
    quick: bool = False  # run by CI each time, in C
    quick_tests: tuple[str, ...] = ()  # ... and these of the Python tests

    @property
    def is_zig(self) -> bool:
        return self.compiler.startswith("zig ")

    @property
    def zig_target(self) -> str:
        """zig's word for it, and flags."""
        return self.compiler.removeprefix("zig cc -target ")


def _debian(
    name: str,
    triplet: str,
    architecture: str = "",
    suite: str = "bookworm",
    version: str = "3.11",
    *,
    quick: bool = False,
    quick_tests: tuple[str, ...] = (),
) -> Platform:
    """By Debian's cross compiler; with Debian's libffi and CPython, where it has the machine."""
    return Platform(
        name,
        f"{triplet}-gcc",
        tuple(f"{tool}-{triplet.replace('_', '-')}" for tool in ("gcc", "g++")),
        libffi=(suite, architecture) if architecture else None,
        python=Python(architecture, suite, version) if architecture and version else None,
        quick=quick,
        quick_tests=quick_tests,
    )


def _zig(
    name: str,
    target: str,
    *flags: str,
    packages: tuple[str, ...] = (),
    only_linked: bool = False,
    libffi: tuple[str, str] | None = None,
    newer_qemu: tuple[str, str] | None = None,
    python: Python | None = None,
) -> Platform:
    words = " ".join(("zig cc -target", target, *flags))
    return Platform(
        *(name, words, packages),
        only_linked=only_linked,
        libffi=libffi,
        newer_qemu=newer_qemu,
        python=python,
    )


def _tests(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/test_{name}.py" for name in names)


_CALLS = _tests("closure", "scalars", "aggregates", "errors", "varargs")
_WINDOWS = _tests("windows_python", "closure", "scalars", "errors", "layout", "varargs", "threads")

PLATFORMS = (
    _debian("aarch64", "aarch64-linux-gnu", "arm64", quick=True, quick_tests=_CALLS),
    _debian("arm", "arm-linux-gnueabihf", "armhf"),
    _debian("i386", "i686-linux-gnu", "i386", quick=True),
    _debian("s390x", "s390x-linux-gnu", "s390x", quick=True),
    _debian("ppc64le", "powerpc64le-linux-gnu", "ppc64el"),
    _debian("riscv64", "riscv64-linux-gnu", "riscv64", "trixie", "3.13", quick=True),
    _debian("ppc64", "powerpc64-linux-gnu"),
    _debian("mips64el", "mips64el-linux-gnuabi64", "mips64el", version=""),
    _debian("mips64", "mips64-linux-gnuabi64"),
    _zig(
        "loongarch64",
        "loongarch64-linux-gnu",
        "-mcpu=generic_la64+d",
        libffi=("forky", "loong64"),
        # Debian's packages are built for CPUs with vectors (LSX), which qemu has from 8.1 on.
        newer_qemu=("loongarch64", "trixie"),
        python=Python("loong64", "forky", "3.14", builder="3.13"),
    ),
    _zig("x86_64-musl", "x86_64-linux-musl", packages=("musl",)),  # which loads libraries
    _zig("aarch64-musl", "aarch64-linux-musl"),
    _zig("ppc64-musl", "powerpc64-linux-musl"),
    Platform(
        "windows-x64",
        "x86_64-w64-mingw32-gcc",
        ("g++-mingw-w64-x86-64-posix", "wine64", "wine"),
        python=WindowsPython("panda3d==1.10.16", "bookworm", "3.11"),
        quick_tests=_WINDOWS,
    ),
    _zig("windows-arm64", "aarch64-windows-gnu", only_linked=True),
    _zig("macos-arm64", "aarch64-macos", only_linked=True),
    _zig("freebsd-x86_64", "x86_64-freebsd", only_linked=True),
)
