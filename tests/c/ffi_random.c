/* Random interfaces: libffi's closure and ours get the same cif, the same caller (ffi_call) and the
 * same values. ffi_random LIBRARY COUNT SEED */
#include "check.h"

#include <setjmp.h>
#include <signal.h>

#include "ffi_both.h"

#define MAX_ARGS  40
#define MAX_TYPES 1024
#define MAX_SIZE  4096

static uint64_t state;

static unsigned below(unsigned n) {
    return (unsigned)(next_random(&state) >> 20) % n;
}

/* ---- Types ---- */

static ffi_type *const scalars[] = {
    &ffi_type_uint8,         &ffi_type_sint8,          &ffi_type_uint16,
    &ffi_type_sint16,        &ffi_type_uint32,         &ffi_type_sint32,
    &ffi_type_uint64,        &ffi_type_sint64,         &ffi_type_pointer,
    &ffi_type_float,         &ffi_type_double,         &ffi_type_longdouble,
    &ffi_type_float,         &ffi_type_double,
#if defined(FFI_TARGET_HAS_COMPLEX_TYPE) && !defined(__mips__) /* its calls of them hang */
    &ffi_type_complex_float, &ffi_type_complex_double, &ffi_type_complex_longdouble,
#endif
};

static struct {
    ffi_type type;
    ffi_type *elements[8];
} made[MAX_TYPES];
static unsigned n_made;

static ffi_type *random_type(unsigned depth);

static ffi_type *random_struct(unsigned depth) {
    CHECK(n_made < MAX_TYPES, "too many types");
    unsigned slot = n_made++, n = 1 + below(depth ? 3 : 6);
    ffi_type *same = below(3) ? NULL : random_type(depth + 1); /* as homogeneous ones are */
    for (unsigned i = 0; i < n; i++)
        made[slot].elements[i] = same ? same : random_type(depth + 1);
    made[slot].elements[n] = NULL;
    made[slot].type = (ffi_type){0, 0, FFI_TYPE_STRUCT, made[slot].elements};
    return &made[slot].type;
}

static ffi_type *random_type(unsigned depth) {
    if (depth < 3 && !below(3)) return random_struct(depth);
    return scalars[below(COUNT(scalars))];
}

/* ---- Values: finite, so that nothing on their way changes their bits ---- */

static void fill(const ffi_type *type, unsigned char *to);

static size_t element_offset(const ffi_type *element, size_t at) {
    return (at + element->alignment - 1) / element->alignment * element->alignment;
}

static void fill_struct(const ffi_type *type, unsigned char *to) {
    size_t at = 0;
    for (ffi_type **element = type->elements; *element; element++) {
        at = element_offset(*element, at);
        fill(*element, to + at);
        at += (*element)->size;
    }
}

static void fill(const ffi_type *type, unsigned char *to) {
    int64_t number = (int64_t)next_random(&state);
    float single = (float)(int32_t)number / 3;
    double fraction = (double)number / 3;
    long double extended = (long double)number / 3;
    if (type->type == FFI_TYPE_STRUCT)
        fill_struct(type, to);
    else if (type->type == FFI_TYPE_COMPLEX) {
        fill(type->elements[0], to);
        fill(type->elements[0], to + type->size / 2);
    } else if (type->type == FFI_TYPE_FLOAT)
        memcpy(to, &single, sizeof single);
    else if (type->type == FFI_TYPE_DOUBLE)
        memcpy(to, &fraction, sizeof fraction);
    else if (type->type == FFI_TYPE_LONGDOUBLE)
        memcpy(to, &extended, sizeof extended);
    else
        memcpy(to, &number, type->size > sizeof number ? sizeof number : type->size);
}

static int same(const ffi_type *type, const unsigned char *a, const unsigned char *b);

static int same_struct(const ffi_type *type, const unsigned char *a, const unsigned char *b) {
    size_t at = 0;
    for (ffi_type **element = type->elements; *element; element++) {
        at = element_offset(*element, at);
        if (!same(*element, a + at, b + at)) return 0;
        at += (*element)->size;
    }
    return 1;
}

/* But for padding. */
static int same(const ffi_type *type, const unsigned char *a, const unsigned char *b) {
    size_t half = type->size / 2;
    long double x, y;
    switch (type->type) {
    case FFI_TYPE_STRUCT: return same_struct(type, a, b);
    case FFI_TYPE_COMPLEX:
        return same(type->elements[0], a, b) && same(type->elements[0], a + half, b + half);
    case FFI_TYPE_LONGDOUBLE:
        if (type->size != sizeof x) break;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        return x == y;
    default: break;
    }
    return !memcmp(a, b, type->size);
}

