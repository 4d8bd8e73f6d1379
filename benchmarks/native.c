/* The C rows: pytramp, libffi, libffcall and dyncall, without Python.
 *
 *     native calls | bare | allocate | free | threads     rounds of figures
 *     native live COUNT                                    closures made and kept
 *     native maps COUNT                                    executable mappings for so many closures
 *
 * Each line of output is a contestant and its figure; a contestant has one line per round. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pytramp.h"
#ifdef HAVE_FFI
#  include <ffi.h>
#endif
#ifdef HAVE_FFCALL
#  include <callback.h>
#  include <trampoline.h>
#endif
#ifdef HAVE_DYNCALL
#  include <dyncall_callback.h>
#endif

typedef int (*int_function)(int, int);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void require(int truth, const char *what) {
    if (truth) return;
    fprintf(stderr, "native: %s\n", what);
    exit(1);
}

/* ---- Contestants: make a function that returns a + b, or free one ---- */

struct contestant {
    const char *name;
    void *(*make)(void);
    void (*drop)(void *code);
};

__attribute__((noinline)) static int add(int a, int b) {
    return a + b;
}

static void *make_direct(void) {
    return (void *)add;
}

static void drop_direct(void *code) {
    (void)code;
}

static const pytramp_signature *signature;

static void handle(const pytramp_signature *s, void *result, void *const *args, void *userdata) {
    (void)s, (void)userdata;
    *(int *)result = *(int *)args[0] + *(int *)args[1];
}

static void *make_closure(void) {
    void *code;
    require(!pytramp_closure_new(&code, signature, handle, &signature), "pytramp_closure_new");
    return code;
}

static void drop_closure(void *code) {
    pytramp_closure_free(code);
}

static void *make_bare(void) {
    void *code;
    require(!pytramp_alloc(&code), "pytramp_alloc");
    require(!pytramp_init(code, (void (*)(void))add, &signature), "pytramp_init");
    return code;
}

static void drop_bare(void *code) {
    pytramp_free(code);
}

#ifdef HAVE_FFI
static ffi_cif cif;
static ffi_type *ffi_arguments[] = {&ffi_type_sint, &ffi_type_sint};

static void handle_ffi(ffi_cif *c, void *result, void **args, void *userdata) {
    (void)c, (void)userdata;
    *(ffi_arg *)result = (ffi_arg)(*(int *)args[0] + *(int *)args[1]);
}

/* The code address does not lead back to the closure, which has to be kept: here, in a table. */
struct ffi_made {
    void *code;
    ffi_closure *closure;
};

static struct ffi_made *ffi_table;
static size_t ffi_made_count;

static void *make_ffi(void) {
    struct ffi_made *made = &ffi_table[ffi_made_count++];
    made->closure = ffi_closure_alloc(sizeof(ffi_closure), &made->code);
    require(made->closure != NULL, "ffi_closure_alloc");
    require(ffi_prep_closure_loc(made->closure, &cif, handle_ffi, NULL, made->code) == FFI_OK,
            "ffi_prep_closure_loc");
    return made->code;
}

/* Freed in the order in which they were made, from the start of the table. */
static size_t ffi_freed_count;

static void drop_ffi(void *code) {
    require(ffi_table[ffi_freed_count].code == code, "freed out of order");
    ffi_closure_free(ffi_table[ffi_freed_count++].closure);
    if (ffi_freed_count == ffi_made_count) ffi_made_count = ffi_freed_count = 0;
}
#endif

#ifdef HAVE_FFCALL
static void handle_ffcall(void *userdata, va_alist list) {
    (void)userdata;
    va_start_int(list);
    int a = va_arg_int(list);
    int b = va_arg_int(list);
    va_return_int(list, a + b);
}

static void *make_callback(void) {
    return (void *)alloc_callback(handle_ffcall, NULL);
}

static void drop_callback(void *code) {
    free_callback((callback_t)code);
}

static void *where_data_goes;

static void *make_trampoline(void) {
    return (void *)alloc_trampoline((trampoline_function_t)add, &where_data_goes, &signature);
}

static void drop_trampoline(void *code) {
    free_trampoline((trampoline_function_t)code);
}
#endif

#ifdef HAVE_DYNCALL
static char handle_dyncall(DCCallback *c, DCArgs *args, DCValue *result, void *userdata) {
    (void)c, (void)userdata;
    int a = dcbArgInt(args);
    int b = dcbArgInt(args);
    result->i = a + b;
    return 'i';
}

static void *make_dyncall(void) {
    DCCallback *made = dcbNewCallback("ii)i", handle_dyncall, NULL);
    require(made != NULL, "dcbNewCallback");
    return made;
}

static void drop_dyncall(void *code) {
    dcbFreeCallback(code);
}
#endif

static const struct contestant closures[] = {
    {"pytramp", make_closure, drop_closure},
#ifdef HAVE_FFI
    {"libffi", make_ffi, drop_ffi},
#endif
#ifdef HAVE_FFCALL
    {"libffcall", make_callback, drop_callback},
#endif
#ifdef HAVE_DYNCALL
    {"dyncall", make_dyncall, drop_dyncall},
#endif
    {"direct", make_direct, drop_direct},
    {NULL, NULL, NULL},
};

static const struct contestant trampolines[] = {
    {"pytramp", make_bare, drop_bare},
#ifdef HAVE_FFCALL
    {"libffcall", make_trampoline, drop_trampoline},
#endif
    {"direct", make_direct, drop_direct},
    {NULL, NULL, NULL},
};

/* ---- Calls ---- */

#define ROUNDS 15

