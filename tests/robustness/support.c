/* The C side of the situations: who calls, from where, and when. */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int (*function)(int);
struct point {
    double x, y;
};
struct __attribute__((packed)) packed {
    char tag;
    double x;
};

/* One line of outcome in one write: nothing is needed that libc may have torn down. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    char text[200];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text - 1, format, list);
    va_end(list);
    text[n++] = '\n';
    if (write(1, text, n) != n) _exit(3);
}

/* ---- Simple calls ---- */

/* Leaves a stack as other work leaves it: what is uninitialised is then not zero by luck. */
__attribute__((noinline)) void dirty_stack(void) {
    volatile char used[16384];
    for (size_t i = 0; i < sizeof used; i++)
        used[i] = 0x41;
}

int call_int(function f, int n) {
    dirty_stack();
    return f(n);
}

double call_double(double (*f)(double), double x) {
    dirty_stack();
    return f(x);
}

void call_point(struct point (*f)(struct point), struct point *p) {
    dirty_stack();
    *p = f(*p);
}

double call_packed(double (*f)(struct packed), char tag, double x) {
    struct packed value = {tag, x};
    return f(value);
}

int *call_pointer(int *(*f)(int), int n) {
    return f(n);
}

/* With the GIL: the object is Python's. */
void *call_object(void *(*f)(int), int n) {
    dirty_stack();
    return f(n);
}

int call_variadic(int (*f)(int, ...), int n) {
    return f(n, 1.5, n, 40L);
}

int call_errno(function f, int before) {
    errno = before;
    f(1);
    return errno;
}

/* A loop that has no idea of exceptions. */
int call_loop(function f, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += f(i);
    return sum;
}

/* The array is C's, and gone after the call; large enough for malloc to give it back at once. */
int call_array(int (*f)(unsigned, double *), unsigned n) {
    double *x = malloc(n * sizeof *x);
    if (!x) return -1;
    for (unsigned i = 0; i < n; i++)
        x[i] = i;
    int result = f(n, x);
    free(x);
    return result;
}

/* ---- Called with an object of Python's that goes ---- */

static function current;
static int got;

void set_current(function f) {
    current = f;
    got = 0;
}

/* A PyCapsule_Destructor: the GIL is held. */
void call_current(void *unused) {
    (void)unused;
    dirty_stack();
    got = current(1);
}

int current_result(void) {
    return got;
}

/* ---- Threads ---- */

struct job {
    function f;
    int calls, sum;
};

static void *do_job(void *p) {
    struct job *job = p;
    for (int i = 0; i < job->calls; i++)
        job->sum += job->f(i);
    return 0;
}

/* So many threads one after another, with so many calls each; the sum of the results. */
int in_turn(function f, int threads, int calls) {
    struct job job = {f, calls, 0};
    for (int i = 0; i < threads; i++) {
        pthread_t id;
        if (pthread_create(&id, 0, do_job, &job)) return -1;
        pthread_join(id, 0);
    }
    return job.sum;
}

enum { CALLERS = 16 };
static pthread_t callers[CALLERS];
static int caller_count, allowed;
static atomic_int is_stopping, wrong, calls;
static function called;

/* f(1) must be 2 or the error value. */
static void *call_for_ever(void *unused) {
    (void)unused;
    while (!is_stopping) {
        int result = called(1);
        calls++;
        if (result != 2 && result != allowed) {
            wrong++;
            say("wrong answer: a thread got %d", result);
            is_stopping = 1;
        }
    }
    return 0;
}

int callers_start(function f, int threads, int error) {
    called = f;
    allowed = error;
    is_stopping = wrong = calls = 0;
    for (caller_count = 0; caller_count < threads; caller_count++)
        if (pthread_create(&callers[caller_count], 0, call_for_ever, 0)) return -1;
    return 0;
}

int callers_calls(void) {
    return calls;
}

int callers_stop(void) {
    is_stopping = 1;
    for (int i = 0; i < caller_count; i++)
        pthread_join(callers[i], 0);
    return wrong;
}

/* ---- A thread that waits for work, and knows when it was ended inside a call ---- */

static pthread_t worker;
static sem_t asked, answered;
static function work;
static int argument, answer;

static void was_ended(void *unused) {
    (void)unused;
    say("lost: Python ended the thread inside the call");
    sem_post(&answered);
}

static void *do_work(void *unused) {
    (void)unused;
    for (;;) {
        sem_wait(&asked);
        if (!work) return 0;
        pthread_cleanup_push(was_ended, 0);
        answer = work(argument);
        pthread_cleanup_pop(0);
        sem_post(&answered);
    }
}

int worker_start(void) {
    static int is_running;
    if (is_running++) return 0;
    sem_init(&asked, 0, 0);
    sem_init(&answered, 0, 0);
    return pthread_create(&worker, 0, do_work, 0);
}

/* False when the worker does not come back. */
static int worker_try(function f, int n, int *result) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    answer = allowed;
    work = f;
    argument = n;
    sem_post(&asked);
    while (sem_timedwait(&answered, &until)) {
        if (errno != EINTR) return 0;
    }
    *result = answer;
    return 1;
}

int worker_call(function f, int n) {
    int result = -1;
    worker_try(f, n, &result);
    return result;
}

/* ---- After Python ---- */

enum when { AT_EXIT, IN_THREAD, IN_WORKER, IN_DESTRUCTOR, NO_CALL };
static function last;
static int last_error;
static enum when when;

static void check(const char *where, int result) {
    if (result == last_error)
        say("right");
    else
        say("wrong answer: %s got %d", where, result);
}

static void *check_in_thread(void *unused) {
    (void)unused;
    check("a new thread", last(1));
    return 0;
}

static void at_the_end(void) {
    if (when == AT_EXIT) {
        check("atexit", last(1));
        check("atexit", last(1));
    } else if (when == IN_THREAD) {
        pthread_t id;
        pthread_create(&id, 0, check_in_thread, 0);
        pthread_join(id, 0);
    } else if (when == IN_WORKER) {
        int result = 0;
        if (worker_try(last, 1, &result))
            check("the thread", result);
        else
            say("hang: the thread does not come back");
    } else if (when == NO_CALL) {
        if (!wrong) say("right");
    }
}

__attribute__((destructor)) static void unloaded(void) {
    if (last && when == IN_DESTRUCTOR) check("the destructor", last(1));
}

void at_exit(function f, int error, int how) {
    last = f;
    last_error = error;
    when = how;
    atexit(at_the_end);
}
