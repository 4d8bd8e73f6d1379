/* Fuzzes all of the core that takes types: layouts, signatures, plans, marshalling.
 *
 * An input is a program: its bytes make aggregates out of scalars and of each other, sensible ones
 * and nonsense, and signatures out of those; input.h says how. What must hold is asserted.
 *
 *     tests/fuzz/run 60        with libFuzzer, see there
 *     cc -DPT_REPLAY ...       without: ./types -seed=1 -runs=1000, or ./types FILE ... */
#include "aggregates.h"
#include "places.h"
#include "frames.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Signatures ---- */

#define NO_SIGNATURE ((const pytramp_signature *)(uintptr_t)0xabcd)

static size_t abi_names(void) {
    size_t n = 0;
    while (pytramp_abi_name(n))
        n++;
    return n;
}

static pytramp_abi take_abi(struct input *in, struct mistakes *made) {
    pytramp_abi abi = PYTRAMP_ABI_DEFAULT;
    unsigned byte = take(in);
    if (byte < 250) {
        assert(!pytramp_abi_named(&abi, pytramp_abi_name(byte % abi_names())));
    } else {
        abi = (pytramp_abi)(1000 + byte);
        made->abi = 1;
    }
    return abi;
}

/* What a signature is made of: block sizes are exact. */
struct prototype {
    pytramp_abi abi;
    int variadic;
    struct known result;
    size_t nargs;
    struct known *known;
    const pytramp_type **args;
    struct mistakes mistakes;
    int may_be_large;
};

/* What a convention may refuse, because it takes too much time or room. */
static int is_immoderate(const struct known *known) {
    return known->effort > 1000 || known->nesting > 30 || known->type->size > 1 << 20;
}

static void take_argument(struct input *in, const struct pool *pool, struct prototype *to,
                          size_t i) {
    struct known known = to->known[i] = take_type(in, pool);
    to->args[i] = known.type;
    if (!known.type) {
        to->mistakes.null = 1;
        return;
    }
    to->mistakes.type |= known.type == &pytramp_type_void;
    to->may_be_large |= is_immoderate(&known);
}

static struct prototype take_prototype(struct input *in, const struct pool *pool) {
    struct prototype to = {.nargs = take(in)};
    to.nargs = to.nargs < 240 ? to.nargs % 12 : to.nargs - 220;
    to.abi = take_abi(in, &to.mistakes);
    to.variadic = take(in) % 4 == 3;
    to.mistakes.type = to.variadic && !to.nargs;
    to.result = take_type(in, pool);
    to.mistakes.null = !to.result.type;
    to.may_be_large = to.result.type && is_immoderate(&to.result);
    to.known = block_of(to.nargs * sizeof *to.known);
    to.args = block_of(to.nargs * sizeof *to.args);
    for (size_t i = 0; i < to.nargs; i++)
        take_argument(in, pool, &to, i);
    if (to.nargs && take_mistake(in)) {
        free(to.args);
        to.args = NULL;
        to.mistakes.null = 1;
    }
    return to;
}

/* The one place where signatures are made. */
static pytramp_status make(const pytramp_signature **signature, const struct prototype *from) {
    return (from->variadic ? pytramp_signature_new_variadic : pytramp_signature_new)(
        signature, from->abi, from->result.type, from->nargs, from->args);
}

/* Compilers do not agree on which of all arguments are in registers, so some are refused together.
 */
static int is_disputed(pytramp_abi abi) {
    return abi == PYTRAMP_ABI_FASTCALL_X86 || abi == PYTRAMP_ABI_THISCALL_X86;
}

/* A convention may lack a type, or what is needed to align it: then no signature has it. */
static int refuses(pytramp_abi abi, const pytramp_type *result, size_t n,
                   const pytramp_type *const *args) {
    const pytramp_signature *signature;
    return pytramp_signature_new(&signature, abi, result, n, args) == PYTRAMP_E_TYPE;
}

static int is_refused(const struct prototype *from) {
    int is_wrong = from->mistakes.null || from->mistakes.type || from->mistakes.abi;
    if (is_wrong || is_disputed(from->abi)) return 0;
    int refused = refuses(from->abi, from->result.type, 0, NULL);
    for (size_t i = 0; i < from->nargs && !refused; i++)
        refused = refuses(from->abi, &pytramp_type_void, 1, &from->args[i]);
    return refused;
}

