/* Closures called by compiled code, whose types libffi has words for, and some that it has not:
 * ffi_callers LIBRARY */
#include "check.h"

#include <complex.h>

#include "ffi_both.h"

/* Every handler answers with these bytes, or with this widened number. */
static unsigned char answer[64];
static long long answer_number;
static unsigned char seen[8][64];

static int is_integer(const ffi_type *type) {
    return type->size <= sizeof(ffi_arg) && type->type != FFI_TYPE_STRUCT &&
           type->type != FFI_TYPE_COMPLEX && type->type != FFI_TYPE_FLOAT &&
           type->type != FFI_TYPE_DOUBLE && type->type != FFI_TYPE_LONGDOUBLE;
}

static void handle(ffi_cif *cif, void *result, void **args, void *user_data) {
    (void)user_data;
    for (unsigned i = 0; i < cif->nargs; i++)
        memcpy(seen[i], args[i], cif->arg_types[i]->size);
    if (cif->rtype->type == FFI_TYPE_VOID || is_integer(cif->rtype))
        *(ffi_arg *)result = (ffi_arg)answer_number; /* where there is no result, too */
    else
        memcpy(result, answer, cif->rtype->size);
}

static void *code, *closure;
static ffi_cif cif;
static ffi_type *arg_types[8];

/* closure_of(abi, fixed, result, n, types...): code is that of a closure of the type. */
static void closure_of(ffi_abi abi, unsigned nfixed, ffi_type *result, unsigned n, ...) {
    va_list types;
    va_start(types, n);
    for (unsigned i = 0; i < n; i++)
        arg_types[i] = va_arg(types, ffi_type *);
    va_end(types);
    ffi_status status = nfixed < n ? ffi_prep_cif_var(&cif, abi, nfixed, n, result, arg_types)
                                   : ffi_prep_cif(&cif, abi, n, result, arg_types);
    CHECK(status == FFI_OK, "ffi_prep_cif: %d", status);
    if (closure) ours.free(closure);
    closure = ours.alloc(sizeof(ffi_closure), &code);
    status = ours.prepare_at(closure, &cif, handle, NULL, code);
    CHECK(status == FFI_OK, "%d", status);
}

/* CALL(int, (int), (3)) calls it as that type. */
#define CALL(result, arguments, values) (((result(*) arguments)code)values)
#define SAW(i, value)                                                                              \
    CHECK(!memcmp(seen[i], &(value), sizeof(value)), "argument %d at line %d", i, __LINE__)
#define ANSWER(value) memcpy(answer, &(value), sizeof(value))

/* ---- Integers: narrow ones are widened by the handler, and cut off and extended again ---- */

