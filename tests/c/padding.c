/* x86-64: values that begin with padding or have nothing else. No register carries an eightbyte of
 * it (NO_CLASS of System V). C makes them of unnamed bit-fields, where compilers disagree; so the
 * callers here pass what is left of a value, a scalar. */
#include "check.h"

#include <stdarg.h>
#include <stddef.h>

#include "port.h"
#include "support.h"

#if !defined(__x86_64__) || defined(_WIN32)
int main(void) {
    skip("only System V's x86-64 leaves out padding");
}
#else

struct late_double {
    char padding[8];
    double d;
};
struct late_long {
    char padding[8];
    long l;
};
struct late_float {
    char padding[8];
    float f;
};

static const pytramp_type *late(const pytramp_type *scalar, size_t size, size_t alignment) {
    const pytramp_member member = {scalar, 1, 8};
    const pytramp_type *type;
    CHECK_OK(pytramp_type_layout(&type, size, alignment, 1, &member));
    return type;
}

static void *closure(const pytramp_type *result, size_t n, const pytramp_type *const *args,
                     pytramp_handler handler, void *userdata) {
    const pytramp_signature *signature;
    void *code;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, result, n, args));
    CHECK_OK(pytramp_closure_new(&code, signature, handler, userdata));
    return code;
}

/* ---- Padding first ---- */

static void subtract_double(const pytramp_signature *signature, void *result, void *const *args,
                            void *userdata) {
    (void)signature, (void)userdata;
    const struct late_double *a = args[0], *b = args[1];
    ((struct late_double *)result)->d = a->d - b->d * *(const double *)args[2];
}

static void subtract_long(const pytramp_signature *signature, void *result, void *const *args,
                          void *userdata) {
    (void)signature, (void)userdata;
    const struct late_long *a = args[0], *b = args[1];
    ((struct late_long *)result)->l = a->l - b->l * *(const long *)args[2];
}

static void double_float(const pytramp_signature *signature, void *result, void *const *args,
                         void *userdata) {
    (void)signature, (void)userdata;
    ((struct late_float *)result)->f = 2 * ((const struct late_float *)args[0])->f;
}

static void test_padding_first(void) {
    const pytramp_type *d = late(&pytramp_type_double, sizeof(struct late_double), 8),
                       *l = late(&pytramp_type_long, sizeof(struct late_long), 8),
                       *f = late(&pytramp_type_float, sizeof(struct late_float), 4);
    const pytramp_type *ddd[] = {d, d, &pytramp_type_double}, *lll[] = {l, l, &pytramp_type_long};
    void *doubles = closure(d, 3, ddd, subtract_double, NULL),
         *longs = closure(l, 3, lll, subtract_long, NULL),
         *floats = closure(f, 1, &f, double_float, NULL);
    double got = ((double (*)(double, double, double))(uintptr_t)doubles)(1.5, 20, 100);
    CHECK(got == 1.5 - 20 * 100, "double: %g", got);
    long number = ((long (*)(long, long, long))(uintptr_t)longs)(7, 20, 100);
    CHECK(number == 7 - 20 * 100, "long: %ld", number);
    float small = ((float (*)(float))(uintptr_t)floats)(1.25f);
    CHECK(small == 2.5f, "float: %g", (double)small);
    CHECK_OK(pytramp_closure_free(doubles));
    CHECK_OK(pytramp_closure_free(longs));
    CHECK_OK(pytramp_closure_free(floats));
    say("padding first: what comes after it stands there");
}

/* ---- Nothing but padding ---- */

static void copy_padding(const pytramp_signature *signature, void *result, void *const *args,
                         void *size) {
    (void)signature;
    CHECK(result && args[0], "no place for a value");
    memset(args[0], 1, (size_t)(uintptr_t)size);
    memcpy(result, args[0], (size_t)(uintptr_t)size);
}

/* A handler may write sizeof(type) bytes, though nobody will look at them. */
static void test_padding_only(void) {
    static const size_t sizes[] = {1, 2, 4, 8, 12, 16};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const pytramp_type *type, *args[2] = {NULL, &pytramp_type_int};
        CHECK_OK(pytramp_type_layout(&type, sizes[i], 1, 0, NULL));
        args[0] = type;
        void *code = closure(type, 2, args, copy_padding, (void *)(uintptr_t)sizes[i]);
        ((void (*)(int))(uintptr_t)code)(3);
        CHECK_OK(pytramp_closure_free(code));
        ((void (*)(int))(uintptr_t)code)(3);
        CHECK(late_reports == (int)i + 1, "%d reports", late_reports);
    }
    say("padding only: %zu sizes", COUNT(sizes));
}

/* What a caller does not pass, va_arg must not step over: in registers or in memory. */
static void skip_padding(const pytramp_signature *signature, void *result, void *const *args,
                         void *type) {
    (void)signature;
    unsigned char nothing[16];
    va_list *list = args[1];
    long *sum = result;
    for (int i = 0; i < *(const int *)args[0]; i++) {
        CHECK_OK(pt_port.list_aggregate(list, type, nothing));
        *sum = 10 * *sum + va_arg(*list, long);
    }
}

static void test_padding_in_lists(void) {
    const pytramp_type *type, *args[] = {&pytramp_type_int};
    const pytramp_signature *signature;
    void *code;
    CHECK_OK(pytramp_type_layout(&type, 16, 8, 0, NULL));
    CHECK_OK(pytramp_signature_new_variadic(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_long, 1,
                                            args));
    CHECK_OK(pytramp_closure_new(&code, signature, skip_padding, (void *)type));
    long sum = ((long (*)(int, ...))(uintptr_t)code)(8, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L);
    CHECK(sum == 12345678, "%ld", sum);
    CHECK_OK(pytramp_closure_free(code));
    say("padding in variable arguments: nothing is taken for it");
}

int main(void) {
    pytramp_set_late_call_hook(count_report);
    test_padding_first();
    test_padding_only();
    test_padding_in_lists();
    CHECK_POOL();
    return 0;
}
#endif
