/* C++ exceptions, thread cancellation, longjmp and backtraces from a handler through an entry to
 * the caller: for every entry and kind of signature, in a built-in page and in grown ones.
 *
 *     unwind [the test to leave out]
 *
 * The core is compiled as C, this program as C++. On 32-bit Arm link it with
 * -Wl,--no-merge-exidx-entries: else neighbours that are unwound alike are one function to the
 * unwinder, and no backtrace can name the caller. */
#include <csetjmp>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>
#include <string>
#include <unistd.h>
#include <unwind.h>

#ifdef _WIN32
#  include <windows.h>

static int backtrace(void **addresses, int most) {
    return CaptureStackBackTrace(0, static_cast<DWORD>(most), addresses, nullptr);
}
#  define UNIT           524288
#  define alarm(seconds) ((void)(seconds)) /* who runs this program has a limit, too */
#  define pause()        Sleep(INFINITE)
#else
#  include <execinfo.h>
#  define UNIT 65536
#endif

#include "pytramp.h"

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) check_failed(__LINE__, #condition, __VA_ARGS__);                         \
    } while (0)

[[noreturn]]
__attribute__((format(printf, 3, 4))) static void check_failed(int line, const char *condition,
                                                               const char *format, ...) {
    va_list more;
    va_start(more, format);
    fprintf(stderr, "unwind.cpp:%d: FAILED: %s: ", line, condition);
    vfprintf(stderr, format, more);
    fputc('\n', stderr);
    va_end(more);
    _exit(1);
}

static void check_ok(int line, pytramp_status status) {
    CHECK(!status, "line %d: %s", line, pytramp_status_text(status));
}
#define CHECK_OK(call) check_ok(__LINE__, call)

static const char *place;    /* "built-in" or the step of the grown page in use */
static uintptr_t place_page; /* and its address, 0 for built-in */

/* ---- Handlers ---- */

struct error {
    int number;
    std::string text;
};

enum action { THROW, RETURN, JUMP, EXIT, WAIT, TRACE };

struct plan {
    action what;
    int number;
    jmp_buf *target;
    uintptr_t traced[64]; /* the functions on the stack, innermost first */
    int ntraced, nframes;
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *data) {
    auto *plan = static_cast<struct plan *>(data);
    if (plan->ntraced == 64) return _URC_END_OF_STACK;
    plan->traced[plan->ntraced++] = _Unwind_GetRegionStart(context);
    return _URC_NO_REASON;
}

static void act(plan *plan, void *result, size_t size) {
    void *addresses[64];
    if (size) memset(result, plan->number, size);
    switch (plan->what) {
    case THROW: throw error{plan->number, std::string(100, 'x')};
    case RETURN: return;
    case JUMP: longjmp(*plan->target, plan->number);
    case EXIT: pthread_exit(plan); return;
    case WAIT:
        for (;;)
            pause(); /* a cancellation point */
    case TRACE:
        plan->ntraced = 0;
        _Unwind_Backtrace(note_frame, plan);
        plan->nframes = backtrace(addresses, 64);
        return;
    }
}

static size_t result_size;

static void handle(const pytramp_signature *, void *result, void *const *, void *userdata) {
    act(static_cast<plan *>(userdata), result, result_size);
}

/* ---- Callers: one per entry and kind of signature ---- */

struct pair {
    double a;
    long b;
};
struct large {
    long a[12];
};
struct small3 {
    char c[3];
};

static int destroyed;
struct watched {
    ~watched() { destroyed++; }
};

/* Its registers and its stack are as they were when an exception arrives: the numbers live in
 * callee-saved registers across the call. */
template <typename Call>
__attribute__((noinline)) static int caught(Call call) {
    volatile uint64_t seed = 0x1234567;
    uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11;
    int number = 0;
    try {
        watched one;
        call();
    } catch (const error &thrown) {
        CHECK(thrown.text == std::string(100, 'x'), "the exception changed");
        number = thrown.number;
    }
    CHECK(a == seed && b == 3 * seed && c == 5 * seed && d == 7 * seed && e == 11 * seed,
          "the caller's variables changed");
    return number;
}

