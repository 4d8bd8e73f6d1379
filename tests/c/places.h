/* Where a convention puts values, as text: what each signature_*.c compares with its document.
 *
 *     abi = PYTRAMP_ABI_SYSV_X86_64;
 *     EXPECT("split", "rax 0+8, xmm0 8+8 | rdi 0+8, xmm0 8+8", STRUCT(l_, d_), STRUCT(l_, d_));
 *
 * All conventions are compiled on all machines, and types have the machine's sizes: l_ is a long
 * long, for there that is 8 bytes. Include it after check.h. */
#ifndef PLACES_H
#define PLACES_H

#include "signature.h"

static const pytramp_type
    *const i_ = &pytramp_type_int,
           *const l_ = &pytramp_type_longlong, *const d_ = &pytramp_type_double,
           *const f_ = &pytramp_type_float, *const c_ = &pytramp_type_char,
           *const h_ = &pytramp_type_float16, *const p_ = &pytramp_type_pointer,
           *const ld_ = &pytramp_type_longdouble, *const cf_ = &pytramp_type_complex_float,
           *const cd_ = &pytramp_type_complex_double,
           *const cld_ = &pytramp_type_complex_longdouble, *const v_ = &pytramp_type_void;

static const pytramp_type *aggregate(size_t n, const pytramp_type *const *types, size_t pack,
                                     int is_union) {
    pytramp_member members[8];
    const pytramp_type *type;
    for (size_t k = 0; k < n; k++)
        members[k] = (pytramp_member){types[k], 1, 0};
    CHECK_OK((is_union ? pytramp_type_union : pytramp_type_struct)(&type, n, members, pack));
    return type;
}

#define TYPES(...)                                                                                 \
    COUNT(((const pytramp_type *[]){__VA_ARGS__})), (const pytramp_type *[]) {                     \
        __VA_ARGS__                                                                                \
    }
#define STRUCT(...) aggregate(TYPES(__VA_ARGS__), 0, 0)
#define PACKED(...) aggregate(TYPES(__VA_ARGS__), 1, 0)
#define UNION(...)  aggregate(TYPES(__VA_ARGS__), 0, 1)

__attribute__((unused)) static const pytramp_type *array(const pytramp_type *of, size_t n) {
    const pytramp_member member[] = {{of, n, 0}};
    const pytramp_type *type;
    CHECK_OK(pytramp_type_struct(&type, 1, member, 0));
    return type;
}

__attribute__((unused)) static const pytramp_type *empty(void) {
    const pytramp_type *type;
    CHECK_OK(pytramp_type_struct(&type, 0, NULL, 0));
    return type;
}

__attribute__((unused)) static const pytramp_type *
laid_out(size_t size, size_t alignment, size_t natural, size_t n, const pytramp_member *members) {
    const pytramp_type *type;
    pytramp_layout layout = {sizeof layout, size, alignment, natural, 0, n, members};
    CHECK_OK(pytramp_type_layout_ex(&type, &layout));
    return type;
}

__attribute__((unused)) static const pytramp_type *layout(size_t size, size_t alignment, size_t n,
                                                          const pytramp_member *members) {
    const pytramp_type *type;
    CHECK_OK(pytramp_type_layout(&type, size, alignment, n, members));
    return type;
}

#define MEMBERS(...)                                                                               \
    COUNT(((const pytramp_member[]){__VA_ARGS__})), (const pytramp_member[]) {                     \
        __VA_ARGS__                                                                                \
    }
#define LAYOUT(size, alignment, ...) layout(size, alignment, MEMBERS(__VA_ARGS__))

/* An explicit layout does not tell whether it is i386's way to align eight bytes to four that made
 * it: it says nothing of other machines. */
__attribute__((unused)) static void need_natural_alignment(void) {
    if (pytramp_type_alignment(d_) < 8) skip("explicit layouts of doubles are i386's own here");
}

/* The convention that is looked at. */
static pytramp_abi abi;

/* ---- Places as text: "rdi 0+8, xmm0 8+4", "stack@16 0+32", "&rdi" for an address ---- */

static const char *places_text(const pytramp_signature *signature, size_t i) {
    static char text[400];
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 99, at = 0;
    int by_reference = -1;
    CHECK_OK(pytramp_signature_explain(signature, i, places, &n, &by_reference));
    CHECK(n <= PYTRAMP_MAX_PLACES, "%zu places", n);
    *text = 0;
    for (size_t k = 0; k < n; k++) {
        const pytramp_place *place = &places[k];
        at += (size_t)sprintf(text + at, "%s%s%s", k ? ", " : "", by_reference ? "&" : "",
                              place->name);
        if (!strcmp(place->name, "stack")) at += (size_t)sprintf(text + at, "@%zu", place->stack);
        if (!by_reference) at += (size_t)sprintf(text + at, " %zu+%zu", place->offset, place->size);
    }
    return text;
}