/* ---- One interface ---- */

struct interface {
    ffi_cif cif;
    ffi_type *types[MAX_ARGS], *result;
    unsigned nargs, nfixed;
    unsigned char values[MAX_ARGS][MAX_SIZE], answer[MAX_SIZE];
};

static struct interface now;

static unsigned round_number;

static int is_integer(const ffi_type *type) {
    return type->type != FFI_TYPE_STRUCT && type->type != FFI_TYPE_COMPLEX &&
           type->type != FFI_TYPE_FLOAT && type->type != FFI_TYPE_DOUBLE &&
           type->type != FFI_TYPE_LONGDOUBLE && type->type != FFI_TYPE_VOID;
}

static int is_variadic(void) {
    return now.nfixed < now.nargs;
}

/* C's promotions: libffi refuses what they do not leave. */
static int survives_promotion(const ffi_type *type) {
    return type->type == FFI_TYPE_STRUCT || type->type == FFI_TYPE_COMPLEX ||
           (type->type != FFI_TYPE_FLOAT && type->size >= sizeof(int));
}

/* ---- Where libffi calls in another way than compilers ---- */

#if defined(__x86_64__)
static int is_one_long_double(const ffi_type *type) {
    while (type->type == FFI_TYPE_STRUCT && !type->elements[1])
        type = type->elements[0];
    return type->type == FFI_TYPE_LONGDOUBLE;
}

/* For Windows' convention it has a Microsoft compiler's long double in mind, which here is another
 * type; and System V returns a struct of one in st0 (psABI 3.2.3: classes X87, X87UP). */
static int is_no_interface(ffi_abi abi) {
    return is_one_long_double(now.result) &&
           (now.result->type == FFI_TYPE_STRUCT ? abi == FFI_UNIX64 : abi == FFI_WIN64);
}
#elif defined(__arm__)
/* It splits structs between registers and memory where VFP registers are used up already, and so
 * memory is in use (AAPCS, rule C.5). */
static int is_no_interface(ffi_abi abi) {
    size_t bytes = 0;
    for (unsigned i = 0; i < now.nargs; i++)
        bytes += is_integer(now.types[i]) ? 0 : now.types[i]->size;
    return abi == FFI_VFP && bytes > 64;
}
#elif defined(__powerpc64__) || defined(__mips__)
static int has_long_double(const ffi_type *type) {
    if (type->type != FFI_TYPE_STRUCT) return type->type == FFI_TYPE_LONGDOUBLE;
    for (ffi_type **element = type->elements; *element; element++) {
        if (has_long_double(*element)) return 1;
    }
    return 0;
}

/* PowerPC: it aligns homogeneous structs of them in memory, which gcc does not. MIPS: calls hang,
 * those of its own closures, too, and structs of one are returned as if they were none. */
static int is_no_interface(ffi_abi abi) {
    for (unsigned i = 0; i < now.nargs; i++) {
        if (has_long_double(now.types[i])) return 1;
    }
    return !abi || has_long_double(now.result);
}
#else
static int is_no_interface(ffi_abi abi) {
    return !abi;
}
#endif

/* ---- Drawing ---- */

/* Those that libffi calls here, whatever else its header names. */
static const ffi_abi abis[] = {
    FFI_DEFAULT_ABI,
#if defined(__x86_64__)
    FFI_WIN64,
    FFI_GNUW64,
#elif defined(__i386__)
    FFI_STDCALL,     FFI_FASTCALL, FFI_THISCALL, FFI_MS_CDECL, FFI_PASCAL, FFI_REGISTER,
#elif defined(__arm__)
    FFI_SYSV,
#endif
};

static int draw(void) {
    n_made = 0;
    now.nargs = below(10) ? below(10) : below(MAX_ARGS);
    now.nfixed = now.nargs > 1 && !below(5) ? 1 + below(now.nargs - 1) : now.nargs;
    for (unsigned i = 0; i < now.nargs; i++) {
        do
            now.types[i] = random_type(0);
        while (i >= now.nfixed && !survives_promotion(now.types[i]));
    }
    now.result = below(12) ? random_type(0) : &ffi_type_void;
    ffi_abi abi = abis[below(2) ? below(COUNT(abis)) : 0];
    ffi_status status =
        is_variadic()
            ? ffi_prep_cif_var(&now.cif, abi, now.nfixed, now.nargs, now.result, now.types)
            : ffi_prep_cif(&now.cif, abi, now.nargs, now.result, now.types);
    return status == FFI_OK && !is_no_interface(abi);
}

