"""The C core, layer by layer: one program per layer (tests/c), plain and under sanitizers."""

from __future__ import annotations

import functools
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import legs
import native
import pytest
import tools
from legs import COMPILERS, FLAGS, IS_NATIVE, LEGS

C = native.TESTS / "c"


@dataclass(frozen=True)
class Layer:
    """A program: the functions that it wraps, and its arguments in the legs that need some."""

    wraps: tuple[str, ...] = ()
    legs: tuple[str, ...] = ("gcc", "clang", "asan")
    arguments: tuple[tuple[str, tuple[str, ...]], ...] = ()


THREADED = ("gcc", "clang", "asan", "tsan")

LAYERS = {
    "freelist": Layer(legs=THREADED),
    "intern": Layer(legs=THREADED),
    "pool": Layer(),
    # No forks under sanitizers: theirs is a malloc that hangs in a child whose parent had threads.
    "pool_threads": Layer(
        legs=THREADED, arguments=(("asan", ("60000", "0")), ("tsan", ("40000", "0")))
    ),
    # Not under tsan: it holds signals back until points of its own, and at times for ever.
    "signals": Layer(wraps=("mremap", "munmap", "malloc", "calloc", "free")),
    "handlers": Layer(wraps=("malloc", "calloc", "free")),
    # Not under sanitizers: each of their instructions would be stepped through, too.
    "stepping": Layer(legs=("gcc", "clang")),
    "type": Layer(),
    "model": Layer(),
    "signature": Layer(),
    "signature_aapcs64": Layer(),
    "signature_riscv": Layer(),
    "signature_x86": Layer(),
    "signature_win64": Layer(),
    "signature_aapcs32": Layer(),
    "signature_s390x": Layer(),
    "signature_ppc64": Layer(),
    "signature_mips_n64": Layer(),
    "i386": Layer(),
    "padding": Layer(),
    "stack": Layer(legs=("gcc", "clang")),  # a sanitizer moves it
    "closure": Layer(),
    "no_parts": Layer(wraps=("pt_port_of",)),
    "reserved": Layer(legs=("gcc", "clang")),  # a sanitizer's end takes system calls
    "owned": Layer(legs=THREADED),
    "prepare": Layer(),
    "faults": Layer(wraps=("malloc", "calloc", "mmap", "mmap64", "mremap")),
}


@functools.cache
def _links(leg: str, *flags: str) -> bool:
    """Whether an empty program can be made so, and runs."""
    source = native.folder() / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    target = native.folder() / "empty"
    try:
        native.execute([COMPILERS[leg], *FLAGS[leg], *flags, source, "-o", target])
        native.execute([*legs.prefix(leg), target])
    except native.NativeError:
        return False
    return True


def _need(leg: str, *flags: str) -> None:
    native.need(COMPILERS[leg], optional=leg == "clang")
    if not _links(leg, *flags):
        tools.missing(f"{COMPILERS[leg]} makes no programs with {' '.join((*FLAGS[leg], *flags))}")


@functools.cache
def _program(name: str, leg: str, *extra: str) -> Path:
    return native.program(C / f"{name}.c", compiler=COMPILERS[leg], flags=FLAGS[leg], extra=extra)


@pytest.mark.parametrize(
    ("name", "leg"),
    [
        pytest.param(n, leg, id=f"{n}-{leg}")
        for n, layer in LAYERS.items()
        for leg in layer.legs
        if leg in LEGS
    ],
)
def test_layer(name: str, leg: str) -> None:
    _need(leg)
    layer = LAYERS[name]
    wraps = [f"-Wl,--wrap={function}" for function in layer.wraps]
    legs.run([_program(name, leg, *wraps), *dict(layer.arguments).get(leg, ())], leg)


# ---- Growth: every test in a process and on a copy of its own, as a program and as a library ----

PLAIN_ID = "-Wl,--build-id=sha1"
OTHER_ID = "-Wl,--build-id=0x" + "70" * 20
NO_ID = "-Wl,--build-id=none"

GROWTH = re.findall(r'^    \{"(\w+)", test_\w+\},$', (C / "growth.c").read_text(), re.MULTILINE)

# Called by another one of them.
INNER = {"without_proc"}

# A sanitizer starts with a look at /proc and needs mmap for its own memory.
NOT_SANITIZED = {"never_proc", "no_growth_at_all"}

BUILDS = {
    "program": ("gcc", "program"),
    "library": ("gcc", "library"),
    "clang": ("clang", "library"),
    "asan": ("asan", "program"),
}


