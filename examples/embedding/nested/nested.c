/* What GCC calls under -ftrampoline-impl=heap, instead of libgcc's, which writes machine code at
 * run time into pages that are writable and executable:
 *
 *     int outer(int n) {
 *         int inner(int m) { return n + m; }
 *         return apply(inner);
 *     }
 *
 * when outer begins, _created makes the pointer that "inner" is; when outer ends,
 * _deleted takes back the thread's latest. chain is where outer's variables are, and where is one
 * of them. */
#define _XOPEN_SOURCE 700 /* tsearch */
#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pytramp.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void __gcc_nested_func_ptr_created(void *chain, void *function, void *where);
EXPORTED void __gcc_nested_func_ptr_deleted(void);

struct nested {
    struct nested *older, *newer;
    const void *where;
    void *code;
};

/* One thread's, by age and by place. */
static _Thread_local struct nested *latest;
static _Thread_local void *places;

/* The compiler does not ask whether a pointer was made, so this is what libgcc does, too: abort. */
_Noreturn static void give_up(const char *why) {
    fprintf(stderr, "nested functions: %s\n", why);
    abort();
}

static void check(pytramp_status status) {
    if (status) give_up(pytramp_status_text(status));
}

static int by_place(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const struct nested *)a)->where;
    uintptr_t y = (uintptr_t)((const struct nested *)b)->where;
    return (x > y) - (x < y);
}

static void forget(struct nested *nested) {
    if (nested->newer)
        nested->newer->older = nested->older;
    else
        latest = nested->older;
    if (nested->older) nested->older->newer = nested->newer;
    check(pytramp_free(nested->code));
    free(nested);
}

static void delete_latest(void) {
    tdelete(latest, &places, by_place);
    forget(latest);
}

/* ---- The end of a thread: what it has left ---- */

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int is_watched;

static void delete_all(void *unused) {
    (void)unused;
    is_watched = 0; /* destructors that run later may make some again */
    while (latest)
        delete_latest();
}

static void make_key(void) {
    if (pthread_key_create(&key, delete_all)) give_up("no key for the end of threads");
}

static void watch_thread(void) {
    if (is_watched) return;
    pthread_once(&once, make_key);
    if (pthread_setspecific(key, &key)) give_up("out of memory");
    is_watched = 1;
}

/* ---- The two ---- */

static struct nested *make(void *chain, void *function) {
    void (*target)(void);
    memcpy(&target, &function, sizeof target);
    struct nested *made = malloc(sizeof *made);
    if (!made) give_up("out of memory");
    check(pytramp_alloc(&made->code));
    check(pytramp_init(made->code, target, chain));
    made->newer = NULL;
    made->older = latest;
    if (latest) latest->newer = made;
    latest = made;
    return made;
}

/* A function that was left by longjmp has not said so. Its variables' memory is used again sooner
 * or later, and where a pointer is written now, there is nobody any more to whom an older one
 * belongs: whatever stacks the thread has, it has no more of these than places. */
static void put(struct nested *made, void *where) {
    made->where = where;
    struct nested **place = tsearch(made, &places, by_place);
    if (!place) give_up("out of memory");
    if (*place != made) forget(*place);
    *place = made;
    memcpy(where, &made->code, sizeof made->code);
}

/* Nobody sees these calls in the source, so errno stays. */
void __gcc_nested_func_ptr_created(void *chain, void *function, void *where) {
    int saved = errno;
    watch_thread();
    put(make(chain, function), where);
    errno = saved;
}

void __gcc_nested_func_ptr_deleted(void) {
    int saved = errno;
    if (!latest) give_up("one is deleted in another thread than it was made in");
    delete_latest();
    errno = saved;
}