static void set_values(void) {
    for (unsigned i = 0; i < now.nargs; i++) {
        CHECK(now.types[i]->size <= MAX_SIZE, "%zu bytes", now.types[i]->size);
        fill(now.types[i], now.values[i]);
    }
    if (now.result->size <= MAX_SIZE && now.result != &ffi_type_void) fill(now.result, now.answer);
}

static int is_widened(const ffi_type *type) {
    return type->size < sizeof(ffi_arg) && is_integer(type);
}

static ffi_arg widened(void) {
    const void *from = now.answer;
    switch (now.result->type) {
    case FFI_TYPE_UINT8: return *(const uint8_t *)from;
    case FFI_TYPE_SINT8: return (ffi_arg)(ffi_sarg) * (const int8_t *)from;
    case FFI_TYPE_UINT16: return *(const uint16_t *)from;
    case FFI_TYPE_SINT16: return (ffi_arg)(ffi_sarg) * (const int16_t *)from;
    case FFI_TYPE_UINT32: return *(const uint32_t *)from;
    case FFI_TYPE_SINT32: return (ffi_arg)(ffi_sarg) * (const int32_t *)from;
    default: CHECK(0, "type %d", now.result->type);
    }
}

/* ---- What arrives ---- */

struct seen {
    unsigned calls;
    unsigned char values[MAX_ARGS][MAX_SIZE], answer[MAX_SIZE];
};

static struct seen seen_by[2];

static void handle(ffi_cif *cif, void *result, void **args, void *user_data) {
    struct seen *seen = user_data;
    CHECK(cif == &now.cif, "another cif");
    for (unsigned i = 0; i < cif->nargs; i++)
        memcpy(seen->values[i], args[i], cif->arg_types[i]->size);
    if (is_widened(cif->rtype))
        *(ffi_arg *)result = widened();
    else if (cif->rtype != &ffi_type_void)
        memcpy(result, now.answer, cif->rtype->size);
    seen->calls++;
}

/* libffi does not always call as it takes calls, and then it is pointers that are wrong. */
static sigjmp_buf crashed;

static void note_crash(int number) {
    siglongjmp(crashed, number);
}

static void call(void *code, struct seen *seen) {
    void *args[MAX_ARGS];
    _Alignas(16) static unsigned char values[MAX_ARGS][MAX_SIZE], result[MAX_SIZE];
    memcpy(values, now.values, sizeof values); /* who is called may write on them */
    memset(result, 0, sizeof result);
    for (unsigned i = 0; i < now.nargs; i++)
        args[i] = values[i];
    seen->calls = 0;
    if (sigsetjmp(crashed, 1)) return;
    ffi_call(&now.cif, FFI_FN(code), result, args);
    memcpy(seen->answer, result, now.result->size < 16 ? 16 : now.result->size);
}

/* ---- Comparing ---- */

#define RESULT  (-1)
#define NOTHING (-2)
#define ALL     (-3)

/* The first value that is not what was sent: an argument, RESULT, NOTHING; ALL after a crash. */
static int first_wrong(const struct seen *seen) {
    if (seen->calls != 1) return ALL;
    for (unsigned i = 0; i < now.nargs; i++) {
        if (!same(now.types[i], seen->values[i], now.values[i])) return (int)i;
    }
    if (is_widened(now.result)) {
        ffi_arg got;
        memcpy(&got, seen->answer, sizeof got);
#if defined(__mips__) || defined(__riscv) /* registers have 32 bits as signed numbers, calls too   \
                                           */
        if (now.result->type == FFI_TYPE_UINT32) got = (uint32_t)got;
#endif
        return got == widened() ? NOTHING : RESULT;
    }
    if (now.result == &ffi_type_void) return NOTHING;
    return same(now.result, seen->answer, now.answer) ? NOTHING : RESULT;
}