#define CHECK_INTEGER(type, ffi, value)                                                            \
    do {                                                                                           \
        type sent = (type)(value);                                                                 \
        closure_of(FFI_DEFAULT_ABI, 1, &(ffi), 1, &(ffi));                                         \
        answer_number = sent;                                                                      \
        CHECK(CALL(type, (type), (sent)) == sent, #type);                                          \
        SAW(0, sent);                                                                              \
    } while (0)

static void test_integers(void) {
    CHECK_INTEGER(signed char, ffi_type_schar, -100);
    CHECK_INTEGER(unsigned char, ffi_type_uchar, 200);
    CHECK_INTEGER(short, ffi_type_sshort, -30000);
    CHECK_INTEGER(unsigned short, ffi_type_ushort, 60000);
    CHECK_INTEGER(int, ffi_type_sint, -2000000000);
    CHECK_INTEGER(unsigned, ffi_type_uint, 4000000000u);
    CHECK_INTEGER(long, ffi_type_slong, -5);
    CHECK_INTEGER(unsigned long, ffi_type_ulong, -5);
    closure_of(FFI_DEFAULT_ABI, 1, &ffi_type_void, 1, &ffi_type_sint);
    int n = 77;
    CALL(void, (int), (n));
    SAW(0, n);
    say("integers, and nothing");
}

static void test_floats(void) {
    float f = 1.5f;
    double d = 2.25;
    long double l = 3.125L;
    closure_of(FFI_DEFAULT_ABI, 3, &ffi_type_float, 3, &ffi_type_float, &ffi_type_double,
               &ffi_type_longdouble);
    ANSWER(f);
    CHECK(CALL(float, (float, double, long double), (f, d, l)) == f, "float");
    SAW(0, f);
    SAW(1, d);
    CHECK(*(long double *)(void *)seen[2] == l, "long double");
    closure_of(FFI_DEFAULT_ABI, 0, &ffi_type_double, 0);
    ANSWER(d);
    CHECK(CALL(double, (void), ()) == d, "double");
    closure_of(FFI_DEFAULT_ABI, 0, &ffi_type_longdouble, 0);
    ANSWER(l);
    CHECK(CALL(long double, (void), ()) == l, "long double");
    say("floats");
}

static void test_complex(void) {
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    float complex f = 1 + 2 * I;
    double complex d = 3 + 4 * I;
    closure_of(FFI_DEFAULT_ABI, 2, &ffi_type_complex_double, 2, &ffi_type_complex_float,
               &ffi_type_complex_double);
    ANSWER(d);
    CHECK(CALL(double complex, (float complex, double complex), (f, d)) == d, "double");
    SAW(0, f);
    SAW(1, d);
    closure_of(FFI_DEFAULT_ABI, 0, &ffi_type_complex_float, 0);
    ANSWER(f);
    CHECK(CALL(float complex, (void), ()) == f, "float");
    say("complex numbers");
#endif
}

/* ---- Structs, in libffi's words and in those of its users ---- */

#define STRUCT(name, size_, alignment_, ...)                                                       \
    static ffi_type *name##_elements[] = {__VA_ARGS__, NULL};                                      \
    static ffi_type name = {size_, alignment_, FFI_TYPE_STRUCT, name##_elements}

#define CHECK_STRUCT(type, ffi, ...)                                                               \
    do {                                                                                           \
        type sent = {__VA_ARGS__}, got;                                                            \
        int before = 5, after = 6;                                                                 \
        closure_of(FFI_DEFAULT_ABI, 3, &(ffi), 3, &ffi_type_sint, &(ffi), &ffi_type_sint);         \
        CHECK((ffi).size == sizeof(type), "%zu", (ffi).size);                                      \
        ANSWER(sent);                                                                              \
        got = CALL(type, (int, type, int), (before, sent, after));                                 \
        CHECK(!memcmp(&got, &sent, sizeof sent), #type);                                           \
        SAW(0, before);                                                                            \
        SAW(1, sent);                                                                              \
        SAW(2, after);                                                                             \
    } while (0)

typedef struct {
    double x, y;
} doubles;
typedef struct {
    float x;
    int n;
    char text[4];
} mixed;
typedef struct {
    long a, b, c;
    double d;
} large;
typedef union {
    double x;
    long long n;
} overlapping;
typedef struct {
    unsigned a : 3, b : 7, c : 20;
} fields;

typedef struct {
    unsigned long long a : 3, b : 3, c : 60;
} wide_fields;

#pragma pack(push, 1)
typedef struct {
    char c;
    double x;
} packed;
#pragma pack(pop)

STRUCT(doubles_type, 0, 0, &ffi_type_double, &ffi_type_double);
STRUCT(text_type, 0, 0, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar, &ffi_type_schar);
STRUCT(mixed_type, 0, 0, &ffi_type_float, &ffi_type_sint, &text_type);
STRUCT(large_type, 0, 0, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_double);
/* As ctypes has them: all members, and the size and alignment of the whole. */
STRUCT(union_type, sizeof(overlapping), _Alignof(overlapping), &ffi_type_double, &ffi_type_sint64);
STRUCT(packed_type, sizeof(packed), 1, &ffi_type_schar, &ffi_type_double);
STRUCT(fields_type, sizeof(fields), _Alignof(fields), &ffi_type_uint, &ffi_type_uint,
       &ffi_type_uint);

STRUCT(wide_fields_type, sizeof(wide_fields), _Alignof(wide_fields), &ffi_type_uint64,
       &ffi_type_uint64, &ffi_type_uint64);

static void test_structs(void) {
    CHECK_STRUCT(doubles, doubles_type, 1.5, -2.5);
    CHECK_STRUCT(mixed, mixed_type, 1.5f, -3, "abc");
    CHECK_STRUCT(large, large_type, 1, -2, 3, 4.5);
    CHECK_STRUCT(overlapping, union_type, 6.5);
    CHECK_STRUCT(packed, packed_type, 'c', 7.5);
    CHECK_STRUCT(fields, fields_type, 5, 100, 1000000);
    CHECK_STRUCT(wide_fields, wide_fields_type, 5, 6, 1000000000000);
    say("structs, a union, a packed struct, bit-fields");
}

/* ---- Variadic ---- */

static void test_variadic(void) {
    int n = 3;
    double x = 1.5;
    doubles two = {2.5, 3.5};
    const char *text = "text";
    closure_of(FFI_DEFAULT_ABI, 1, &ffi_type_double, 5, &ffi_type_sint, &ffi_type_double,
               &ffi_type_pointer, &doubles_type, &ffi_type_double);
    ANSWER(x);
    CHECK(CALL(double, (int, ...), (n, x, text, two, x)) == x, "double");
    SAW(0, n);
    SAW(1, x);
    SAW(2, text);
    SAW(3, two);
    SAW(4, x);
    say("variable arguments");
}

/* ---- Other conventions: the stack must be where it was ---- */

#define CHECK_NUMBERS(attribute, abi)                                                              \
    do {                                                                                           \
        typedef double(attribute * function)(int, double, short, doubles);                         \
        int n = 3;                                                                                 \
        short s = -4;                                                                              \
        double x = 5.5;                                                                            \
        doubles two = {6.5, 7.5};                                                                  \
        closure_of(abi, 4, &ffi_type_double, 4, &ffi_type_sint, &ffi_type_double,                  \
                   &ffi_type_sshort, &doubles_type);                                               \
        ANSWER(x);                                                                                 \
        for (int i = 0; i < 1000; i++)                                                             \
            CHECK(((function)code)(n, x, s, two) == x, #abi);                                      \
        SAW(0, n);                                                                                 \
        SAW(1, x);                                                                                 \
        SAW(2, s);                                                                                 \
        SAW(3, two);                                                                               \
    } while (0)

#define CHECK_STRUCTS(attribute, abi)                                                              \
    do {                                                                                           \
        typedef doubles(attribute * maker)(int, int);                                              \
        doubles two = {6.5, 7.5}, got;                                                             \
        closure_of(abi, 2, &doubles_type, 2, &ffi_type_sint, &ffi_type_sint);                      \
        ANSWER(two);                                                                               \
        for (int i = 0; i < 1000; i++) {                                                           \
            got = ((maker)code)(i, i);                                                             \
            CHECK(got.x == two.x && got.y == two.y, #abi);                                         \
            SAW(1, i);                                                                             \
        }                                                                                          \
    } while (0)

#define CHECK_CONVENTION(attribute, abi)                                                           \
    do {                                                                                           \
        CHECK_NUMBERS(attribute, abi);                                                             \
        CHECK_STRUCTS(attribute, abi);                                                             \
    } while (0)

static void test_conventions(void) {
#if defined(__x86_64__)
    CHECK_CONVENTION(__attribute__((ms_abi)), FFI_WIN64);
    CHECK_CONVENTION(__attribute__((ms_abi)), FFI_GNUW64);
    CHECK_CONVENTION(__attribute__((ms_abi)), FFI_EFI64);
#  ifdef __clang__ /* has another idea of it there */
    say("no long double of Windows' convention");
#  else
    long double l = 8.5L;
    closure_of(FFI_GNUW64, 1, &ffi_type_longdouble, 1, &ffi_type_longdouble);
    ANSWER(l);
    CHECK(CALL(__attribute__((ms_abi)) long double, (long double), (l)) == l, "long double");
#  endif
    say("Windows' convention");
#elif defined(__i386__)
    CHECK_CONVENTION(__attribute__((cdecl)), FFI_SYSV);
    CHECK_CONVENTION(__attribute__((stdcall)), FFI_STDCALL);
    CHECK_CONVENTION(__attribute__((fastcall)), FFI_FASTCALL);
    CHECK_NUMBERS(__attribute__((thiscall)), FFI_THISCALL);
    say("cdecl, stdcall, fastcall, thiscall");
#elif defined(__arm__)
    CHECK_CONVENTION(__attribute__((pcs("aapcs"))), FFI_SYSV);
    say("without VFP registers");
#endif
}

int main(int argc, char **argv) {
    CHECK(argc == 2, "usage: %s LIBRARY", argv[0]);
    load_ours(argv[1]);
    test_integers();
    test_floats();
    test_complex();
    test_structs();
    test_variadic();
    test_conventions();
    return 0;
}
