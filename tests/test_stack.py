"""A stack that ends: RecursionError in the callback, no crash."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest
import tools

import pytramp

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

COROUTINE = """
#include <ucontext.h>

static ucontext_t here, there;
static int (*function)(int);
static int times, sum;

static void run(void) {
    for (int i = 0; i < times; i++) sum += function(i);
}

/* On a stack of its own, which lies lower than the thread's. */
int in_coroutine(int (*f)(int), int n) {
    static char stack[1 << 20] __attribute__((aligned(16)));
    function = f, times = n, sum = 0;
    if (getcontext(&there)) return -1;
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &here;
    makecontext(&there, run, 0);
    return swapcontext(&here, &there) ? -1 : sum;
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


def bytes_read() -> int:
    """By system calls of this process, so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="tells by /proc what was read")
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer is not told of other stacks")
def test_calls_in_a_coroutine_do_not_look_for_the_end() -> None:
    """The main thread's is looked up in /proc: once, not for each call on a lower stack."""
    in_coroutine = tools.library(COROUTINE).in_coroutine
    address = ctypes.c_void_p(int(closure := pytramp.callback("int (int)", lambda n: n)))
    assert in_coroutine(address, 3) == 3
    before = bytes_read()
    assert in_coroutine(address, 1000) == 499500
    assert bytes_read() - before < 100_000, closure


@tools.posix("limits of a process")
@tools.real_kernel
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer's frames are larger than what is kept")
def test_a_limit_that_is_raised() -> None:
    """Where the stack ends is asked anew before a call is refused, if Python then calls, too."""
    tools.script("stack_limit.py", tools.build(USING))


NEAR_THE_END = """
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define GUARD 65536

struct job { int (*f)(int); size_t left; char *low; int result; };

/* Calls f with so much left above low. */
static int call_above(int (*f)(int), const char *low, size_t left) {
    size_t used = (size_t)((char *)__builtin_frame_address(0) - low) - left;
    volatile char *room = alloca(used);
    for (size_t i = used; i > 4096; i -= 4096) room[i - 1] = 1;
    int result = f(42);
    room[0] = 1; /* or clang makes a jump of the call, with the room given back */
    return result;
}

static void *go(void *data) {
    struct job *job = data;
    job->result = call_above(job->f, job->low, job->left);
    return 0;
}

/* In a thread that has a stack of this size. */
int near_the_end(int (*f)(int), size_t size, size_t left) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *block = mmap(NULL, GUARD + size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (block == MAP_FAILED || mprotect(block, GUARD, PROT_NONE)) return -2;
    struct job job = {f, left, block + GUARD, -3};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    int error = pthread_attr_setstack(&attributes, job.low, size);
    if (!error) error = pthread_create(&thread, &attributes, go, &job);
    if (!error) error = pthread_join(thread, 0);
    pthread_attr_destroy(&attributes);
    munmap(block, GUARD + size);
    return error ? -4 : job.result;
}

/* In a thread of Python's: below here are about `size` bytes. */
void *object_near_the_end(void *(*f)(int), size_t size, size_t left) {
    char *low = (char *)__builtin_frame_address(0) - size;
    size_t used = (size_t)((char *)__builtin_frame_address(0) - low) - left;
    volatile char *room = alloca(used);
    for (size_t i = used; i > 4096; i -= 4096) room[i - 1] = 1;
    void *result = f(42);
    room[0] = 1;
    return result;
}
"""


@tools.posix("pthread_attr_setstack")
@pytest.mark.skipif(tools.SANITIZED, reason="a sanitizer's frames are larger than what is kept")
@pytest.mark.parametrize("kind", ["live", "dead", "object", "released"])
def test_calls_near_the_end(kind: str) -> None:
    """However little is left: a closure that lives is refused, and one that was freed, too."""
    tools.script("stack_end.py", kind, tools.build(NEAR_THE_END), python=("-W", "error"))
