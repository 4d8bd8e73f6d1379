"""Each closure runs in the interpreter that made it; when that ends, it is a tombstone."""

from __future__ import annotations

import sys

import pytest
import tools
from test_threads import SOURCE

CALL_IT = """
int call_it(function f, int n) { return f(n); }
int call_both(function f, function g, int n) { n = f(n); return g(n); }
"""

# Python 3.12's ctypes does not load in an interpreter with a GIL of its own.
NEEDS_CTYPES = {"nested", "types", "home", "twice_home", "traceless", "lent"}
CASES = [
    "threads",
    "main",
    "destroyed",
    "inside",
    "callers",
    "dropped",
    "listed",
    "first",
    "types",
    "objects",
    "nested",
    "home",
    "twice_home",
    "traceless",
    "lent",
    "many",
]


@pytest.mark.parametrize("gil", ["own", "shared"])
@pytest.mark.parametrize("case", CASES)
def test_subinterpreters(case: str, gil: str) -> None:
    if sys.version_info < (3, 12):
        pytest.skip("pytramp in a subinterpreter needs Python 3.12")
    if case in NEEDS_CTYPES and gil == "own" and sys.version_info < (3, 13):
        pytest.skip("ctypes in an isolated subinterpreter needs Python 3.13")
    if case == "twice_home" and sys.version_info < (3, 13):
        pytest.skip("3.12 has no state of this thread's there")
    path = tools.build(SOURCE + CALL_IT)
    tools.script("subinterpreters.py", case, path, gil, timeout=90)


SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int made;

int keys_made(void) { return made; }

/* Not by os.fork(): without a GIL Python's own part of it crashes beside other interpreters. */
int status_of_a_child(void) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) _exit(0);
    return waitpid(child, &status, 0) == child ? status : -1;
}

/* pytramp's own takes long. */
int pthread_key_create(pthread_key_t *key, void (*destroy)(void *)) {
    int (*real)(pthread_key_t *, void (*)(void *)) = dlsym(RTLD_NEXT, "pthread_key_create");
    Dl_info caller;
    if (dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, "_core")) {
        __atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST);
        usleep(300000);
    }
    return real(key, destroy);
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="preloads a function")
@pytest.mark.skipif(tools.SANITIZED, reason="the sanitizer is what is preloaded")
def test_two_import_at_once() -> None:
    """...as the first in the process, which has some things once: hooks for fork among them."""
    if sys.version_info < (3, 12):
        pytest.skip("pytramp in a subinterpreter needs Python 3.12")
    slow = str(tools.build(SLOW, flags=("-ldl",)))
    tools.script("import_at_once.py", slow, env={"LD_PRELOAD": slow}, python=())


@pytest.mark.parametrize("gil", ["own", "shared"])
@pytest.mark.parametrize("case", ["prototypes", "installed_there", "installed_here"])
def test_interop(case: str, gil: str) -> None:
    """pytramp.interop serves the interpreter that it is used in, and no other."""
    if sys.version_info < (3, 12):
        pytest.skip("pytramp in a subinterpreter needs Python 3.12")
    if gil == "own" and sys.version_info < (3, 13):
        pytest.skip("ctypes in an isolated subinterpreter needs Python 3.13")
    tools.script("subinterpreter_interop.py", case, tools.build(SOURCE + CALL_IT), gil)


def test_old_interpreters_refuse() -> None:
    """...with a reason, rather than wait for ever; what interop installs is not for them."""
    if sys.version_info >= (3, 12):
        pytest.skip("they work from Python 3.12 on")
    tools.script("subinterpreter_refused.py")
