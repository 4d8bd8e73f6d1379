/* Callbacks without a context that have one: examples/embedding/bound. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "bound.h"
#include "exhausted.h"

static size_t live(void) {
    pytramp_statistics all = {.size = sizeof all};
    CHECK_OK(pytramp_stats(&all));
    return all.live;
}

static atomic_int destroyed;

static void destroy(void *context) {
    CHECK(context, "no context");
    atomic_fetch_add(&destroyed, 1);
}

/* ---- Comparisons ---- */

struct order {
    long modulus;
    int sign;
    atomic_long calls;
};

static int by_order(const void *a, const void *b, void *context) {
    struct order *order = context;
    long x = *(const long *)a % order->modulus, y = *(const long *)b % order->modulus;
    atomic_fetch_add_explicit(&order->calls, 1, memory_order_relaxed);
    return order->sign * ((x > y) - (x < y));
}

enum { N = 300 };

static void sort_and_check(comparison bound, const struct order *order, long seed) {
    long numbers[N];
    for (long i = 0; i < N; i++)
        numbers[i] = (i + seed) * 7919 % 10007;
    qsort(numbers, N, sizeof *numbers, bound);
    for (int i = 1; i < N; i++) {
        long x = numbers[i - 1] % order->modulus, y = numbers[i] % order->modulus;
        CHECK(order->sign * (x - y) <= 0, "%ld before %ld modulo %ld", x, y, order->modulus);
    }
}

static void test_comparisons(void) {
    struct order orders[3] = {{10, 1, 0}, {7, -1, 0}, {1000, 1, 0}};
    comparison bound[3];
    destroyed = 0;
    for (int i = 0; i < 3; i++)
        CHECK_OK(bind_comparison(&bound[i], by_order, &orders[i], i ? destroy : NULL));
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 3; i++)
            sort_and_check(bound[i], &orders[i], round);
    long wanted = 507, sorted[] = {3, 104, 205, 507, 808};
    CHECK(bsearch(&wanted, sorted, 5, sizeof *sorted, bound[2]) == &sorted[3], "not found");
    for (int i = 0; i < 3; i++) {
        CHECK(orders[i].calls >= 10L * (N - 1), "%ld calls", (long)orders[i].calls);
        CHECK_OK(unbind_comparison(bound[i]));
        CHECK(destroyed == i, "%d destroyed, not %d", destroyed, i);
        CHECK_STATUS(unbind_comparison(bound[i]), PYTRAMP_E_FREED);
    }
    say("qsort and bsearch with three contexts");
}

struct unbinding {
    comparison bound;
    int calls;
};

/* Unbinds itself in the middle: the call goes on with its context, later ones find all equal. */
static int unbind_within(const void *a, const void *b, void *context) {
    struct unbinding *own = context;
    if (++own->calls == 5) CHECK_OK(unbind_comparison(own->bound));
    CHECK(!destroyed, "destroyed within a call");
    return *(const int *)a - *(const int *)b;
}

static void ignore(const void *code, const char *what) {
    (void)code;
    CHECK(strstr(what, "bound function"), "%s", what);
}

static void test_unbound_within(void) {
    struct unbinding own = {NULL, 0};
    int numbers[20];
    destroyed = 0;
    pytramp_set_late_call_hook(ignore);
    CHECK_OK(bind_comparison(&own.bound, unbind_within, &own, destroy));
    for (int i = 0; i < 20; i++)
        numbers[i] = 20 - i;
    qsort(numbers, 20, sizeof *numbers, own.bound);
    CHECK(own.calls == 5 && destroyed == 1, "%d calls, %d destroyed", own.calls, destroyed);
    pytramp_set_late_call_hook(NULL);
    say("unbound within a sort: destroyed after the call, the sort ends");
}

