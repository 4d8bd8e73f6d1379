#include "growth.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stubs.h"

/* ---- The lock: its word is the owner, so that a handler in the owner's thread can tell. ---- */

static _Atomic uintptr_t owner;
/* Whether the owner could be cancelled before: open, write and close are cancellation points. */
static int cancel;

pytramp_status pt_growth_lock(void) {
    uintptr_t self = pt_pages_thread(), seen = 0;
    int before = pt_pages_refuse_cancel();
    while (!atomic_compare_exchange_weak_explicit(&owner, &seen, self, memory_order_acquire,
                                                  memory_order_relaxed)) {
        if (seen == self) {
            pt_pages_allow_cancel(before);
            return PYTRAMP_E_BUSY;
        }
        seen = 0;
        pt_pages_yield();
    }
    cancel = before;
    return PYTRAMP_OK;
}

void pt_growth_unlock(void) {
    int before = cancel;
    atomic_store_explicit(&owner, 0, memory_order_release);
    pt_pages_allow_cancel(before);
}

/* In a child only the forking thread goes on: a lock held by another one would stay so for ever.
 * The pair that was being made is lost to the child, nothing else. */
static void unlock_for_lost_owner(void) {
    if (atomic_load(&owner) != pt_pages_thread()) atomic_store(&owner, 0);
}

__attribute__((constructor)) static void watch_forks(void) {
    pt_pages_after_fork(unlock_for_lost_owner);
}

/* ---- Which steps are allowed ---- */

#define NOT_CHOSEN (~0u)
static _Atomic unsigned chosen = NOT_CHOSEN;

/* PYTRAMP_GROWTH from its first unknown step on: a copy, as what getenv returns ends with the next
 * setenv. Written once, before the pointer to it. */
static char unknown_text[80];
static const char *_Atomic unknown_name;

/* Those of all systems: what is allowed can be said the same way everywhere. */
static const struct {
    unsigned bit;
    const char *name;
} known_steps[] = {
    {PYTRAMP_GROW_MREMAP, "mremap"},
    {PYTRAMP_GROW_FILE, "file"},
    {PYTRAMP_GROW_MEMFD, "memfd"},
    {PYTRAMP_GROW_MEMORY, "memory"},
};
#define KNOWN_STEPS (sizeof known_steps / sizeof *known_steps)

static unsigned step_named(const char *name, size_t length) {
    for (size_t i = 0; i < KNOWN_STEPS; i++) {
        const char *known = known_steps[i].name;
        if (strlen(known) == length && !memcmp(known, name, length)) return known_steps[i].bit;
    }
    return 0;
}

static unsigned steps_here(void) {
    unsigned here = 0;
    for (const struct pt_growth_step *step = pt_growth_steps; step->bit; step++)
        here |= step->bit;
    return here;
}

/* *unknown = the first that is none, which is not written otherwise. */
static unsigned parse_steps(const char *text, const char **unknown) {
    unsigned steps = 0;
    if (!strcmp(text, "none")) return 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        unsigned bit = step_named(text, length);
        if (!bit) { /* a typing error must not widen what is allowed */
            *unknown = text;
            return 0;
        }
        steps |= bit;
        if (!text[length]) return steps;
        text += length + 1;
    }
}

static void remember_unknown(const char *name) {
    strncpy(unknown_text, name, sizeof unknown_text - 1);
    atomic_store(&unknown_name, unknown_text);
}

unsigned pytramp_get_growth(void) {
    unsigned steps = atomic_load(&chosen);
    if (steps != NOT_CHOSEN) return steps;
    const char *text = getenv("PYTRAMP_GROWTH"), *unknown = NULL;
    steps = (text && *text ? parse_steps(text, &unknown) : PYTRAMP_GROW_DEFAULT) & steps_here();
    unsigned none = NOT_CHOSEN;
    if (!atomic_compare_exchange_strong(&chosen, &none, steps)) return none;
    if (unknown) remember_unknown(unknown);
    return steps;
}

pytramp_status pytramp_set_growth(unsigned steps) {
    unsigned known = 0;
    for (size_t i = 0; i < KNOWN_STEPS; i++)
        known |= known_steps[i].bit;
    if (steps & ~known) return PYTRAMP_E_INVALID;
    atomic_store(&unknown_name, NULL);
    atomic_store(&chosen, steps & steps_here());
    return PYTRAMP_OK;
}

/* ---- Why the last growth failed: static texts and errno, put into words only when asked ---- */

#define MAX_STEPS 8
static struct failure {
    const char *step, *what;
    int error;
} failures[MAX_STEPS];
static size_t nfailures; /* under the lock */

