/* The C side of the soak: a table of callbacks, and threads that call what is in it.
 *
 * An address may be called after its callback was freed, until 1024 others were freed after it. So
 * who calls is counted at the place in the table, who frees asks for it here first (soak_spend),
 * and soak.holdings begins anew only when nobody can call what was freed before. */

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pytramp.h"

enum { PLACES = 64, VALUES = 6, MOST_THREADS = 16 };

/* The rows of soak.shapes.SHAPES, in this order. */
enum shape { INT, DOUBLE, MIXED, ARRAY, POINTER, POINT, BIG, PROCEDURE, VARIADIC, MANY, SHAPES };

/* What the callable does when is_special says so; soak.shapes has the same. */
enum manner { PLAIN, RAISES, RAISES_AND_ANSWERS };
enum { ANSWER = -9 };

struct point {
    double x, y;
};
struct big {
    long value[VALUES];
};

struct place {
    _Atomic(void *) code; /* NULL: no call may begin */
    _Atomic int users;    /* calls that are under way, or are looking at code */
    _Atomic int shape, manner, key, error;
    _Atomic int may_fail; /* set before the callback is freed or silenced, cleared at a pause */
};

static struct place table[PLACES];

/* ---- What is wrong ---- */

static _Atomic int wrong;
static char what_is_wrong[400];

__attribute__((format(printf, 1, 2))) static void report(const char *format, ...) {
    int none = 0;
    if (!atomic_compare_exchange_strong(&wrong, &none, 1)) return;
    va_list list;
    va_start(list, format);
    vsnprintf(what_is_wrong, sizeof what_is_wrong, format, list);
    va_end(list);
    atomic_store(&wrong, 2);
}

/* The first wrong answer; NULL as long as there is none. */
const char *soak_wrong(void) {
    return atomic_load(&wrong) == 2 ? what_is_wrong : NULL;
}

/* ---- Random numbers, of each thread ---- */

static _Thread_local uint64_t state = 1;
static uint64_t first_state;

void soak_seed_thread(unsigned number) {
    state = first_state + (number + 1) * 0x9e3779b97f4a7c15u;
}

