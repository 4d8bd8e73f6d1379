/* GNU C's nested functions by -ftrampoline-impl=heap: examples/embedding/nested. Compiled with
 * -fexceptions, and without: what the unwinder does for them. */
#include "check.h"

#include <pthread.h>
#include <setjmp.h>

static size_t live(void) {
    pytramp_statistics all = {.size = sizeof all};
    CHECK_OK(pytramp_stats(&all));
    return all.live;
}

static int writable_code(void) {
    char line[512], rights[8];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps, "no /proc/self/maps");
    while (fgets(line, sizeof line, maps))
        found += sscanf(line, "%*s %7s", rights) == 1 && rights[1] == 'w' && rights[2] == 'x';
    fclose(maps);
    return found;
}

/* Calls it where the compiler cannot see which function it is. */
static int (*volatile identity)(int);

static int hidden(int (*function)(int), int argument) {
    identity = function;
    return identity(argument);
}

/* ---- Variables and arguments ---- */

struct pair {
    double x;
    long n;
};

static double all_kinds(double base) {
    double sum(int a, double b, struct pair p, long c, float d, long e, long f, long g, long h,
               ...) {
        va_list more;
        va_start(more, h);
        double last = va_arg(more, double);
        va_end(more);
        return base + a + b + p.x + (double)p.n + (double)c + d + (double)(e + f + g + h) + last;
    }
    double (*volatile pointer)(int, double, struct pair, long, float, long, long, long, long, ...) =
        sum;
    base++;
    return pointer(1, 2.5, (struct pair){3.5, 4}, 5, 6.5f, 7, 8, 9, 10, 11.5);
}

static void test_arguments(void) {
    CHECK(all_kinds(100) == 169, "%g", all_kinds(100));
    CHECK(live() == 0, "%zu live", live());
    say("arguments of all kinds, and a variable that changes");
}

/* ---- Many ---- */

enum { DEPTH = 12000, FUNCTIONS = 2 };

static size_t most;

static int recurse(int n, int (*outer)(int)) {
    int up(int i) {
        return i ? outer(i - 1) : n;
    }
    int twice(int i) {
        return 2 * n + i;
    }
    CHECK(hidden(up, n % 7) == n - n % 7 && hidden(twice, 1) == 2 * n + 1, "%d", n);
    if (n < DEPTH) return recurse(n + 1, up);
    most = live();
    return hidden(up, 7);
}

static int none(int i) {
    return i - 1;
}

static void test_recursion(void) {
    CHECK(recurse(0, none) == DEPTH - 7, "another call's variable");
    CHECK(most == FUNCTIONS * (DEPTH + 1), "%zu live", most);
    CHECK(live() == 0, "%zu live", live());
    say("%zu at the same time", most);
}

static void test_loop(void) {
    long total = 0;
    for (int i = 0; i < 50000; i++) {
        int add(int n) {
            total += n;
            return i;
        }
        CHECK(hidden(add, 2) == i, "%d", i);
    }
    CHECK(total == 100000, "%ld", total);
    say("50000 one after the other");
}

static void sort_by(int *numbers, size_t n, int modulus) {
    int calls = 0;
    int compare(const void *a, const void *b) {
        calls++;
        return *(const int *)a % modulus - *(const int *)b % modulus;
    }
    qsort(numbers, n, sizeof *numbers, compare);
    for (size_t i = 1; i < n; i++)
        CHECK(numbers[i - 1] % modulus <= numbers[i] % modulus, "not sorted");
    CHECK(calls >= (int)n - 1, "%d calls", calls);
}

static void test_sorting(void) {
    enum { N = 2000 };
    static int numbers[N];
    for (int modulus = 1; modulus < 50; modulus++) {
        for (int i = 0; i < N; i++)
            numbers[i] = i * 7919 % 10007;
        sort_by(numbers, N, modulus);
    }
    say("qsort");
}