template <typename Result, typename... Args>
struct function {
    static void call(void *code) {
        auto *typed = reinterpret_cast<Result (*)(Args...)>(reinterpret_cast<uintptr_t>(code));
        typed(Args()...);
        __asm__ volatile(""); /* no tail call: this function is to be found in backtraces */
    }
};

#define TEN(x)   x, x, x, x, x, x, x, x, x, x
#define FORTY(x) TEN(x), TEN(x), TEN(x), TEN(x)
#define TYPE(t)  &pytramp_type_##t

static const pytramp_type *pair_type, *large_type, *small3_type;

static void make_types() {
    const pytramp_member pair_members[] = {{TYPE(double), 1, 0}, {TYPE(long), 1, 0}};
    const pytramp_member large_member = {TYPE(long), 12, 0};
    const pytramp_member small3_member = {TYPE(char), 3, 0};
    CHECK_OK(pytramp_type_struct(&pair_type, 2, pair_members, 0));
    CHECK_OK(pytramp_type_struct(&large_type, 1, &large_member, 0));
    CHECK_OK(pytramp_type_struct(&small3_type, 1, &small3_member, 0));
}

struct kind {
    const char *name;
    void (*call)(void *code);
    const pytramp_type *result;
    size_t nargs;
    const pytramp_type *args[40];
};

static const kind *kinds(size_t *n) {
    static const kind all[] = {
        {"void (void)", function<void>::call, TYPE(void), 0, {}},
        {"int (int)", function<int, int>::call, TYPE(int), 1, {TYPE(int)}},
        {"double (double, int)",
         function<double, double, int>::call,
         TYPE(double),
         2,
         {TYPE(double), TYPE(int)}},
        {"long double (long double)",
         function<long double, long double>::call,
         TYPE(longdouble),
         1,
         {TYPE(longdouble)}},
        {"complex long double (void)",
         function<_Complex long double>::call,
         TYPE(complex_longdouble),
         0,
         {}},
        {"struct pair (struct pair)", function<pair, pair>::call, pair_type, 1, {pair_type}},
        {"struct large (int, struct large)",
         function<large, int, large>::call,
         large_type,
         2,
         {TYPE(int), large_type}},
        {"struct small3 (struct small3)",
         function<small3, small3>::call,
         small3_type,
         1,
         {small3_type}},
        {"long (long x40)", function<long, FORTY(long)>::call, TYPE(long), 40, {FORTY(TYPE(long))}},
    };
    *n = sizeof all / sizeof *all;
    return all;
}

/* Of those of the place in use. */
template <typename New>
static void *new_here(New make) {
    void *code;
    do {
        CHECK_OK(make(&code));
    } while (place_page && reinterpret_cast<uintptr_t>(code) - place_page >= UNIT);
    return code;
}

static void *new_closure(const kind &kind, plan *plan) {
    const pytramp_signature *signature;
    CHECK_OK(
        pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, kind.result, kind.nargs, kind.args));
    void *code =
        new_here([&](void **out) { return pytramp_closure_new(out, signature, handle, plan); });
    result_size = pytramp_type_size(kind.result);
    return code;
}

/* ---- Exceptions ---- */

static void test_exceptions() {
    size_t n;
    const kind *all = kinds(&n);
    for (size_t i = 0; i < n; i++) {
        plan plan = {};
        plan.number = static_cast<int>(i) + 1;
        void *code = new_closure(all[i], &plan);
        for (int k = 0; k < 100; k++) {
            destroyed = 0;
            plan.what = k % 2 ? RETURN : THROW;
            int number = caught([&] { all[i].call(code); });
            CHECK(number == (k % 2 ? 0 : plan.number), "%s, %s: %d", place, all[i].name, number);
            CHECK(destroyed == 1, "%s, %s: %d destructors", place, all[i].name, destroyed);
        }
        CHECK_OK(pytramp_closure_free(code));
    }
    printf("%s: exceptions through %zu kinds of signatures\n", place, n);
}