@functools.cache
def _library(leg: str, *extra: str) -> Path:
    """growth.c and the core as a shared library, its main an ordinary function."""
    flags = (*FLAGS[leg], "-fPIC")
    target = native.folder() / f"growth {leg} {len(list(native.folder().iterdir()))}.so"
    sources = [C / "growth.c", *native.core(COMPILERS[leg], flags)]
    words = [*native.BASE, *flags, *native.INCLUDES, "-shared", *extra]
    link = native.link_flags(COMPILERS[leg])
    native.execute([COMPILERS[leg], *words, *sources, *link, "-o", target])
    return target


@functools.cache
def _loader(leg: str) -> Path:
    """loader.c without a core: on MIPS, what a program calls through its table of addresses is
    visible to libraries, and would stand before their own."""
    target = native.folder() / f"loader {leg}"
    words = [COMPILERS[leg], *native.BASE, *FLAGS[leg], *native.INCLUDES, C / "loader.c"]
    native.execute([*words, *native.link_flags(COMPILERS[leg]), "-o", target])
    return target


def _module(build: str, *extra: str) -> Path:
    leg, form = BUILDS[build]
    return _library(leg, *extra) if form == "library" else _program("growth", leg, *extra)


def _grow(build: str, test: str, module: Path, other: Path, folder: Path) -> str:
    """Runs one test on a copy in a folder whose name has spaces."""
    leg, form = BUILDS[build]
    home = folder / "a folder with  spaces"
    home.mkdir()
    copy = Path(shutil.copy(module, home / ("growth it self" + module.suffix)))
    if form == "program":
        return legs.run([copy, test, copy, other])
    return legs.run([_loader(leg), copy, test, copy, other])


def _other(test: str, build: str, folder: Path) -> Path:
    """What a test puts in the place of its module, or else an empty folder."""
    other = folder / "other"
    if test == "replaced_by_copy":
        shutil.copy(_module(build, PLAIN_ID), other)
    elif test == "replaced_by_build":
        shutil.copy(_module(build, OTHER_ID), other)
    elif test == "replaced_by_shorter":
        other.write_bytes(os.urandom(5000))
    elif test == "replaced_without_note":
        other.write_bytes(os.urandom(_module(build, NO_ID).stat().st_size + 100))
    else:
        other.mkdir()
    return other


def _growth_cases() -> list[object]:
    cases: list[object] = []
    for build, (leg, _) in BUILDS.items():
        if leg not in LEGS:
            continue
        left_out = INNER | (NOT_SANITIZED if leg == "asan" else set())
        for test in GROWTH:
            if test not in left_out:
                cases.append(pytest.param(build, test, id=f"{test}-{build}"))
    return cases


@pytest.mark.parametrize(("build", "test"), _growth_cases())
def test_growth(build: str, test: str, tmp_path: Path) -> None:
    _need(BUILDS[build][0])
    module = _module(build, NO_ID if test == "replaced_without_note" else PLAIN_ID)
    _grow(build, test, module, _other(test, build, tmp_path), tmp_path)


# Kernels for these CPUs are built for one of several page sizes.
LARGE_PAGES = ("__aarch64__", "__loongarch64", "__mips64", "__powerpc64__")


@pytest.fixture(params=[16384, 65536])
def larger_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an emulator pretends to have them."""
    if IS_NATIVE or not native.macros(native.CC).keys() & {*LARGE_PAGES}:
        pytest.skip("for emulated CPUs that have such pages")
    monkeypatch.setenv("QEMU_PAGESIZE", str(request.param))
    if not _links.__wrapped__("gcc"):
        pytest.skip("here even an empty program does not run with such pages")


@pytest.mark.usefixtures("larger_pages")
@pytest.mark.parametrize("name", ["pool", "signals", "closure"])
def test_layer_with_larger_pages(name: str) -> None:
    wraps = [f"-Wl,--wrap={function}" for function in LAYERS[name].wraps]
    legs.run([_program(name, "gcc", *wraps)], timeout=600)


@pytest.mark.usefixtures("larger_pages")
@pytest.mark.parametrize("test", ["file", "memfd", "replaced_by_copy", "any"])
def test_growth_with_larger_pages(test: str, tmp_path: Path) -> None:
    other = _other(test, "library", tmp_path)
    _grow("library", test, _module("library", PLAIN_ID), other, tmp_path)


@pytest.mark.parametrize("build", ["program", "library"])
def test_growth_refuses_garbage(build: str, tmp_path: Path) -> None:
    """As long as the module, with other bytes everywhere, the build-id's place too."""
    _need(BUILDS[build][0])
    module = _module(build, PLAIN_ID)
    other = tmp_path / "garbage"
    other.write_bytes(os.urandom(module.stat().st_size))
    _grow(build, "replaced_by_build", module, other, tmp_path)