static double time_calls(void *code, long calls) {
    int_function volatile f = (int_function)code;
    unsigned sum = 0;
    double start = now();
    for (long i = 0; i < calls; i++)
        sum += (unsigned)f((int)(i & 127), 3);
    double end = now();
    unsigned wanted = 0;
    for (long i = 0; i < calls; i++)
        wanted += (unsigned)(i & 127) + 3;
    require(sum == wanted, "wrong sum");
    return (end - start) / (double)calls;
}

static void race_calls(const struct contestant *all) {
    for (int round = 0; round < ROUNDS; round++) {
        for (const struct contestant *one = all; one->name; one++) {
            void *code = one->make();
            time_calls(code, 10000);
            printf("%s %.3f\n", one->name, time_calls(code, 1000000));
            one->drop(code);
        }
    }
}

/* ---- Allocate and free: a thousand alive at a time, the oldest freed first ---- */

#define ALIVE 1000
#define TURNS 50

struct cost {
    double make, drop;
};

static struct cost time_lives(const struct contestant *one) {
    static void *codes[ALIVE];
    struct cost cost = {0, 0};
    for (int turn = 0; turn < TURNS; turn++) {
        double start = now();
        for (int i = 0; i < ALIVE; i++)
            codes[i] = one->make();
        double middle = now();
        for (int i = 0; i < ALIVE; i++)
            one->drop(codes[i]);
        cost.make += middle - start;
        cost.drop += now() - middle;
    }
    cost.make /= ALIVE * TURNS;
    cost.drop /= ALIVE * TURNS;
    return cost;
}

static void race_lives(const struct contestant *all, int drop) {
    for (const struct contestant *one = all; one->name; one++)
        time_lives(one);
    for (int round = 0; round < ROUNDS; round++) {
        for (const struct contestant *one = all; one->name; one++) {
            if (one->make == make_direct) continue;
            struct cost cost = time_lives(one);
            printf("%s %.3f\n", one->name, drop ? cost.drop : cost.make);
        }
    }
}

/* ---- Threads ---- */

static atomic_int waiting;

struct worker {
    int cpu;
    double ns;
    pthread_t thread;
};

#define BATCH  64
#define CYCLES 20000

/* Batches of allocations and frees, on a core of its own. */
static void *work(void *argument) {
    struct worker *worker = argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(worker->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0)
        ;
    double start = now();
    void *codes[BATCH];
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < BATCH; i++)
            codes[i] = make_closure();
        for (int i = 0; i < BATCH; i++)
            drop_closure(codes[i]);
    }
    worker->ns = (now() - start) / ((double)CYCLES * BATCH);
    return NULL;
}

/* Closures per second of all threads together, in millions. */
static double rate(int threads) {
    struct worker workers[2] = {{.cpu = 0}, {.cpu = 1}};
    double sum = 0;
    waiting = threads;
    for (int i = 0; i < threads; i++)
        require(!pthread_create(&workers[i].thread, NULL, work, &workers[i]), "pthread_create");
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += 1e3 / workers[i].ns;
    }
    return sum;
}

static void race_threads(void) {
    rate(2);
    for (int round = 0; round < ROUNDS; round++) {
        double one = rate(1), two = rate(2);
        printf("one %.3f\ntwo %.3f\n", one, two);
    }
}

/* ---- Many ---- */

static const struct contestant *named(const char *name) {
    const struct contestant *one = closures;
    while (one->name && strcmp(one->name, name))
        one++;
    require(one->name != NULL, "no such contestant");
    return one;
}

static void time_live(const char *name, long count) {
    const struct contestant *one = named(name);
    double start = now();
    for (long i = 0; i < count; i++)
        one->make();
    printf("%s %.3f\n", name, (now() - start) / (double)count);
}

static int executable_mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4352], permissions[5];
    int count = 0;
    require(maps != NULL, "no /proc/self/maps");
    while (fgets(line, sizeof line, maps))
        if (sscanf(line, "%*s %4s", permissions) == 1 && strchr(permissions, 'x')) count++;
    fclose(maps);
    return count;
}

static void count_mappings(const char *name, long count) {
    const struct contestant *one = named(name);
    int before = executable_mappings();
    for (long i = 0; i < count; i++)
        one->make();
    printf("%s %d\n", name, executable_mappings() - before);
}

/* ---- Beginning ---- */

static void prepare(long count) {
    const pytramp_type *arguments[] = {&pytramp_type_int, &pytramp_type_int};
    require(
        !pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 2, arguments),
        "pytramp_signature_new");
#ifdef HAVE_FFI
    require(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, ffi_arguments) == FFI_OK,
            "ffi_prep_cif");
    ffi_table = malloc((size_t)count * sizeof *ffi_table);
    memset(ffi_table, 1, (size_t)count * sizeof *ffi_table);
#else
    (void)count;
#endif
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    const char *name = argc > 3 ? argv[2] : "pytramp";
    long count = argc > 3 ? atol(argv[3]) : 2 * ALIVE;
    prepare(count);
    if (!strcmp(what, "calls"))
        race_calls(closures);
    else if (!strcmp(what, "bare"))
        race_calls(trampolines);
    else if (!strcmp(what, "allocate"))
        race_lives(closures, 0);
    else if (!strcmp(what, "free"))
        race_lives(closures, 1);
    else if (!strcmp(what, "allocate-bare"))
        race_lives(trampolines, 0);
    else if (!strcmp(what, "free-bare"))
        race_lives(trampolines, 1);
    else if (!strcmp(what, "threads"))
        race_threads();
    else if (!strcmp(what, "live"))
        time_live(name, count);
    else if (!strcmp(what, "maps"))
        count_mappings(name, count);
    else
        require(0, "unknown row");
    return 0;
}
