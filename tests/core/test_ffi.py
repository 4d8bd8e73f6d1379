"""libpytramp_ffi beside libffi, and under programs that know nothing of it.

PYTRAMP_TEST_FFI_COUNT=100000 compares more random interfaces. Another machine's compiler
(PYTRAMP_TEST_CC) needs that machine's libffi, for instance Debian's packages libffi8 and
libffi-dev unpacked into one folder: PYTRAMP_TEST_LIBFFI names it.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import legs
import native
import pytest
import tools
from legs import COMPILERS, FLAGS, IS_NATIVE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="for Linux")

C = native.TESTS / "c"
PROGRAMS = native.TESTS / "ffi"
SOURCES = native.CSRC / "ffi"
README = SOURCES / "README.md"
COUNT = int(os.environ.get("PYTRAMP_TEST_FFI_COUNT", "5000"))
PYTHON = "/usr/bin/python3"  # the system's, with the system's libffi


@functools.cache
def _libffi() -> tuple[str, ...]:
    """Flags that find it; Debian's multiarch folders need none."""
    folder = os.environ.get("PYTRAMP_TEST_LIBFFI")
    if not folder:
        return ()
    (header,) = Path(folder).rglob("ffitarget.h")
    library = next(Path(folder).rglob("libffi.so"))
    # Its C library may be newer than the compiler's.
    link = ["--allow-shlib-undefined", f"-rpath,{library.parent}"]
    return (f"-I{header.parent}", f"-L{library.parent}", *(f"-Wl,{word}" for word in link))


def _need(leg: str) -> tuple[str, tuple[str, ...]]:
    if not IS_NATIVE and leg != "gcc":
        pytest.skip("another machine's compiler is tried alone")
    compiler, flags = COMPILERS[leg], FLAGS[leg]
    native.need(compiler, optional=leg == "clang")
    if not _finds_libffi(compiler):
        if IS_NATIVE:
            tools.missing("no libffi with its header here (libffi-dev)")
        pytest.skip("no libffi for that machine: PYTRAMP_TEST_LIBFFI may name its folder")
    return compiler, flags


@functools.cache
def _finds_libffi(compiler: str) -> bool:
    source = native.folder() / "has_libffi.c"
    source.write_text("#include <ffi.h>\nint main(void) { return !ffi_call; }\n")
    target = native.folder() / "has_libffi"
    try:
        native.execute([compiler, source, *_libffi(), "-lffi", "-o", target])
    except native.NativeError:
        return False
    return True


@functools.cache
def _library(leg: str) -> Path:
    compiler, flags = _need(leg)
    flags = (*flags, "-fPIC", "-DPYTRAMP_API=", *_libffi()[:1])
    folder = native.folder() / f"ffi-{leg}"
    objects = native.compile_all(
        sorted(SOURCES.glob("*.c")), folder, compiler=compiler, flags=flags
    )
    target = folder / "libpytramp_ffi.so"
    words = [compiler, *flags, "-shared", "-Wl,-z,nodelete", *objects]
    native.execute([*words, *native.core(compiler, flags), "-lpthread", "-ldl", "-o", target])
    return target


@functools.cache
def _program(name: str, leg: str) -> Path:
    compiler, flags = _need(leg)
    target = native.folder() / f"{name}-{leg}"
    words = [compiler, *native.BASE, "-Wno-psabi", *flags, *native.INCLUDES, *_libffi()]
    libraries = ["-lffi", "-lpthread", "-ldl", "-lm"]
    native.execute([*words, C / f"{name}.c", *libraries, "-o", target])
    return target


def _run(name: str, leg: str, *arguments: str) -> str:
    return legs.run([_program(name, leg), _library(leg), *arguments], leg, timeout=500)


# ---- In C ----