static unsigned random_below(unsigned n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

void soak_seed(uint64_t seed) {
    first_state = seed;
}

/* ---- One call ---- */

/* What came back, in as many numbers as the result has; n is the first argument. */
struct outcome {
    int count;
    long got[VALUES], right[VALUES];
};

static void one(struct outcome *outcome, long got, long right) {
    outcome->got[outcome->count] = got;
    outcome->right[outcome->count++] = right;
}

static void call_pointer(void *code, int n, int key, struct outcome *outcome) {
    int at = n;
    int got = ((int (*)(int *))code)(&at);
    one(outcome, got, n + key);
    if (at != (got == n + key ? n + 1 : n)) one(outcome, at, got);
}

static void call_point(void *code, int n, int key, struct outcome *outcome) {
    struct point got = ((struct point (*)(struct point))code)((struct point){n, n + 1});
    one(outcome, (long)got.x, n + key);
    one(outcome, (long)got.y, n + 1 + key);
}

static void call_big(void *code, int n, int key, struct outcome *outcome) {
    struct big given;
    for (int i = 0; i < VALUES; i++)
        given.value[i] = n + i;
    struct big got = ((struct big (*)(const struct big *, int))code)(&given, n);
    for (int i = 0; i < VALUES; i++)
        one(outcome, got.value[i], n + i + key);
}

static void call_procedure(void *code, int n, int key, int error, struct outcome *outcome) {
    long out = error;
    ((void (*)(long *, int))code)(&out, n);
    one(outcome, out, n + key);
}

static void call_array(void *code, int n, int key, struct outcome *outcome) {
    const double x[4] = {n, n + 1, n + 2, n + 3};
    one(outcome, (long)((double (*)(const double *, int))code)(x, 4), 4L * n + 6 + key);
}

typedef long (*many)(long, long, long, long, long, long, long, long, long, long);

static void call_shape(const struct place *place, void *code, int n, struct outcome *outcome) {
    int key = atomic_load(&place->key);
    switch ((enum shape)atomic_load(&place->shape)) {
    case INT: one(outcome, ((int (*)(int))code)(n), n + key); break;
    case DOUBLE: one(outcome, (long)((double (*)(double))code)(n), n + key); break;
    case MIXED:
        one(outcome, ((long (*)(int, double, long, float))code)(n, n + 1, n + 2, (float)(n + 3)),
            4L * n + 6 + key);
        break;
    case ARRAY: call_array(code, n, key, outcome); break;
    case POINTER: call_pointer(code, n, key, outcome); break;
    case POINT: call_point(code, n, key, outcome); break;
    case BIG: call_big(code, n, key, outcome); break;
    case PROCEDURE: call_procedure(code, n, key, atomic_load(&place->error), outcome); break;
    case VARIADIC: one(outcome, ((int (*)(int, ...))code)(n, 1.5, (long)key), n + key); break;
    case MANY:
        one(outcome, ((many)code)(n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9),
            10L * n + 45 + key);
        break;
    case SHAPES: break;
    }
}

static int all_are(const struct outcome *outcome, long value) {
    for (int i = 0; i < outcome->count; i++) {
        if (outcome->got[i] != value) return 0;
    }
    return 1;
}

static int is_special(int n) {
    return n % 8 == 3;
}

/* May this have come back? The error value only if the callable raised, or may have been gone. */
static int is_allowed(const struct place *place, int n, const struct outcome *outcome) {
    int manner = is_special(n) ? atomic_load(&place->manner) : PLAIN;
    int right = !memcmp(outcome->got, outcome->right, (size_t)outcome->count * sizeof(long));
    if (manner == PLAIN && right) return 1;
    if (manner == RAISES_AND_ANSWERS && all_are(outcome, ANSWER)) return 1;
    if (!all_are(outcome, atomic_load(&place->error))) return 0;
    return manner == RAISES || atomic_load(&place->may_fail);
}

static int call(const struct place *place, void *code) {
    int n = (int)random_below(1000);
    struct outcome outcome = {0};
    call_shape(place, code, n, &outcome);
    if (is_allowed(place, n, &outcome)) return 1;
    report("shape %d, manner %d, key %d, may fail: %d; with n = %d the first of %d is %ld, not %ld",
           place->shape, place->manner, place->key, place->may_fail, n, outcome.count,
           outcome.got[0], outcome.right[0]);
    return 0;
}

/* ---- The table ---- */

/* Of the callback that a test has made, which nobody else knows: is its answer allowed? */
int soak_call_own(void *code, int shape, int manner, int key, int error, int may_fail) {
    struct place own = {.shape = shape, .manner = manner, .key = key};
    own.error = error;
    own.may_fail = may_fail;
    return call(&own, code);
}

void soak_publish(int at, void *code, int shape, int manner, int key, int error) {
    struct place *place = &table[at];
    atomic_store(&place->shape, shape);
    atomic_store(&place->manner, manner);
    atomic_store(&place->key, key);
    atomic_store(&place->error, error);
    atomic_store(&place->may_fail, 0);
    atomic_store(&place->code, code);
}

void soak_may_fail(int at) {
    atomic_store(&table[at].may_fail, 1);
}

void soak_may_not_fail(int at) {
    atomic_store(&table[at].may_fail, 0);
}

void soak_retire(int at) {
    atomic_store(&table[at].code, NULL);
}

int soak_users(int at) {
    return atomic_load(&table[at].users);
}

/* Calls what is there, if anything is. */
int soak_call(int at) {
    struct place *place = &table[at];
    atomic_fetch_add(&place->users, 1);
    void *code = atomic_load(&place->code);
    int called = code != NULL;
    if (called) call(place, code);
    atomic_fetch_sub(&place->users, 1);
    return called;
}

int soak_call_some(int calls) {
    int called = 0;
    for (int i = 0; i < calls; i++)
        called += soak_call((int)random_below(PLACES));
    return called;
}

/* ---- How many may be freed ---- */

enum { WINDOW = 400 };

static _Atomic int spent;
static _Atomic int knowing; /* threads that call addresses they have freed themselves */

int soak_spend(int frees) {
    if (atomic_fetch_add(&spent, frees) + frees <= WINDOW) return 1;
    atomic_fetch_sub(&spent, frees);
    return 0;
}

void soak_begin_to_know(void) {
    atomic_fetch_add(&knowing, 1);
}

void soak_end_to_know(void) {
    atomic_fetch_sub(&knowing, 1);
}

int soak_knowing(void) {
    return atomic_load(&knowing);
}

void soak_begin_anew(void) {
    atomic_store(&spent, 0);
}

/* ---- Closures of C, in the same pool, without a GIL ---- */

static const pytramp_signature *int_int, *big_int;
static _Atomic long late, made_in_c;

static void add(const pytramp_signature *signature, void *result, void *const *args,
                void *userdata) {
    (void)signature;
    *(int *)result = *(const int *)args[0] + *(const int *)userdata;
}

static void fill(const pytramp_signature *signature, void *result, void *const *args,
                 void *userdata) {
    (void)signature;
    for (int i = 0; i < VALUES; i++)
        ((struct big *)result)->value[i] = *(const int *)args[0] + *(const int *)userdata;
}

static void count_late(const void *code, const char *what) {
    (void)code, (void)what;
    atomic_fetch_add(&late, 1);
}

int soak_init(void) {
    static const pytramp_type *big;
    const pytramp_member values = {.type = &pytramp_type_long, .count = VALUES};
    const pytramp_type *args[] = {&pytramp_type_int};
    pytramp_set_late_call_hook(count_late);
    return pytramp_type_struct(&big, 1, &values, 0) ||
           pytramp_signature_new(&int_int, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 1, args) ||
           pytramp_signature_new(&big_int, PYTRAMP_ABI_DEFAULT, big, 1, args);
}

enum { AT_ONCE = 4 };

struct own {
    void *code;
    int key, is_big;
};

static int make_own(struct own *own) {
    static const struct big error = {{-7, -7, -7, -7, -7, -7}};
    static const int small_error = -7;
    own->key = (int)random_below(1000);
    own->is_big = (int)random_below(2);
    pytramp_closure_options options = {.size = sizeof options,
                                       .handler = own->is_big ? fill : add,
                                       .userdata = &own->key,
                                       .name = "soak",
                                       .error = own->is_big ? (const void *)&error : &small_error};
    pytramp_status status =
        pytramp_closure_new_ex(&own->code, own->is_big ? big_int : int_int, &options);
    if (status) report("pytramp_closure_new_ex: %s", pytramp_status_text(status));
    return !status;
}

static void check_own(const struct own *own, int is_freed) {
    long right = is_freed ? -7 : 5 + own->key, got;
    if (own->is_big)
        got = ((struct big (*)(int))own->code)(5).value[VALUES - 1];
    else
        got = ((int (*)(int))own->code)(5);
    if (got != right) report("a closure of C: %ld, not %ld", got, right);
}

static void free_own(struct own *own) {
    pytramp_status status = pytramp_closure_free(own->code);
    if (status) report("pytramp_closure_free: %s", pytramp_status_text(status));
}

/* A few, each called while it lives and when it is gone. */
static void make_some(void) {
    struct own own[AT_ONCE];
    int n = 0;
    while (n < AT_ONCE && make_own(&own[n]))
        n++;
    for (int i = 0; i < n; i++)
        check_own(&own[i], 0);
    for (int i = 0; i < n; i++) {
        free_own(&own[i]);
        check_own(&own[i], 1);
    }
    atomic_fetch_add(&made_in_c, n);
}

static void make_some_if_allowed(void) {
    soak_begin_to_know();
    if (soak_spend(AT_ONCE)) make_some();
    soak_end_to_know();
}

/* Many, without asking: for when nobody knows a freed address. */
void soak_flood(int rounds, int at_once) {
    struct own *own = calloc((size_t)at_once, sizeof *own);
    for (int i = 0; own && i < rounds; i++) {
        int n = 0;
        while (n < at_once && make_own(&own[n]))
            n++;
        for (int k = 0; k < n; k++) {
            check_own(&own[k], 0);
            free_own(&own[k]);
        }
        atomic_fetch_add(&made_in_c, n);
    }
    free(own);
}

long soak_made_in_c(void) {
    return atomic_load(&made_in_c);
}

/* ---- Threads that stay ---- */

static pthread_t threads[MOST_THREADS];
static int nthreads;
static _Atomic int pausing, stopping, resting;
static _Atomic long calls;

static const struct timespec moment = {0, 200000};

static void rest(void) {
    atomic_fetch_add(&resting, 1);
    while (atomic_load(&pausing))
        nanosleep(&moment, NULL);
    atomic_fetch_sub(&resting, 1);
}

static void *keep_calling(void *number) {
    soak_seed_thread((unsigned)(uintptr_t)number + 1);
    while (!atomic_load(&stopping)) {
        if (atomic_load(&pausing)) rest();
        atomic_fetch_add(&calls, soak_call_some(8));
        if (random_below(4) == 0) make_some_if_allowed();
        if (random_below(2) == 0) nanosleep(&moment, NULL); /* others need a CPU, too */
    }
    return NULL;
}

int soak_start(int n) {
    atomic_store(&stopping, 0);
    for (nthreads = 0; nthreads < n; nthreads++) {
        void *number = (void *)(uintptr_t)nthreads;
        if (pthread_create(&threads[nthreads], NULL, keep_calling, number)) return -1;
    }
    return 0;
}

/* Returns when none of them is inside a call. */
void soak_pause(void) {
    atomic_store(&pausing, 1);
    while (atomic_load(&resting) < nthreads)
        nanosleep(&moment, NULL);
}

void soak_resume(void) {
    atomic_store(&pausing, 0);
    while (atomic_load(&resting))
        nanosleep(&moment, NULL);
}

void soak_stop(void) {
    atomic_store(&stopping, 1);
    for (int i = 0; i < nthreads; i++)
        pthread_join(threads[i], NULL);
    nthreads = 0;
}

long soak_calls(void) {
    return atomic_load(&calls);
}

/* ---- Threads that come and go ---- */

static void *call_a_little(void *number) {
    soak_seed_thread((unsigned)(uintptr_t)number);
    atomic_fetch_add(&calls, soak_call_some(6));
    return NULL;
}

int soak_short_threads(int n, unsigned first) {
    pthread_t ids[MOST_THREADS];
    for (int i = 0; i < n; i++) {
        void *number = (void *)(uintptr_t)(first + (unsigned)i);
        if (pthread_create(&ids[i], NULL, call_a_little, number)) return -1;
    }
    for (int i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    return 0;
}

/* ---- Fork ---- */

/* In the child: the others are gone, and what they were calling is not called any more. */
void soak_forked(void) {
    nthreads = 0;
    atomic_store(&resting, 0);
    atomic_store(&pausing, 0);
    atomic_store(&knowing, 0);
    for (int i = 0; i < PLACES; i++)
        atomic_store(&table[i].users, 0);
}
