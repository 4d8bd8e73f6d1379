"""cdef on headers of real libraries, compared with what the C compiler says of them."""

from __future__ import annotations

import ctypes
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import native
import pytest
import tools

import pytramp

LIBXML = ["-I/usr/include/libxml2"]
GSL = ["multimin", "odeiv2", "integration", "errno", "math"]
HEADERS: dict[str, tuple[str, list[str]]] = {
    "sqlite": ("#include <sqlite3.h>\n", []),
    "gsl": ("".join(f"#include <gsl/gsl_{name}.h>\n" for name in GSL), []),
    "uv": ("#include <uv.h>\n", []),
    "nlopt": ("#include <nlopt.h>\n", []),
    "libxml": ("#include <libxml/parser.h>\n#include <libxml/tree.h>\n", LIBXML),
    "libc": (
        "#include <stdio.h>\n#include <stdlib.h>\n#include <signal.h>\n#include <time.h>\n"
        "#include <sys/stat.h>\n#include <sys/socket.h>\n#include <netinet/in.h>\n"
        "#include <pthread.h>\n#include <math.h>\n#include <complex.h>\n#include <dirent.h>\n",
        [],
    ),
}


@cache
def header(name: str) -> Any:
    """The Types of a library's headers; skips the test where they are not installed."""
    text, options = HEADERS[name]
    tools.need("cc")
    try:
        return pytramp.cdef(text, cpp=options or True)
    except pytramp.DeclarationError as error:
        if "No such file" in str(error) or "file not found" in str(error):
            tools.missing(f"the headers of {name} are not installed")
        raise


# ---- Layouts ----

STRUCTS = {
    "sqlite": ["sqlite3_module", "sqlite3_vfs", "sqlite3_io_methods", "sqlite3_index_info"]
    + ["sqlite3_mem_methods", "sqlite3_vtab", "struct sqlite3_index_constraint"],
    "gsl": ["gsl_function", "gsl_function_fdf", "gsl_multimin_function", "gsl_vector", "gsl_matrix"]
    + ["gsl_multimin_function_fdf", "gsl_odeiv2_system", "gsl_odeiv2_driver", "gsl_block"]
    + ["gsl_integration_workspace", "gsl_multimin_fminimizer", "gsl_odeiv2_step_type"],
    "uv": ["uv_loop_t", "uv_timer_t", "uv_handle_t", "uv_stream_t", "uv_tcp_t", "uv_buf_t"]
    + ["uv_fs_t", "uv_stat_t", "uv_work_t", "uv_process_t", "uv_process_options_t", "uv_async_t"],
    "libxml": ["xmlSAXHandler", "xmlNode", "xmlDoc", "xmlParserCtxt", "xmlAttr", "xmlError"]
    + ["xmlParserInput", "xmlEntity"],
    "libc": ["struct stat", "struct sigaction", "siginfo_t", "struct tm", "struct timespec"]
    + ["pthread_attr_t", "pthread_mutex_t", "struct sockaddr_in6", "struct msghdr", "FILE"]
    + ["fd_set", "div_t", "lldiv_t", "struct dirent", "stack_t"],
}


@pytest.mark.parametrize("name", STRUCTS)
def test_layouts_are_the_compilers(name: str, tmp_path: Path) -> None:
    """Size, alignment, and the offset of each member that is no bit-field."""
    types = header(name)
    lines, wanted = [], []
    for spelling in STRUCTS[name]:
        cls = types[spelling]
        record = cls._pytramp_record_
        lines.append(f'printf("%zu\\n", sizeof({spelling}));')
        lines.append(f'printf("%zu\\n", _Alignof({spelling}));')
        wanted += [ctypes.sizeof(cls), record.layout.alignment]
        for member in (m for m in record.members if m.name and m.bits is None):
            lines.append(f'printf("%zu\\n", offsetof({spelling}, {member.name}));')
            wanted.append(getattr(cls, member.name).offset)
    text, options = HEADERS[name]
    source = (
        f"{text}#include <stddef.h>\n#include <stdio.h>\nint main(void) {{ {' '.join(lines)} }}"
    )
    (tmp_path / "t.c").write_text(source)
    native.execute(["cc", "-w", *options, tmp_path / "t.c", "-o", tmp_path / "t"], env=CLEAN)
    printed = subprocess.run(
        [tmp_path / "t"], capture_output=True, text=True, check=True, env=CLEAN
    ).stdout
    assert list(map(int, printed.split())) == wanted


