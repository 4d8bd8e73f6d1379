/* What is the same on Linux, macOS, FreeBSD and their like. */
#include "../config.h"
#ifndef PT_OS_WINDOWS

#  define _GNU_SOURCE       /* MAP_ANONYMOUS */
#  define _FILE_OFFSET_BITS 64
#  include "posix.h"

#  include <errno.h>
#  include <pthread.h>
#  include <sched.h>
#  include <sys/mman.h>
#  include <unistd.h>
#  ifdef PT_OS_LINUX
#    include <sys/auxv.h>
#  endif

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

void pt_posix_close(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
}

/* Each stub begins with a landing pad, so its page can be a guarded one, whatever the rest of the
 * library is made of. */
static int guarded(void) {
#  ifdef PT_OS_LINUX
    return getauxval(AT_HWCAP2) & PT_HWCAP2_GUARDED ? PT_PROT_GUARDED : 0;
#  else
    return 0;
#  endif
}

const char *pt_posix_map(void **copy, void *at, int fd, int64_t offset, size_t size) {
    int flags = MAP_PRIVATE | (at ? MAP_FIXED : 0);
    *copy = mmap(at, size, PROT_READ | PROT_EXEC | guarded(), flags, fd, (off_t)offset);
    return *copy == MAP_FAILED ? "mmap(PROT_EXEC)" : NULL;
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

#  if defined(PT_OS_DARWIN) || defined(PT_OS_FREEBSD)
/* These kernels take away what is at an address, and map something else there, under one lock of
 * the address space (xnu's vm_map_remap, which looks at the source first; FreeBSD's vm_map_fixed):
 * no other thread's memory gets in between. */
const char *pt_pages_pair(const struct pt_growth_step *step, struct pt_pair *pair,
                          const unsigned char *template, size_t size) {
    void *copy;
    unsigned char *at = pt_posix_reserve(2 * size);
    if (!at) return "mmap of plain memory";
    const char *failed = step->copy(&copy, at, template, size);
    if (failed)
        pt_posix_unmap(at, 2 * size);
    else
        *pair = (struct pt_pair){at, (struct pt_slot *)(void *)(at + size)};
    return failed;
}
#  endif

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

#  ifdef __ANDROID__ /* has no cancellation */
int pt_pages_refuse_cancel(void) {
    return 0;
}

void pt_pages_allow_cancel(int before) {
    (void)before;
}
#  else
int pt_pages_refuse_cancel(void) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

void pt_pages_allow_cancel(int before) {
    pthread_setcancelstate(before, &before);
}
#  endif

#endif
