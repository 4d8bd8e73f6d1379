/* Arm, 64-bit: the AAPCS64 (2020Q2), "Parameter Passing Rules" and "Result Return", whose clauses
 * are named here; what Apple changes ("Writing ARM64 code for Apple platforms"), and Windows
 * ("Overview of ARM64 ABI conventions"). Where those two say nothing, it is as clang does it. */
#include "abi.h"

#define GENERAL_REGISTERS 8 /* x0 .. x7 */
#define VECTOR_REGISTERS  8 /* v0 .. v7 */
#define RESULT_POINTER    8 /* x8, behind those for arguments */
#define DOUBLEWORD        8
#define MAX_ALIGNMENT     16 /* B.6: no copy of an argument has more */
#define MAX_IN_GENERAL    16 /* B.4: what is larger goes by reference */
#define MAX_ELEMENTS      4  /* of a homogeneous aggregate */
#define MAX_ELEMENT       16 /* bytes: a quad */

struct allocator {
    const struct pt_abi *abi;
    int only_general; /* a variadic function of Windows: its registers are the beginning of its
                         stack */
    unsigned general, vector; /* NGRN, NSRN */
    size_t stack;             /* NSAA */
};

static int is_apple(const struct allocator *next) {
    return next->abi->code == PYTRAMP_ABI_AAPCS64_APPLE;
}

/* ---- Homogeneous aggregates ----
 *
 * One to four elements of one floating-point type and nothing else, "after data layout is
 * completed": no padding anywhere. A complex number is a struct of two (table 3). */

/* The elements of a type as a set: bit i is the one at i * size. */
struct elements {
    size_t size; /* of each; 0: none was seen yet */
    unsigned set;
};

static int find_elements(const pytramp_type *type, struct elements *found);

static int find_in_scalar(const pytramp_type *type, struct elements *found) {
    size_t n = type->class == PT_CLASS_COMPLEX ? 2 : 1, size = type->size / n;
    if (type->class != PT_CLASS_FLOAT && type->class != PT_CLASS_COMPLEX) return 0;
    if (found->size && found->size != size) return 0;
    found->size = size;
    found->set = (1u << n) - 1;
    return 1;
}

/* Adds those of every element of an array. */
static int add_member(const pytramp_member *member, struct elements *found) {
    struct elements own = {found->size, 0};
    if (!find_elements(member->type, &own)) return 0;
    found->size = own.size;
    for (size_t i = 0; i < member->count; i++) {
        size_t at = member->offset + i * member->type->size;
        if (at % own.size || at / own.size >= MAX_ELEMENTS) return 0;
        found->set |= own.set << at / own.size;
    }
    return 1;
}

/* The set is full: 1, 3, 7 or 15, and as long as the type. A member of no size adds nothing. */
static int find_elements(const pytramp_type *type, struct elements *found) {
    if (type->class != PT_CLASS_AGGREGATE) return find_in_scalar(type, found);
    found->set = 0;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        if (member->type->size && !add_member(member, found)) return 0;
    }
    size_t n = found->size ? type->size / found->size : 0;
    return n <= MAX_ELEMENTS && n * found->size == type->size && found->set == (1u << n) - 1;
}

/* How many vector registers a value takes, and the bytes in each; 0 where it belongs elsewhere. */
static unsigned count_elements(const pytramp_type *type, size_t *size) {
    struct elements found = {0, 0};
    if (type->size > MAX_ELEMENTS * MAX_ELEMENT || !find_elements(type, &found)) return 0;
    *size = found.size;
    return (unsigned)(type->size / found.size);
}

/* ---- Places ---- */

static int is_composite(const pytramp_type *type) {
    return type->class == PT_CLASS_AGGREGATE || type->class == PT_CLASS_COMPLEX;
}

/* "Natural Alignment", B.6: without the attributes of the whole, which Apple and Windows regard. 0
 * where nobody has said what an attribute is about. */
static size_t alignment_of(const pytramp_type *type, const struct allocator *next) {
    int is_natural = type->class == PT_CLASS_AGGREGATE && next->abi->code == PYTRAMP_ABI_AAPCS64;
    return is_natural ? type->natural : type->alignment;
}

static void add_part(struct pt_location *at, struct pt_part part) {
    at->parts[at->nparts++] = part;
}

/* C.1, C.2: one register for each element. */
static int pass_in_vectors(unsigned n, size_t size, struct allocator *next,
                           struct pt_location *at) {
    if (next->vector + n > VECTOR_REGISTERS) {
        next->vector = VECTOR_REGISTERS; /* C.3 */
        return 0;
    }
    for (uint32_t i = 0; i < n; i++)
        add_part(at, (struct pt_part){.bank = PT_BANK_VECTOR,
                                      .index = (uint8_t)next->vector++,
                                      .offset = i * (uint32_t)size,
                                      .size = (uint32_t)size});
    return 1;
}

