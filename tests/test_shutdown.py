"""The interpreter ends, and C goes on calling: the error value, no crash, exit code 0."""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import Any

import native
import pytest
import tools
from robustness import run

SOURCE = """
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef _WIN32
/* A DLL's own atexit runs when all other threads are gone; this is the program's. */
#define atexit _crt_atexit
#endif

typedef int (*function)(int);

/* In one write: nothing that libc might have torn down is needed. */
static void say(const char *what, int result) {
    char text[64];
    int n = snprintf(text, sizeof text, "%s:%d\\n", what, result);
    if (write(1, text, n) != n) _exit(3);
}

int call_now(const char *what, function f, int n) {
    int result = f(n);
    say(what, result);
    return result;
}

int call_quietly(function f) { return f(1); }

static pthread_t worker;
static sem_t asked, ready;
static function last;
static int how;

static void *call_in_thread(void *unused) {
    (void)unused;
    say("thread", last(1));
    say("thread", last(1));
    return 0;
}

static void *work(void *unused) {
    (void)unused;
    last(1);
    sem_post(&ready);
    sem_wait(&asked);
    say("worker", last(1));
    return 0;
}

void worker_end(void) {
    sem_post(&asked);
    pthread_join(worker, 0);
}

int worker_start(function f) {
    last = f;
    sem_init(&asked, 0, 0);
    sem_init(&ready, 0, 0);
    int error = pthread_create(&worker, 0, work, 0);
    while (!error && sem_wait(&ready)) {}
    return error;
}

/* Threads that count how often they came back: they call, or make short threads that call. */
#define COUNTERS 4
static _Atomic long returned[COUNTERS];
static int ncounters;

static void *call_and_count(void *count) {
    for (;;) {
        int result = last(1);
        if (result != 1 && result != -7) say("wrong", result);
        ++*(_Atomic long *)count;
    }
    return 0;
}

static void *call_once(void *unused) {
    (void)unused;
    last(1);
    return &last;
}

static void *make_and_count(void *count) {
    for (;;) {
        pthread_t id;
        void *result;
        if (pthread_create(&id, 0, call_once, 0) || pthread_join(id, &result)) continue;
        if (result != &last) say("lost", 0);
        ++*(_Atomic long *)count;
    }
    return 0;
}

void counters_start(int callers, int makers) {
    pthread_t id;
    ncounters = callers + makers;
    for (int i = 0; i < ncounters; i++)
        pthread_create(&id, 0, i < callers ? call_and_count : make_and_count, (void *)&returned[i]);
}

/* A callable: once it is told to, one call of it takes long. */
static _Atomic int slow;
void be_slow(void) { slow = 1; }
int same(int n) {
    if (atomic_exchange(&slow, 0)) usleep(100000);
    return n;
}

/* Until each was in a call that began after this one, and has returned from it. */
static void wait_for_counters(void) {
    for (int i = 0; i < ncounters; i++) {
        long before = returned[i];
        while (returned[i] < before + 2) usleep(100);
    }
}

/* One that calls two functions, when it may. */
static function second;

static void *work_twice(void *unused) {
    (void)unused;
    sem_wait(&asked);
    say("first", last(1));
    say("second", second(1));
    return 0;
}

int worker_start_later(function f, function g) {
    last = f;
    second = g;
    sem_init(&asked, 0, 0);
    return pthread_create(&worker, 0, work_twice, 0);
}

void worker_go(void) { sem_post(&asked); }

static void at_the_end(void) {
    if (how == 0) {
        say("c", last(1));
        say("c", last(1));
    } else if (how == 1) {
        pthread_t id;
        pthread_create(&id, 0, call_in_thread, 0);
        pthread_join(id, 0);
    } else if (how == 2) {
        worker_end();
    } else if (how == 3) {
        wait_for_counters();
        say("answered", last(1));
    } else {
        pthread_join(worker, 0);
        say("c", last(1));
    }
}

__attribute__((destructor)) static void unloaded(void) {
    if (last && how == 0) say("destructor", last(1));
}

void at_exit(function f, int kind) {
    last = f;
    how = kind;
    atexit(at_the_end);
}

static void *call_for_ever(void *f) {
    for (;;) {
        int result = ((function)f)(1);
        if (result != 2 && result != -7 && result != 0) {
            say("wrong", result);
            _exit(4);
        }
    }
    return 0;
}

void callers_start(function f, int n) {
    for (int i = 0; i < n; i++) {
        pthread_t id;
        pthread_create(&id, 0, call_for_ever, (void *)f);
        pthread_detach(id);
    }
}
"""
RUNS = int(os.environ.get("PYTRAMP_TEST_RUNS", "100"))

