/* Closures as signal handlers, and a storm of signals on many threads at once, each of which is
 * interrupted wherever it allocates, frees and grows, by a handler that does the same.
 *
 * Linked with --wrap for malloc, calloc and free, to see whether a handler reaches the allocator.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "support.h"

LEAKS_IN_GROWN_RECORDS("__wrap_malloc")

/* ---- Wraps ---- */

static _Thread_local volatile sig_atomic_t in_handler;
static _Atomic int allocator_calls;

static void count_allocator(void) {
    if (in_handler) atomic_fetch_add(&allocator_calls, 1);
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) {
    count_allocator();
    return __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size) {
    count_allocator();
    return __real_calloc(n, size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block) {
    if (block) count_allocator();
    __real_free(block);
}

/* ---- A closure as a signal handler ---- */

typedef void (*handler_type)(int);
typedef void (*information_type)(int, siginfo_t *, void *);

struct seen {
    volatile sig_atomic_t calls, number, code;
    uintptr_t stack; /* an address on the stack that it ran on */
    void *self;      /* the closure's own address: the handler frees it */
};

static void note(const pytramp_signature *signature, void *result, void *const *args,
                 void *userdata) {
    (void)signature, (void)result;
    struct seen *seen = userdata;
    seen->calls++;
    seen->number = *(int *)args[0];
    seen->stack = (uintptr_t)&signature;
    if (seen->self) CHECK(!pytramp_closure_free(seen->self), "free of the handler in the handler");
}

static void note_information(const pytramp_signature *signature, void *result, void *const *args,
                             void *userdata) {
    note(signature, result, args, userdata);
    ((struct seen *)userdata)->code = (*(siginfo_t **)args[1])->si_code;
}

static const pytramp_signature *handler_signature(int with_information) {
    const pytramp_type *args[] = {&pytramp_type_int, &pytramp_type_pointer, &pytramp_type_pointer};
    const pytramp_signature *signature;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_void,
                                   with_information ? 3 : 1, args));
    return signature;
}

static void *new_handler(struct seen *seen, int with_information) {
    void *code;
    CHECK_OK(pytramp_closure_new(&code, handler_signature(with_information),
                                 with_information ? note_information : note, seen));
    return code;
}

static void install(int number, void *code) {
    struct sigaction action = {.sa_handler = (handler_type)(uintptr_t)code, .sa_flags = SA_RESTART};
    CHECK(!sigaction(number, &action, NULL), "%s", strerror(errno));
}

static void test_plain_handler(void) {
    struct seen first = {0}, second = {0};
    void *codes[2] = {new_handler(&first, 0), new_handler(&second, 0)};
    install(SIGUSR1, codes[0]);
    install(SIGUSR2, codes[1]);
    for (int i = 0; i < 1000; i++)
        raise(i % 2 ? SIGUSR1 : SIGUSR2);
    CHECK(first.calls == 500 && first.number == SIGUSR1, "%d calls", (int)first.calls);
    CHECK(second.calls == 500 && second.number == SIGUSR2, "%d calls", (int)second.calls);
    say("void (int) closures as handlers of two signals: each knows its data");
}

static void test_information_on_own_stack(void) {
    static unsigned char stack[64 * 1024];
    struct seen seen = {0};
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = (information_type)(uintptr_t)new_handler(&seen, 1);
    CHECK(!sigaltstack(&own, NULL), "%s", strerror(errno));
    CHECK(!sigaction(SIGUSR1, &action, NULL), "%s", strerror(errno));
    CHECK(!kill(getpid(), SIGUSR1), "%s", strerror(errno));
    CHECK(seen.calls == 1 && seen.number == SIGUSR1 && seen.code == SI_USER, "%d calls, code %d",
          (int)seen.calls, (int)seen.code);
    CHECK(seen.stack - (uintptr_t)stack < sizeof stack, "it ran on another stack");
    say("a handler with SA_SIGINFO and SA_ONSTACK: its three arguments, and the stack it asked "
        "for");
}