/* C.9, C.11, C.12: one register for each doubleword. */
static void add_doublewords(struct pt_location *at, unsigned first, uint32_t from, uint32_t to) {
    for (uint32_t start = from; start < to; start += DOUBLEWORD)
        add_part(at, (struct pt_part){.bank = PT_BANK_GENERAL,
                                      .index = (uint8_t)first++,
                                      .offset = start,
                                      .size = to - start < DOUBLEWORD ? to - start : DOUBLEWORD});
}

static int pass_in_general(size_t size, size_t alignment, struct allocator *next,
                           struct pt_location *at) {
    unsigned n = (unsigned)(pt_round_up(size, DOUBLEWORD) / DOUBLEWORD);
    if (alignment == MAX_ALIGNMENT && !is_apple(next)) /* C.10 */
        next->general = (unsigned)pt_round_up(next->general, 2);
    if (next->general + n > GENERAL_REGISTERS) {
        next->general = GENERAL_REGISTERS; /* C.13 */
        return 0;
    }
    add_doublewords(at, next->general, 0, (uint32_t)size);
    next->general += n;
    return 1;
}

/* C.4 to C.6 and C.14 to C.17. Apple pads nothing, but what it passes as doublewords. */
static pytramp_status pass_in_memory(size_t size, size_t alignment, struct allocator *next,
                                     struct pt_location *at) {
    size_t start = pt_round_up(next->stack, alignment);
    if (size > INT32_MAX || start > INT32_MAX - size) return PYTRAMP_E_TOO_LARGE;
    add_part(at, (struct pt_part){
                     .bank = PT_BANK_STACK, .size = (uint32_t)size, .stack = (uint32_t)start});
    next->stack = start + size;
    return PYTRAMP_OK;
}

/* Windows, "Addendum: Variadic functions": "the same as following rules C.12-C.15 to allocate
 * arguments to an imaginary stack, where the first 64 bytes of the stack are loaded into x0-x7". */
static pytramp_status pass_on_imaginary_stack(size_t size, size_t alignment, struct allocator *next,
                                              struct pt_location *at) {
    const size_t loaded = GENERAL_REGISTERS * DOUBLEWORD;
    size_t start = pt_round_up(next->general * DOUBLEWORD + next->stack, alignment);
    size_t end = pt_round_up(start + size, DOUBLEWORD);
    if (end > INT32_MAX) return PYTRAMP_E_TOO_LARGE;
    size_t here = start < loaded ? loaded - start : 0;
    if (here > size) here = size;
    add_doublewords(at, (unsigned)(start / DOUBLEWORD), 0, (uint32_t)here);
    if (here < size)
        add_part(at, (struct pt_part){.bank = PT_BANK_STACK,
                                      .offset = (uint32_t)here,
                                      .size = (uint32_t)(size - here),
                                      .stack = (uint32_t)(start + here - loaded)});
    next->general = (unsigned)(end < loaded ? end / DOUBLEWORD : GENERAL_REGISTERS);
    next->stack = end < loaded ? 0 : end - loaded;
    return PYTRAMP_OK;
}

/* The standard's stack has doublewords only. */
static pytramp_status pass_padded(size_t size, size_t alignment, struct allocator *next,
                                  struct pt_location *at) {
    size_t slot = alignment < DOUBLEWORD ? DOUBLEWORD : alignment;
    pytramp_status status = pass_in_memory(size, slot, next, at);
    next->stack = pt_round_up(next->stack, DOUBLEWORD);
    return status;
}

/* C.9 to C.17: at most 16 bytes. */
static pytramp_status pass_doublewords(size_t size, size_t alignment, struct allocator *next,
                                       struct pt_location *at) {
    size_t slot = alignment < DOUBLEWORD ? DOUBLEWORD : alignment;
    if (next->only_general) return pass_on_imaginary_stack(size, slot, next, at);
    if (pass_in_general(size, slot, next, at)) return PYTRAMP_OK;
    return pass_padded(size, slot, next, at);
}

/* An integer or a pointer. */
static pytramp_status pass_integer(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    size_t size = type->size, alignment = type->alignment;
    if (!is_apple(next)) return pass_doublewords(size, alignment, next, at);
    if (pass_in_general(size, alignment, next, at)) return PYTRAMP_OK;
    return pass_in_memory(size, alignment, next, at);
}

/* B.4 */
static pytramp_status pass_by_reference(struct allocator *next, struct pt_location *at) {
    at->by_reference = 1;
    return pass_doublewords(DOUBLEWORD, DOUBLEWORD, next, at);
}

/* C.1 to C.6. On Apple's stack each element is like a value of its own. */
static pytramp_status pass_elements(const pytramp_type *type, unsigned n, size_t size,
                                    struct allocator *next, struct pt_location *at) {
    if (pass_in_vectors(n, size, next, at)) return PYTRAMP_OK;
    if (is_apple(next)) return pass_in_memory(type->size, size, next, at);
    return pass_padded(type->size, alignment_of(type, next), next, at);
}

/* ---- What can be passed ---- */

