/* What GCC calls for nested functions, called by hand: examples/embedding/nested. So it runs where
 * no compiler knows -ftrampoline-impl=heap; for others see nested_heap.c. */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "chained.h"
#include "exhausted.h"

void __gcc_nested_func_ptr_created(void *chain, void *function, void *where);
void __gcc_nested_func_ptr_deleted(void);

typedef long (*inner)(long);

static void created(long *chain, inner *where) {
    inner target = chained;
    void *function;
    memcpy(&function, &target, sizeof function);
    __gcc_nested_func_ptr_created(chain, function, (void *)where);
}

static void deleted(size_t n) {
    while (n--)
        __gcc_nested_func_ptr_deleted();
}

static size_t live(void) {
    pytramp_statistics all = {.size = sizeof all};
    CHECK_OK(pytramp_stats(&all));
    return all.live;
}

/* Two functions with the same code, each with variables of its own, and whose are deleted first. */
static void test_order(void) {
    long a = 10, b = 20;
    inner place[2] = {NULL, NULL}, *outer = &place[1], *called = &place[0];
    created(&a, outer);
    created(&b, called);
    CHECK((*outer)(1) == 11 && (*called)(1) == 21, "%ld %ld", (*outer)(1), (*called)(1));
    a = 30;
    CHECK((*outer)(1) == 31, "another's variable");
    deleted(1);
    CHECK((*outer)(1) == 31, "the wrong one was deleted");
    CHECK((*called)(1) == 0, "a deleted one can be called");
    deleted(1);
    CHECK(live() == 0, "%zu live", live());
    say("the latest is deleted first");
}

enum { MANY = 30000 };

static void test_many(void) {
    static long chains[MANY];
    static inner places[MANY];
    errno = 77;
    for (long i = 0; i < MANY; i++) { /* as calls do, towards lower addresses */
        chains[i] = i;
        created(&chains[i], &places[MANY - 1 - i]);
    }
    CHECK(live() == MANY, "%zu live", live());
    for (long i = 0; i < MANY; i++)
        CHECK(places[MANY - 1 - i](i) == 2 * i, "%ld", i);
    deleted(MANY);
    CHECK(errno == 77, "errno is %d", errno);
    CHECK(live() == 0, "%zu live", live());
    say("%d at the same time", MANY);
}

/* ---- longjmp ---- */

/* The stack is used again, and what was on it has no trampolines any more. */
static void test_jumps(void) {
    long variable = 5;
    inner place[4] = {NULL, NULL, NULL, NULL};
    for (int i = 0; i < 5000; i++) {
        created(&variable, &place[2]);
        created(&variable, &place[1 - i % 2]);
        CHECK(place[2](1) == 6 && place[1 - i % 2](2) == 7, "jump %d", i);
    } /* none is deleted: as if the two had been left by longjmp */
    CHECK(live() <= 3, "%zu live after 5000 jumps to three places", live());
    created(&variable, &place[3]);
    CHECK(place[3](0) == 5, "%ld", place[3](0));
    deleted(1);
    deleted(live());
    say("left by longjmp: dropped when their places are used again");
}

/* A signal handler may run on a stack of its own, above the other or below it: nothing that lies
 * there is dropped, for it is not known to be left. */
static void test_two_stacks(void) {
    long variable = 1;
    inner stack[3] = {NULL, NULL, NULL};
    created(&variable, &stack[0]);
    created(&variable, &stack[2]);
    created(&variable, &stack[1]);
    for (int i = 0; i < 3; i++)
        CHECK(stack[i](i) == i + 1, "%d", i);
    deleted(3);
    CHECK(live() == 0, "%zu live", live());
    say("two stacks of one thread");
}

/* ---- Failures. Before there are threads, for it forks. ---- */

static atomic_int refused;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    return atomic_load(&refused) ? NULL : __real_malloc(size);
}

static void no_memory(void) {
    long variable = 0;
    inner place;
    created(&variable, &place);
    atomic_store(&refused, 1);
    created(&variable, &place);
}

static void no_trampolines(void) {
    long variable = 0;
    inner place;
    exhaust_but(0);
    created(&variable, &place);
}

static void none_to_delete(void) {
    deleted(1);
}

static void ends_with(const char *expected, void (*fail)(void)) {
    int ends[2], status;
    char text[200];
    CHECK(!pipe(ends), "no pipe");
    pid_t child = fork();
    CHECK(child >= 0, "no child");
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fail();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[n < 0 ? 0 : n] = 0;
    CHECK(waitpid(child, &status, 0) == child, "no child");
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status), "it went on");
    CHECK(strstr(text, expected), "'%s' and not '%s'", text, expected);
}

static void test_failures(void) {
    ends_with("nested functions: out of memory", no_memory);
    ends_with("nested functions: no more trampolines", no_trampolines);
    ends_with("in another thread", none_to_delete);
    say("no memory, no trampolines, none to delete: abort");
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 5000, DEPTH = 4 };

static void *make_and_leave(void *argument) {
    long variable = (long)(intptr_t)argument;
    inner place[DEPTH + 1];
    for (int i = 0; i < ROUNDS; i++) {
        for (int depth = DEPTH; depth--;)
            created(&variable, &place[depth]);
        for (int depth = 0; depth < DEPTH; depth++)
            CHECK(place[depth](i) == i + variable, "round %d", i);
        deleted(DEPTH);
    }
    created(&variable, &place[DEPTH]);
    created(&variable, &place[0]);
    return NULL; /* as if by pthread_exit, with two functions that have not ended */
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, make_and_leave, (void *)i), "no thread");
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(live() == 0, "%zu live after their threads", live());
    say("%d threads, and what they leave", THREADS);
}

int main(void) {
    test_failures();
    test_order();
    test_many();
    test_jumps();
    test_two_stacks();
    test_threads();
    CHECK_POOL();
    return 0;
}