static void *sort_in_thread(void *seed) {
    for (long i = 0; i < 30; i++) {
        struct order *order = malloc(sizeof *order);
        comparison bound;
        CHECK(order, "no memory");
        *order = (struct order){i + (long)(intptr_t)seed + 1, i % 2 ? 1 : -1, 0};
        CHECK_OK(bind_comparison(&bound, by_order, order, free));
        sort_and_check(bound, order, i);
        CHECK_OK(unbind_comparison(bound));
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        CHECK(!pthread_create(&threads[i], NULL, sort_in_thread, (void *)(i * 50)), "no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(live() == 0, "%zu live", live());
    say("four threads, each with contexts of its own");
}

/* ---- Signals ---- */

struct counter {
    volatile sig_atomic_t calls, number;
};

static void count(int number, void *context) {
    struct counter *counter = context;
    counter->calls++;
    counter->number = number;
}

static void test_signals(void) {
    static struct counter first, second;
    static const struct signal_binding one = {count, &first}, two = {count, &second};
    signal_handler handlers[2];
    CHECK_OK(bind_signal(&handlers[0], &one));
    CHECK_OK(bind_signal(&handlers[1], &two));
    signal(SIGUSR1, handlers[0]);
    signal(SIGUSR2, handlers[1]);
    for (int i = 0; i < 3; i++)
        CHECK(!raise(SIGUSR1), "raise");
    CHECK(!raise(SIGUSR2), "raise");
    CHECK(first.calls == 3 && first.number == SIGUSR1, "%d", (int)first.calls);
    CHECK(second.calls == 1 && second.number == SIGUSR2, "%d", (int)second.calls);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    for (int i = 0; i < 2; i++)
        CHECK_OK(unbind_signal(handlers[i]));
    CHECK_STATUS(unbind_signal(handlers[0]), PYTRAMP_E_FREED);
    say("two signals, one function, two contexts");
}

/* Wherever they are. */
static void test_interrupted(void) {
    static struct counter ticks;
    static const struct signal_binding binding = {count, &ticks};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_flags = SA_RESTART};
    signal_handler handler;
    CHECK_OK(bind_signal(&handler, &binding));
    action.sa_handler = handler;
    CHECK(!sigaction(SIGALRM, &action, NULL), "sigaction");
    CHECK(!setitimer(ITIMER_REAL, &often, NULL), "setitimer");
    for (int i = 0; ticks.calls < 50 || i < 5; i++)
        sort_in_thread(NULL);
    CHECK(!setitimer(ITIMER_REAL, &never, NULL), "setitimer");
    signal(SIGALRM, SIG_DFL);
    CHECK_OK(unbind_signal(handler));
    say("a handler that interrupts binding, sorts and unbinding");
}

/* ---- The end of a program: a child's. Before there are threads, for it forks. ---- */

static int report[2];

static void leave(void *text) {
    CHECK(write(report[1], text, strlen(text)) > 0, "write");
}

static void last_word(void *text) {
    leave(text);
    leave("! ");
}

static int refused;

int __real_atexit(void (*function)(void));
int __wrap_atexit(void (*function)(void));

int __wrap_atexit(void (*function)(void)) {
    return refused ? -1 : __real_atexit(function);
}

static void exit_with_contexts(void) {
    static char first[] = "first", second[] = "second", third[] = "third";
    CHECK_OK(at_exit_with(leave, first, NULL));
    refused = 1;
    CHECK_STATUS(at_exit_with(leave, third, last_word), PYTRAMP_E_NO_MEMORY);
    refused = 0;
    CHECK_OK(at_exit_with(leave, second, last_word));
    exit(0);
}

static void test_exit(void) {
    char text[100];
    int status;
    CHECK(!pipe(report), "no pipe");
    pid_t child = fork();
    CHECK(child >= 0, "no child");
    if (child == 0) exit_with_contexts();
    close(report[1]);
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %d", status);
    ssize_t n = read(report[0], text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    close(report[0]);
    CHECK(!strcmp(text, "secondsecond! first"), "'%s'", text);
    say("the last one first, and then what destroys its context");
}

/* ---- Failures ---- */

static atomic_int no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    return atomic_load(&no_memory) ? NULL : __real_malloc(size);
}

static void all_give(pytramp_status expected) {
    static const struct signal_binding binding = {count, &destroyed};
    comparison bound = NULL;
    signal_handler handler = NULL;
    size_t before = live();
    CHECK_STATUS(bind_comparison(&bound, by_order, &destroyed, destroy), expected);
    CHECK_STATUS(at_exit_with(leave, &destroyed, destroy), expected);
    if (expected != PYTRAMP_E_NO_MEMORY) /* which it does not need */
        CHECK_STATUS(bind_signal(&handler, &binding), expected);
    CHECK(!bound && !handler && !destroyed && live() == before, "a failure that left something");
}

static void test_failures(void) {
    static const struct signal_binding nothing = {NULL, &destroyed};
    comparison bound;
    signal_handler handler;
    destroyed = 0;
    CHECK_STATUS(bind_comparison(NULL, by_order, NULL, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(bind_comparison(&bound, NULL, NULL, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(bind_signal(NULL, &nothing), PYTRAMP_E_NULL);
    CHECK_STATUS(bind_signal(&handler, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(bind_signal(&handler, &nothing), PYTRAMP_E_NULL);
    CHECK_STATUS(at_exit_with(NULL, NULL, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(unbind_comparison(NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(unbind_signal(SIG_IGN), PYTRAMP_E_NOT_OURS);
    atomic_store(&no_memory, 1);
    all_give(PYTRAMP_E_NO_MEMORY);
    atomic_store(&no_memory, 0);
    exhaust_but(0);
    all_give(PYTRAMP_E_NO_CODE);
    recover();
    say("failures leave nothing and destroy nothing");
}

int main(void) {
    test_exit();
    test_comparisons();
    test_unbound_within();
    test_signals();
    test_interrupted();
    test_failures();
    test_threads();
    CHECK_POOL();
    return 0;
}
