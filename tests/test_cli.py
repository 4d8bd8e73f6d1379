"""``python -m pytramp``, as its users run it. No time is asserted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tools

import pytramp


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytramp", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def succeed(*arguments: str, **environment: str) -> str:
    done = run(*arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@tools.posix("a shell of this kind")
@pytest.mark.parametrize("command", ["doctor", "explain 'int (int)'", "explain 'int (nope)'"])
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(command: str, closed: str) -> None:
    line = f"{sys.executable} -m pytramp {command} {closed}; echo $?"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stdout == ("2\n" if "nope" in command else "0\n")
    assert "Traceback" not in done.stderr


# ---- demo ----


@pytest.fixture(scope="module")
def demo() -> str:
    return succeed("demo")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(r"1000 numbers are in order after \d+ calls", marks=tools.posix("qsort_r")),
        pytest.param(r"       branch\n", marks=tools.posix("nftw")),
        pytest.param(
            r"4 threads of pthread_create returned \[0, 1, 4, 9\]",
            marks=tools.posix("pthread_create"),
        ),
        r"three times after close\(\): each time its error value, -7\n",
        r"FreedCallbackError: callback 'answer'",
        pytest.param(r"r-xp  \S+_core\S*\.so\n", marks=tools.posix("/proc")),
        pytest.param(r"hold the 20000 closures that live now", marks=tools.posix("/proc")),
        r"the caller holds the GIL +\d+ +\d+",
        r"Every result was checked and right",
    ],
)
def test_demo_shows(demo: str, line: str) -> None:
    assert re.search(line, demo), demo


def test_demo_integrates_or_says_why_not(demo: str) -> None:
    assert "exp(-x*x) over the whole line  1.77245385" in demo or "SciPy is not installed" in demo


def test_demo_does_without_new_executable_memory_or_says_why_not(demo: str) -> None:
    assert "20000 closures were made, called and right" in demo or "no PR_SET_MDWE" in demo


def test_demo_where_growth_is_forbidden_skips_what_needs_it() -> None:
    assert succeed("demo", PYTRAMP_GROWTH="none").count("skipped: growth is forbidden") == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_demo_fails_where_its_output_cannot_be_written() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "pytramp", "demo"], stdout=full, stderr=-1)
    assert done.returncode != 0


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pytramp", "doctor"], stdout=-1, stderr=-1, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == ""


@tools.posix("qsort_r")
def test_a_wrong_result_is_said_and_makes_the_demo_fail() -> None:
    code = (
        "from pytramp.cli import demo, _demo_calls\n"
        "_demo_calls.libc = type('liar', (), {'qsort_r': lambda *arguments: 0})()\n"
        "raise SystemExit(demo.run(None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "WRONG: the sorted array is" in done.stdout
    assert "WRONG: sort with the C library's qsort_r" in done.stderr
    assert "checked and right" not in done.stdout


# ---- File names ----

PACKAGE = Path(pytramp.__file__).parent
ENCODINGS = {
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "utf-8": {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict"},
}


@pytest.fixture(params=[b"caf\xe9", "line\u2028end".encode()], ids=["latin", "separator"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """pytramp in a folder with a name that not every encoding has."""
    folder = tmp_path / os.fsdecode(request.param)
    try:
        shutil.copytree(PACKAGE, folder / "pytramp")
    except OSError:
        pytest.skip("this file system has no such names")
    return folder


@tools.posix("file names of bytes")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_commands_show_any_file_name(elsewhere: Path, encoding: str) -> None:
    name = os.fsencode(elsewhere.name).decode(encoding, "surrogateescape")
    if sys.version_info >= (3, 15) and re.search("[\ud800-\udfff]", name):
        pytest.skip("CPython 3.15 loads no extension modules from there, its own neither")
    code = (
        "import sys; from pytramp import __main__; from pytramp.cli import demo, _demo_pages\n"
        "demo.PARTS = (('look', _demo_pages.mappings),)\n"
        "sys.exit(__main__.main(['demo']) or __main__.main(['doctor']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(elsewhere), **ENCODINGS[encoding]}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b""), done.stdout
    assert done.stdout.count(name.encode(encoding, "backslashreplace")) >= 2, done.stdout


@tools.posix("shell")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bench_shows_any_words_of_the_compiler(encoding: str) -> None:
    compiler = r"""sh -c 'printf "caf\\351" >&2; exit 1'"""
    text = succeed("bench", "--quick", CC=compiler, **ENCODINGS[encoding])
    assert r"sh failed: caf\xe9: lfind of the C library calls instead" in text


@pytest.mark.parametrize("command", ["demo", "doctor", "bench --quick"])
def test_child_processes_may_say_anything(command: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os.write(2, b'caf\\xe9\\n')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), **ENCODINGS["utf-8"]}
    arguments = [sys.executable, "-m", "pytramp", *command.split()]
    done = subprocess.run(arguments, capture_output=True, env=environment, timeout=120)
    assert (done.returncode, done.stderr.strip()) == (0, b"caf\xe9"), done.stdout


# ---- A Python without ctypes ----


@pytest.fixture
def without_ctypes(tmp_path: Path) -> dict[str, str]:
    """An environment in which no Python can import it, as where libffi was missing at its build."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['_ctypes'] = None\n")
    return {"PYTHONPATH": str(tmp_path)}