CLEAN = {"LD_PRELOAD": ""}

# ---- Function types ----

FUNCTIONS = {
    "sqlite": {
        "sqlite3_callback": "int (void *, int, char **, char **)",
        "sqlite3_exec": "int (sqlite3 *, const char *, int (*)(void *, int, char **, char **), "
        "void *, char **)",
        "sqlite3_mprintf": "char *(const char *, ...)",
        "sqlite3_vmprintf": "char *(const char *, va_list)",
        "sqlite3_create_collation": "int (sqlite3 *, const char *, int, void *, "
        "int (*)(void *, int, const void *, int, const void *))",
    },
    "gsl": {
        "gsl_error_handler_t": "void (const char *, const char *, int, int)",
        "gsl_multimin_fdfminimizer_restart": "int (gsl_multimin_fdfminimizer *)",
        "gsl_integration_qag": "int (const gsl_function *, double, double, double, double, "
        "size_t, int, gsl_integration_workspace *, double *, double *)",
    },
    "uv": {
        "uv_timer_cb": "void (uv_timer_t *)",
        "uv_read_cb": "void (uv_stream_t *, ssize_t, const uv_buf_t *)",
        "uv_alloc_cb": "void (uv_handle_t *, size_t, uv_buf_t *)",
        "uv_timer_start": "int (uv_timer_t *, uv_timer_cb, uint64_t, uint64_t)",
        "uv_buf_init": "uv_buf_t (char *, unsigned int)",
    },
    "nlopt": {
        "nlopt_func": "double (unsigned int, const double *, double *, void *)",
        "nlopt_mfunc": "void (unsigned int, double *, unsigned int, const double *, double *, "
        "void *)",
        "nlopt_set_min_objective": "nlopt_result (nlopt_opt, nlopt_func, void *)",
    },
    "libxml": {
        "startElementSAXFunc": "void (void *, const xmlChar *, const xmlChar **)",
        "errorSAXFunc": "void (void *, const char *, ...)",
        "xmlMallocFunc": "void *(size_t)",
        "xmlReadFile": "xmlDocPtr (const char *, const char *, int)",
    },
    "libc": {
        "qsort": "void (void *, size_t, size_t, __compar_fn_t)",
        "signal": "__sighandler_t (int, __sighandler_t)",
        "vfprintf": "int (FILE *, const char *, va_list)",
        "cpow": "double _Complex (double _Complex, double _Complex)",
        "div": "div_t (int, int)",
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_types(name: str) -> None:
    types = header(name)
    for function, spelling in FUNCTIONS[name].items():
        signature = types[function]
        assert str(signature) == spelling, function
        assert pytramp.Signature(spelling, types=types) == signature


def test_members_that_are_functions() -> None:
    members = dict(header("gsl").gsl_function._fields_)
    double, address = ctypes.c_double, ctypes.c_void_p
    assert members["function"] is ctypes.CFUNCTYPE(double, double, address)
    assert members["params"] is address
    sax = dict(header("libxml").xmlSAXHandler._fields_)
    assert sax["startElement"] is ctypes.CFUNCTYPE(None, address, address, address)
    assert sax["error"] is address  # variadic


# ---- Constants ----


def test_constants() -> None:
    assert header("nlopt").NLOPT_SUCCESS == 1
    assert header("nlopt").NLOPT_LN_COBYLA.name == "NLOPT_LN_COBYLA"
    assert header("gsl").GSL_EDOM == 1
    assert header("uv").UV_RUN_NOWAIT == 2
    assert header("sqlite").SQLITE_CONSTRAINT == 19  # a #define
    assert header("libxml").XML_ELEMENT_NODE == 1


# ---- Everything that is declared ----

UNSUPPORTED = (
    *("_Float128", "__float128", "_Float64x", "ctypes has no type for 'unsigned __int128'"),
    "the calling convention 'regparm'",  # of glibc's own functions on i386
)


@pytest.mark.parametrize("name", HEADERS)
def test_all_names_can_be_used(name: str) -> None:
    """Every name is an object, or is refused because of a type that pytramp refuses by name."""
    types = header(name)
    assert len(types) > 100
    refused = {}
    for each in types:
        try:
            assert types[each] is types[each]
        except pytramp.UnsupportedTypeError as error:
            refused[each] = str(error)
    unexplained = {k: v for k, v in refused.items() if not any(word in v for word in UNSUPPORTED)}
    assert not unexplained


@pytest.mark.parametrize("name", HEADERS)
def test_signatures_can_be_declared_again(name: str) -> None:
    types = header(name)
    for each in types:
        try:
            made = types[each]
        except pytramp.UnsupportedTypeError:
            continue
        if isinstance(made, pytramp.Signature):
            assert pytramp.Signature(str(made), types=types) == made, each


# ---- And used ----


def test_sqlite_calls_back() -> None:
    """sqlite3_exec with a callback of the header's own type."""
    types = header("sqlite")
    try:
        lib = ctypes.CDLL("libsqlite3.so.0")
    except OSError:
        tools.missing("libsqlite3.so.0 is not installed")
    rows: list[list[bytes]] = []

    def row(data: Any, n: int, values: Any, names: Any) -> int:
        rows.append([values[i].string() for i in range(n)])
        return 0

    db = ctypes.c_void_p()
    assert lib.sqlite3_open(b":memory:", ctypes.byref(db)) == 0
    callback = types.sqlite3_callback(row)
    with pytramp.propagate(callback):
        assert lib.sqlite3_exec(db, b"select 1, 'two'", callback, None, None) == 0
    assert rows == [[b"1", b"two"]]
    lib.sqlite3_close(db)


# ---- Constants ----

CONSTANTS = ["stdint.h", "limits.h", "inttypes.h", "errno.h", "signal.h", "fcntl.h", "termios.h"]
CONSTANTS += ["sys/stat.h", "sys/ioctl.h", "sys/socket.h", "linux/input.h", "linux/videodev2.h"]


def constants_of(text: str, names: list[str], folder: Path) -> dict[str, int]:
    """The values of those macros that the compiler takes for integer constants."""
    source, program = folder / "constants.c", folder / "constants"
    head = f"#include <stdio.h>\n{text}"
    while True:
        body = "".join(f'{{ SHOW_IT("{name}", {name}) }}\n' for name in names)
        source.write_text(f"{head}{SHOW}\nint main(void) {{\n{body}return 0; }}\n")
        done = subprocess.run(
            ["gcc", "-w", "-fmax-errors=0", "-o", program, source],
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            break
        first = head.count("\n") + SHOW.count("\n") + 3
        lines = {int(n) - first for n in re.findall(rf"{source.name}:(\d+):", done.stderr)}
        bad = {names[n] for n in lines if 0 <= n < len(names)}
        assert bad, done.stderr
        names = [name for name in names if name not in bad]
    shown = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    rows = (row.split() for row in shown.splitlines())
    return {name: int(bits) - (2**64 if sign == "1" else 0) for name, sign, bits in rows}


# A case label is an integer constant expression: no pointer, no double.
SHOW = """\
#define SHOW_IT(name, x) \\
    switch (0) { case (x): ; } \\
    printf("%s %d %llu\\n", name, (x) < 0, (unsigned long long)(x));"""


@pytest.mark.parametrize("name", CONSTANTS)
def test_macros_that_are_integers(name: str, tmp_path: Path) -> None:
    """All of them, with the compiler's values: also those that call macros with arguments."""
    native.need("gcc")
    tools.need("cc")
    text = f"#include <sys/types.h>\n#include <{name}>\n"
    done = subprocess.run(
        ["gcc", "-E", "-dM", "-"], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"there is no {name} here")
    names = re.findall(r"^#define ((?!__)\w+) .", done.stdout, re.MULTILINE)
    types = pytramp.cdef(text, cpp=True)
    expected = constants_of(text, names, tmp_path)
    assert len(expected) > 20
    assert {name: getattr(types, name, None) for name in expected} == expected