/* More than anyone can look at: unions in unions in unions. */
static int is_intricate(const pytramp_type *type) {
    return type->steps >= PT_MANY_STEPS || type->depth >= PT_DEEP;
}

/* Such a type may go anywhere only if it is small enough for registers. */
static int is_too_intricate(const pytramp_type *type) {
    return type->size <= MAX_ELEMENTS * MAX_ELEMENT && is_intricate(type);
}

static int has_value(const pytramp_type *type) {
    int found = type->class != PT_CLASS_AGGREGATE;
    for (size_t i = 0; i < type->nmembers && !found; i++) {
        const pytramp_type *member = type->members[i].type;
        found = member->size && has_value(member);
    }
    return found;
}

/* To Apple, "empty struct types are ignored", and C++'s are of one byte. */
static int is_passed(const pytramp_type *type, const struct allocator *next) {
    return type->size && (!is_apple(next) || is_intricate(type) || has_value(type));
}

static pytramp_status pass_composite(const pytramp_type *type, struct allocator *next,
                                     struct pt_location *at) {
    size_t size = 0, alignment = alignment_of(type, next);
    unsigned n = next->only_general ? 0 : count_elements(type, &size);
    if (!n && type->size > MAX_IN_GENERAL) return pass_by_reference(next, at);
    if (!alignment && type->alignment > DOUBLEWORD) return PYTRAMP_E_TYPE;
    if (n) return pass_elements(type, n, size, next, at);
    return pass_doublewords(type->size, alignment, next, at);
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID || type->alignment > MAX_ALIGNMENT) return PYTRAMP_E_TYPE;
    if (is_too_intricate(type)) return PYTRAMP_E_TOO_LARGE;
    if (!is_passed(type, next)) return PYTRAMP_OK;
    if (is_composite(type)) return pass_composite(type, next, at);
    if (type->class == PT_CLASS_FLOAT && !next->only_general)
        return pass_elements(type, 1, type->size, next, at);
    return pass_integer(type, next, at);
}

/* "If the type would require that arg be passed as a value in a register (or set of registers),
 * then the result is returned in the same registers. Otherwise, the address of the memory block
 * shall be passed in x8." */
static void place_result(const pytramp_type *type, const struct allocator *next,
                         struct pt_location *at) {
    struct allocator fresh = {.abi = next->abi};
    size_t size = 0;
    *at = (struct pt_location){0};
    if (!is_passed(type, next)) return;
    unsigned n = count_elements(type, &size);
    if (n) {
        pass_in_vectors(n, size, &fresh, at);
    } else if (type->size <= MAX_IN_GENERAL) {
        pass_in_general(type->size, DOUBLEWORD, &fresh, at);
    } else {
        at->by_reference = 1;
        add_doublewords(at, RESULT_POINTER, 0, DOUBLEWORD);
    }
}

static pytramp_status classify(const struct pt_abi *abi, const struct pt_prototype *prototype,
                               struct pt_location *result_at, struct pt_location *at,
                               uint32_t *stack_size) {
    int is_windows = abi->code == PYTRAMP_ABI_AAPCS64_WINDOWS;
    struct allocator next = {.abi = abi, .only_general = is_windows && prototype->variadic};
    if (is_too_intricate(prototype->result)) return PYTRAMP_E_TOO_LARGE;
    place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs; i++) {
        pytramp_status status = pass(prototype->args[i], &next, &at[i]);
        if (status) return status;
    }
    *stack_size = (uint32_t)pt_round_up(next.stack, DOUBLEWORD);
    return PYTRAMP_OK;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8"};
    static const char *const vector[] = {"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"};
    (void)is_result; /* the same registers */
    switch (part->bank) {
    case PT_BANK_GENERAL: return general[part->index];
    case PT_BANK_VECTOR: return vector[part->index];
    default: return "stack";
    }
}

/* ---- The three of them ---- */

#define CONVENTION(name_, code_, ...)                                                              \
    static pytramp_status classify_##name_(const struct pt_prototype *prototype,                   \
                                           struct pt_location *result_at, struct pt_location *at,  \
                                           uint32_t *stack_size) {                                 \
        return classify(&pt_abi_##name_, prototype, result_at, at, stack_size);                    \
    }                                                                                              \
    const struct pt_abi pt_abi_##name_ = {.name = #name_,                                          \
                                          .code = code_,                                           \
                                          .model = {__VA_ARGS__},                                  \
                                          .classify = classify_##name_,                            \
                                          .register_name = register_name};

CONVENTION(aapcs64, PYTRAMP_ABI_AAPCS64, 8, 8, 4, 16, 16, 16, 8)
CONVENTION(aapcs64_apple, PYTRAMP_ABI_AAPCS64_APPLE, 8, 8, 4, 8, 8, 16, 8)
CONVENTION(aapcs64_windows, PYTRAMP_ABI_AAPCS64_WINDOWS, 4, 8, 2, 8, 8, 16, 8)