LINKS = (
    {}
    if not IS_NATIVE
    else {
        "static": ("-static",),
        "static-pie": ("-static-pie",),
        "no-pie": ("-no-pie",),
        "gold": ("-fuse-ld=gold",),
        "lld": ("-fuse-ld=lld",),
        "relro-now": ("-Wl,-z,relro,-z,now", "-Wl,-z,separate-code"),
        "one-segment": ("-Wl,-z,noseparate-code",),
    }
)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("test", ["mremap", "file", "memfd", "deleted"])
def test_growth_however_linked(link: str, test: str, tmp_path: Path) -> None:
    native.need("gcc")
    if not _links("gcc", *LINKS[link]):
        pytest.skip(f"no programs with {' '.join(LINKS[link])} here")
    module = _program("growth", "gcc", PLAIN_ID, *LINKS[link])
    _grow("program", test, module, tmp_path, tmp_path)


def test_growth_under_valgrind(tmp_path: Path) -> None:
    """Its mremap knows no MREMAP_DONTUNMAP, and its memcheck finds nothing wrong."""
    if not IS_NATIVE:
        pytest.skip("valgrind is this machine's")
    native.need("gcc")
    if not shutil.which("valgrind"):
        pytest.skip("no valgrind on PATH")
    program = _module("program", PLAIN_ID)
    output = legs.run(["valgrind", "-q", "--error-exitcode=9", program, "any", program, tmp_path])
    assert re.search(r"any step: 0 pairs by mremap, 3 by the file", output)


# ---- What the linker made of it ----


# What asks a CPU's compiler for control-flow protection, and what readelf then says of an object.
_PROTECTION = {
    "x86_64": ("-fcf-protection=full", "x86 feature: IBT, SHSTK"),
    "i686": ("-fcf-protection=full", "x86 feature: IBT, SHSTK"),
    "aarch64": ("-mbranch-protection=standard", "AArch64 feature: BTI, PAC"),
}


@functools.cache
def _machine() -> str:
    return native.execute([native.CC, "-dumpmachine"]).stdout.partition("-")[0]


def _protection() -> tuple[str, str] | None:
    return _PROTECTION.get(_machine())


def _protected() -> tuple[str, ...]:
    protection = _protection()
    return ("-fPIC", protection[0]) if protection else ("-fPIC",)


@pytest.fixture(scope="module")
def hardened() -> Path:
    """The core alone as a shared library, with the CPU's control-flow protection asked for."""
    native.need(native.CC)
    target = native.folder() / "libhardened.so"
    objects = native.core(native.CC, _protected())
    # Without the C library's objects: not all distributions build those so.
    native.execute([native.CC, *_protected(), "-shared", "-nostdlib", *objects, "-o", target])
    return target


def _readelf(*words: str | Path) -> str:
    if not shutil.which("readelf"):
        tools.missing("no readelf on PATH")
    return native.execute(["readelf", *words], env={"LC_ALL": "C"}).stdout


def test_every_object_is_marked() -> None:
    """One object without its notes takes them from the whole library."""
    native.need(native.CC)
    protection = _protection()
    # With PowerPC's ELF V1 nobody has an executable stack unasked, and GCC writes no note.
    has_notes = _machine() != "powerpc64"
    for path in native.core(native.CC, _protected()):
        assert not protection or protection[1] in _readelf("-n", path), path.name
        assert not has_notes or ".note.GNU-stack" in _readelf("-SW", path), path.name


@pytest.mark.hardening("marked")
def test_control_flow_protection_survives_linking(hardened: Path) -> None:
    protection = _protection()
    if not protection:
        pytest.skip("nothing is known to protect this CPU's control flow")
    assert protection[1] in _readelf("-n", hardened)


@pytest.mark.hardening("landing pads and shadow stack")
@pytest.mark.parametrize("leg", sorted({"gcc", "clang"}.intersection(LEGS)))
def test_enforced_control_flow(leg: str) -> None:
    """Intel's shadow stack and indirect branch tracking, emulated."""
    _need(leg, *_protected())
    flags = (*FLAGS[leg], *_protected())
    # Bound at once: what binds late lands in the linker's own table of such functions.
    source, now = C / "control_flow.c", "-Wl,-z,now"
    legs.run([native.program(source, compiler=COMPILERS[leg], flags=flags, extra=[now])])