@pytest.mark.parametrize("leg", ["gcc", "clang", "asan"])
def test_random_interfaces(leg: str) -> None:
    output = _run("ffi_random", leg, str(COUNT if leg == "gcc" else COUNT // 4), "1")
    assert "interfaces compared" in output


@pytest.mark.parametrize("leg", COMPILERS)
def test_use_and_misuse(leg: str) -> None:
    assert "a child has its own" in _run("ffi_api", leg)


@pytest.mark.parametrize("leg", ["gcc", "clang", "asan"])
def test_compiled_callers(leg: str) -> None:
    assert "variable arguments" in _run("ffi_callers", leg)


def test_mappings() -> None:
    assert "20000 closures, 0 bad mappings" in _run("ffi_mappings", "gcc", "ours")


def test_mappings_of_libffi() -> None:
    """The control: libffi alone has what the check looks for."""
    if "20000 closures, 0 bad mappings" in _run("ffi_mappings", "gcc", "theirs"):
        pytest.skip("this libffi was built with static trampolines")


# ---- The library ----


@functools.cache
def _built() -> Path:
    """By its README's command."""
    _need("gcc")
    if not IS_NATIVE:
        pytest.skip("the command is for this machine")
    native.need("cc")
    (command,) = re.findall(r"^    (cc -std=.*)$", README.read_text(), re.MULTILINE)
    folder = native.folder() / "readme"
    folder.mkdir()
    (folder / "csrc").symlink_to(native.CSRC)
    native.execute(["env", "-C", folder, "sh", "-c", command])
    return folder / "libpytramp_ffi.so"


def test_exports() -> None:
    """Nothing of pytramp, which may be in the process another time."""
    text = native.execute([tools.need("readelf"), "--dyn-syms", "-W", _built()]).stdout
    exported = set(re.findall(r"(?:GLOBAL|WEAK) +DEFAULT +\d+ (\S+)$", text, re.MULTILINE))
    prepared = {"ffi_prep_closure", "ffi_prep_closure_loc"}
    raw = {"ffi_prep_raw_closure_loc", "ffi_prep_java_raw_closure_loc"}
    assert exported == {"ffi_closure_alloc", "ffi_closure_free", *prepared, *raw}
    assert "libffi" not in native.execute(["readelf", "-d", _built()]).stdout


def test_it_is_in_nothing_else() -> None:
    import pytramp

    assert not [path for path in native.sources() if path.parent == SOURCES]
    assert not [path for path in pytramp.get_sources() if "ffi" in Path(path).parts]


LINKED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ffi.h>
#include <stdio.h>

static void answer(ffi_cif *cif, void *result, void **args, void *user_data) {
    *(ffi_arg *)result = 42;
}

int main(void) {
    Dl_info info;
    ffi_cif cif;
    void *code, *closure = ffi_closure_alloc(sizeof(ffi_closure), &code);
    ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_sint, NULL);
    ffi_prep_closure_loc(closure, &cif, answer, NULL, code);
    const char *from = dladdr(code, &info) ? info.dli_fname : "nowhere";
    printf("%d from %s\\n", ((int (*)(void))code)(), from);
    ffi_closure_free(closure);
    return 0;
}
"""


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "behind"])
def test_linked(is_first: bool, tmp_path: Path) -> None:
    """In front of libffi it is used; behind it, the control, it is not."""
    source, program = tmp_path / "linked.c", tmp_path / "linked"
    source.write_text(LINKED)
    folder = _built().parent
    libraries = ["-lpytramp_ffi", "-lffi"] if is_first else ["-lffi", "-lpytramp_ffi"]
    where = [f"-L{folder}", f"-Wl,-rpath,{folder}", "-Wl,--no-as-needed"]
    native.execute(["gcc", source, *where, *libraries, "-ldl", "-o", program])
    output = native.run(program).stdout
    assert output.startswith("42 from ")
    assert ("libpytramp_ffi" in output) == is_first


RAW = """
#include <ffi.h>
#include <stdio.h>

static void add(ffi_cif *cif, void *result, ffi_raw *args, void *user_data) {
    *(ffi_sarg *)result = *(int *)user_data + (int)args[0].sint;
}

static void java(ffi_cif *cif, void *result, ffi_java_raw *args, void *user_data) {
    *(ffi_sarg *)result = *(int *)user_data + *(int *)args;
}

int main(void) {
    ffi_type *args[] = {&ffi_type_sint};
    ffi_cif cif;
    int forty = 40, status;
    ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, args);
    for (int way = 0; way < 4; way++) {
        void *code, *closure = ffi_closure_alloc(sizeof(ffi_raw_closure), &code);
        switch (way) {
        case 0: status = ffi_prep_raw_closure_loc(closure, &cif, add, &forty, code); break;
        case 1: status = ffi_prep_raw_closure(closure, &cif, add, &forty); break;
        case 2: status = ffi_prep_java_raw_closure_loc(closure, &cif, java, &forty, code); break;
        default: status = ffi_prep_java_raw_closure(closure, &cif, java, &forty);
        }
        printf("%d %d\\n", status, ((int (*)(int))code)(2));
        ffi_closure_free(closure);
    }
    puts("done");
    return 0;
}
"""


@pytest.mark.parametrize("is_preloaded", [True, False], ids=["preloaded", "control"])
def test_raw_closures(is_preloaded: bool, tmp_path: Path) -> None:
    source, program = tmp_path / "raw.c", tmp_path / "raw"
    source.write_text(RAW)
    native.execute(["gcc", "-Wno-deprecated-declarations", source, "-lffi", "-o", program])
    output = _preloaded([program], _built() if is_preloaded else None)
    assert output.splitlines() == ["0 42"] * 4 + ["done"]


# ---- Programs that know nothing of it ----


def _preloaded(command: Sequence[str | Path], library: Path | None) -> str:
    """What a program says that needs a module of its own; LD_PRELOAD is a sanitizer's otherwise."""
    env = {
        **os.environ,
        "LD_PRELOAD": str(library or ""),
        "PYTHONMALLOC": "",
        "PYTHONDEVMODE": "",
        "PYTHONPATH": "",
    }
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        timeout=300 * native.PATIENCE,
        check=False,
    )
    print(done.stdout)
    if done.returncode == 77:
        tools.missing(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    assert "done" in done.stdout.splitlines()
    return done.stdout


def _python(script: str, *arguments: str) -> list[str | Path]:
    if not Path(PYTHON).exists():
        tools.missing(f"no {PYTHON}")
    return [PYTHON, PROGRAMS / script, *arguments]


def _ruby() -> list[str | Path]:
    return [tools.need("ruby"), PROGRAMS / "with_fiddle.rb"]


def test_ctypes() -> None:
    assert "bad:" not in _preloaded(_python("with_ctypes.py", "--fork"), _built())


def test_ctypes_own_tests() -> None:
    assert "bad:" not in _preloaded(_python("with_ctypes_suite.py"), _built())


def test_cffi() -> None:
    _preloaded(_python("with_cffi.py"), _built())


def test_gobject_introspection() -> None:
    assert "bad:" not in _preloaded(_python("with_gi.py"), _built())


def test_fiddle() -> None:
    assert "bad:" not in _preloaded(_ruby(), _built())


TOGETHER = """
import ctypes
import pytramp

before = pytramp.stats()["live"]
kept = [ctypes.CFUNCTYPE(ctypes.c_int)(lambda i=i: i) for i in range(100)]
assert pytramp.stats()["live"] == before, "they are pytramp's own"
more = [pytramp.callback("int (void)", lambda i=i: -i) for i in range(100)]
assert pytramp.stats()["live"] == before + 100
assert [function() for function in kept] == list(range(100))
assert [callback.as_ctypes()() for callback in more] == [-i for i in range(100)]
print("done")
"""


def test_beside_pytramp() -> None:
    """Two copies in one process."""
    _preloaded([sys.executable, "-c", TOGETHER], _built())


def test_the_control() -> None:
    """Without the library these programs have memory that theirs must not have."""
    if "bad:" not in _preloaded(_python("with_ctypes.py"), None):
        pytest.skip("this libffi was built with static trampolines")