static int *late_variable;
static int (*late)(int);

static void leave_late(int n) {
    int inner(int m) {
        return n + m;
    }
    late_variable = &n;
    late = inner;
    CHECK(hidden(inner, 1) == n + 1, "%d", n);
}

static void test_late(void) {
    leave_late(5);
    CHECK(hidden(late, 1) == 0, "it ran after its function");
    say("called when its function has ended: nothing runs");
}

/* ---- Other ways out ---- */

static jmp_buf target;

static int jump_at(int n) {
    int inner(int m) {
        if (n + m == 9) longjmp(target, 1);
        return n + m;
    }
    return n == 5 ? hidden(inner, 4) : hidden(inner, 0) + jump_at(n + 1);
}

static int leave_by_goto(int n) {
    __label__ out;
    int inner(int m) {
        if (m == n) goto out;
        return m;
    }
    hidden(inner, n);
    return 0;
out:
    return 1;
}

static void test_jumps(void) {
    for (volatile int i = 0; i < 3000; i++) {
        if (!setjmp(target)) jump_at(0);
        CHECK(leave_by_goto(i) == 1, "%d", i);
    }
    CHECK(live() <= 7, "%zu are left of 3000 jumps over six functions", live());
    say("longjmp: %zu are left of 18000", live());
}

/* How many of the five functions that pthread_exit leaves have not ended: musl's does not unwind,
 * and without -fexceptions there is nothing to do while others' does. */
#ifndef __GLIBC__
#  define LEFT (-1)
#elif defined(__EXCEPTIONS)
#  define LEFT 0
#else
#  define LEFT 5
#endif

static size_t live_after;

static void look(void *before) {
    live_after = live() - *(size_t *)before;
}

static int exit_thread(int n) {
    int inner(int m) {
        if (n == 4) pthread_exit(NULL);
        return n + m;
    }
    return n < 9 ? hidden(inner, 0) + exit_thread(n + 1) : 0;
}

static void *unwound(void *before) {
    pthread_cleanup_push(look, before);
    exit_thread(0);
    pthread_cleanup_pop(1);
    return NULL;
}

static void test_unwinding(void) {
    pthread_t thread;
    size_t before = live();
    live_after = 99;
    CHECK(!pthread_create(&thread, NULL, unwound, &before), "no thread");
    pthread_join(thread, NULL);
    if (LEFT >= 0) CHECK((int)live_after == LEFT, "%zu are left, not %d", live_after, LEFT);
    CHECK(live() == before, "%zu live", live());
    say("pthread_exit out of five: %zu are left, and none when the thread has ended", live_after);
}

static void *in_a_thread(void *unused) {
    (void)unused;
    for (int i = 0; i < 50; i++)
        CHECK(all_kinds(i) == 69 + i, "%d", i);
    for (int i = 0; i < 20; i++) {
        int numbers[] = {5, 3, 8, 1, 9, 2, i};
        sort_by(numbers, COUNT(numbers), i + 1);
    }
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    size_t before = live();
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT(threads); i++)
            CHECK(!pthread_create(&threads[i], NULL, in_a_thread, NULL), "no thread");
        for (size_t i = 0; i < COUNT(threads); i++)
            pthread_join(threads[i], NULL);
    }
    CHECK(live() == before, "%zu live", live());
    say("80 threads");
}

/* Not where stacks are, and those of new threads, too: MIPS'. */
static void check_code(int before) {
    int now = writable_code();
    if (!before) CHECK(!now, "%d mappings became writable and executable", now);
}

int main(void) {
    int before = writable_code();
    test_sorting();
    check_code(before);
    test_arguments();
    test_recursion();
    test_loop();
    test_late();
    test_unwinding();
    test_threads();
    test_jumps();
    check_code(before);
    CHECK_POOL();
    say(before ? "this CPU has executable stacks" : "nothing writable became executable");
    return 0;
}
