/* Runs the cases of a generated file: fills values, calls, compares. See generate.py.
 *
 * With -DABI_PEER the callee is compiled code in place of a closure and pytramp is not linked: that
 * run proves the harness, and that two compilers agree, before either is used to judge pytramp. */
#define _XOPEN_SOURCE 700

#include "harness.h"

#include <float.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SIZE     1024 /* of one value */
#define MAX_VALUES   (ABI_MAX_ARGS * MAX_SIZE)
#define ROUNDS       2
#define MAX_FAILURES 5

#ifdef ABI_PEER
#  define TYPE(symbol) NULL
#else
#  define TYPE(symbol) &pytramp_type_##symbol
#endif

#define DEFINE(name_, ctype, symbol, kind_, leaves_)                                               \
    struct shape shape_##name_ = {.text = #ctype,                                                  \
                                  .kind = kind_,                                                   \
                                  .leaves = leaves_,                                               \
                                  .size = sizeof(ctype),                                           \
                                  .alignment = _Alignof(ctype),                                    \
                                  .type = TYPE(symbol)};
ABI_SCALARS(DEFINE)
struct shape shape_void = {.text = "void", .kind = VOID, .type = TYPE(void)};

union wide abi_wide[ABI_MAX_ARGS];
void *abi_hidden;
volatile unsigned long abi_keep[6];
int abi_kept, abi_widened;

static const char *seed_text, *variant;
static struct test *current;
static const pytramp_signature *signature;
static unsigned failures, calls_seen;
static int failed; /* the case at hand */

static unsigned char expected[MAX_VALUES], expected_result[MAX_SIZE];
static unsigned char masks[MAX_VALUES], result_mask[MAX_SIZE];

/* ---- Reports ---- */

#ifdef ABI_PEER
static void print_places(size_t i) {
    (void)i;
}
#else
static void print_places(size_t i) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 0;
    int by_reference = 0;
    pytramp_status s = pytramp_signature_explain(signature, i, places, &n, &by_reference);
    printf("  places (%s)%s:", pytramp_status_text(s), by_reference ? ", by reference" : "");
    for (size_t k = 0; s == PYTRAMP_OK && k < n; k++) {
        printf(" [%zu..%zu) %s", places[k].offset, places[k].offset + places[k].size,
               places[k].name);
        if (!strcmp(places[k].name, "stack")) printf("+%zu", places[k].stack);
    }
    printf("\n");
}
#endif

static void print_bytes(const char *what, const unsigned char *bytes, const unsigned char *mask,
                        size_t size) {
    printf("  %-9s", what);
    for (size_t i = 0; i < size; i++) {
        if (mask[i])
            printf(" %02x", bytes[i]);
        else
            printf(" ..");
    }
    printf("\n");
}

/* Prints the case and the reason, once per case; returns whether details should follow. */
static int complain(const char *reason) {
    if (failed) return 0;
    failed = 1;
    failures++;
    printf("FAILED signature %u of seed %s, %s call: %s\n%s\n", current->number, seed_text, variant,
           reason, current->text);
    return 1;
}

static void compare(size_t i, const struct shape *shape, const unsigned char *want,
                    const unsigned char *mask, const unsigned char *got) {
    for (size_t k = 0; k < shape->size; k++) {
        if (!mask[k] || want[k] == got[k]) continue;
        char reason[80];
        if (i == PYTRAMP_RESULT)
            snprintf(reason, sizeof reason, "the result differs");
        else
            snprintf(reason, sizeof reason, "argument %zu differs", i);
        if (!complain(reason)) return;
        print_bytes("expected", want, mask, shape->size);
        print_bytes("received", got, mask, shape->size);
        print_places(i);
        return;
    }
}

static void crashed(int number) {
    static const char text[] = "CRASHED in this call:\n";
    ssize_t n = write(1, text, sizeof text - 1);
    if (current) n = write(1, current->text, strlen(current->text));
    if (variant) n = write(1, variant, strlen(variant));
    n = write(1, "\n", 1);
    (void)n;
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_crashes(void) {
    static unsigned char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM};
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    alarm(60);
}

