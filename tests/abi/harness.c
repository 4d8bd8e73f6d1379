/* Runs the cases of a generated file: fills values, calls, compares. See generate.py.
 *
 * With -DABI_PEER the callee is compiled code in place of a closure and pytramp is not linked: that
 * run proves the harness, and that two compilers agree, before either is used to judge pytramp. */
#define _XOPEN_SOURCE 700

#include "internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
struct shape shape_va_list = {.text = "va_list", .kind = LIST}; /* its size: the port knows */

union wide abi_wide[ABI_MAX_ARGS];
void *abi_hidden;
volatile unsigned long long abi_keep[ABI_KEPT_WORDS];
volatile double abi_keep_real[ABI_KEPT_REALS];
int abi_kept, abi_widened;

struct test *current;
const pytramp_signature *signature;
const char *variant;
int failed;
unsigned char masks[MAX_VALUES], result_mask[MAX_SIZE];

static const char *seed_text;
static unsigned failures, calls_seen;
static unsigned char expected[MAX_VALUES], expected_result[MAX_SIZE];

/* ---- Reports ---- */

static void print_bytes(const char *what, const unsigned char *bytes, const unsigned char *mask,
                        size_t size) {
    printf("  %-9s", what);
    for (size_t i = 0; i < size; i++) {
        if (mask[i])
            printf(" %02x", bytes[i] & mask[i]);
        else
            printf(" ..");
    }
    printf("\n");
}

int complain(const char *reason) {
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
        if (!((want[k] ^ got[k]) & mask[k])) continue;
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

#ifdef _WIN32

static void catch_crashes(void) {
    signal(SIGSEGV, crashed);
    signal(SIGILL, crashed);
    signal(SIGFPE, crashed);
}

#else

static void catch_crashes(void) {
    static unsigned char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGALRM};
    sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    alarm(600); /* an emulator takes its time, and so does a busy machine */
}

#endif

/* ---- The callee ---- */

/* Where pytramp put a value. gcc leaves an argument that is half in RISC-V's a7 and half on the
 * stack where its halves meet, be it aligned to 16 or not. */
static int misaligned(const void *address, const struct shape *shape) {
    return signature && shape->alignment && (uintptr_t)address % shape->alignment;
}

static void check_argument(const struct test *test, size_t i, void *argument) {
    const struct value *value = &test->args[i];
    if (!value->shape->size || value->shape->kind == LIST) return;
    if (misaligned(argument, value->shape) && complain("an argument is misaligned")) {
        printf("  argument %zu: _Alignof %zu, at %p\n", i, value->shape->alignment, argument);
        print_places(i);
    }
    compare(i, value->shape, expected + value->offset, masks + value->offset, argument);
    memset(argument, 0x5a, value->shape->size); /* allowed: arguments die on return */
}

/* Which of args is a va_list; there is one if there are extra values. */
static size_t list_at(const struct test *test) {
    size_t i = 0;
    while (i < test->nargs && test->args[i].shape->kind != LIST)
        i++;
    return i;
}

/* Reads the extra values, aggregates by the compiler's va_arg or by the port; *end is the list
 * behind them. */
static void read_extra(const struct test *test, void *const *args, int port, va_list *end) {
    static _Alignas(16) unsigned char received[MAX_VALUES];
    size_t at = list_at(test);
    memset(received, 0xa5, test->values_size);
    copy_list(end, args[at], at < test->nargs);
    test->read(end, received, port);
    for (size_t i = 0; i < test->nextra; i++) {
        size_t offset = test->extra[i].offset;
        compare(test->nargs + i, test->extra[i].shape, expected + offset, masks + offset,
                received + offset);
    }
}

#if defined(__s390x__)
struct list {
    long gpr, fpr;
    void *overflow_arg_area, *reg_save_area;
};

static struct list read_list(const va_list *from) {
    struct list list;
    memcpy(&list, from, sizeof list);
    if (list.gpr > 5) list.gpr = 5;
    if (list.fpr > 4) list.fpr = 4;
    return list;
}
#endif

/* Do both go on at the same place? On s390x gcc goes on counting when there are no more registers.
 */
__attribute__((unused)) static int same_place(const va_list *a, const va_list *b) {
#if defined(__s390x__)
    struct list one = read_list(a), other = read_list(b);
    return !memcmp(&one, &other, sizeof one);
#else
    return !memcmp(a, b, sizeof *a);
#endif
}

static void check_extra(const struct test *test, void *const *args) {
    va_list one, other;
    memset(&one, 0, sizeof one); /* a foreign list may be smaller */
    memset(&other, 0, sizeof other);
    read_extra(test, args, 0, &one);
#ifndef ABI_PEER
    read_extra(test, args, 1, &other);
    if (!same_place(&one, &other)) complain("the port's va_arg went to another place");
    va_end(other);
#else
    (void)other;
#endif
    va_end(one);
}

