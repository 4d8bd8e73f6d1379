/* Fuzzes all of the core that takes types: layouts, signatures, plans, marshalling.
 *
 * An input is a program: its bytes make aggregates out of scalars and of each other, sensible ones
 * and nonsense, and signatures out of those; input.h says how. What must hold is asserted.
 *
 *     tests/fuzz/run 60        with libFuzzer, see there
 *     cc -DPT_REPLAY ...       without: ./types -seed=1 -runs=1000, or ./types FILE ... */
#include "input.h"
#include "places.h"
#include "frames.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Statuses: a call with mistakes must report one of them ---- */

struct mistakes {
    int null, type, large, abi;
};

static void check_status(pytramp_status status, struct mistakes made, int may_be_large) {
    switch (status) {
    case PYTRAMP_OK: assert(!made.null && !made.type && !made.large && !made.abi); break;
    case PYTRAMP_E_NULL: assert(made.null); break;
    case PYTRAMP_E_TYPE: assert(made.type); break;
    case PYTRAMP_E_TOO_LARGE: assert(made.large || may_be_large); break;
    case PYTRAMP_E_ABI: assert(made.abi); break;
    default: abort();
    }
}

/* ---- Aggregates ---- */

#define MEMBERS 6
#define NO_TYPE ((const pytramp_type *)(uintptr_t)0xabcd)

struct draft {
    size_t n;     /* members that there are */
    size_t given; /* how many the core is told of */
    struct known known[MEMBERS];
    pytramp_member *members; /* in a block of its own */
    struct mistakes mistakes;
    int may_be_large;
};

/* As the core counts them. */
static size_t elements(const pytramp_member *member) {
    return member->count == PYTRAMP_ARRAY_OF_ONE ? 1 : member->count;
}

static int product_is_above(size_t limit, size_t a, size_t b) {
    return a && b > limit / a;
}

static struct draft take_draft(struct input *in, const struct pool *pool) {
    struct draft draft = {.n = take(in) % (MEMBERS + 1)};
    draft.given = draft.n;
    draft.members = block_of(draft.n * sizeof *draft.members);
    for (size_t i = 0; i < draft.n; i++) {
        draft.known[i] = take_type(in, pool);
        size_t count = take_count(in);
        draft.members[i] = (pytramp_member){draft.known[i].type, count, take_size(in)};
    }
    if (take_mistake(in)) {
        draft.given = SIZE_MAX - take(in);
    } else if (take_mistake(in)) {
        draft.n = 0;
        free(draft.members);
        draft.members = NULL;
    }
    return draft;
}

static void judge_member(struct draft *draft, const pytramp_member *member) {
    if (!member->type) {
        draft->mistakes.null = 1;
        return;
    }
    size_t size = member->type->size, count = elements(member);
    if (member->type == &pytramp_type_void || !count) draft->mistakes.type = 1;
    if (product_is_above(PTRDIFF_MAX, size, count)) draft->mistakes.large = 1;
    if (product_is_above(PTRDIFF_MAX / 16, size, count)) draft->may_be_large = 1;
}

static void judge_members(struct draft *draft) {
    if (draft->given > MEMBERS) draft->mistakes.large = 1;
    if (draft->given && !draft->members) draft->mistakes.null = 1;
    for (size_t i = 0; i < draft->n; i++)
        judge_member(draft, &draft->members[i]);
}

/* What is known about type, made of the draft's members at the offsets that the core has chosen. */
static struct known composed(const pytramp_type *type, const struct draft *draft) {
    struct known all = {type, 0, 1, 1};
    for (size_t i = 0; i < draft->n; i++) {
        const struct known *known = &draft->known[i];
        size_t size = known->type->size, count = elements(&draft->members[i]);
        size_t offset = type->members[i].offset;
        for (size_t k = 0; size && k < count && offset + k * size < 64; k++)
            all.used |= known->used << (offset + k * size);
        int most = product_is_above(MOST_EFFORT, known->effort, count);
        all.effort += most ? MOST_EFFORT : known->effort * count;
        if (known->nesting >= all.nesting) all.nesting = known->nesting + 1;
    }
    if (all.effort > MOST_EFFORT) all.effort = MOST_EFFORT;
    return all;
}

static void check_members(const pytramp_type *type, const struct draft *draft) {
    assert(type->nmembers == draft->n && type->alignment && type->size % type->alignment == 0);
    assert(!(type->alignment & (type->alignment - 1)) && type->size <= PTRDIFF_MAX);
    for (size_t i = 0; i < draft->n; i++) {
        const pytramp_member *member = &type->members[i];
        size_t bytes = member->type->size * member->count;
        pytramp_member given = pt_type_member(type, i);
        assert(given.type == draft->members[i].type && given.count == draft->members[i].count);
        assert(bytes <= type->size && member->offset <= type->size - bytes);
    }
}

/* As C lays them out: each member where the one before it ends, or as little later as its alignment
 * asks for; no more padding at the end, either. */
static void check_offsets(const pytramp_type *type, size_t pack, int overlap) {
    size_t end = 0, alignment = 1;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        size_t own = member->type->alignment;
        if (pack && pack < own) own = pack;
        if (own > alignment) alignment = own;
        if (!overlap) assert(member->offset >= end && member->offset - end < own);
        assert(member->offset % own == 0 && (!overlap || !member->offset));
        size_t reach = member->offset + member->type->size * member->count;
        if (reach > end) end = reach;
    }
    assert(type->alignment == alignment && type->size - end < alignment);
}