/* A target of a bare trampoline. */
static int throw_number(int number) {
    throw error{number, std::string(100, 'x')};
}

static void test_bare() {
    auto *target = reinterpret_cast<void (*)()>(throw_number);
    for (int retired = 0; retired < 2; retired++) {
        void *code = new_here(pytramp_alloc);
        CHECK_OK(pytramp_init(code, target, nullptr));
        if (retired) CHECK_OK(pytramp_retire(code, target, nullptr));
        auto *call = reinterpret_cast<int (*)(int)>(reinterpret_cast<uintptr_t>(code));
        CHECK(caught([&] { call(7); }) == 7, "%s: a bare trampoline", place);
        if (!retired) CHECK_OK(pytramp_free(code));
    }
    printf("%s: exceptions through bare trampolines\n", place);
}

/* Closures within closures, 50 deep; the innermost throws. */
struct nested {
    int (*code)(int);
    int inside;
};

static void handle_nested(const pytramp_signature *, void *result, void *const *args,
                          void *userdata) {
    auto *self = static_cast<nested *>(userdata);
    watched one;
    int left = *static_cast<int *>(args[0]);
    if (!left) throw error{5, std::string(100, 'x')};
    self->inside++;
    *static_cast<int *>(result) = self->code(left - 1);
}

static void test_nested() {
    nested self = {};
    const pytramp_signature *signature;
    const pytramp_type *args[] = {TYPE(int)};
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, TYPE(int), 1, args));
    void *code = new_here(
        [&](void **out) { return pytramp_closure_new(out, signature, handle_nested, &self); });
    self.code = reinterpret_cast<int (*)(int)>(reinterpret_cast<uintptr_t>(code));
    destroyed = 0;
    CHECK(caught([&] { self.code(50); }) == 5, "%s: nested", place);
    CHECK(self.inside == 50 && destroyed == 52, "%d calls, %d destructors", self.inside, destroyed);
    CHECK_OK(pytramp_closure_free(code));
    printf("%s: an exception through 50 nested closures\n", place);
}

/* ---- Ends of threads: pthread_exit and pthread_cancel unwind the whole stack, not on Windows ----
 */

#ifndef _WIN32

static void cleaned_up(void *data) {
    ++*static_cast<int *>(data);
}

struct thread_data {
    void *code;
    const kind *called;
    int cleanups;
};

static void *call_in_thread(void *data) {
    auto *thread = static_cast<thread_data *>(data);
    watched one;
    pthread_cleanup_push(cleaned_up, &thread->cleanups);
    thread->called->call(thread->code);
    pthread_cleanup_pop(0);
    check_failed(__LINE__, "not reached", "the handler returned");
}

static void test_ends_of_threads() {
    size_t n;
    const kind *all = kinds(&n);
    for (size_t i = 0; i < n; i++) {
        for (int how : {EXIT, WAIT}) {
            pthread_t thread;
            plan plan = {};
            plan.what = static_cast<action>(how);
            thread_data data = {new_closure(all[i], &plan), &all[i], 0};
            void *result;
            destroyed = 0;
            CHECK(!pthread_create(&thread, nullptr, call_in_thread, &data), "pthread_create");
            if (how == WAIT) pthread_cancel(thread);
            CHECK(!pthread_join(thread, &result), "pthread_join");
            CHECK(result == (how == WAIT ? PTHREAD_CANCELED : &plan), "%s, %s: result", place,
                  all[i].name);
            CHECK(data.cleanups <= 1 && destroyed <= 1, "cleanups run once");
            CHECK(how == WAIT || (data.cleanups == 1 && destroyed == 1),
                  "%s, %s: %d cleanups, %d destructors", place, all[i].name, data.cleanups,
                  destroyed);
            CHECK_OK(pytramp_closure_free(data.code));
        }
    }
    printf("%s: pthread_exit and pthread_cancel in handlers of %zu kinds\n", place, n);
}

#endif

/* ---- longjmp ---- */

