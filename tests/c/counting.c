/* Functions of all kinds behind a pointer that counts: examples/embedding/counting. */
#include "check.h"

#include <complex.h>
#include <pthread.h>

#include "counting.h"
#include "exhausted.h"

static struct counted counted;

static any_function start(any_function function) {
    any_function counting;
    CHECK_OK(counting_start(&counting, &counted, function));
    return counting;
}

#define START(function) ((__typeof__(&(function)))start((any_function)(function)))

static void stop(any_function counting, size_t calls) {
    CHECK(atomic_load(&counted.calls) == calls, "%zu calls, not %zu", atomic_load(&counted.calls),
          calls);
    CHECK_OK(counting_stop(counting, &counted));
    CHECK_STATUS(counting_stop(counting, &counted), PYTRAMP_E_FREED);
}

/* ---- Arguments and results ---- */

static long many(int a, double b, char c, float d, long e, double f, short g, float h, long long i,
                 double j, int k, double l, long m, double n, int o, double p, long q, double r) {
    return a + 2 * (long)b + 3 * c + 5 * (long)d + 7 * e + 11 * (long)f + 13 * g + 17 * (long)h +
           19 * (long)i + 23 * (long)j + 29 * k + 31 * (long)l + 37 * m + 41 * (long)n + 43 * o +
           47 * (long)p + 53 * q + 59 * (long)r;
}

static void test_many(void) {
    __typeof__(&many) counting = START(many);
    long expected = many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
    for (int i = 0; i < 3; i++)
        CHECK(counting(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18) == expected,
              "an argument of eighteen was changed");
    stop((any_function)counting, 3);
    CHECK(counting(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18) == expected,
          "a stopped one does not go on to the function");
    CHECK(counted.calls == 3, "a stopped one counts");
    say("registers and stack");
}

struct small {
    double x;
    int n;
};

struct large {
    struct small parts[3];
    char name[40];
};

static struct small halved(struct small s) {
    return (struct small){s.x / 2, s.n / 2};
}

static struct large renamed(struct large l, const char *name) {
    l.parts[1].n++;
    snprintf(l.name, sizeof l.name, "%s", name);
    return l;
}

static void test_structs(void) {
    __typeof__(&halved) counting_small = START(halved);
    struct small half = counting_small((struct small){3, 8});
    CHECK(half.x == 1.5 && half.n == 4, "%g %d", half.x, half.n);
    stop((any_function)counting_small, 1);
    __typeof__(&renamed) counting_large = START(renamed);
    struct large l = counting_large((struct large){{{1, 2}, {3, 4}, {5, 6}}, "old"}, "new");
    CHECK(l.parts[2].x == 5 && l.parts[1].n == 5 && !strcmp(l.name, "new"), "%s", l.name);
    stop((any_function)counting_large, 1);
    say("structs by value, in registers and by a hidden pointer");
}

static long double longer(long double a, int b, long double c) {
    return a * b - c;
}

static double complex turned(double complex z) {
    return z * I;
}

static void test_floats(void) {
    __typeof__(&longer) counting_long = START(longer);
    CHECK(counting_long(1.25L, 4, 0.5L) == 4.5L, "a long double was changed");
    stop((any_function)counting_long, 1);
    __typeof__(&turned) counting_complex = START(turned);
    double complex z = counting_complex(2 + 3 * I);
    CHECK(creal(z) == -3 && cimag(z) == 2, "%g %g", creal(z), cimag(z));
    stop((any_function)counting_complex, 1);
    say("long double and complex");
}

static void test_variadic(void) {
    char text[100];
    __typeof__(&snprintf) counting = START(snprintf);
    for (int i = 0; i < 2; i++) {
        int n = counting(text, sizeof text, "%d %s %.2f %ld %.1f %c %d %d %.3f %Lg", 1, "two", 3.25,
                         4L, 5.5, '6', 7, 8, 9.125, 10.5L);
        CHECK(n == (int)strlen(text), "%d", n);
        CHECK(!strcmp(text, "1 two 3.25 4 5.5 6 7 8 9.125 10.5"), "%s", text);
    }
    stop((any_function)counting, 2);
    say("variable arguments");
}

/* ---- Threads ---- */

enum { THREADS = 4, CALLS = 20000 };

static double add(double a, int b, double c) {
    return a + b + c;
}

static void *call(void *function) {
    __typeof__(&add) counting = *(__typeof__(&add) *)function;
    for (int i = 0; i < CALLS; i++)
        CHECK(counting(i, 1, 0.5) == i + 1.5, "call %d", i);
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    __typeof__(&add) counting = START(add);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, call, &counting), "no thread");
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    stop((any_function)counting, (size_t)THREADS * CALLS);
    say("%d calls by %d threads, none lost", THREADS * CALLS, THREADS);
}

/* ---- Tables ---- */

static struct table {
    void *(*allocate)(size_t size);
    void (*nothing)(void);
    void (*release)(void *block);
    int (*compare)(const void *a, const void *b, size_t n);
    int (*write)(char *text, size_t size, const char *format, ...);
} table = {malloc, NULL, free, memcmp, snprintf};

enum { ENTRIES = sizeof table / sizeof(any_function) };

static void test_table(void) {
    static struct counted counts[ENTRIES];
    const struct table before = table;
    CHECK_OK(counting_start_table(&table, counts, ENTRIES));
    CHECK(table.allocate != before.allocate && !table.nothing, "not replaced");
    for (int i = 0; i < 5; i++) {
        char *block = table.allocate(10);
        CHECK(block && table.write(block, 10, "%d", i + 100) == 3, "it wrote something else");
        CHECK(!table.compare(block, "10", 2), "'%s'", block);
        table.release(block);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        CHECK(counts[i].calls == (i == 1 ? 0 : 5), "%zu calls of %zu", counts[i].calls, i);
    counting_stop_table(&table, counts, ENTRIES);
    CHECK(!memcmp(&table, &before, sizeof table), "not what it was");
    say("a struct of the C library's functions");
}

/* ---- Failures ---- */

static void test_failures(void) {
    any_function counting = NULL;
    static struct counted counts[ENTRIES];
    const struct table before = table;
    CHECK_STATUS(counting_start(NULL, &counted, (any_function)add), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_start(&counting, NULL, (any_function)add), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_start(&counting, &counted, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_start_table(NULL, counts, ENTRIES), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_stop(NULL, &counted), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_stop((any_function)add, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(counting_stop((any_function)add, &counted), PYTRAMP_E_NOT_OURS);
    exhaust_but(2);
    CHECK_STATUS(counting_start_table(&table, counts, ENTRIES), PYTRAMP_E_NO_CODE);
    CHECK(!memcmp(&table, &before, sizeof table), "half a table");
    exhaust_but(0);
    CHECK_STATUS(counting_start(&counting, &counted, (any_function)add), PYTRAMP_E_NO_CODE);
    CHECK(!counting, "set by a failure");
    recover();
    say("failures leave everything as it was");
}

int main(void) {
    test_many();
    test_structs();
    test_floats();
    test_variadic();
    test_threads();
    test_table();
    test_failures();
    CHECK_POOL();
    return 0;
}