/* A signal that comes after its handler was freed, even by itself. */
static void test_late_signal(void) {
    struct seen seen = {0};
    pytramp_set_late_call_hook(count_report);
    seen.self = new_handler(&seen, 0);
    install(SIGUSR1, seen.self);
    errno = 4321;
    for (int i = 0; i < 10; i++)
        raise(SIGUSR1);
    CHECK(seen.calls == 1, "%d calls", (int)seen.calls);
    CHECK(late_reports == 1, "%d reports", late_reports);
    CHECK(errno == 4321, "errno became %d", errno);
    say("a handler that frees itself: later signals do nothing, the first is reported");
}

/* ---- A storm on all threads ---- */

#define WORKERS 4

static const pytramp_signature *simple, *large;
static _Atomic int served, busy, workers_left;

static void handle_large(const pytramp_signature *signature, void *result, void *const *args,
                         void *userdata) {
    (void)signature, (void)args;
    *(long double *)result = *(int *)userdata;
}

static int take_status(pytramp_status status, const char *what) {
    if (status == PYTRAMP_E_BUSY) {
        atomic_fetch_add(&busy, 1);
        return 0;
    }
    CHECK(!status, "%s in a handler: %s", what, pytramp_status_text(status));
    return 1;
}

/* What a handler may do with closures: their signature is known, their error value small. */
static void closure_in_handler(void) {
    void *code = NULL;
    int number = in_handler + 100, error = -number;
    pytramp_closure_options options = {.size = sizeof options,
                                       .handler = return_number,
                                       .userdata = (void *)(intptr_t)number,
                                       .error = &error};
    if (!take_status(pytramp_closure_new_ex(&code, simple, &options), "closure_new_ex")) return;
    CHECK(call_int(code) == number, "a call in a handler gives %d", call_int(code));
    CHECK(!pytramp_closure_free(code), "closure_free in a handler");
    atomic_fetch_add(&served, 1);
}

static void bare_in_handler(void) {
    void *code = NULL;
    int mark;
    if (!take_status(pytramp_alloc(&code), "alloc")) return;
    CHECK(!pytramp_init(code, (void (*)(void))return_chain, &mark), "init in a handler");
    CHECK(call_chain(code) == &mark, "a call in a handler");
    CHECK(pytramp_owns(code) && pytramp_data(code) == &mark, "owns and data in a handler");
    CHECK(!pytramp_free(code), "free in a handler");
    atomic_fetch_add(&served, 1);
}

/* A closure is the handler, too: signals nest, and each level has a slot of its own. */
static void storm_handler(const pytramp_signature *signature, void *result, void *const *args,
                          void *userdata) {
    (void)signature, (void)result, (void)args, (void)userdata;
    int saved = errno, depth = in_handler;
    in_handler = depth + 1;
    errno = 4321;
    for (int i = 0; i < 4; i++) {
        closure_in_handler();
        bare_in_handler();
    }
    CHECK(errno == 4321, "errno became %d in a handler", errno);
    in_handler = depth;
    errno = saved;
}

struct item {
    void *code;
    int kind; /* of 3: a bare trampoline, a closure with a small error value, one with a block */
};

static pytramp_status make(struct item *item) {
    static int number = 7;
    const long double error = -1;
    pytramp_closure_options options = {
        .size = sizeof options, .handler = handle_large, .userdata = &number, .error = &error};
    if (item->kind == 0) return pytramp_alloc(&item->code);
    if (item->kind == 1) return pytramp_closure_new(&item->code, simple, return_number, (void *)9);
    return pytramp_closure_new_ex(&item->code, large, &options);
}

static void use(const struct item *item) {
    if (item->kind == 1) CHECK(call_int(item->code) == 9, "a simple call");
    if (item->kind == 2)
        CHECK(((long double (*)(void))(uintptr_t)item->code)() == 7, "a call with long double");
}

static void drop(struct item *item) {
    use(item);
    CHECK_OK(item->kind ? pytramp_closure_free(item->code) : pytramp_free(item->code));
}

#define MOST 4000

static void *work(void *argument) {
    static struct item all[WORKERS][MOST];
    struct item *items = all[(uintptr_t)argument];
    uint64_t random = 15485863 + (uintptr_t)argument;
    int live = 0;
    for (int steps = 0; steps < 100000 || served < 60000; steps++) {
        uint64_t dice = next_random(&random);
        if (live == 0 || (live < MOST && dice % 100 < 53)) {
            items[live].kind = (int)((dice >> 8) % 3);
            CHECK_OK(make(&items[live]));
            use(&items[live++]);
        } else {
            struct item *item = &items[(dice >> 8) % (unsigned)live];
            drop(item);
            *item = items[--live];
        }
        if (steps % 10000 == 0) CHECK_OK(pytramp_reserve(stats().untouched + 1));
    }
    while (live)
        drop(&items[--live]);
    atomic_fetch_sub(&workers_left, 1);
    while (workers_left) /* the sender knows this thread */
        usleep(1000);
    return NULL;
}