# What C must have written, as a pattern for all of it; 2 is the right answer, -7 the error value.
CASES = {
    "del": "del:(2|-7)\n",
    "del_of_immortal": "del:(1|-7)\n",
    "cycle": "del:(2|-7)\n",
    "atexit": "late:2\nearly:2\n",
    "c_atexit": "c:-7\nc:-7\ndestructor:-7\n",
    "c_atexit_closed": "c:-7\nc:-7\ndestructor:-7\n",
    "c_atexit_thread": "thread:-7\nthread:-7\n",
    "worker": "worker:-7\n",
    "nobody_is_lost": "answered:-7\n",
    "nobody_is_lost_waiting": "answered:-7\n",
    "callers": "",
    "crowd": "",
    "slow_callers": "",
    "callers_of_closed": "",
    "daemon": "",
    "inside": "",
    "propagate": "c:-7\nc:-7\ndestructor:-7\n",
}
if sys.version_info < (3, 15):
    CASES["worker_ends"] = "worker:-7\ndestructor:-7\n"
else:  # PEP 788: who comes late may enter
    CASES["guarded"] = "first:2\nsecond:2\nc:-7\n"


# Threads that are on their way into Python when all thread states are freed. Python itself, for its
# own daemon threads, reads freed memory then, which development mode has overwritten.
RACES = {
    *("nobody_is_lost", "nobody_is_lost_waiting"),
    *("callers", "crowd", "slow_callers", "callers_of_closed", "daemon", "inside"),
}


@pytest.fixture(scope="module")
def path() -> Path:
    return tools.build(SOURCE)


@pytest.mark.parametrize("case", CASES)
def test_calls_at_the_end(case: str, path: Path) -> None:
    """Every time, whatever the timing."""
    if case == "daemon" and tools.FREE_THREADED and sys.version_info < (3, 14):
        # As they do with callbacks of ctypes alone, one of 400: in drop_gil(), of a freed state.
        pytest.skip("daemon threads of Python 3.13 without a GIL crash when they leave Python")
    mode: dict[str, Any] = {}
    if case in RACES:
        mode = {"python": ("-W", "error"), "env": {"PYTHONDEVMODE": "", "PYTHONMALLOC": "default"}}
    runs = max(RUNS // 10, 1) if case == "crowd" else RUNS  # these take long
    *outputs, _ = tools.script("shutdown.py", case, path, runs, timeout=600, **mode).splitlines()
    assert len(outputs) == runs
    for output in map(ast.literal_eval, outputs):
        assert re.fullmatch("ends\n" + CASES[case], output), output


# ---- Programs that embed Python ----

EMBEDDED = """
import sys
sys.path[:] = {path!r}
import pytramp

@pytramp.callback(error=-7, immortal={immortal})
def callback(n: pytramp.c.int) -> pytramp.c.int:
    return n + 1

address = callback.address
"""


def test_a_hundred_interpreters() -> None:
    """Py_Initialize and Py_FinalizeEx, 100 times in one process and under one thread of C.

    Every second callback is immortal: nothing closes it but the end of its interpreter.
    """
    program = run.embedding()
    if not program:
        tools.missing("there is no libpython to link with")
    programs = [EMBEDDED.format(path=sys.path, immortal=n % 2 == 0) for n in range(RUNS)]
    words = [str(run.library()), "always", "-7", *programs]
    # 3.15 warns where the first python3 on PATH is a virtual environment's.
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHOME": sys.base_prefix}
    done = native.run(program, *words, env=environment, timeout=600)
    # In each of them, after each, in the thread twice, and the one before in each but the first.
    assert done.stdout == "right\n" * (5 * RUNS - 1)
