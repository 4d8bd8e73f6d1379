"""Memory that cannot be had: MemoryError or success, and nothing is lost."""

from __future__ import annotations

import re
import sys

import pytest
import tools

# PyList_New frees what it has not written when there is no memory for the items. 3.13.5 does, later
# ones were not tried.
pytestmark = pytest.mark.skipif(
    tools.FREE_THREADED, reason="CPython without a GIL crashes when it has no memory for a list"
)


def actions(script: str) -> list[str]:
    text = (tools.ISOLATED / script).read_text()
    return re.findall(r'^    "(\w+)": \(', text, re.MULTILINE)


@pytest.mark.parametrize("action", actions("faults.py"))
def test_every_allocation_may_fail(action: str) -> None:
    """Each allocation of Python's alone, and all from each one on."""
    tools.need("_testcapi")
    if action == "make_with_loop" and sys.version_info[:2] == (3, 12):
        pytest.skip("CPython 3.12 corrupts its heap when it has no memory for a function")
    tools.script("faults.py", action)


CALLERS = """
#include <pthread.h>
#include <stdarg.h>

int call_variadic(int (*f)(int, ...)) {
    int sum = 0, values[3] = {f(0, 3), f(1, 3, 2.5), f(2, 3, 2.5, "four")};
    for (int i = 0; i < 3; i++) {
        if (values[i] == -7) return -7;
        sum += values[i];
    }
    return sum;
}

static int pass_list(int (*f)(int, va_list), int n, ...) {
    va_list list;
    va_start(list, n);
    int result = f(n, list);
    va_end(list);
    return result;
}

int call_list(int (*f)(int, va_list)) {
    int sum = 0;
    int values[3] = {pass_list(f, 0, 3), pass_list(f, 1, 3, 2.5), pass_list(f, 2, 3, 2.5, "four")};
    for (int i = 0; i < 3; i++) {
        if (values[i] == -7) return -7;
        sum += values[i];
    }
    return sum;
}

void *call_object(void *(*f)(void *), void *object) {
    return f(object);
}

static int result;

static void *run(void *f) {
    result = 0;
    for (int i = 0; i < 2; i++) {
        int got = ((int (*)(int))f)(5);
        if (result != -7) result = got;
    }
    return 0;
}

int call_in_thread(int (*f)(int)) {
    pthread_t thread;
    pthread_create(&thread, 0, run, (void *)f);
    pthread_join(thread, 0);
    return result;
}
"""


@pytest.mark.parametrize("action", actions("faults_calls.py"))
def test_calls_of_every_kind(action: str) -> None:
    """The right answer or the error value, and a failure is reported or raised."""
    tools.need("_testcapi")
    tools.script("faults_calls.py", action, tools.build(CALLERS))


# These make functions, or import what does. CPython 3.12.1 and 3.13.0 corrupt their heap when there
# is no memory for one, with or without callbacks; later ones were not tried.
DECLARE = {"cdef", "completed"}
MAKE_FUNCTIONS = DECLARE | {"from_types", "prototype", "annotations", "explain"}


@pytest.mark.parametrize("action", actions("faults_types.py"))
def test_types(action: str) -> None:
    """Whatever makes a C type, from each notation."""
    tools.need("_testcapi")
    if action in MAKE_FUNCTIONS and sys.version_info >= (3, 12):
        pytest.skip("CPython corrupts its heap when it has no memory for a function")
    if action in DECLARE and sys.version_info < (3, 11):
        pytest.skip("CPython 3.10 gives up when there is no memory to normalise an exception")
    tools.script("faults_types.py", action)