static const char *name_of(const ffi_type *type) {
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {FFI_TYPE_VOID, "void"},  {FFI_TYPE_FLOAT, "f"},          {FFI_TYPE_DOUBLE, "d"},
        {FFI_TYPE_UINT8, "u8"},   {FFI_TYPE_SINT8, "s8"},         {FFI_TYPE_UINT16, "u16"},
        {FFI_TYPE_SINT16, "s16"}, {FFI_TYPE_UINT32, "u32"},       {FFI_TYPE_SINT32, "s32"},
        {FFI_TYPE_UINT64, "u64"}, {FFI_TYPE_SINT64, "s64"},       {FFI_TYPE_POINTER, "p"},
        {FFI_TYPE_STRUCT, "{"},   {FFI_TYPE_COMPLEX, "complex "}, {FFI_TYPE_LONGDOUBLE, "ld"},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].code == type->type) return names[i].name;
    }
    return "?";
}

static size_t describe(const ffi_type *type, char *to) {
    size_t n = (size_t)sprintf(to, "%s", name_of(type));
    if (type->type != FFI_TYPE_STRUCT && type->type != FFI_TYPE_COMPLEX) return n;
    for (ffi_type **element = type->elements; *element; element++) {
        n += describe(*element, to + n);
        n += (size_t)sprintf(to + n, element[1] ? ", " : "");
    }
    return n + (size_t)sprintf(to + n, type->type == FFI_TYPE_STRUCT ? "}" : "");
}

static const char *text(void) {
    static char all[65536];
    size_t n = (size_t)sprintf(all, "round %u: abi %d, ", round_number, (int)now.cif.abi);
    n += describe(now.result, all + n);
    for (unsigned i = 0; i < now.nargs; i++) {
        n += (size_t)sprintf(all + n, i == now.nfixed ? " ... " : i ? ", " : " (");
        n += describe(now.types[i], all + n);
    }
    sprintf(all + n, ")");
    return all;
}

/* ---- Rounds ---- */

static unsigned compared, refused, theirs_wrong, both_wrong;

/* One closure of each, prepared again and again, replaced now and then. */
struct pair {
    void *closures[2], *codes[2];
};

static const struct implementation *const both[2] = {&ours, &theirs};

static void replace(struct pair *pair) {
    for (int i = 0; i < 2; i++) {
        if (pair->closures[i]) both[i]->free(pair->closures[i]);
        size_t size = sizeof(ffi_closure) + below(100);
        pair->closures[i] = both[i]->alloc(size, &pair->codes[i]);
        CHECK(pair->closures[i], "%s has no closure", both[i]->name);
    }
}

static int prepare(const struct pair *pair) {
    ffi_status status[2];
    for (int i = 0; i < 2; i++)
        status[i] =
            both[i]->prepare_at(pair->closures[i], &now.cif, handle, &seen_by[i], pair->codes[i]);
    if (status[0] == FFI_OK && status[1] == FFI_OK) return 1;
    CHECK(status[0] != FFI_OK, "ours alone takes %s", text());
    refused += status[1] == FFI_OK;
    return 0;
}

static void compare(const struct pair *pair) {
    set_values();
    for (int i = 0; i < 2; i++) {
        if (getenv("VERBOSE")) say("%s: %s", both[i]->name, text());
        call(pair->codes[i], &seen_by[i]);
    }
    int mine = first_wrong(&seen_by[0]), other = first_wrong(&seen_by[1]);
    compared++;
    if (mine == NOTHING && other == NOTHING) return;
    if (mine == NOTHING) {
        theirs_wrong++;
    } else if (other != NOTHING) {
        both_wrong++; /* so it is the call that is */
    } else {
        CHECK(getenv("KEEP_GOING"), "ours has %d wrong: %s", mine, text());
        say("ours has %d wrong: %s", mine, text());
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 4, "usage: %s LIBRARY COUNT SEED", argv[0]);
    struct pair pair = {0};
    unsigned count = (unsigned)strtoul(argv[2], NULL, 0);
    load_ours(argv[1]);
    signal(SIGSEGV, note_crash);
    signal(SIGBUS, note_crash);
    state = strtoull(argv[3], NULL, 0) * 2 + 1;
    replace(&pair);
    for (round_number = 0; round_number < count; round_number++) {
        if (!below(4)) replace(&pair);
        if (draw() && prepare(&pair)) compare(&pair);
    }
    say("%u interfaces compared; refused by ours alone: %u; libffi alone wrong: %u; both: %u",
        compared, refused, theirs_wrong, both_wrong);
    CHECK(compared - both_wrong > count / 4, "too few");
    return 0;
}