# Not outlined: the compiler's own atomics begin with no landing pads everywhere, nor do its start
# files, and -z force-bti says that it shall not matter.
GUARDED = ("-fPIC", "-mbranch-protection=standard", "-mno-outline-atomics")


@functools.cache
def _guarded() -> Path:
    """guarded.c and the core as a library, all of it with AArch64's protection."""
    target = native.folder() / "libguarded.so"
    sources = [C / "guarded.c", *native.core(native.CC, GUARDED)]
    words = [*native.BASE, *GUARDED, *native.INCLUDES, "-shared", "-nostartfiles"]
    link = [*native.link_flags(native.CC), "-Wl,-z,force-bti"]
    try:
        native.execute([native.CC, *words, *sources, *link, "-o", target])
    except native.NativeError as error:
        if "unsupported linker extension flag" not in str(error):
            raise
        pytest.skip("this linker (zig's) has no -z force-bti")
    assert "AArch64 feature: BTI" in _readelf("-n", target), "the library is not marked"
    return target


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(name, marks=pytest.mark.hardening(name.upper()))
        for name in ("bti", "pac", "gcs")
    ],
)
def test_guarded(test: str) -> None:
    """What the CPU, or the emulator, enforces. Each has a control that must die."""
    if not native.execute([native.CC, "-dumpmachine"]).stdout.startswith("aarch64"):
        pytest.skip("AArch64's")
    legs.run([_loader("gcc"), _guarded(), test], env={"QEMU_CPU": "max"})


def test_unsigned_return_addresses_can_be_changed() -> None:
    """The control of `pac`: on a CPU that does not sign them, the same attack succeeds."""
    if IS_NATIVE or not native.CC.startswith("aarch64"):
        pytest.skip("an emulated AArch64's")
    with pytest.raises(native.NativeError, match="exited with 77"):
        legs.run([_loader("gcc"), _guarded(), "pac"], env={"QEMU_CPU": "cortex-a57"})


@pytest.mark.hardening("nothing W+X")
def test_nothing_is_writable_and_executable(hardened: Path) -> None:
    sections = re.findall(
        r"^ +\[ *\d+\] (\S+) .*? [0-9a-f]+ +[0-9a-f]{2} +([A-Zoxp]*) +\d+ +\d+ +\d+$",
        _readelf("-SW", hardened),
        re.MULTILINE,
    )
    names = {name for name, flags in sections if "X" in flags}
    assert {".text"} <= names, sections
    assert not [name for name, flags in sections if "W" in flags and "X" in flags]
    segments = re.findall(
        r"^  ([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([R ][W ][E ]) +0",
        _readelf("-lW", hardened),
        re.MULTILINE,
    )
    assert ("LOAD", "R E") in segments, segments
    assert not [segment for segment in segments if segment[1].endswith("WE")]
    assert [flags for name, flags in segments if name == "GNU_STACK"] == ["RW "]


@pytest.mark.hardening("no text relocations")
def test_no_text_relocations(hardened: Path) -> None:
    assert "TEXTREL" not in _readelf("-d", hardened)


def test_exports_are_the_public_header(hardened: Path) -> None:
    # As this compiler sees it: not every one has an __int128.
    seen = [native.CC, "-E", "-P", "-DPYTRAMP_API=EXPORTED", native.INCLUDE / "pytramp.h"]
    header = native.execute(seen).stdout
    declared = set(re.findall(r"^EXPORTED[^;(]*?\b(\w+)[;(]", header, re.MULTILINE))
    assert native.symbols("--dyn-syms", hardened) == declared


@pytest.mark.skipif(not IS_NATIVE, reason="the command is for this machine")
def test_the_readmes_command(tmp_path: Path) -> None:
    """The core alone, in one command, and a program that has nothing else."""
    readme = (native.CSRC / "README.md").read_text()
    (command,) = re.findall(r"^    (cc -std=.*)$", readme, re.MULTILINE)
    native.need("cc")
    (tmp_path / "csrc").symlink_to(native.CSRC)
    native.execute(["env", "-C", tmp_path, "sh", "-c", command])
    program, source = tmp_path / "program", tmp_path / "program.c"
    source.write_text(
        "#include <pytramp.h>\n"
        "int main(void) {"
        "    void *code;"
        "    return pytramp_alloc(&code) || !pytramp_owns(code) || pytramp_free(code);"
        "}"
    )
    library = [f"-I{native.INCLUDE}", f"-L{tmp_path}", f"-Wl,-rpath,{tmp_path}", "-lpytramp"]
    native.execute(["cc", source, *library, "-o", program])
    native.run(program)
