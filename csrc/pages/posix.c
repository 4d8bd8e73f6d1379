/* What is the same on Linux, macOS and their like. */
#include "../config.h"
#ifndef PT_OS_WINDOWS

#  define _GNU_SOURCE /* MAP_ANONYMOUS */
#  include "posix.h"

#  include <errno.h>
#  include <pthread.h>
#  include <sched.h>
#  include <sys/mman.h>

/* ---- Memory ---- */

void *pt_pages_zeroed(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void pt_posix_unmap(void *at, size_t size) {
    int saved = errno;
    munmap(at, size);
    errno = saved;
}

void pt_pages_drop(void *at, size_t size) {
    pt_posix_unmap(at, size);
}

void pt_pages_release(const struct pt_pair *pair, size_t size) {
    munmap(pair->code, (size_t)((unsigned char *)pair->slots - pair->code) + size);
}

unsigned char *pt_posix_reserve(size_t size) {
    unsigned char *start = pt_pages_zeroed(2 * size);
    if (!start) return NULL;
    size_t before = (size - (uintptr_t)start % size) % size;
    if (before) munmap(start, before);
    munmap(start + before + size, size - before);
    return start + before;
}

/* ---- Threads ---- */

uintptr_t pt_pages_thread(void) {
    return (uintptr_t)pthread_self();
}

void pt_pages_yield(void) {
    sched_yield();
}

void pt_pages_after_fork(void (*child)(void)) {
    pthread_atfork(NULL, NULL, child);
}

#endif
