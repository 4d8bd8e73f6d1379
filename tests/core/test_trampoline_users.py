"""Users of bare trampolines, whose targets' types nobody knows: examples/embedding."""

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
from legs import COMPILERS, FLAGS, LEGS

C = native.TESTS / "c"
EXAMPLES = native.TESTS.parent / "examples/embedding"

pytestmark = tools.posix("threads and signals of these programs")

MACHINE = native.execute([native.CC, "-dumpmachine"]).stdout if native.have(native.CC) else ""


@dataclass(frozen=True)
class User:
    """An example: what of it a test's program needs, and the functions that this wraps."""

    sources: tuple[str, ...]
    wraps: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


USERS = {
    "bound": User(("bound.c",), wraps=("malloc", "atexit")),
    "counting": User(("counting.c", "counted_call.S"), libraries=("-lm",)),
    "nested": User(("nested.c",), wraps=("malloc",)),
}


def build(main: Path, user: str, *extra: str, leg: str = "gcc", home: Path | None = None) -> Path:
    """main with an example's sources, which may have been copied to a folder and changed."""
    compiler = COMPILERS[leg]
    native.need(compiler, optional=leg == "clang")
    home = home or EXAMPLES / user
    sources = [main, *(home / name for name in USERS[user].sources)]
    words = [f"-I{home}", *USERS[user].libraries, *extra]
    return native.program(sources, compiler=compiler, flags=FLAGS[leg], extra=words)


def build_test(user: str, *, leg: str = "gcc", home: Path | None = None) -> Path:
    wraps = [f"-Wl,--wrap={function}" for function in USERS[user].wraps]
    return build(C / f"{user}.c", user, *wraps, leg=leg, home=home)


def as_shown(user: str, compiler: str, folder: Path) -> str:
    """What an example prints when it is built by the command in its README."""
    text = (EXAMPLES / user / "README.md").read_text()
    command = "\n".join(re.findall(r"^    (.+)$", text, re.MULTILINE))
    shown = re.fullmatch(rf"(\S+) (.+) -o {user} && \./{user}", command, re.DOTALL)
    assert shown, command
    target = folder / user
    script = f'{compiler} {shown[2]} -o "$0"'
    root = native.TESTS.parent
    native.execute(["env", "-C", root, "sh", "-ec", script, target], timeout=300)
    return legs.run([target])


@pytest.mark.parametrize("user", sorted({*USERS} - {"nested"}))
def test_example(user: str, tmp_path: Path) -> None:
    native.need(native.CC)
    assert as_shown(user, native.CC, tmp_path).endswith("right\n")


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("user", USERS)
def test_user(user: str, leg: str) -> None:
    legs.run([build_test(user, leg=leg)], leg)


# ---- Nested functions, by a compiler that calls what the example provides ----

HEAP = "-ftrampoline-impl=heap"


@functools.cache
def heap_compiler() -> str:
    """gcc 14 or newer: as PYTRAMP_TEST_HEAP_CC says, perhaps for another machine; "" for none."""
    named = os.environ.get("PYTRAMP_TEST_HEAP_CC")
    names = [named] if named else [native.CC, *(f"{native.CC}-{n}" for n in range(14, 20))]
    return next(filter(_knows_heap, filter(native.have, names)), "")


def _knows_heap(compiler: str) -> bool:
    source = native.folder() / "heap.c"
    source.write_text("int main(void) { return 0; }\n")
    try:
        native.execute([compiler, HEAP, "-c", source, "-o", source.with_suffix(".o")])
    except native.NativeError:
        return False
    return True


def need_heap() -> str:
    if not heap_compiler():
        pytest.skip(f"no gcc on PATH knows {HEAP} (14 or newer, or name one: PYTRAMP_TEST_HEAP_CC)")
    return heap_compiler()


def heap_program(main: Path, *flags: str, library: tuple[str, ...] = ("nested.c",)) -> Path:
    sources = [main, *(EXAMPLES / "nested" / name for name in library)]
    return native.program(sources, compiler=need_heap(), extra=[HEAP, *flags])


def test_nested_example(tmp_path: Path) -> None:
    assert as_shown("nested", need_heap(), tmp_path).endswith("right\n")


@pytest.mark.parametrize("flags", [("-fexceptions",), ("-O0",)], ids=["exceptions", "unoptimized"])
def test_nested_functions(flags: tuple[str, ...]) -> None:
    legs.run([heap_program(C / "nested_heap.c", *flags)])


def test_libgcc_has_writable_code() -> None:
    """The same programs with what they would call otherwise, where the compiler has that."""
    with pytest.raises(native.NativeError) as failed:
        legs.run([heap_program(C / "nested_heap.c", library=())])
    if "undefined reference" in str(failed.value):
        pytest.skip("this machine's libgcc has no nested functions on the heap")
    assert "1 mappings became writable and executable" in str(failed.value)


# ---- Controls: each of these tests can fail ----


def broken(user: str, file: str, old: str, new: str, folder: Path) -> None:
    """The user's tests fail when old in its file is new."""
    home = Path(shutil.copytree(EXAMPLES / user, folder / user))
    text = (home / file).read_text()
    assert text.count(old) == 1, old
    (home / file).write_text(text.replace(old, new))
    with pytest.raises(native.NativeError, match=r"FAILED|exited with -"):
        legs.run([build_test(user, home=home)])


def machine(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not MACHINE.startswith(names), reason=f"assembler of {' and '.join(names)}"
    )


@machine("x86_64")
@pytest.mark.parametrize(
    "new",
    [
        "nop",  # counts nothing
        "lock inc qword ptr [r10]\n xorps xmm2, xmm2",  # changes an argument
        "lock inc qword ptr [r10]\n xor eax, eax",  # ... the number of a variadic call's vectors
        "lock inc qword ptr [r10]\n push r10",  # ... the stack
    ],
    ids=["count", "vector", "al", "stack"],
)
def test_counting_can_fail(new: str, tmp_path: Path) -> None:
    broken("counting", "counted_call.S", "lock inc qword ptr [r10]", new, tmp_path)


def test_a_stopped_one_can_fail(tmp_path: Path) -> None:
    broken("counting", "counting.c", "code, counted->function", "code, counted_call", tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("*place != made) forget(*place);", "0) forget(*place);"),  # what longjmp has left
        ("latest = made;\n    return", "if (!latest) latest = made;\n    return"),  # the order
        ("pthread_setspecific(key, &key)", "pthread_setspecific(key, NULL)"),  # threads' ends
        ("target, chain));", "target, chain ? made : NULL));"),  # variables
        ("if (!made) give_up", "if (0) give_up"),  # no memory
    ],
    ids=["longjmp", "order", "threads", "chain", "memory"],
)
def test_nested_can_fail(old: str, new: str, tmp_path: Path) -> None:
    broken("nested", "nested.c", old, new, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a, b, binding->context", "a, b, userdata"),  # the context
        ("if (binding->destroy) binding", "if (0) binding"),  # its end
        ("pytramp_closure_free(binding->code);", ""),  # ... that of atexit's
        ("owned->destroy = NULL;", ""),  # ... not after a failure
        ("if (!owned) return PYTRAMP_E_NO_MEMORY;", ""),  # no memory
    ],
    ids=["context", "destroy", "atexit", "refused", "memory"],
)
def test_bound_can_fail(old: str, new: str, tmp_path: Path) -> None:
    broken("bound", "bound.c", old, new, tmp_path)