static pytramp_status layout_union(const pytramp_type **type, size_t size, size_t alignment,
                                   size_t n, const pytramp_member *members) {
    pytramp_layout layout = {.struct_size = sizeof layout,
                             .size = size,
                             .alignment = alignment,
                             .is_union = 1,
                             .nmembers = n,
                             .members = members};
    return pytramp_type_layout_ex(type, &layout);
}

typedef pytramp_status layout(const pytramp_type **, size_t, size_t, size_t,
                              const pytramp_member *);

/* The same type, from what is known of it. */
static void check_layout(const pytramp_type *type, layout *lay_out) {
    pytramp_member members[MEMBERS];
    const pytramp_type *again;
    for (size_t i = 0; i < type->nmembers; i++)
        members[i] = pt_type_member(type, i);
    assert(!lay_out(&again, type->size, type->alignment, type->nmembers, members));
    assert(again == type);
}

typedef pytramp_status composer(const pytramp_type **, size_t, const pytramp_member *, size_t);

static void compose(struct input *in, struct pool *pool, int overlap) {
    composer *make = overlap ? pytramp_type_union : pytramp_type_struct;
    struct draft draft = take_draft(in, pool);
    size_t pack = take(in) % 2 ? take_alignment(in) : 0;
    const pytramp_type *type = NO_TYPE, *again;
    judge_members(&draft);
    if (pack & (pack - 1)) draft.mistakes.type = 1;
    pytramp_status status = make(&type, draft.given, draft.members, pack);
    check_status(status, draft.mistakes, draft.may_be_large);
    if (!status) {
        check_members(type, &draft);
        check_offsets(type, pack, overlap);
        assert(!make(&again, draft.n, draft.members, pack) && again == type);
        check_layout(type, overlap ? layout_union : pytramp_type_layout);
        keep(pool, composed(type, &draft));
    } else {
        assert(type == NO_TYPE && make(NULL, draft.given, draft.members, pack));
    }
    free(draft.members);
}

/* Half of the layouts get what they need to be accepted. */
static void make_fit(struct draft *draft, size_t *size, size_t alignment) {
    if (*size > PTRDIFF_MAX / 4 || !alignment || alignment > PTRDIFF_MAX / 4) return;
    *size = (*size + alignment - 1) / alignment * alignment;
    for (size_t i = 0; i < draft->n; i++) {
        pytramp_member *member = &draft->members[i];
        size_t each = member->type ? member->type->size : 0;
        if (product_is_above(*size, each, elements(member))) member->count = 1;
        if (each * elements(member) <= *size) member->offset %= *size - each * elements(member) + 1;
    }
}

static void judge_layout(struct draft *draft, size_t size, size_t alignment) {
    judge_members(draft);
    if (!alignment || alignment & (alignment - 1) || size % alignment) draft->mistakes.type = 1;
    if (size > PTRDIFF_MAX) draft->mistakes.large = 1;
    if (size > PTRDIFF_MAX / 16 || alignment > 1 << 20) draft->may_be_large = 1;
    for (size_t i = 0; i < draft->n; i++) {
        const pytramp_member *member = &draft->members[i];
        size_t each = member->type ? member->type->size : 0;
        if (product_is_above(size, each, elements(member)) ||
            member->offset > size - each * elements(member))
            draft->mistakes.type = 1;
    }
}

static void lay_out(struct input *in, struct pool *pool) {
    struct draft draft = take_draft(in, pool);
    size_t size = take_size(in), alignment = take_alignment(in);
    const pytramp_type *type = NO_TYPE, *again;
    if (take(in) % 2) make_fit(&draft, &size, alignment);
    judge_layout(&draft, size, alignment);
    int is_union = take(in) % 2;
    pytramp_status (*make)(const pytramp_type **, size_t, size_t, size_t, const pytramp_member *) =
        is_union ? layout_union : pytramp_type_layout;
    pytramp_status status = make(&type, size, alignment, draft.given, draft.members);
    check_status(status, draft.mistakes, draft.may_be_large);
    if (!status) {
        check_members(type, &draft);
        assert(type->size == size && type->alignment == alignment);
        assert(!make(&again, size, alignment, draft.n, draft.members));
        assert(again == type);
        keep(pool, composed(type, &draft));
    } else {
        assert(type == NO_TYPE);
        assert(make(NULL, size, alignment, draft.given, draft.members));
    }
    free(draft.members);
}

/* What a tower stands on: few things, because all of its levels are there for ever. */
static struct known take_ground(struct input *in) {
    unsigned byte = take(in);
    if (byte < COUNT(scalars)) return scalar(byte);
    struct known known = {NULL, 0, 1, 1};
    assert(!pytramp_type_layout(&known.type, byte % 4, 1, 0, NULL));
    return known;
}

/* One type in another in another: small, and yet more work than anyone could do, or deeper than a
 * stack. */
static void stack_up(struct input *in, struct pool *pool) {
    struct known known = take_ground(in);
    unsigned levels = take(in), shape = take(in);
    composer *make = shape & 1 ? pytramp_type_union : pytramp_type_struct;
    for (; levels && known.type != &pytramp_type_void; levels--) {
        pytramp_member members[2] = {{known.type, 1, 0}, {known.type, 1, 0}};
        struct draft draft = {
            .n = 1 + (shape >> 1 & 1), .known = {known, known}, .members = members};
        const pytramp_type *type;
        if (make(&type, draft.n, members, shape & 4)) break;
        known = composed(type, &draft);
    }
    keep(pool, known);
}

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
