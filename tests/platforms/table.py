"""The machines that pytramp is for, and how each is had here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Python:
    """A real CPython of a Debian suite, in a chroot that an emulator runs."""

    architecture: str  # Debian's name
    suite: str
    version: str


@dataclass(frozen=True)
class Platform:
    """compiler is a command; its first word is "zig" for PyPI's ziglang."""

    name: str
    compiler: str
    packages: tuple[str, ...] = ()  # Debian's, for the compiler
    only_linked: bool = False  # nothing here runs its programs
    python: Python | None = None
    quick: bool = False  # run by CI each time, in C


def _debian(
    name: str, triplet: str, python: Python | None = None, *, quick: bool = False
) -> Platform:
    packages = tuple(f"{tool}-{triplet.replace('_', '-')}" for tool in ("gcc", "g++"))
    return Platform(name, f"{triplet}-gcc", packages, python=python, quick=quick)


def _zig(name: str, target: str, *flags: str, only_linked: bool = False) -> Platform:
    words = " ".join(("zig cc -target", target, *flags))
    return Platform(name, words, only_linked=only_linked)


_BOOKWORM = ("bookworm", "3.11")

PLATFORMS = (
    _debian("aarch64", "aarch64-linux-gnu", Python("arm64", *_BOOKWORM), quick=True),
    _debian("arm", "arm-linux-gnueabihf", Python("armhf", *_BOOKWORM)),
    _debian("i386", "i686-linux-gnu", Python("i386", *_BOOKWORM), quick=True),
    _debian("s390x", "s390x-linux-gnu", Python("s390x", *_BOOKWORM), quick=True),
    _debian("ppc64le", "powerpc64le-linux-gnu", Python("ppc64el", *_BOOKWORM)),
    _debian("riscv64", "riscv64-linux-gnu", Python("riscv64", "trixie", "3.13"), quick=True),
    _debian("ppc64", "powerpc64-linux-gnu"),
    _debian("mips64el", "mips64el-linux-gnuabi64"),
    _zig("loongarch64", "loongarch64-linux-musl", "-mcpu=generic_la64+d"),
    _zig("x86_64-musl", "x86_64-linux-musl"),
    _zig("aarch64-musl", "aarch64-linux-musl"),
    _zig("ppc64-musl", "powerpc64-linux-musl"),
    Platform(
        "windows-x64",
        "x86_64-w64-mingw32-gcc",
        ("g++-mingw-w64-x86-64-posix", "wine64", "wine"),
        quick=True,
    ),
    _zig("windows-arm64", "aarch64-windows-gnu", only_linked=True),
    _zig("macos-x86_64", "x86_64-macos", only_linked=True),
    _zig("macos-arm64", "aarch64-macos", only_linked=True),
    _zig("freebsd-x86_64", "x86_64-freebsd", only_linked=True),
)