def test_doctor_without_ctypes(without_ctypes: dict[str, str]) -> None:
    text = succeed("doctor", **without_ctypes)
    assert re.search(r"^  MDWE +unknown \(.*ctypes", text, re.MULTILINE)
    assert re.search(r"^  pytramp +unknown: .*without ctypes", text, re.MULTILINE)
    assert re.search(r"^  ctypes +missing: .*_ctypes", text, re.MULTILINE)
    assert "This Python has no ctypes" in text
    assert "please report" not in text
    assert "everything works" not in text


@pytest.mark.parametrize("command", ["demo", "bench"])
def test_what_needs_ctypes_says_so(command: str, without_ctypes: dict[str, str]) -> None:
    done = run(command, **without_ctypes)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"pytramp {command}: this Python has no ctypes (")


# ---- doctor ----


def test_doctor_says_what_is_what() -> None:
    text = succeed("doctor")
    for name in ("module", "page size", "MDWE", "seccomp", "mremap", "file", "ctypes", "Advice"):
        assert re.search(rf"^ *{name}\b", text, re.MULTILINE), text


def test_doctor_where_growth_is_forbidden() -> None:
    text = succeed("doctor", PYTRAMP_GROWTH="none")
    assert re.search(r"allowed +none", text)
    assert re.search(r"PYTRAMP_GROWTH +'none'", text)
    assert "(not allowed)" in text
    assert "Growth is forbidden" in text


@pytest.mark.parametrize("setting", ["bogus", "mremap,bogus", "bogus,file,"])
def test_doctor_names_what_is_no_growth_step(setting: str) -> None:
    text = succeed("doctor", PYTRAMP_GROWTH=setting)
    assert re.search(rf"PYTRAMP_GROWTH +'{setting}': there is no step 'bogus'", text)
    assert "PYTRAMP_GROWTH is misspelled, which forbids growth" in text


def test_doctor_names_the_growth_steps_that_are_allowed() -> None:
    assert re.search(r"allowed +file\n", succeed("doctor", PYTRAMP_GROWTH="file"))


def test_doctor_does_not_say_that_what_it_could_not_try_works() -> None:
    code = (
        "import sys; from pytramp.cli import doctor; sys.executable = '/no/such/python'\n"
        "raise SystemExit(doctor.run(None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"pytramp +unknown: no child process", done.stdout)
    assert "Callbacks that could not be tried" in done.stdout
    assert "everything works" not in done.stdout


# ---- explain ----


def test_explain_prints_where_each_argument_lives() -> None:
    text = succeed("explain", "double (int n, double x)")
    assert re.search(r"result +double +\S+", text)
    assert re.search(r"argument 1 \(n\) +int +\S+", text)
    assert re.search(r"argument 2 \(x\) +double +\S+", text)


def test_explain_takes_a_calling_convention() -> None:
    text = succeed("explain", "double (int, double)", "--abi", "sysv_x86_64")
    assert re.search(r"argument 1 +int +rdi\b", text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["double (dobule)"], "dobule"),
        (["int (int"], "int"),
        ([""], "declaration"),
        (["int (int)", "--abi", "pdp11"], "convention"),
    ],
)
def test_explain_says_what_is_wrong(arguments: list[str], message: str) -> None:
    done = run("explain", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_explain_points_at_the_fault() -> None:
    *_, text, caret = run("explain", "double (dobule)").stderr.splitlines()
    assert caret.index("^") == text.index("dobule")


# ---- bench, and the command line ----


def test_bench_measures_and_judges() -> None:
    tools.need("cc")
    text = succeed("bench", "--quick")
    assert re.search(r"\n  int \(int, int\), the caller holds the GIL\n      ns: pytramp ", text)
    assert re.search(r"(met   |MISSED) [\d.]+x ctypes \(at most 0.5\)", text)


def test_bench_without_a_compiler_uses_the_c_library() -> None:
    text = succeed("bench", "--quick", CC="no-such-compiler")
    assert "there is no C compiler here" in text
    assert "int (size_t, size_t), the caller holds the GIL" in text


def test_bench_with_a_compiler_that_is_no_command_says_so() -> None:
    text = succeed("bench", "--quick", CC='gcc "')
    assert "there is no C compiler here (CC is 'gcc \"', which is no command: No closing" in text
    assert "lfind of the C library calls instead" in text


@pytest.mark.parametrize("blank", ["", " "])
def test_bench_with_a_blank_compiler_takes_cc(blank: str) -> None:
    tools.need("cc")
    assert "int (int, int), the caller holds the GIL" in succeed("bench", "--quick", CC=blank)


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["explain"]])
def test_a_command_line_that_is_wrong_is_status_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage: python -m pytramp" in done.stderr


def test_help_names_every_command() -> None:
    text = succeed("--help")
    for command in ("demo", "doctor", "bench", "explain"):
        assert command in text