void abi_handle(const pytramp_signature *given, void *result, void *const *args, void *userdata) {
    const struct test *test = userdata;
    calls_seen++;
    if (test != current) {
        complain("the handler got another closure's userdata");
        return;
    }
    if (given != signature) complain("the handler got another signature");
    for (size_t i = 0; i < test->nargs; i++)
        check_argument(test, i, args[i]);
    if (test->nextra) check_extra(test, args);
    if (!test->result->size) return;
    if (misaligned(result, test->result)) complain("the result is misaligned");
    for (size_t k = 0; signature && k < test->result->size; k++)
        if (((unsigned char *)result)[k]) complain("the result is not preset to zero");
    memcpy(result, expected_result, test->result->size);
}

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

static void prepare_values(struct test *test, const struct value *values, size_t n,
                           union wide *wide) {
    for (size_t i = 0; i < n; i++) {
        const struct value *value = &values[i];
        unsigned char *bytes = (unsigned char *)test->values + value->offset;
        if (value->shape->kind == LIST) continue;
        fill(value->shape, bytes);
        fill_random(&wide[i], sizeof wide[i]);
        if (value->shape->size <= sizeof wide[i]) memcpy(&wide[i], bytes, value->shape->size);
    }
}

static void prepare(struct test *test) {
    unsigned char *result = test->result_bytes;
    fill_random(test->values, test->values_size);
    prepare_values(test, test->args, test->nargs, abi_wide);
    prepare_values(test, test->extra, test->nextra, abi_wide + test->nargs);
    memcpy(expected, test->values, test->values_size);
    fill(test->result, expected_result);
    memset(result, 0xa5, test->result->size + ABI_CANARY);
    for (size_t i = 0; i < ABI_KEPT_WORDS; i++)
        abi_keep[i] = random64();
    for (size_t i = 0; i < ABI_KEPT_REALS; i++)
        abi_keep_real[i] = (double)random64();
    abi_hidden = result;
    abi_kept = 0;
    abi_widened = 1;
    calls_seen = 0;
}

/* Flips the first bit that is compared in size bytes; returns whether there was one. */
static int flip(unsigned char *bytes, const unsigned char *mask, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (!mask[i]) continue;
        bytes[i] ^= (unsigned char)(mask[i] & -mask[i]);
        return 1;
    }
    return 0;
}

static int flip_value(const struct value *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t at = values[i].offset;
        if (values[i].shape->kind != LIST && flip(expected + at, masks + at, values[i].shape->size))
            return 1;
    }
    return 0;
}

/* Makes a wrong expectation: the run must fail. */
static int corrupt(const char *what, const struct test *test) {
    if (!strcmp(what, "result")) return flip(expected_result, result_mask, test->result->size);
    if (!strcmp(what, "extra")) return flip_value(test->extra, test->nextra);
    return flip_value(test->args, test->nargs);
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

static void cover_all(const struct value *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (values[i].shape->kind != LIST) cover(values[i].shape, masks + values[i].offset);
}

static int run(struct test *test, const char *corruption) {
    int corrupted = 0;
    current = test;
    variant = "no";
    failed = 0;
    if (test->nargs + test->nextra > ABI_MAX_ARGS || test->values_size > MAX_VALUES ||
        test->result->size > MAX_SIZE)
        abort();
    memset(masks, 0, test->values_size);
    memset(result_mask, 0, sizeof result_mask);
    cover_all(test->args, test->nargs);
    cover_all(test->extra, test->nextra);
    cover(test->result, result_mask);
    void *code = build(test);
    for (int round = 0; round < ROUNDS; round++) {
        corrupted |= call(test, code, test->plain, "plain", corrupted ? NULL : corruption);
        if (test->dirty) call(test, code, test->dirty, "dirty", NULL);
    }
    release(code);
    return corrupted;
}

static int explain_all(struct test *tests, size_t ntests, const char *abi) {
    for (size_t i = 0; i < ntests; i++) {
        current = &tests[i];
        explain(&tests[i], abi);
    }
    return 0;
}

static int usage(const char *program) {
    fprintf(stderr, "usage: %s [--corrupt argument|extra|result | --explain ABI]\n", program);
    return 2;
}

int abi_main(int argc, char **argv, const char *seed, const char *compiler, struct test *tests,
             size_t ntests) {
    const char *corruption = NULL;
    size_t done = 0, nargs = 0;
    if (argc == 3 && !strcmp(argv[1], "--explain")) return explain_all(tests, ntests, argv[2]);
    if (argc == 3 && !strcmp(argv[1], "--corrupt"))
        corruption = argv[2];
    else if (argc != 1)
        return usage(argv[0]);
    if (corruption && strcmp(corruption, "argument") && strcmp(corruption, "extra") &&
        strcmp(corruption, "result"))
        return usage(argv[0]);
    seed_text = seed;
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_crashes();
    check_scalars();
    for (; done < ntests && failures < MAX_FAILURES; done++) {
        seed_random(strtoull(seed, NULL, 10) ^ (uint64_t)tests[done].number << 32);
        if (run(&tests[done], corruption)) corruption = NULL;
        nargs += tests[done].nargs + tests[done].nextra;
    }
    printf("abi: %zu signatures, %zu arguments, seed %s, %s: ", done, nargs, seed, compiler);
    if (failures)
        printf("%u FAILED\n", failures);
    else
        printf("all equal\n");
    return failures != 0;
}