static void remember(const char *step, const char *what, int error) {
    if (nfailures < MAX_STEPS) failures[nfailures++] = (struct failure){step, what, error};
}

void *pt_growth_make_records(size_t size) {
    int saved = errno;
    void *records = pt_pages_zeroed(size);
    nfailures = 0;
    if (!records) remember("before any step", "mmap of plain memory", errno);
    errno = saved;
    return records;
}

/* Appends like snprintf; returns the length that the whole text would have. */
static size_t append(char *text, size_t size, size_t at, const char *step, const char *what,
                     int error) {
    char *to = at < size ? text + at : NULL;
    size_t room = at < size ? size - at : 0;
    const char *gap = at ? "; " : "";
    int n = error ? snprintf(to, room, "%s%s: %s: %s", gap, step, what, strerror(error))
                  : snprintf(to, room, "%s%s: %s", gap, step, what);
    return at + (size_t)n;
}

size_t pytramp_growth_error(char *text, size_t size) {
    size_t length = 0;
    if (size) text[0] = 0;
    if (pt_growth_lock()) return 0;
    for (size_t i = 0; i < nfailures; i++)
        length = append(text, size, length, failures[i].step, failures[i].what, failures[i].error);
    pt_growth_unlock();
    const char *unknown = atomic_load(&unknown_name);
    if (unknown) length = append(text, size, length, "PYTRAMP_GROWTH names no step", unknown, 0);
    return length;
}

/* ---- One pair ---- */

int pt_growth_is_copy(const struct pt_pair *pair) {
    return PT_DESCRIPTORS || !memcmp(pair->code, pt_template_code, PT_UNIT);
}

/* Runs stub i of a pair that nobody else knows yet. */
static int probe(const struct pt_pair *pair, size_t i) {
    struct pt_slot *slot = &pair->slots[i];
    atomic_store(&slot->data, slot);
    atomic_store(&slot->target, pt_entry_probe);
    void *(*stub)(void) = (void *(*)(void))(uintptr_t)(pair->code + i * PT_STUB_SIZE);
    void *answer = stub();
    atomic_store(&slot->target, NULL);
    atomic_store(&slot->data, NULL);
    return answer == slot;
}

static const char *check_pair(const struct pt_pair *pair) {
    errno = 0;
    if (!pt_growth_is_copy(pair)) return "the copy's bytes differ from the library's";
    if (!probe(pair, 0) || !probe(pair, PT_UNIT_STUBS - 1)) return "a stub of the copy went astray";
    return NULL;
}

static const char *try_step(const struct pt_growth_step *step, struct pt_pair *pair) {
    struct pt_pair made;
    const char *failed = pt_pages_pair(step, &made, pt_template_code, PT_UNIT);
    if (failed) return failed;
    failed = check_pair(&made);
    if (failed) {
        pt_pages_release(&made, PT_UNIT);
        return failed;
    }
    *pair = made;
    return NULL;
}

pytramp_status pt_growth_make_pair(struct pt_pair *pair, unsigned *step_bit) {
    int saved = errno;
    pytramp_status status = PYTRAMP_E_NO_CODE;
    nfailures = 0;
    for (const struct pt_growth_step *step = pt_growth_steps; step->bit && status; step++) {
        const char *failed = "not allowed (PYTRAMP_GROWTH, pytramp_set_growth)";
        errno = 0;
        if (pytramp_get_growth() & step->bit) failed = try_step(step, pair);
        if (failed) {
            remember(step->name, failed, errno);
        } else {
            *step_bit = step->bit;
            status = PYTRAMP_OK;
        }
    }
    if (!status) nfailures = 0;
    errno = saved;
    return status;
}

pytramp_status pytramp_try_growth(unsigned bit, char *text, size_t size) {
    for (const struct pt_growth_step *step = pt_growth_steps; step->bit; step++) {
        if (step->bit != bit) continue;
        struct pt_pair pair;
        int saved = errno, before = pt_pages_refuse_cancel();
        const char *failed = try_step(step, &pair);
        if (failed && text) append(text, size, 0, step->name, failed, errno);
        if (!failed) pt_pages_release(&pair, PT_UNIT);
        errno = saved;
        pt_pages_allow_cancel(before);
        return failed ? PYTRAMP_E_NO_CODE : PYTRAMP_OK;
    }
    for (size_t i = 0; i < KNOWN_STEPS; i++) {
        if (known_steps[i].bit != bit) continue;
        if (text) append(text, size, 0, known_steps[i].name, "not on this system", 0);
        return PYTRAMP_E_NO_CODE;
    }
    return PYTRAMP_E_INVALID;
}
