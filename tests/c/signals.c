/* Signal handlers that allocate and free while the thread they interrupt does the same.
 *
 * Linked with --wrap for mremap, munmap, malloc, calloc and free: the tests interrupt growth at its
 * most delicate point, and see whether a handler reaches the allocator. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "support.h"

LEAKS_IN_GROWN_RECORDS("__wrap_malloc")

static _Thread_local volatile sig_atomic_t in_handler, allocator_calls;

/* ---- Wraps ---- */

static void (*volatile in_growth)(void); /* called once, in the middle of growth */

static void meddle(void) {
    void (*now)(void) = in_growth;
    in_growth = NULL;
    if (now) now();
}

/* Variadic: PowerPC's callers of such functions make room that others need not. */
void *__real_mremap(void *old, size_t old_size, size_t size, int flags, ...);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, void *new);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, void *new) {
    meddle();
    return __real_mremap(old, old_size, size, flags, new);
}

/* Growth by plain memory calls no mremap. */
int __real_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size) {
    if (PT_DESCRIPTORS) meddle();
    return __real_munmap(at, size);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
    allocator_calls += in_handler;
    return __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
    allocator_calls += in_handler;
    return __real_calloc(n, size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block) {
    allocator_calls += in_handler && block;
    __real_free(block);
}

/* ---- Handlers: no CHECK_OK, which looks for reasons under the growth lock ---- */

static volatile sig_atomic_t handled, served, busy;

/* Everything that pytramp.h calls async-signal-safe. */
static void live_in_handler(void) {
    void *code = NULL;
    int mark, retire = handled % 2; /* another signal may come in between */
    pytramp_status status = pytramp_alloc(&code);
    if (status == PYTRAMP_E_BUSY) {
        busy++;
        return;
    }
    CHECK(!status, "alloc in a handler: %s", pytramp_status_text(status));
    CHECK(!pytramp_init(code, (void (*)(void))return_chain, &mark), "init in a handler");
    CHECK(call_chain(code) == &mark, "a call in a handler");
    CHECK(pytramp_owns(code) && pytramp_data(code) == &mark, "owns and data in a handler");
    status =
        retire ? pytramp_retire(code, (void (*)(void))return_chain, &code) : pytramp_free(code);
    CHECK(!status, "free in a handler: %s", pytramp_status_text(status));
    CHECK(call_chain(code) == (retire ? &code : NULL), "a late call in a handler");
    CHECK(pytramp_free(code) == PYTRAMP_E_FREED, "freed twice in a handler");
    served++;
}

static void handle(int number) {
    (void)number;
    int saved = errno, depth = in_handler;
    in_handler = 1;
    handled++;
    live_in_handler();
    in_handler = depth;
    CHECK(errno == saved, "errno became %d in a handler", errno);
    errno = saved;
}

static void install(int number) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    CHECK(!sigaction(number, &action, NULL), "%s", strerror(errno));
}

/* ---- A storm ---- */

static const pytramp_signature *large_signature(void) {
    const pytramp_signature *signature;
    CHECK_OK(
        pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_longdouble, 0, NULL));
    return signature;
}

static void handle_large(const pytramp_signature *signature, void *result, void *const *args,
                         void *userdata) {
    (void)signature, (void)args;
    *(long double *)result = *(int *)userdata;
}

static pthread_t main_thread;
static _Atomic int storm_over;

static void *send_signals(void *unused) {
    (void)unused;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!storm_over) {
        pthread_kill(main_thread, SIGUSR1);
        usleep(20);
    }
    return NULL;
}

static void tick(long microseconds) {
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    CHECK(!setitimer(ITIMER_REAL, &timer, NULL), "%s", strerror(errno));
}

struct item {
    void *code;
    int is_bare;
};

/* One random step of the interrupted thread: closures whose error value is a block from malloc,
 * bare trampolines, and growth. */
static void step(struct item *items, int *live, int most, uint64_t *random,
                 const pytramp_signature *signature) {
    static int number = 7;
    const long double error = -1;
    uint64_t dice = next_random(random);
    if (*live == 0 || (*live < most && dice % 100 < 53)) {
        pytramp_closure_options options = {
            .size = sizeof options, .handler = handle_large, .userdata = &number, .error = &error};
        struct item *item = &items[(*live)++];
        item->is_bare = dice >> 8 & 1;
        CHECK_OK(item->is_bare ? pytramp_alloc(&item->code)
                               : pytramp_closure_new_ex(&item->code, signature, &options));
        if (!item->is_bare) CHECK(((long double (*)(void))(uintptr_t)item->code)() == 7, "a call");
    } else {
        struct item *item = &items[(dice >> 8) % (unsigned)*live];
        CHECK_OK(item->is_bare ? pytramp_free(item->code) : pytramp_closure_free(item->code));
        *item = items[--*live];
    }
}

static void test_storm(void) {
    static struct item items[16000];
    const pytramp_signature *signature = large_signature();
    uint64_t random = 32452843;
    int live = 0, steps = 0;
    pthread_t sender;
    main_thread = pthread_self();
    install(SIGALRM);
    install(SIGUSR1);
    CHECK(!pthread_create(&sender, NULL, send_signals, NULL), "pthread_create");
    tick(150);
    for (; steps < 150000 || served < 1500; steps++) {
        step(items, &live, (int)COUNT(items), &random, signature);
        if (steps % 5000 == 0) CHECK_OK(pytramp_reserve(stats().untouched + 1));
    }
    tick(0);
    storm_over = 1;
    pthread_join(sender, NULL);
    CHECK(!allocator_calls, "handlers called malloc or free %d times", (int)allocator_calls);
    CHECK(stats().live == (size_t)live, "%zu live, not %d", stats().live, live);
    while (live) {
        struct item *item = &items[--live];
        CHECK_OK(item->is_bare ? pytramp_free(item->code) : pytramp_closure_free(item->code));
    }
    say("storm: %d steps, %d signals, %d served, %d found growth busy", steps, (int)handled,
        (int)served, (int)busy);
}

