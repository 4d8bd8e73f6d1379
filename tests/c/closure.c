/* Closures and bare trampolines: results, late calls, reports, errors; csrc/closure.c. */
#include "check.h"

#include <complex.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <math.h>

#ifdef _WIN32
#  define pipe(ends) _pipe(ends, 4096, _O_BINARY)
#endif

#include "pool.h"
#include "support.h"

/* ---- A hook that remembers ---- */

static int reports;
static const void *reported_code;
static char report[600];

static void remember_report(const void *code, const char *what) {
    reports++;
    reported_code = code;
    snprintf(report, sizeof report, "%s", what);
}

static void expect_reports(int n, const void *code, const char *part) {
    CHECK(reports == n, "%d reports, not %d", reports, n);
    if (!n) return;
    CHECK(reported_code == code, "the report is about %p, not %p", reported_code, code);
    CHECK(strstr(report, part), "'%s' does not say '%s'", report, part);
    reports = 0;
}

/* ---- Signatures and handlers ---- */

static const pytramp_signature *signature_of(const pytramp_type *result, size_t n,
                                             const pytramp_type *const *args) {
    const pytramp_signature *signature;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, result, n, args));
    return signature;
}

static const pytramp_type *struct_of(size_t n, const pytramp_member *members) {
    const pytramp_type *type;
    CHECK_OK(pytramp_type_struct(&type, n, members, 0));
    return type;
}

struct value {
    const void *bytes;
    size_t size;
};

/* Returns the value that userdata points at. */
static void return_value(const pytramp_signature *signature, void *result, void *const *args,
                         void *userdata) {
    (void)signature, (void)args;
    const struct value *value = userdata;
    if (value->size) memcpy(result, value->bytes, value->size);
}

/* Leaves the result as it was preset. */
static void return_nothing(const pytramp_signature *signature, void *result, void *const *args,
                           void *userdata) {
    (void)signature, (void)result, (void)args;
    ++*(int *)userdata;
}

/* ---- Every class of result: live, preset, freed ---- */

static int results;

/* The code of a closure of this type that returns *good, and *bad after it is freed. */
static void *new_result(const pytramp_type *type, struct value *good, const void *bad) {
    void *code;
    pytramp_closure_options options = {.size = sizeof options,
                                       .handler = return_value,
                                       .userdata = good,
                                       .name = "result",
                                       .error = bad};
    CHECK_OK(pytramp_closure_new_ex(&code, signature_of(type, 0, NULL), &options));
    return code;
}

static void *new_preset(const pytramp_type *type, int *calls, const void *error) {
    void *code;
    pytramp_closure_options options = {
        .size = sizeof options, .handler = return_nothing, .userdata = calls, .error = error};
    CHECK_OK(pytramp_closure_new_ex(&code, signature_of(type, 0, NULL), &options));
    return code;
}