/* ---- Values ---- */

static uint64_t random_state;

static uint64_t random64(void) { /* splitmix64 */
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill_random(void *to, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)(random64() >> 32);
}

/* A normal float: an all-ones or zero exponent would let a load or store change the bits. */
static void fill_leaf(enum kind kind, unsigned char *to, size_t size) {
    uint64_t bits = random64();
    if (kind == BOOLEAN) {
        memset(to, 0, size);
        to[0] = bits & 1;
    } else if (kind == FLOAT) {
        float value;
        uint32_t exponent = 1 + (uint32_t)(random64() % 254);
        uint32_t word = ((uint32_t)bits & 0x807fffffu) | exponent << 23;
        memcpy(&value, &word, sizeof value);
        memcpy(to, &value, sizeof value);
    } else if (kind == DOUBLE) {
        uint64_t exponent = 1 + random64() % 2046;
        bits = (bits & 0x800fffffffffffffu) | exponent << 52;
        memcpy(to, &bits, sizeof bits);
    } else if (kind == LONG_DOUBLE && LDBL_MANT_DIG == 64) { /* x87: 10 bytes, then dead ones */
        uint16_t head = (uint16_t)(1 + random64() % 0x7ffe);
        head |= (uint16_t)(random64() & 0x8000);
        bits |= 0x8000000000000000u;
        fill_random(to, size);
        memcpy(to, &bits, sizeof bits);
        memcpy(to + sizeof bits, &head, sizeof head);
    } else if (kind == LONG_DOUBLE) {
        long double value = (long double)bits / 3;
        memcpy(to, &value, sizeof value);
    } else {
        fill_random(to, size);
    }
}

static void fill(const struct shape *shape, unsigned char *to) {
    if (!shape->size) return;
    if (shape->kind < STRUCT) {
        size_t size = shape->size / shape->leaves;
        for (size_t i = 0; i < shape->leaves; i++)
            fill_leaf(shape->kind, to + i * size, size);
        return;
    }
    fill_random(to, shape->size);
    size_t first = 0, last = shape->nmembers;
    if (shape->kind == UNION) {
        do {
            first = random64() % shape->nmembers;
        } while (!shape->members[first].shape->size);
        last = first + 1;
    }
    for (size_t m = first; m < last; m++) {
        const struct member *member = &shape->members[m];
        for (size_t i = 0; i < member->count; i++)
            fill(member->shape, to + member->offset + i * member->shape->size);
    }
}

/* Marks the bytes that carry the value: not padding, not the dead bytes of a long double. */
static void cover(const struct shape *shape, unsigned char *mask) {
    if (shape->kind < STRUCT) {
        for (size_t i = 0; i < shape->leaves; i++) {
            size_t size = shape->size / shape->leaves;
            size_t live = shape->kind == LONG_DOUBLE && LDBL_MANT_DIG == 64 ? 10 : size;
            memset(mask + i * size, 1, live);
        }
        return;
    }
    for (size_t m = 0; m < shape->nmembers; m++) {
        const struct member *member = &shape->members[m];
        for (size_t i = 0; i < member->count; i++)
            cover(member->shape, mask + member->offset + i * member->shape->size);
    }
}

/* ---- The callee ---- */

static int misaligned(const void *address, const struct shape *shape) {
    return shape->alignment && (uintptr_t)address % shape->alignment;
}

void abi_handle(const pytramp_signature *given, void *result, void *const *args, void *userdata) {
    const struct test *test = userdata;
    calls_seen++;
    if (test != current) {
        complain("the handler got another closure's userdata");
        return;
    }
    if (given != signature) complain("the handler got another signature");
    for (size_t i = 0; i < test->nargs; i++) {
        const struct value *value = &test->args[i];
        if (!value->shape->size) continue;
        if (misaligned(args[i], value->shape) && complain("an argument is misaligned")) {
            printf("  argument %zu: _Alignof %zu, at %p\n", i, value->shape->alignment, args[i]);
            print_places(i);
        }
        compare(i, value->shape, expected + value->offset, masks + value->offset, args[i]);
        memset(args[i], 0x5a, value->shape->size); /* allowed: arguments die on return */
    }
    if (!test->result->size) return;
    if (misaligned(result, test->result)) complain("the result is misaligned");
    for (size_t k = 0; signature && k < test->result->size; k++)
        if (((unsigned char *)result)[k]) complain("the result is not preset to zero");
    memcpy(result, expected_result, test->result->size);
}

