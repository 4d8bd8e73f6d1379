"""A stack that ends: RecursionError in the callback, no crash."""

from __future__ import annotations

import os

import pytest
import tools

SOURCE = """
#include <pthread.h>
#include <stddef.h>

static void *go(void *f) {
    ((int (*)(int))f)(0);
    return 0;
}

int run(void *f, size_t size) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    int error = pthread_attr_setstacksize(&attributes, size);
    if (!error) error = pthread_create(&thread, &attributes, go, f);
    if (!error) error = pthread_join(thread, 0);
    pthread_attr_destroy(&attributes);
    return error;
}
"""

USING = """
#include <alloca.h>
#include <stddef.h>
#include <string.h>

int using(int (*f)(int), size_t size) {
    volatile char *used = alloca(size);
    memset((char *)used, 1, size);
    return f(used[size / 2]);
}
"""

LEAST = os.sysconf("SC_THREAD_STACK_MIN") if hasattr(os, "sysconf") else 0

CASES = [
    ("main", 1000),
    ("main", 10**6),
    ("thread", 128),
    ("thread", 1024),
    ("foreign", 16),
    ("foreign", 40),
    ("foreign", 64),
    ("foreign", 128),
    ("foreign", 1024),
    ("foreign", 8192),
]


@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer's frames are larger than what is kept")
@pytest.mark.parametrize(("place", "size"), CASES)
def test_recursion(place: str, size: int) -> None:
    """Through C, for simple and for general signatures."""
    if place == "foreign" and size * 1024 < LEAST:
        pytest.skip("no thread has so small a stack here")
    tools.script("stack.py", place, size, tools.build(SOURCE), python=("-W", "error"))


@tools.posix("limits of a process")
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer's frames are larger than what is kept")
def test_a_limit_that_is_raised() -> None:
    """Where the main thread's stack ends is asked anew before a call is refused."""
    tools.script("stack_limit.py", tools.build(USING))