static void check_signature(struct input *in, const pytramp_signature *signature,
                            const struct prototype *from) {
    const pytramp_signature *again;
    const struct pt_plan *plan = NULL;
    assert(!make(&again, from) && again == signature);
    assert(signature->nargs == from->nargs && signature->result == from->result.type);
    assert(signature->variadic == from->variadic);
    assert(!from->nargs || !memcmp(signature->args, from->args, from->nargs * sizeof *from->args));
    check_places(signature, &from->result, from->known);
    check_not_explained(signature, from->nargs + take(in));
    check_text(signature, take(in));
    if (signature->abi == pt_port.abis[0])
        check_call(signature, 1 + take(in));
    else if (!pt_port_of(signature->abi))
        assert(pt_plan_of(signature, &plan) == PYTRAMP_E_ABI && !plan);
}

static void sign(struct input *in, const struct pool *pool) {
    struct prototype from = take_prototype(in, pool);
    const pytramp_signature *signature = NO_SIGNATURE;
    pytramp_status status = make(&signature, &from);
    from.mistakes.type |= is_refused(&from);
    from.mistakes.type |= status == PYTRAMP_E_TYPE && is_disputed(from.abi);
    check_status(status, from.mistakes, from.may_be_large);
    if (!status)
        check_signature(in, signature, &from);
    else
        assert(signature == NO_SIGNATURE && make(NULL, &from));
    free(from.args);
    free(from.known);
}

/* ---- Names ---- */

/* A spelling, whole or cut, behind what may stand before it, or anything else. */
static char *take_text(struct input *in) {
    char all[80];
    unsigned form = take(in), left = (unsigned)(in->end - in->at);
    const char *first = form & 1 ? "_Complex " : "", *then = scalars[0]->spelling;
    if (form & 2) then = scalars[take(in) % COUNT(scalars)]->spelling;
    if (form & 4) then = pytramp_abi_name(take(in) % abi_names());
    size_t n = (size_t)snprintf(all, sizeof all, "%s%s", first, form & 8 ? "" : then);
    for (unsigned more = form >> 4; more && left; more--, left--)
        all[n++] = (char)take(in);
    if (form >> 4 == 15) n = take(in) % (n + 1);
    char *text = block_of(n + 1);
    memcpy(text, all, n);
    text[n] = 0;
    return text;
}

static void name(struct input *in) {
    char *text = take_text(in);
    const pytramp_type *type = pytramp_type_named(text);
    if (type) assert(pytramp_type_named(pytramp_type_spelling(type)) == type);
    pytramp_abi abi = (pytramp_abi)4711;
    pytramp_status status = pytramp_abi_named(&abi, text);
    assert(status ? abi == (pytramp_abi)4711 : abi != (pytramp_abi)4711);
    free(text);
}

/* ---- The program ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, data + size};
    struct pool pool = {.n = 0};
    while (in.at < in.end) {
        switch (take(&in) % 10) {
        case 0:
        case 1: compose(&in, &pool, 0); break;
        case 2: compose(&in, &pool, 1); break;
        case 3:
        case 4: lay_out(&in, &pool); break;
        case 5: stack_up(&in, &pool); break;
        case 6: name(&in); break;
        default: sign(&in, &pool);
        }
    }
    return 0;
}

/* ---- Without libFuzzer ---- */

#ifdef PT_REPLAY

static uint64_t seed;

/* Which input it was, for a failure: SIGABRT is what assert and the sanitizers end with. */
static void tell(int number) {
    char text[80];
    int n = snprintf(text, sizeof text, "again with: -seed=%" PRIu64 " -runs=1\n", seed);
    if (write(STDERR_FILENO, text, (size_t)n) != n) _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

/* One input per seed, so that the last one can be had again alone. */
static void run_random(unsigned long runs) {
    for (; runs; runs--, seed++) {
        uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15;
        unsigned char length = 0;
        for (int i = 0; i < 4; i++)
            fill(&state, &length, 1);
        unsigned char *data = block_of(length);
        fill(&state, data, length);
        LLVMFuzzerTestOneInput(data, length);
        free(data);
    }
}

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    unsigned char all[65536];
    assert(file);
    size_t size = fread(all, 1, sizeof all, file);
    fclose(file);
    unsigned char *data = block_of(size);
    memcpy(data, all, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv) {
    unsigned long runs = 0;
    signal(SIGABRT, tell);
    for (int i = 1; i < argc; i++) {
        if (!sscanf(argv[i], "-seed=%" SCNu64, &seed) && !sscanf(argv[i], "-runs=%lu", &runs))
            run_file(argv[i]);
    }
    run_random(runs);
    printf("%lu random inputs, %d arguments\n", runs, argc - 1);
    return 0;
}

#endif