/* ---- Types and signatures, through pytramp.h ---- */

#ifdef ABI_PEER
static void *build(struct test *test) {
    signature = NULL;
    return (void *)test->peer;
}
static void release(void *code) {
    (void)code;
}
static void check_scalars(void) {}
#else
static void need(pytramp_status status, const char *what) {
    char reason[160];
    if (status == PYTRAMP_OK) return;
    snprintf(reason, sizeof reason, "%s: %s", what, pytramp_status_text(status));
    complain(reason);
    exit(1);
}

static void check_size(const struct shape *shape) {
    size_t size = pytramp_type_size(shape->type), alignment = pytramp_type_alignment(shape->type);
    if ((size == shape->size && alignment == shape->alignment) || !complain("another layout"))
        return;
    printf("  %s: sizeof %zu, pytramp %zu; _Alignof %zu, pytramp %zu\n", shape->text, shape->size,
           size, shape->alignment, alignment);
}

/* Builds the type both ways and keeps the one the shape asks for. Equal layouts are one pointer, so
 * pytramp's offsets are the compiler's exactly when both are the same. */
static const pytramp_type *build_type(struct shape *shape) {
    if (shape->type) return shape->type;
    pytramp_member members[64] = {{NULL, 0, 0}};
    const pytramp_type *laid_out = NULL, *declared = NULL;
    for (size_t m = 0; m < shape->nmembers; m++) {
        members[m].type = build_type(shape->members[m].shape);
        members[m].count = shape->members[m].count;
        members[m].offset = shape->members[m].offset;
    }
    need(pytramp_type_layout(&laid_out, shape->size, shape->alignment, shape->nmembers, members),
         "pytramp_type_layout");
    shape->type = laid_out;
    check_size(shape);
    if (shape->aligned) return laid_out;
    for (size_t m = 0; m < shape->nmembers; m++)
        members[m].offset = (size_t)-1; /* not to be read */
    if (shape->kind == UNION)
        need(pytramp_type_union(&declared, shape->nmembers, members, shape->pack),
             "pytramp_type_union");
    else
        need(pytramp_type_struct(&declared, shape->nmembers, members, shape->pack),
             "pytramp_type_struct");
    shape->type = declared;
    check_size(shape);
    if (declared != laid_out && complain("offsets differ: a layout is not the declared type"))
        printf("  %s\n", shape->text);
    return shape->type = shape->layout ? laid_out : declared;
}

static void check_scalars(void) {
    static struct test none = {.text = "(the scalar types)"};
    struct shape *const shapes[] = {
#  define LIST(name, ctype, symbol, kind, leaves) &shape_##name,
        ABI_SCALARS(LIST)};
    current = &none;
    failed = 0;
    variant = "no";
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *spelling = pytramp_type_spelling(shapes[i]->type);
        check_size(shapes[i]);
        if (!spelling || pytramp_type_named(spelling) != shapes[i]->type)
            complain("a scalar's spelling does not name it");
        if (strncmp(shapes[i]->text, "enum", 4) &&
            pytramp_type_named(shapes[i]->text) != shapes[i]->type && complain("not named in C"))
            printf("  %s\n", shapes[i]->text);
    }
}

struct range {
    const char *name;
    size_t from, to;
};

