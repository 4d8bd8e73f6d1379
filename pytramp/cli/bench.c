/* The C callers that the benchmarks measure with. Each calls a function pointer many times and returns
 * nanoseconds per call, or -1 where the results were wrong. Loaded by ctypes: as PyDLL the caller
 * keeps the GIL, as CDLL it gave it up. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define MAX_THREADS 16

typedef int (*int_function)(int, int);          /* returns its first argument */
typedef double (*double_function)(double);      /* returns its argument */
typedef double (*array_function)(unsigned n, const double *x); /* returns 1 */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What a loop measured, if the results add up to what they must. */
static double judge(double start, double end, long calls, double sum, double wanted) {
    return sum == wanted ? (end - start) / (double)calls : -1;
}

/* Of i & 127 for each call: a sum of full turns from 0 to 127, and one that was begun. */
static double argument_sum(long calls) {
    long rest = calls % 128;
    return (double)(calls / 128 * (127 * 128 / 2) + rest * (rest - 1) / 2);
}

double bench_int(int_function f, long calls) {
    long sum = 0;
    double start = now();
    for (long i = 0; i < calls; i++)
        sum += f((int)(i & 127), 3);
    return judge(start, now(), calls, (double)sum, argument_sum(calls));
}

double bench_double(double_function f, long calls) {
    double sum = 0;
    double start = now();
    for (long i = 0; i < calls; i++)
        sum += f((double)(i & 127));
    return judge(start, now(), calls, sum, argument_sum(calls));
}

double bench_array(array_function f, long calls) {
    static const double x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    double sum = 0;
    double start = now();
    for (long i = 0; i < calls; i++)
        sum += f(8, x);
    return judge(start, now(), calls, sum, (double)calls);
}

/* ---- Threads that Python did not make ---- */

struct job {
    void *f;
    int is_double; /* else an int_function */
    long calls;
    atomic_int *waiting; /* all start together */
    double ns;
    pthread_t thread;
};

static void *work(void *argument) {
    struct job *job = argument;
    atomic_fetch_sub(job->waiting, 1);
    while (atomic_load(job->waiting) > 0)
        sched_yield();
    job->ns = job->is_double ? bench_double((double_function)job->f, job->calls)
                             : bench_int((int_function)job->f, job->calls);
    return NULL;
}

/* The mean over the threads, each of which makes so many calls; -1 also where one cannot be made. */
double bench_threads(void *f, int is_double, long calls, int threads) {
    struct job jobs[MAX_THREADS];
    atomic_int waiting = threads;
    int made = 0, wrong = 0;
    double sum = 0;
    while (made < threads && made < MAX_THREADS) {
        jobs[made] = (struct job){f, is_double, calls, .waiting = &waiting};
        if (pthread_create(&jobs[made].thread, NULL, work, &jobs[made])) break;
        made++;
    }
    if (made < threads) atomic_store(&waiting, 0);
    for (int i = 0; i < made; i++) {
        pthread_join(jobs[i].thread, NULL);
        wrong |= jobs[i].ns < 0;
        sum += jobs[i].ns;
    }
    return made < threads || wrong ? -1 : sum / made;
}

/* ---- Short threads ---- */

struct errand {
    int_function f;
    int argument, result;
};

static void *run_errand(void *argument) {
    struct errand *errand = argument;
    errand->result = errand->f(errand->argument, 3);
    return NULL;
}

/* Threads that call once and end, one after the other: nanoseconds for each, its making included. */
double bench_short_threads(int_function f, int threads) {
    double start = now();
    for (int i = 0; i < threads; i++) {
        struct errand errand = {f, i, -1};
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_errand, &errand)) return -1;
        pthread_join(thread, NULL);
        if (errand.result != i) return -1;
    }
    return (now() - start) / threads;
}
