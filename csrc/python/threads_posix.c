#define _GNU_SOURCE /* nanosleep, which -std=c11 leaves out */
#include "threads.h"

#ifndef PT_OS_WINDOWS

#  include <pthread.h>
#  include <stdlib.h>
#  include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void pt_threads_lock(void) {
    pthread_mutex_lock(&mutex);
}

void pt_threads_unlock(void) {
    pthread_mutex_unlock(&mutex);
}

static pthread_key_t ending;
static void (*at_end)(void);

/* Another key's destructor may still call back: then the key is set again, and pthreads runs this
 * once more. */
static void thread_ends(void *unused) {
    (void)unused;
    at_end();
}

int pt_threads_at_end(void (*end)(void)) {
    at_end = end;
    return pthread_key_create(&ending, thread_ends);
}

void pt_threads_watch_end(void) {
    pthread_setspecific(ending, &ending); /* any value but NULL has the destructor run */
}

int pt_threads_around_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    return pthread_atfork(before, in_parent, in_child);
}

void pt_threads_sleep_a_millisecond(void) {
    struct timespec time = {0, 1000000};
    nanosleep(&time, NULL);
}

void *pt_threads_allocate(size_t size) {
    return aligned_alloc(PT_OWN_LINES, size);
}

void pt_threads_free(void *block) {
    free(block);
}

#endif
