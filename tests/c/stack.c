/* Where the stack of a thread ends, as the calls into Python look for it. */
#include "check.h"

#include <pthread.h>
#include <sys/resource.h>

#include "pages.h"

#define MEGABYTE ((rlim_t)1 << 20)

/* How much is left of it from here on. */
static size_t room(void) {
    uintptr_t low, here = (uintptr_t)&low;
    size_t size;
    CHECK(pt_pages_stack(&low, &size), "unknown");
    CHECK(low < here && here - low < size, "%zx is not within %zx bytes from %zx", (size_t)here,
          size, (size_t)low);
    return here - low;
}

static rlim_t limit(void) {
    struct rlimit all;
    CHECK(!getrlimit(RLIMIT_STACK, &all), "getrlimit");
    return all.rlim_cur;
}

/* The arguments and the environment lie there, too. */
static void expect_all_of_the_limit(const char *when) {
    CHECK(room() + MEGABYTE > limit(), "%s: %zu bytes left of %llu", when, room(),
          (unsigned long long)limit());
}

static void *in_thread(void *size) {
    CHECK(room() <= *(size_t *)size && room() > *(size_t *)size / 2, "%zu left of %zu", room(),
          *(size_t *)size);
    return NULL;
}

static void test_thread(size_t size) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(!pthread_attr_setstacksize(&attributes, size), "%zu", size);
    CHECK(!pthread_create(&thread, &attributes, in_thread, &size), "a thread");
    CHECK(!pthread_join(thread, NULL), "its end");
    pthread_attr_destroy(&attributes);
}

int main(void) {
    if (limit() == RLIM_INFINITY) skip("this process's stack has no limit");
    expect_all_of_the_limit("at first");
    test_thread(256 * 1024);
    test_thread(2 * MEGABYTE);
    say("threads: all of their stacks");

    struct rlimit all;
    getrlimit(RLIMIT_STACK, &all);
    if (all.rlim_max != RLIM_INFINITY && all.rlim_max < 2 * all.rlim_cur) skip("a fixed limit");
    all.rlim_cur *= 2;
    CHECK(!setrlimit(RLIMIT_STACK, &all), "setrlimit");
    expect_all_of_the_limit("raised");
    say("the main thread: what its limit is now");
    return 0;
}