/* ---- Growth interrupted in its own thread ---- */

static void interrupt(void) {
    raise(SIGUSR1);
}

static void use_up(void) {
    void *code;
    for (size_t n = stats().untouched; n; n--)
        CHECK_OK(new_numbered(&code, 1));
}

static void test_busy(void) {
    install(SIGUSR1);
    use_up();
    in_growth = interrupt;
    CHECK_OK(pytramp_reserve(1));
    CHECK(handled == 1 && busy == 1, "%d signals, %d found growth busy", (int)handled, (int)busy);
    raise(SIGUSR1);
    CHECK(handled == 2 && served == 1, "the next one is served");
    say("growth interrupted by its own handler: busy, and done afterwards");
}

/* The same within pytramp_try_growth, which holds no lock: a handler may grow. */
static void test_interrupted_try(void) {
    install(SIGUSR1);
    use_up();
    /* Not under an emulator; the file is put in its place by another mremap. */
    unsigned step = PT_DESCRIPTORS ? PYTRAMP_GROW_MEMORY : PYTRAMP_GROW_MREMAP;
    if (pytramp_try_growth(step, NULL, 0)) step = PYTRAMP_GROW_FILE;
    in_growth = interrupt;
    CHECK_OK(pytramp_try_growth(step, NULL, 0));
    CHECK(handled == 1 && busy + served == 1, "%d signals", (int)handled);
    say("try_growth interrupted by a handler that grows: %s", busy ? "busy" : "grew");
}

/* ---- Growth waited for by another thread ---- */

static _Atomic int growing, other_runs, other_done;

static void wait_until(_Atomic int *flag) {
    while (!*flag)
        usleep(100);
}

static void *wait_for_growth(void *unused) {
    (void)unused;
    wait_until(&growing);
    other_runs = 1;
    CHECK_OK(pytramp_reserve(1));
    other_done = 1;
    return NULL;
}

static void hold_growth(void) {
    growing = 1;
    wait_until(&other_runs);
    usleep(20000);
    CHECK(!other_done, "another thread grew at the same time");
}

static void test_other_thread_waits(void) {
    pthread_t waiter;
    use_up();
    in_growth = hold_growth;
    CHECK(!pthread_create(&waiter, NULL, wait_for_growth, NULL), "pthread_create");
    CHECK_OK(pytramp_reserve(1));
    pthread_join(waiter, NULL);
    CHECK(stats().mremap_pairs + stats().file_pairs + stats().memory_pairs == 1, "both grew");
    say("growth of another thread: waited for, not repeated");
}

/* ---- A fork in the middle of growth ---- */

static void fork_and_go_on(void) {
    pid_t child = fork();
    if (!child) return; /* the child finishes this growth, too */
    await(child, "fork within growth");
}

static void test_fork_within_growth(void) {
    use_up();
    pid_t self = getpid();
    in_growth = fork_and_go_on;
    CHECK_OK(pytramp_reserve(1));
    use_up();
    CHECK_OK(pytramp_reserve(1));
    use_up();
    CHECK_POOL();
    if (getpid() != self) _exit(0);
    say("fork in the middle of growth: parent and child go on");
}

static void hold_until_forked(void) {
    growing = 1;
    wait_until(&other_done);
}

static void *fork_while_other_grows(void *unused) {
    (void)unused;
    wait_until(&growing);
    pid_t child = fork();
    if (!child) {
        alarm(20);
        CHECK_OK(pytramp_reserve(1)); /* the owner of the lock does not exist here */
        use_up();
        CHECK_POOL();
        _exit(0);
    }
    other_done = 1;
    await(child, "fork beside growth");
    return NULL;
}

static void test_fork_beside_growth(void) {
    pthread_t forker;
    use_up();
    in_growth = hold_until_forked;
    CHECK(!pthread_create(&forker, NULL, fork_while_other_grows, NULL), "pthread_create");
    CHECK_OK(pytramp_reserve(1));
    pthread_join(forker, NULL);
    use_up();
    say("fork while another thread grows: the child is not locked out");
}

/* ---- What a handler may not touch ---- */

/* Every slot once held a closure with a block for its error value; then a handler takes some. */
static void test_no_allocator(void) {
    static void *codes[BUILTIN_CLOSURES];
    static int number = 1;
    const long double error = 1;
    pytramp_closure_options options = {
        .size = sizeof options, .handler = handle_large, .userdata = &number, .error = &error};
    const pytramp_signature *signature = large_signature();
    install(SIGUSR1);
    CHECK_OK(pytramp_set_growth(0));
    for (int i = 0; i < BUILTIN_CLOSURES; i++)
        CHECK_OK(pytramp_closure_new_ex(&codes[i], signature, &options));
    for (int i = 0; i < BUILTIN_CLOSURES; i++)
        CHECK_OK(pytramp_closure_free(codes[i]));
    for (int i = 0; i < 100; i++)
        raise(SIGUSR1);
    CHECK(served == 100, "%d served", (int)served);
    CHECK(!allocator_calls, "malloc or free was called %d times in a handler",
          (int)allocator_calls);
    say("slots that had malloc'ed error values: taken in a handler without malloc or free");
}

static const struct test tests[] = {
    {"storm", test_storm},
    {"busy", test_busy},
    {"interrupted_try", test_interrupted_try},
    {"other_thread_waits", test_other_thread_waits},
    {"fork_within_growth", test_fork_within_growth},
    {"fork_beside_growth", test_fork_beside_growth},
    {"no_allocator", test_no_allocator},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
