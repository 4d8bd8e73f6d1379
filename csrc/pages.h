/* The seam of the operating system: a second copy of a code page, with a data page behind it.
 *
 * Never a page that is writable and executable, never an executable page that is anonymous. */
#ifndef PT_PAGES_H
#define PT_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "include/pytramp.h"

struct pt_slot;

/* A copy of a unit of stubs, and the slots that they read; the same where slots are functions. */
struct pt_pair {
    unsigned char *code;
    struct pt_slot *slots;
};

/* A way to get the copy; the public PYTRAMP_GROW_* bit and what it is called. */
struct pt_growth_step {
    unsigned bit;
    const char *name;
    /* *copy = size bytes mapped readable and executable and equal to those at template: over what
     * is mapped at `at`, or anywhere for NULL. Returns NULL, or a static text that names what
     * failed, with errno set (0 when errno says nothing). */
    const char *(*copy)(void **copy, void *at, const unsigned char *template, size_t size);
};

/* This system's steps in the order in which they are tried; the last one has bit 0. */
PT_HIDDEN extern const struct pt_growth_step pt_growth_steps[];

/* *pair = a copy of template's size bytes, made by step, and as many of zeroed memory to write,
 * where the stubs of the copy look for it. Returns as copy does. Nobody has looked at the copy yet:
 * that is the pool's business. */
PT_HIDDEN const char *pt_pages_pair(const struct pt_growth_step *step, struct pt_pair *pair,
                                    const unsigned char *template, size_t size);
PT_HIDDEN void pt_pages_release(const struct pt_pair *pair, size_t size);

/* size bytes of zeroed memory that cost nothing until they are touched; NULL on failure. */
PT_HIDDEN void *pt_pages_zeroed(size_t size);
PT_HIDDEN void pt_pages_drop(void *at, size_t size);

/* A number that differs between threads which run at the same time, as far as that can be had
 * without a system call. Async-signal-safe. */
PT_HIDDEN unsigned pt_pages_cpu(void);

/* Identifies the calling thread: never 0, and not reused while the thread lives. */
PT_HIDDEN uintptr_t pt_pages_thread(void);
PT_HIDDEN void pt_pages_yield(void);

/* Between the two the calling thread is not cancelled, which would leave what it holds for ever.
 * The first returns what the second takes. */
PT_HIDDEN int pt_pages_refuse_cancel(void);
PT_HIDDEN void pt_pages_allow_cancel(int before);

/* *low = the lowest address of the calling thread's stack, *size = its size; 0 when unknown.
 * Without its guard, which some C libraries count in and some do not. */
PT_HIDDEN int pt_pages_stack(uintptr_t *low, size_t *size);

/* Has child run in the child after every fork. */
PT_HIDDEN void pt_pages_after_fork(void (*child)(void));

/* What C expects to find unchanged besides errno: GetLastError's number. */
#if PT_HAS_LAST_ERROR
PT_HIDDEN unsigned long pt_pages_last_error(void);
PT_HIDDEN void pt_pages_set_last_error(unsigned long error);
#else
static inline unsigned long pt_pages_last_error(void) {
    return 0;
}
static inline void pt_pages_set_last_error(unsigned long error) {
    (void)error;
}
#endif

#endif