/* EQUAL compares two variables of ctype. Enough calls that a leak of the x87 stack shows. */
#define RESULT(ctype, type, EQUAL, good_value, bad_value)                                          \
    do {                                                                                           \
        typedef ctype value_type;                                                                  \
        value_type good = good_value, bad = bad_value, zero, got;                                  \
        memset(&zero, 0, sizeof zero);                                                             \
        struct value value = {&good, sizeof good};                                                 \
        int calls = 0;                                                                             \
        void *code = new_result(type, &value, &bad), *plain = new_result(type, &value, NULL);      \
        void *preset = new_preset(type, &calls, &bad);                                             \
        for (int i = 0; i < 20; i++) {                                                             \
            got = ((ctype (*)(void))(uintptr_t)code)();                                            \
            CHECK(EQUAL(got, good), #ctype ": live, call %d", i);                                  \
            got = ((ctype (*)(void))(uintptr_t)preset)();                                          \
            CHECK(EQUAL(got, bad) && calls == i + 1, #ctype ": the preset error value");           \
        }                                                                                          \
        CHECK_OK(pytramp_closure_free(code));                                                      \
        CHECK_OK(pytramp_closure_free(plain));                                                     \
        expect_reports(0, NULL, "");                                                               \
        for (int i = 0; i < 20; i++) {                                                             \
            got = ((ctype (*)(void))(uintptr_t)code)();                                            \
            CHECK(EQUAL(got, bad), #ctype ": freed, call %d", i);                                  \
        }                                                                                          \
        expect_reports(1, code, "closure 'result' ");                                              \
        got = ((ctype (*)(void))(uintptr_t)plain)();                                               \
        CHECK(EQUAL(got, zero), #ctype ": freed, no error value");                                 \
        expect_reports(1, plain, "was called after it was freed");                                 \
        CHECK_OK(pytramp_closure_free(preset));                                                    \
        results++;                                                                                 \
    } while (0)

#define SAME(a, b)  ((a) == (b))
#define BYTES(a, b) (!memcmp(&(a), &(b), sizeof(a)))
#define BRACES(...) {__VA_ARGS__}

struct pair_ll {
    long long a, b;
};
struct pair_ld {
    long long a;
    double b;
};
struct pair_dl {
    double a;
    long long b;
};
struct pair_dd {
    double a, b;
};
struct three_f {
    float a, b, c;
};
struct small_c {
    char a[3];
};
struct odd_c {
    char a[13];
};
struct large_l {
    long long a[5];
};
struct huge_c {
    char a[3001];
};
struct x87 {
    long double a;
};
union x87_or_long {
    long double a;
    long long b[2];
};

static int same_huge(const struct huge_c *a, const struct huge_c *b) {
    return !memcmp(a, b, sizeof *a);
}
#define SAME_HUGE(a, b) same_huge(&(a), &(b))
#define SAME_X87(p, q)  ((p).a == (q).a)

static void test_scalar_results(void) {
    pytramp_set_late_call_hook(remember_report);
    RESULT(_Bool, &pytramp_type_bool, SAME, 0, 1);
    RESULT(char, &pytramp_type_char, SAME, 'a', -3);
    RESULT(signed char, &pytramp_type_schar, SAME, -100, -1);
    RESULT(unsigned char, &pytramp_type_uchar, SAME, 200, 255);
    RESULT(short, &pytramp_type_short, SAME, -30000, -1);
    RESULT(unsigned short, &pytramp_type_ushort, SAME, 60000, 65535);
    RESULT(int, &pytramp_type_int, SAME, -2000000000, -1);
    RESULT(unsigned, &pytramp_type_uint, SAME, 4000000000u, 4294967295u);
    RESULT(long, &pytramp_type_long, SAME, LONG_MIN + 5, -1);
    RESULT(long long, &pytramp_type_longlong, SAME, -1234567890123456789, -1);
    RESULT(unsigned long long, &pytramp_type_ulonglong, SAME, 1ull << 63, ~0ull);
#ifdef __SIZEOF_INT128__
    RESULT(__int128, &pytramp_type_int128, SAME, -((__int128)7 << 70), (__int128)9 << 100);
#endif
    RESULT(void *, &pytramp_type_pointer, SAME, &good, NULL);
    RESULT(float, &pytramp_type_float, SAME, 1.5f, -2.5f);
    RESULT(double, &pytramp_type_double, SAME, 1e300, -1.0);
    RESULT(long double, &pytramp_type_longdouble, SAME, LDBL_MAX, -3.25L);
    RESULT(float _Complex, &pytramp_type_complex_float, SAME, 1 + 2 * I, -3 - 4 * I);
    RESULT(double _Complex, &pytramp_type_complex_double, SAME, 1 + 2 * I, -3 - 4 * I);
    RESULT(long double _Complex, &pytramp_type_complex_longdouble, SAME, 1 + 2 * I, -3 - 4 * I);
    say("scalar results: %d types, live, preset, freed", results);
}

static void test_aggregate_results(void) {
    pytramp_set_late_call_hook(remember_report);
    const pytramp_member l = {&pytramp_type_longlong, 1, 0}, d = {&pytramp_type_double, 1, 0};
    const pytramp_member f = {&pytramp_type_float, 1, 0}, x = {&pytramp_type_longdouble, 1, 0};
    const pytramp_member l2 = {&pytramp_type_longlong, 2, 0}, l5 = {&pytramp_type_longlong, 5, 0};
    const pytramp_member c3 = {&pytramp_type_char, 3, 0}, c13 = {&pytramp_type_char, 13, 0};
    const pytramp_member c3001 = {&pytramp_type_char, 3001, 0};
    const pytramp_member ll[] = {l, l}, ld[] = {l, d}, dl[] = {d, l}, dd[] = {d, d},
                         fff[] = {f, f, f};
    const pytramp_type *either;
    const pytramp_member in_either[] = {x, l2};
    CHECK_OK(pytramp_type_union(&either, 2, in_either, 0));
    RESULT(struct pair_ll, struct_of(2, ll), BYTES, BRACES(1, -2), BRACES(-3, 4));
    RESULT(struct pair_ld, struct_of(2, ld), BYTES, BRACES(1, -2), BRACES(-3, 4));
    RESULT(struct pair_dl, struct_of(2, dl), BYTES, BRACES(1, -2), BRACES(-3, 4));
    RESULT(struct pair_dd, struct_of(2, dd), BYTES, BRACES(1, -2), BRACES(-3, 4));
    RESULT(struct three_f, struct_of(3, fff), BYTES, BRACES(1, -2, 3), BRACES(-3, 4, 5));
    RESULT(struct small_c, struct_of(1, &c3), BYTES, BRACES("ab"), BRACES("xy"));
    RESULT(struct odd_c, struct_of(1, &c13), BYTES, BRACES("abcdefghijkl"), BRACES("nopqrstuvwxy"));
    RESULT(struct large_l, struct_of(1, &l5), BYTES, BRACES({1, 2, 3, 4, 5}),
           BRACES({-1, -2, -3, -4, -5}));
    RESULT(struct huge_c, struct_of(1, &c3001), SAME_HUGE, BRACES("good"), BRACES("bad"));
    RESULT(struct x87, struct_of(1, &x), SAME_X87, BRACES(1.5L), BRACES(-2.5L));
    RESULT(union x87_or_long, either, SAME_X87, BRACES(1.5L), BRACES(-2.5L));
    say("aggregate results: %d types, live, preset, freed", results);
}

typedef struct {
} empty;

static void call_for_void(void *code) {
    ((void (*)(void))(uintptr_t)code)();
}

static void call_for_empty(void *code) {
    (void)((empty (*)(void))(uintptr_t)code)();
}

static void check_nothing(const pytramp_type *type, void (*call)(void *)) {
    int calls = 0;
    reports = 0;
    void *code = new_preset(type, &calls, NULL);
    call(code);
    CHECK(calls == 1 && !reports, "%d calls, %d reports", calls, reports);
    CHECK_OK(pytramp_closure_free(code));
    call(code);
    CHECK(calls == 1 && reports == 1, "%d calls, %d reports", calls, reports);
}

static void test_void_results(void) {
    pytramp_set_late_call_hook(remember_report);
    check_nothing(&pytramp_type_void, call_for_void);
#ifndef _WIN64 /* no empty results there: abi/win64.c */
    check_nothing(struct_of(0, NULL), call_for_empty);
#else
    (void)call_for_empty;
#endif
    say("void and empty results");
}

/* ---- Late calls ---- */

static void *fresh(void) {
    void *code;
    CHECK_OK(new_numbered(&code, 5));
    return code;
}

static void test_late_to_the_end(void) {
    stay_on_one_cpu();
    pytramp_set_late_call_hook(remember_report);
    struct large_l good = {{1, 2, 3, 4, 5}}, bad = {{9, 8, 7, 6, 5}}, got;
    long double worse = -7.5L;
    const pytramp_member l5 = {&pytramp_type_longlong, 5, 0};
    struct value value = {&good, sizeof good}, same = {&worse, sizeof worse};
    void *large = new_result(struct_of(1, &l5), &value, &bad);
    void *x87 = new_result(&pytramp_type_longdouble, &same, &worse);
    CHECK_OK(pytramp_closure_free(large));
    CHECK_OK(pytramp_closure_free(x87));
    for (int i = 0; i < WAITING_FREES - 2; i++) {
        void *other = new_result(&pytramp_type_longdouble, &same, NULL);
        CHECK(other != large && other != x87, "handed out again after %d frees", i);
        CHECK_OK(pytramp_closure_free(other));
    }
    got = ((struct large_l (*)(void))(uintptr_t)large)();
    CHECK(!memcmp(&got, &bad, sizeof got), "%lld", got.a[0]);
    expect_reports(1, large, "result");
    CHECK(((long double (*)(void))(uintptr_t)x87)() == worse, "long double");
    expect_reports(1, x87, "result");
    say("late calls: error values in blocks last %d frees", WAITING_FREES);
}

/* One report per slot and life, and a new life has a report of its own. */
static void test_one_report(void) {
    stay_on_one_cpu();
    pytramp_set_late_call_hook(remember_report);
    void *code = fresh();
    CHECK_OK(pytramp_closure_free(code));
    for (int i = 0; i < 5; i++)
        CHECK(call_int(code) == -5, "late");
    expect_reports(1, code, "closure '(unnamed)' int (void) was called after it was freed");
    void *again = NULL;
    for (int i = 0; again != code && i < 2 * WAITING_FREES; i++) {
        again = fresh();
        if (again != code) CHECK_OK(pytramp_closure_free(again));
    }
    CHECK(again == code, "the slot did not come back");
    CHECK(call_int(code) == 5, "live again");
    CHECK_OK(pytramp_closure_free(code));
    CHECK(call_int(code) == -5, "late again");
    expect_reports(1, code, "was called after it was freed");
    say("reports: once per slot and life");
}

static void test_default_hook(void) {
    int pipes[2];
    char text[400] = "", name[64] = "";
    CHECK(!pipe(pipes), "%s", strerror(errno));
    int saved = dup(STDERR_FILENO);
    dup2(pipes[1], STDERR_FILENO);
    pytramp_set_late_call_hook(remember_report);
    pytramp_set_late_call_hook(NULL);
    int error = 3;
    struct value value = {&error, sizeof error};
    void *code = new_result(&pytramp_type_int, &value, &error);
    CHECK_OK(pytramp_closure_free(code));
    CHECK(call_int(code) == 3 && call_int(code) == 3, "late");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    CHECK(read(pipes[0], text, sizeof text - 1) > 0, "%s", strerror(errno));
    snprintf(name, sizeof name, "%p", code);
    CHECK(strstr(text, "closure 'result' int (void) was called") && strstr(text, name), "'%s'",
          text);
    CHECK(strchr(text, '\n') == text + strlen(text) - 1, "one line: '%s'", text);
    expect_reports(0, NULL, "");
    say("default hook: one line on stderr with name, type and address");
}

static void test_long_texts(void) {
    static const pytramp_type *args[3000];
    static char name[3000];
    void *code;
    int calls = 0;
    for (size_t i = 0; i < COUNT(args); i++)
        args[i] = &pytramp_type_ulonglong;
    memset(name, 'n', sizeof name - 1);
    pytramp_set_late_call_hook(remember_report);
    pytramp_closure_options options = {
        .size = sizeof options, .handler = return_nothing, .userdata = &calls, .name = name};
    CHECK_OK(pytramp_closure_new_ex(&code, signature_of(&pytramp_type_int, COUNT(args), args),
                                    &options));
    CHECK_OK(pytramp_closure_free(code));
    CHECK(call_int(code) == 0 && !calls, "late"); /* nothing looks at the arguments */
    expect_reports(1, code, "closure 'nnnnnnnn");
    say("reports: long names and types are cut");
}

/* ---- errno ---- */

static void spoil_errno(const void *code, const char *what) {
    remember_report(code, what);
    errno = EIO;
}

static void set_errno(const pytramp_signature *signature, void *result, void *const *args,
                      void *userdata) {
    (void)signature, (void)result, (void)args;
    errno = *(int *)userdata;
}

static void test_errno(void) {
    void *code = fresh(), *bare;
    CHECK_OK(pytramp_alloc(&bare));
    CHECK_OK(pytramp_closure_free(code));
    pytramp_set_late_call_hook(spoil_errno);
    errno = ENOENT;
    call_int(code);
    CHECK(errno == ENOENT && reports == 1, "errno became %d after a late call", errno);
    call_int(bare);
    CHECK(errno == ENOENT && reports == 2, "errno became %d, unprepared", errno);
    int wanted = ERANGE;
    CHECK_OK(
        pytramp_closure_new(&code, signature_of(&pytramp_type_void, 0, NULL), set_errno, &wanted));
    ((void (*)(void))(uintptr_t)code)();
    CHECK(errno == ERANGE, "a handler's errno did not arrive, %d", errno);
    CHECK_OK(pytramp_closure_free(code));
    static const pytramp_type *args[100];
    for (int i = 0; i < 100; i++)
        args[i] = &pytramp_type_int;
    CHECK_OK(pytramp_closure_new(&code, signature_of(&pytramp_type_void, 100, args), set_errno,
                                 &wanted));
    errno = 0;
    ((void (*)(void))(uintptr_t)code)();
    CHECK(errno == ERANGE, "... through a block of arguments, %d", errno);
    pytramp_set_late_call_hook(NULL);
    code = fresh();
    CHECK_OK(pytramp_closure_free(code));
    int saved = dup(STDERR_FILENO), nowhere = open("/dev/full", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    errno = ENOENT;
    call_int(code);
    int after = errno;
    dup2(saved, STDERR_FILENO);
    CHECK(after == ENOENT, "errno became %d with stderr full", after);
    say("errno: untouched by reports, passed on from handlers");
}

/* ---- Freed while it runs ---- */

struct suicide {
    void *code;
    int calls;
    pytramp_status second;
};

static void free_itself(const pytramp_signature *signature, void *result, void *const *args,
                        void *userdata) {
    (void)signature;
    struct suicide *self = userdata;
    int n = *(int *)args[0];
    self->calls++;
    CHECK_OK(pytramp_closure_free(self->code));
    self->second = pytramp_closure_free(self->code);
    CHECK(((int (*)(int))(uintptr_t)self->code)(n) == -1, "called while it dies");
    CHECK(!pytramp_data(self->code) && pytramp_owns(self->code), "dead, and ours");
    CHECK(*(int *)args[0] == n, "an argument changed");
    *(int *)result = n + 1;
}

static void test_freed_while_running(void) {
    const pytramp_type *args[] = {&pytramp_type_int};
    struct suicide self = {NULL, 0, PYTRAMP_OK};
    int error = -1;
    pytramp_set_late_call_hook(remember_report);
    pytramp_closure_options options = {
        .size = sizeof options, .handler = free_itself, .userdata = &self, .error = &error};
    CHECK_OK(
        pytramp_closure_new_ex(&self.code, signature_of(&pytramp_type_int, 1, args), &options));
    CHECK(((int (*)(int))(uintptr_t)self.code)(41) == 42,
          "the call that freed it returns normally");
    CHECK(self.second == PYTRAMP_E_FREED && self.calls == 1, "%d", (int)self.second);
    CHECK(((int (*)(int))(uintptr_t)self.code)(41) == -1, "later ones do not");
    expect_reports(1, self.code, "freed");
    say("freed by its own handler: that call finishes");
}

/* ---- Options, userdata ---- */

static void test_options(void) {
    const pytramp_signature *signature = int_void();
    pytramp_closure_options options = {.size = sizeof options, .handler = return_number};
    struct {
        pytramp_closure_options known;
        long later[4];
    } newer = {
        .known.size = sizeof newer, .known.handler = return_number, .later = {-1, -1, -1, -1}};
    void *code = &options;
    CHECK_STATUS(pytramp_closure_new_ex(NULL, signature, &options), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_new_ex(&code, NULL, &options), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_new_ex(&code, signature, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_new(&code, signature, NULL, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_new(&code, NULL, return_number, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_new(NULL, signature, return_number, NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_alloc(NULL), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_closure_free(NULL), PYTRAMP_E_NULL);
    options.size = 0;
    CHECK_STATUS(pytramp_closure_new_ex(&code, signature, &options), PYTRAMP_E_INVALID);
    options.size = offsetof(pytramp_closure_options, destroy) - 1;
    CHECK_STATUS(pytramp_closure_new_ex(&code, signature, &options), PYTRAMP_E_INVALID);
    CHECK(code == (void *)&options, "an out parameter was touched");
    CHECK(!stats().live && stats().untouched == BUILTIN_CLOSURES, "something was taken");
    CHECK_OK(pytramp_closure_new_ex(&code, signature, &newer.known));
    CHECK(call_int(code) == 0, "a newer caller's options");
    say("options: NULLs and sizes");
}

static void test_data(void) {
    int a, b;
    void *closure, *bare;
    CHECK_OK(pytramp_closure_new(&closure, int_void(), return_number, &a));
    CHECK_OK(pytramp_alloc(&bare));
    CHECK(pytramp_data(closure) == &a, "userdata");
    CHECK(!pytramp_data(bare) && pytramp_owns(bare), "no data before init");
    CHECK_OK(pytramp_init(bare, (void (*)(void))return_chain, &b));
    CHECK(pytramp_data(bare) == &b, "data");
    CHECK_OK(pytramp_closure_free(closure));
    CHECK_OK(pytramp_free(bare));
    CHECK(!pytramp_data(closure) && !pytramp_data(bare), "no data after free");
    CHECK(pytramp_owns(closure) && pytramp_owns(bare), "owned after free");
    say("data: of live ones only");
}

/* ---- Bare trampolines ---- */

#ifdef __SIZEOF_INT128__
typedef pt_int128 two_registers;
#  define TWO_REGISTERS &pytramp_type_int128
#else
typedef long long two_registers;
#  define TWO_REGISTERS &pytramp_type_longlong
#endif

/* What a bare trampoline that is not in use gives where a double is expected: zero, but nothing
 * that was put on the x87 stack of a caller who perhaps expects something else; a load from there
 * is not a number. Nor does it take the address of a struct off the stack, as i386's callees do. */
#ifdef __i386__
#  define IS_LATE(value) isnan(value)
#else
#  define IS_LATE(value) ((value) == 0)
#endif

static double eat_everything(int a, double b, long c, float d, void *e, short f, long g, long h,
                             double i, long double j) {
    return a + 10 * b + 100 * (double)c + 1000 * d + (e ? 7 : 0) + f + (double)(g + h) + i +
           (double)j;
}

static double sum_doubles(int n, ...) {
    va_list more;
    double sum = 0;
    va_start(more, n);
    while (n--)
        sum += va_arg(more, double);
    va_end(more);
    return sum;
}

static struct large_l return_large(long a) {
    return (struct large_l){{a, a + 1, a + 2, a + 3, a + 4}};
}

static void *new_bare(void (*target)(void), void *data) {
    void *code;
    CHECK_OK(pytramp_alloc(&code));
    CHECK_OK(pytramp_init(code, target, data));
    return code;
}

/* The trampoline is not there: whatever the type, a call through it is a call of the target. */
static void test_bare(void) {
    int marks[3];
    pytramp_set_late_call_hook(remember_report);
    void *chain = new_bare((void (*)(void))return_chain, &marks[0]);
    void *everything = new_bare((void (*)(void))eat_everything, NULL);
    void *variadic = new_bare((void (*)(void))sum_doubles, NULL);
    void *large = new_bare((void (*)(void))return_large, NULL);
    CHECK(call_chain(chain) == &marks[0], "the static chain");
    double (*all)(int, double, long, float, void *, short, long, long, double, long double) =
        (double (*)(int, double, long, float, void *, short, long, long, double, long double))(
            uintptr_t)everything;
    CHECK(all(1, 2, 3, 4, marks, 5, 6, 7, 8, 9) == eat_everything(1, 2, 3, 4, marks, 5, 6, 7, 8, 9),
          "arguments of all kinds");
    CHECK(((double (*)(int, ...))(uintptr_t)variadic)(3, 1.0, 2.0, 4.0) == 7, "a variadic target");
    CHECK(((struct large_l (*)(long))(uintptr_t)large)(5).a[4] == 9, "a hidden result pointer");
    CHECK_OK(pytramp_init(chain, (void (*)(void))return_chain, &marks[1]));
    CHECK(call_chain(chain) == &marks[1], "bound again");
    CHECK_OK(pytramp_free(chain));
    CHECK(!call_chain(chain), "freed: zero");
    CHECK_OK(pytramp_free(everything));
    CHECK(IS_LATE(all(1, 2, 3, 4, marks, 5, 6, 7, 8, 9)), "freed: a double");
    expect_reports(0, NULL, "");
    say("bare trampolines: arguments and results untouched, data in the static chain");
}

static void test_retire(void) {
    int before, after;
    pytramp_set_late_call_hook(remember_report);
    void *code = new_bare((void (*)(void))return_chain, &before), *never;
    CHECK_STATUS(pytramp_retire(code, NULL, &after), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_retire(NULL, (void (*)(void))return_chain, &after), PYTRAMP_E_NULL);
    CHECK(call_chain(code) == &before, "still bound");
    CHECK_OK(pytramp_retire(code, (void (*)(void))return_chain, &after));
    for (int i = 0; i < 500; i++) {
        CHECK(call_chain(code) == &after, "retired");
        CHECK_OK(pytramp_free(new_bare((void (*)(void))return_chain, &before)));
    }
    CHECK_STATUS(pytramp_retire(code, (void (*)(void))return_chain, &before), PYTRAMP_E_FREED);
    CHECK_STATUS(pytramp_free(code), PYTRAMP_E_FREED);
    CHECK_STATUS(pytramp_init(code, (void (*)(void))return_chain, &before), PYTRAMP_E_FREED);
    CHECK(call_chain(code) == &after && !pytramp_data(code), "still retired");
    CHECK_OK(pytramp_alloc(&never));
    CHECK_OK(pytramp_retire(never, (void (*)(void))return_chain, &after));
    CHECK(call_chain(never) == &after, "retired before it was bound");
    expect_reports(0, NULL, "");
    say("retire: a target of one's own for late calls");
}

/* A hidden result is the caller's, and of what type it is nobody knows. */
static int is_in_registers(const pytramp_type *result) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n;
    int by_reference;
    CHECK_OK(pytramp_signature_explain(signature_of(result, 0, NULL), PYTRAMP_RESULT, places, &n,
                                       &by_reference));
    return !by_reference;
}

static void test_unprepared(void) {
    const pytramp_member dd[] = {{&pytramp_type_double, 1, 0}, {&pytramp_type_double, 1, 0}};
    int mark;
    void *code;
    pytramp_set_late_call_hook(remember_report);
    CHECK_OK(pytramp_alloc(&code));
    CHECK(!call_chain(code), "unprepared: zero");
    expect_reports(1, code, "before it was prepared");
    CHECK(IS_LATE(((double (*)(double))(uintptr_t)code)(3.5)), "unprepared: a double");
    if (is_in_registers(TWO_REGISTERS))
        CHECK(((two_registers (*)(void))(uintptr_t)code)() == 0, "unprepared: two registers");
    if (is_in_registers(struct_of(2, dd)))
        CHECK(((struct pair_dd (*)(void))(uintptr_t)code)().b == 0, "unprepared: two doubles");
    expect_reports(0, NULL, "");
    CHECK_STATUS(pytramp_init(code, NULL, &mark), PYTRAMP_E_NULL);
    CHECK_STATUS(pytramp_init(NULL, (void (*)(void))return_chain, &mark), PYTRAMP_E_NULL);
    CHECK_OK(pytramp_init(code, (void (*)(void))return_chain, &mark));
    CHECK(call_chain(code) == &mark, "prepared");
    CHECK_OK(pytramp_free(code));
    CHECK(!call_chain(code), "freed");
    say("unprepared: zeros and one report");
}

static void test_kinds(void) {
    void *closure = fresh(), *bare = new_bare((void (*)(void))return_chain, closure);
    CHECK_STATUS(pytramp_closure_free(bare), PYTRAMP_E_KIND);
    CHECK_STATUS(pytramp_free(closure), PYTRAMP_E_KIND);
    CHECK_STATUS(pytramp_init(closure, (void (*)(void))return_chain, NULL), PYTRAMP_E_KIND);
    CHECK_STATUS(pytramp_retire(closure, (void (*)(void))return_chain, NULL), PYTRAMP_E_KIND);
    CHECK(call_int(closure) == 5 && call_chain(bare) == closure, "neither was changed");
    CHECK_OK(pytramp_free(bare));
    CHECK_OK(pytramp_closure_free(closure));
    CHECK_STATUS(pytramp_closure_free(bare), PYTRAMP_E_KIND);
    CHECK_STATUS(pytramp_init(closure, (void (*)(void))return_chain, NULL), PYTRAMP_E_KIND);
    say("kinds: not to be mixed up, live or freed");
}

/* ---- Many arguments: the vector is a block of its own ---- */

#define TEN(x)     x, x, x, x, x, x, x, x, x, x
#define HUNDRED(x) TEN(x), TEN(x), TEN(x), TEN(x), TEN(x), TEN(x), TEN(x), TEN(x), TEN(x), TEN(x)
#define THREE_HUNDRED(x) HUNDRED(x), HUNDRED(x), HUNDRED(x)
#define FROM(n)          n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9
#define FROM_100(n)                                                                                \
    FROM(n), FROM(n + 10), FROM(n + 20), FROM(n + 30), FROM(n + 40), FROM(n + 50), FROM(n + 60),   \
        FROM(n + 70), FROM(n + 80), FROM(n + 90)

typedef long (*call_300)(THREE_HUNDRED(long));
typedef struct large_l (*call_300_large)(THREE_HUNDRED(int));
typedef double (*call_300_pairs)(THREE_HUNDRED(struct pair_dl));

static void weigh(const pytramp_signature *signature, void *result, void *const *args,
                  void *userdata) {
    (void)signature, (void)userdata;
    long sum = 0;
    for (long i = 0; i < 300; i++)
        sum += (i + 1) * *(long *)args[i];
    *(long *)result = sum;
}

static void weigh_large(const pytramp_signature *signature, void *result, void *const *args,
                        void *userdata) {
    (void)signature, (void)userdata;
    struct large_l sum = {{0}};
    for (long i = 0; i < 300; i++)
        sum.a[i % 5] += (i + 1) * *(int *)args[i];
    *(struct large_l *)result = sum;
}

static void weigh_pairs(const pytramp_signature *signature, void *result, void *const *args,
                        void *userdata) {
    (void)signature, (void)userdata;
    double sum = 0;
    for (int i = 0; i < 300; i++) {
        const struct pair_dl *pair = args[i];
        sum += (i + 1) * (pair->a + (double)pair->b);
    }
    *(double *)result = sum;
}

static void *new_300(const pytramp_type *result, const pytramp_type *argument,
                     pytramp_handler handler, const void *error) {
    const pytramp_type *args[] = {THREE_HUNDRED(argument)};
    void *code;
    pytramp_closure_options options = {.size = sizeof options, .handler = handler, .error = error};
    CHECK_OK(pytramp_closure_new_ex(&code, signature_of(result, 300, args), &options));
    return code;
}

static void test_300_arguments(void) {
    const pytramp_member l5 = {&pytramp_type_longlong, 5, 0};
    const pytramp_member dl[] = {{&pytramp_type_double, 1, 0}, {&pytramp_type_longlong, 1, 0}};
    long expected = 0, error = -5;
    pytramp_set_late_call_hook(count_report);
    for (long i = 0; i < 300; i++)
        expected += (i + 1) * (1000 + i);
    void *longs = new_300(&pytramp_type_long, &pytramp_type_long, weigh, &error);
    void *large = new_300(struct_of(1, &l5), &pytramp_type_int, weigh_large, NULL);
    void *pairs = new_300(&pytramp_type_double, struct_of(2, dl), weigh_pairs, NULL);
    for (int i = 0; i < 3; i++) {
        long got = ((call_300)(uintptr_t)longs)(FROM_100(1000), FROM_100(1100), FROM_100(1200));
        CHECK(got == expected, "longs: %ld, not %ld", got, expected);
        struct large_l sums =
            ((call_300_large)(uintptr_t)large)(FROM_100(1000), FROM_100(1100), FROM_100(1200));
        got = sums.a[0] + sums.a[1] + sums.a[2] + sums.a[3] + sums.a[4];
        CHECK(got == expected, "ints: %ld, not %ld", got, expected);
        struct pair_dl pair = {1.5, 2};
        double weight = ((call_300_pairs)(uintptr_t)pairs)(THREE_HUNDRED(pair));
        CHECK(weight == 3.5 * 300 * 301 / 2, "pairs: %g", weight);
    }
    CHECK_OK(pytramp_closure_free(longs));
    long got = ((call_300)(uintptr_t)longs)(FROM_100(1000), FROM_100(1100), FROM_100(1200));
    CHECK(got == error, "freed: %ld", got);
    say("300 arguments: longs, ints with a hidden result pointer, split structs");
}

/* ---- Status texts ---- */

static void test_texts(void) {
    for (int i = 0; i <= PYTRAMP_E_INVALID; i++) {
        const char *text = pytramp_status_text((pytramp_status)i);
        CHECK(text && *text, "status %d has no text", i);
        for (int k = 0; k < i; k++)
            CHECK(strcmp(text, pytramp_status_text((pytramp_status)k)), "%d and %d share one", i,
                  k);
    }
    CHECK(*pytramp_status_text((pytramp_status)(PYTRAMP_E_INVALID + 1)), "beyond");
    CHECK(*pytramp_status_text((pytramp_status)-1), "below");
    say("status texts: one each");
}

static const struct test tests[] = {
    {"scalar results", test_scalar_results},
    {"aggregate results", test_aggregate_results},
    {"void results", test_void_results},
    {"late to the end", test_late_to_the_end},
    {"one report", test_one_report},
    {"default hook", test_default_hook},
    {"long texts", test_long_texts},
    {"errno", test_errno},
    {"freed while running", test_freed_while_running},
    {"options", test_options},
    {"data", test_data},
    {"bare", test_bare},
    {"retire", test_retire},
    {"unprepared", test_unprepared},
    {"kinds", test_kinds},
    {"300 arguments", test_300_arguments},
    {"texts", test_texts},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