static void test_longjmp() {
    size_t n;
    const kind *all = kinds(&n);
    for (size_t i = 0; i < n; i++) {
        jmp_buf target;
        plan plan = {};
        plan.what = JUMP;
        plan.number = 9;
        plan.target = &target;
        void *code = new_closure(all[i], &plan);
        volatile int jumps = 0;
        if (setjmp(target)) jumps = jumps + 1;
        if (jumps < 100) {
            all[i].call(code);
            check_failed(__LINE__, "not reached", "the handler returned");
        }
        CHECK_OK(pytramp_closure_free(code));
    }
    printf("%s: longjmp out of handlers of %zu kinds\n", place, n);
}

/* ---- Backtraces ---- */

/* Of the code of a function; on Arm a pointer to it says in bit 0 whether that is Thumb's, and with
 * ELF V1 it points at a descriptor, which points at the code. */
static uintptr_t start_of(void (*function)(void *)) {
    auto address = reinterpret_cast<uintptr_t>(function);
#ifdef __arm__
    address &= ~uintptr_t{1};
#endif
#if defined(__powerpc64__) && _CALL_ELF != 2
    memcpy(&address, reinterpret_cast<const void *>(address), sizeof address);
#endif
    return address;
}

static void test_backtraces() {
    size_t n;
    const kind *all = kinds(&n);
    for (size_t i = 0; i < n; i++) {
        plan plan = {};
        plan.what = TRACE;
        void *code = new_closure(all[i], &plan);
        all[i].call(code);
        int at = -1;
        for (int k = 0; k < plan.ntraced; k++) {
            if (plan.traced[k] == start_of(all[i].call)) at = k;
        }
        /* note_frame's caller, handle, 1 to 4 functions of the core, the entry, the caller. */
        CHECK(at > 2 && at < 9, "%s, %s: the caller is frame %d of %d", place, all[i].name, at,
              plan.ntraced);
        CHECK(plan.nframes > at, "%s, %s: backtrace() has %d frames, the unwinder %d", place,
              all[i].name, plan.nframes, plan.ntraced);
        CHECK_OK(pytramp_closure_free(code));
    }
    printf("%s: backtraces of %zu kinds reach the caller and main\n", place, n);
}

/* ---- Pages ---- */

static const struct {
    const char *name;
    void (*run)();
} tests[] = {
    {"exceptions", test_exceptions},
    {"bare", test_bare},
    {"nested", test_nested},
#ifndef _WIN32
    {"ends_of_threads", test_ends_of_threads},
#endif
    {"longjmp", test_longjmp},
    {"backtraces", test_backtraces},
};

static const char *left_out = "";

static void run_all() {
    for (const auto &test : tests) {
        if (strcmp(test.name, left_out)) test.run();
    }
    char text[200] = "";
    CHECK(!pytramp_pool_check(text, sizeof text), "%s", text);
}

/* Hands out what there is, so that the next slot is in a page grown by this step. */
static void run_all_in_page(unsigned step, const char *name) {
    pytramp_statistics all = {};
    char why[200] = "";
    void *code;
    all.size = sizeof all;
    if (pytramp_try_growth(step, why, sizeof why)) {
        printf("%s\n", why);
        return;
    }
    CHECK_OK(pytramp_set_growth(step));
    do {
        CHECK_OK(pytramp_stats(&all));
        CHECK_OK(pytramp_alloc(&code));
    } while (all.untouched);
    place = name;
    place_page = reinterpret_cast<uintptr_t>(code);
    run_all();
}

int main(int, char **argv) {
    if (argv[1]) left_out = argv[1];
    alarm(200);
    setvbuf(stdout, nullptr, _IOLBF, 0);
    make_types();
    place = "built-in";
    run_all();
#ifndef _WIN32
    run_all_in_page(PYTRAMP_GROW_MREMAP, "mremap");
    run_all_in_page(PYTRAMP_GROW_MEMFD, "memfd");
    run_all_in_page(PYTRAMP_GROW_MEMORY, "memory");
#endif
    run_all_in_page(PYTRAMP_GROW_FILE, "file");
    return 0;
}