static const pytramp_signature *make(const pytramp_type *result, size_t n,
                                     const pytramp_type *const *args) {
    const pytramp_signature *signature;
    CHECK_OK(pytramp_signature_new(&signature, abi, result, n, args));
    return signature;
}

static int cases;

/* expected: "result | argument | argument ..." */
static void expect_places(const char *what, const char *expected,
                          const pytramp_signature *signature, size_t n) {
    char got[2000];
    size_t at = (size_t)sprintf(got, "%s", places_text(signature, PYTRAMP_RESULT));
    for (size_t i = 0; i < n; i++)
        at += (size_t)sprintf(got + at, " | %s", places_text(signature, i));
    CHECK(!strcmp(got, expected), "%s:\n  expected %s\n  got      %s", what, expected, got);
    cases++;
}

static void expect(const char *what, const char *expected, const pytramp_type *result, size_t n,
                   const pytramp_type *const *args) {
    expect_places(what, expected, make(result, n, args), n);
}

#define EXPECT(what, expected, result, ...) expect(what, expected, result, TYPES(__VA_ARGS__))

#define UNTOUCHED ((const pytramp_signature *)(uintptr_t)0xabcd)

__attribute__((unused)) static void refuse(pytramp_abi by, const pytramp_type *result, size_t n,
                                           const pytramp_type *const *args, pytramp_status status) {
    const pytramp_signature *signature = UNTOUCHED;
    for (int twice = 0; twice < 2; twice++)
        CHECK_STATUS(pytramp_signature_new(&signature, by, result, n, args), status);
    CHECK(signature == UNTOUCHED, "an out parameter was touched");
}

#define REFUSE(status, result, ...) refuse_types(status, result, TYPES(__VA_ARGS__))

__attribute__((unused)) static void refuse_types(pytramp_status status, const pytramp_type *result,
                                                 size_t n, const pytramp_type *const *args) {
    refuse(abi, result, n, args, status);
}

/* ---- Small types with more in them than anyone could look at ---- */

#define MOST 10000
#ifdef __SANITIZE_ADDRESS__
#  define TAKES_TIME 1
#else
#  define TAKES_TIME (getenv("PYTRAMP_TEST_PATIENCE") != NULL)
#endif

/* Ten thousand arguments of a type, or a thousand where an emulator or a sanitizer takes its time:
 * refused or answered, but at once. */
static void check_at_once(const char *what, const pytramp_type *type) {
    static const pytramp_type *args[MOST];
    const pytramp_signature *signature;
    size_t n = TAKES_TIME ? MOST / 10 : MOST;
    for (size_t i = 0; i < n; i++)
        args[i] = type;
    alarm(100);
    pytramp_status status = pytramp_signature_new(&signature, abi, type, n, args);
    CHECK(!status || status == PYTRAMP_E_TOO_LARGE, "%s: %d", what, (int)status);
    alarm(0);
}

static const pytramp_type *doubled(const pytramp_type *type, int levels) {
    while (levels--)
        type = UNION(type, type);
    return type;
}

static const pytramp_type *nested(const pytramp_type *type, int levels) {
    while (levels--)
        type = STRUCT(type);
    return type;
}

/* A char beside very many empty structs. */
static const pytramp_type *with_empties(void) {
    const pytramp_type *type;
    pytramp_member empties[1001] = {{c_, 1, 0}};
    for (size_t i = 1; i < COUNT(empties); i++)
        empties[i] = (pytramp_member){empty(), SIZE_MAX, 0};
    CHECK_OK(pytramp_type_struct(&type, COUNT(empties), empties, 0));
    return type;
}

__attribute__((unused)) static void check_intricate(const pytramp_type *scalar) {
    const pytramp_type *padding, *type = with_empties();
    CHECK_OK(pytramp_type_layout(&padding, 1, 1, 0, NULL));
    static const int some[] = {5, 10, 60}; /* walked, nearly all that is walked, far beyond */
    for (size_t i = 0; i < COUNT(some); i++) {
        int levels = some[i];
        check_at_once("unions in unions", doubled(scalar, levels));
        check_at_once("... of padding", doubled(padding, levels));
        check_at_once("... of empty structs", doubled(type, levels));
    }
    check_at_once("structs in structs", nested(scalar, 100000));
    say("intricate types: answered or refused at once");
}

#endif