static void block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGALRM);
    CHECK(!pthread_sigmask(SIG_BLOCK, &set, NULL), "pthread_sigmask");
}

/* Runs work in all threads, under a rain of signals. */
static void storm(void *(*work_of)(void *), void *handler) {
    pthread_t threads[WORKERS];
    struct itimerval timer = {{0, 170}, {0, 170}}, never = {{0, 0}, {0, 0}};
    install(SIGUSR1, handler);
    install(SIGALRM, handler);
    workers_left = WORKERS;
    for (uintptr_t i = 0; i < WORKERS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work_of, (void *)i), "pthread_create");
    block_signals();
    CHECK(!setitimer(ITIMER_REAL, &timer, NULL), "%s", strerror(errno));
    for (unsigned i = 0; workers_left; i++) {
        pthread_kill(threads[i % WORKERS], SIGUSR1);
        usleep(20);
    }
    CHECK(!setitimer(ITIMER_REAL, &never, NULL), "%s", strerror(errno));
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(!allocator_calls, "handlers called malloc or free %d times", allocator_calls);
}

static void test_storm_of_threads(void) {
    void *handler;
    simple = int_void();
    CHECK_OK(pytramp_signature_new(&large, PYTRAMP_ABI_DEFAULT, &pytramp_type_longdouble, 0, NULL));
    CHECK_OK(pytramp_closure_new(&handler, simple, return_number, NULL)); /* its plan is made now */
    CHECK_OK(pytramp_closure_free(handler));
    CHECK_OK(pytramp_closure_new(&handler, handler_signature(0), storm_handler, NULL));
    storm(work, handler);
    CHECK(stats().live == 1, "%zu live, not the handler alone", stats().live);
    say("storm on %d threads: %d trampolines made in handlers, %d found growth busy", WORKERS,
        served, busy);
}

/* ---- A storm on threads that do nothing but grow the pool, and so do their handlers ---- */

#define PAIRS 60

static void *kept[(PAIRS + 20) * UNIT_CLOSURES];
static _Atomic uint32_t nkept;

static pytramp_status keep_one(void) {
    void *code;
    pytramp_status status = pytramp_alloc(&code);
    if (status) return status;
    uint32_t n = atomic_fetch_add(&nkept, 1);
    CHECK(n < COUNT(kept), "no room for %u", n);
    kept[n] = code;
    CHECK(!pytramp_init(code, (void (*)(void))return_chain, &kept[n]), "init");
    return PYTRAMP_OK;
}

static void keep_in_handler(int number) {
    (void)number;
    int saved = errno;
    for (int i = 0; i < 16; i++) {
        if (take_status(keep_one(), "alloc")) atomic_fetch_add(&served, 1);
    }
    errno = saved;
}

static void *keep_many(void *unused) {
    (void)unused;
    while (nkept < PAIRS * UNIT_CLOSURES)
        CHECK_OK(keep_one());
    atomic_fetch_sub(&workers_left, 1);
    while (workers_left)
        usleep(1000);
    return NULL;
}

static void test_storm_of_growth(void) {
    storm(keep_many, (void *)(uintptr_t)keep_in_handler);
    for (uint32_t n = 0; n < nkept; n++)
        CHECK(call_chain(kept[n]) == &kept[n], "number %u", n);
    CHECK(stats().live == nkept, "%zu live, not %u", stats().live, nkept);
    say("storm on growth: %zu slots, %u handed out, %d of them in handlers, %d found it busy",
        stats().capacity, nkept, served, busy);
}

static const struct test tests[] = {
    {"plain_handler", test_plain_handler},
    {"information_on_own_stack", test_information_on_own_stack},
    {"late_signal", test_late_signal},
    {"storm_of_threads", test_storm_of_threads},
    {"storm_of_growth", test_storm_of_growth},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