/* Adds the places of value i; they may overlap neither each other nor an earlier value's. */
static size_t check_places(size_t i, const struct shape *shape, const unsigned char *mask,
                           struct range *ranges, size_t nranges) {
    pytramp_place places[PYTRAMP_MAX_PLACES];
    size_t n = 0, reached = 0, size = shape->size, seen = nranges;
    int by_reference = 0;
    need(pytramp_signature_explain(signature, i, places, &n, &by_reference), "explain");
    if (by_reference) size = sizeof(void *);
    for (size_t k = 0; k < n; k++) {
        const pytramp_place *place = &places[k];
        int on_stack = !strcmp(place->name, "stack");
        struct range range = {place->name, on_stack ? place->stack : 0,
                              on_stack ? place->stack + place->size : 1};
        if (place->offset < reached || place->offset + place->size > size)
            complain("places overlap or reach beyond the value");
        for (size_t b = reached; !by_reference && b < place->offset; b++)
            if (mask[b]) complain("places leave out a byte");
        reached = place->offset + place->size;
        for (size_t r = 0; r < seen; r++)
            if (!strcmp(ranges[r].name, range.name) && range.from < ranges[r].to &&
                ranges[r].from < range.to)
                complain("two values share a place");
        ranges[nranges++] = range;
    }
    for (size_t b = reached; !by_reference && b < size; b++)
        if (mask[b]) complain("places leave out a byte at the end");
    return i == PYTRAMP_RESULT && !by_reference ? seen : nranges;
}

static void *build(struct test *test) {
    static struct range ranges[(ABI_MAX_ARGS + 1) * PYTRAMP_MAX_PLACES];
    const pytramp_type *types[ABI_MAX_ARGS + 1];
    const pytramp_signature *again = NULL;
    void *code = NULL;
    for (size_t i = 0; i < test->nargs; i++)
        types[i] = build_type(test->args[i].shape);
    const pytramp_type *result = build_type(test->result);
    need(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, result, test->nargs, types),
         "pytramp_signature_new");
    need(pytramp_signature_new(&again, PYTRAMP_ABI_DEFAULT, result, test->nargs, types),
         "pytramp_signature_new");
    if (again != signature) complain("an equal signature is another one");
    size_t n = check_places(PYTRAMP_RESULT, test->result, result_mask, ranges, 0);
    for (size_t i = 0; i < test->nargs; i++)
        n = check_places(i, test->args[i].shape, masks + test->args[i].offset, ranges, n);
    need(pytramp_closure_new(&code, signature, abi_handle, test), "pytramp_closure_new");
    return code;
}

static void release(void *code) {
    need(pytramp_closure_free(code), "pytramp_closure_free");
}
#endif

/* ---- The caller's side ---- */

/* What a call must leave as it was, besides the registers that ABI_KEEP watches. */
struct modes {
    uint32_t mxcsr;
    uint16_t control, x87_tags;
};

static struct modes read_modes(void) {
    struct modes modes = {0, 0, 0};
#if defined(__x86_64__)
    struct {
        uint16_t words[14];
    } environment;
    __asm__ volatile("fnstenv %0\n\tfldenv %0\n\tstmxcsr %1"
                     : "=m"(environment), "=m"(modes.mxcsr));
    modes.mxcsr &= ~0x3fu; /* the exception flags */
    modes.control = environment.words[0];
    modes.x87_tags = environment.words[4];
#endif
    return modes;
}

static void prepare(struct test *test) {
    unsigned char *result = test->result_bytes;
    fill_random(test->values, test->values_size);
    for (size_t i = 0; i < test->nargs; i++) {
        const struct value *value = &test->args[i];
        unsigned char *bytes = (unsigned char *)test->values + value->offset;
        fill(value->shape, bytes);
        fill_random(&abi_wide[i], sizeof abi_wide[i]);
        if (value->shape->size <= sizeof abi_wide[i])
            memcpy(&abi_wide[i], bytes, value->shape->size);
    }
    memcpy(expected, test->values, test->values_size);
    fill(test->result, expected_result);
    memset(result, 0xa5, test->result->size + ABI_CANARY);
    for (size_t i = 0; i < 6; i++)
        abi_keep[i] = (unsigned long)random64();
    abi_hidden = result;
    abi_kept = 0;
    abi_widened = 1;
    calls_seen = 0;
}

