"""Greenlets share one thread's stack: a callback may be left within, and calls end in any order."""

from __future__ import annotations

import importlib.util

import pytest
import tools

SOURCE = """
#include <errno.h>
#include <pthread.h>
#include <string.h>

int call_it(int (*f)(int), int n) { return f(n); }

int errno_after(int (*f)(int), int before) {
    errno = before;
    f(before);
    return errno;
}

int real_errno(void) { return errno; }

/* How many bytes of a frame that is alive did somebody else change? */
int corrupted(void (*f)(void)) {
    unsigned char room[65536];
    memset(room, 0xAA, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
    f();
    int n = 0;
    for (unsigned i = 0; i < sizeof room; i++) n += room[i] != 0xAA;
    return n;
}

int sum_of(int (*f)(const int *, int), int n) {
    int array[64];
    for (int i = 0; i < n; i++) array[i] = i;
    return f(array, n);
}

struct job { int (*f)(int); int n; };

static void *work(void *data) {
    struct job *job = data;
    job->n = job->f(job->n);
    return NULL;
}

int in_a_thread(int (*f)(int), int n) {
    struct job job = {f, n};
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, &job)) return -1;
    pthread_join(thread, NULL);
    return job.n;
}
"""

CASES = [
    "memory",
    "numbers",
    "numbers_of_the_dead",
    "crossed",
    "closed",
    "exceptions",
    "killed",
    "threads",
    "arguments",
    "chance",
]


@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer does not know that stacks are copied")
@pytest.mark.parametrize("how", ["held", "released"])
@pytest.mark.parametrize("case", CASES)
def test_greenlets(case: str, how: str) -> None:
    if case == "threads" and how == "held":
        pytest.skip("who waits for a thread with the GIL waits for ever")
    # Not imported here: without a GIL, older ones would bring it back.
    if importlib.util.find_spec("greenlet") is None:
        tools.missing("there is no Python module 'greenlet' here")
    env = {"PYTHON_GIL": "0"} if tools.FREE_THREADED else {}
    tools.script("greenlets.py", case, tools.build(SOURCE), how, env=env)