/* Flips a bit of the first byte that is compared: the run must fail. */
static int corrupt(const char *what, const struct test *test) {
    int result = !strcmp(what, "result");
    unsigned char *bytes = result ? expected_result : expected;
    const unsigned char *mask = result ? result_mask : masks;
    size_t size = result ? test->result->size : test->values_size;
    for (size_t i = 0; i < size; i++) {
        if (!mask[i]) continue;
        bytes[i] ^= 1;
        return 1;
    }
    return 0;
}

static void check_after(struct test *test, struct modes before) {
    struct modes after = read_modes();
    const unsigned char *result = test->result_bytes;
    if (calls_seen != 1) complain("the handler was not called exactly once");
    compare(PYTRAMP_RESULT, test->result, expected_result, result_mask, result);
    for (size_t i = 0; i < ABI_CANARY; i++)
        if (result[test->result->size + i] != 0xa5) complain("written behind the result");
    if (!abi_kept) complain("a callee-saved register changed");
    if (!abi_widened) complain("a narrow result does not widen to its value");
    if (abi_hidden != test->result_bytes) complain("the hidden pointer was not returned");
    if (before.mxcsr != after.mxcsr || before.control != after.control)
        complain("a floating-point mode changed");
    if (before.x87_tags != after.x87_tags) complain("the x87 stack is not empty");
}

/* corruption is NULL, or the kind still to be made; returns 1 when it was made here. */
static int call(struct test *test, void *code, void (*caller)(void (*)(void)), const char *name,
                const char *corruption) {
    int corrupted = 0;
    variant = name;
    prepare(test);
    if (corruption && strcmp(corruption, "result")) corrupted = corrupt(corruption, test);
    struct modes before = read_modes();
    caller((void (*)(void))code);
    if (corruption && !strcmp(corruption, "result")) corrupted = corrupt(corruption, test);
    check_after(test, before);
    return corrupted;
}

static int run(struct test *test, const char *corruption) {
    int corrupted = 0;
    current = test;
    variant = "no";
    failed = 0;
    if (test->nargs > ABI_MAX_ARGS || test->values_size > MAX_VALUES ||
        test->result->size > MAX_SIZE)
        abort();
    memset(masks, 0, test->values_size);
    memset(result_mask, 0, sizeof result_mask);
    for (size_t i = 0; i < test->nargs; i++)
        cover(test->args[i].shape, masks + test->args[i].offset);
    cover(test->result, result_mask);
    void *code = build(test);
    for (int round = 0; round < ROUNDS; round++) {
        corrupted |= call(test, code, test->plain, "plain", corrupted ? NULL : corruption);
        if (test->dirty) call(test, code, test->dirty, "dirty", NULL);
    }
    release(code);
    return corrupted;
}

static int usage(const char *program) {
    fprintf(stderr, "usage: %s [--corrupt argument|result]\n", program);
    return 2;
}

int abi_main(int argc, char **argv, const char *seed, const char *compiler, struct test *tests,
             size_t ntests) {
    const char *corruption = NULL;
    size_t done = 0, nargs = 0;
    if (argc == 3 && !strcmp(argv[1], "--corrupt"))
        corruption = argv[2];
    else if (argc != 1)
        return usage(argv[0]);
    if (corruption && strcmp(corruption, "argument") && strcmp(corruption, "result"))
        return usage(argv[0]);
    seed_text = seed;
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_crashes();
    check_scalars();
    for (; done < ntests && failures < MAX_FAILURES; done++) {
        random_state = strtoull(seed, NULL, 10) ^ (uint64_t)tests[done].number << 32;
        if (run(&tests[done], corruption)) corruption = NULL;
        nargs += tests[done].nargs;
    }
    printf("abi: %zu signatures, %zu arguments, seed %s, %s: ", done, nargs, seed, compiler);
    if (failures)
        printf("%u FAILED\n", failures);
    else
        printf("all equal\n");
    return failures != 0;
}
