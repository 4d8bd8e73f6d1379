/* 64-bit PowerPC: the "64-Bit ELF V2 ABI Specification", version 1.5, section 2.2.4 "Parameter
 * passing in registers"; and its predecessor, the "64-bit PowerPC ELF ABI Supplement", version 1.9,
 * section 3.2.3, which big-endian glibc keeps to.
 *
 * Arguments are laid out in doublewords, in the parameter save area. The first eight of these are
 * general registers instead of memory; floating-point numbers are in floating-point registers,
 * while there are any, and their doublewords hold nothing. */
#include "ppc64.h"

#define GENERAL_REGISTERS 8
#define FLOAT_REGISTERS   13
#define DOUBLEWORD        8
#define QUADWORD          16 /* how a stack frame is aligned */
#define IN_REGISTERS      (GENERAL_REGISTERS * DOUBLEWORD)
#define MAX_ELEMENTS      8 /* registers of a homogeneous aggregate */

struct allocator {
    const struct pt_abi *abi;
    unsigned real; /* floating-point registers in use */
    size_t at;     /* in the parameter save area */
};

static int is_v2(const struct pt_abi *abi) {
    return abi->code == PYTRAMP_ABI_ELFV2_PPC64;
}

/* Version 2 is for both byte orders, and then it is that of the machine which asks. */
static int is_big_endian(const struct pt_abi *abi) {
    return PT_BIG_ENDIAN || !is_v2(abi);
}

/* ---- Floating-point numbers in a value ---- */

/* n numbers of one type, which is its size: musl's long double is a double to all of this. */
struct numbers {
    size_t size, n;
    int apart; /* each has a doubleword of its own, or two, as if they were arguments */
};

static struct numbers no_numbers(void) {
    return (struct numbers){0, 0, 0};
}

/* A complex number is two. */
static struct numbers numbers_of_scalar(const pytramp_type *type) {
    switch (type->class) {
    case PT_CLASS_COMPLEX: return (struct numbers){type->size / 2, 2, 1};
    case PT_CLASS_FLOAT: return (struct numbers){type->size, 1, 0};
    default: return no_numbers();
    }
}

static int is_homogeneous(const pytramp_type *type, struct numbers *all);

/* Counts the numbers of member: beside the others, or instead of them. */
static int add_member(const pytramp_member *member, int instead, struct numbers *all) {
    struct numbers own = no_numbers();
    if (!member->type->size) return 1;
    if (!is_homogeneous(member->type, &own)) return 0;
    if (all->n && all->size != own.size) return 0;
    size_t n = member->count * own.n;
    if (!instead) n += all->n;
    *all = (struct numbers){own.size, n > all->n ? n : all->n, 0};
    return 1;
}

/* Version 2, 2.2.3.1 "Homogeneous aggregates": nothing in it but numbers of one type, without
 * padding. The caller has made sure that type is small and not too intricate. */
static int is_homogeneous(const pytramp_type *type, struct numbers *all) {
    if (type->class != PT_CLASS_AGGREGATE) {
        *all = numbers_of_scalar(type);
        return all->n > 0;
    }
    for (size_t i = 0; i < type->nmembers; i++) {
        if (!add_member(&type->members[i], type->is_union, all)) return 0;
    }
    return all->n && all->n * all->size == type->size;
}

static size_t registers_of(const struct numbers *numbers) {
    return numbers->n * pt_round_up(numbers->size, DOUBLEWORD) / DOUBLEWORD;
}

/* The member that is all of a struct, beside others of no size. */
static const pytramp_type *only_member(const pytramp_type *type) {
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        if (member->type->size == type->size && member->count == 1) return member->type;
    }
    return NULL;
}

/* Version 1: a struct of nothing but one number is passed as that. A union is not. */
static struct numbers numbers_of_single(const pytramp_type *type) {
    while (type && type->class == PT_CLASS_AGGREGATE)
        type = type->is_union ? NULL : only_member(type);
    return type && type->class == PT_CLASS_FLOAT ? numbers_of_scalar(type) : no_numbers();
}

/* No homogeneous aggregate is larger, and what is not small nobody looks at. */
#define MAX_HOMOGENEOUS (MAX_ELEMENTS * DOUBLEWORD)

static struct numbers numbers_of(const struct pt_abi *abi, const pytramp_type *type) {
    struct numbers all = no_numbers();
    if (type->class != PT_CLASS_AGGREGATE) return numbers_of_scalar(type);
    if (type->size > MAX_HOMOGENEOUS) return all;
    if (!is_v2(abi)) return numbers_of_single(type);
    if (!is_homogeneous(type, &all) || registers_of(&all) > MAX_ELEMENTS) return no_numbers();
    all.apart = 0;
    return all;
}

static int is_too_intricate(const pytramp_type *type) {
    return type->size <= MAX_HOMOGENEOUS &&
           (type->steps >= PT_MANY_STEPS || type->depth >= PT_DEEP);
}

#define HALF 2 /* a _Float16: neither document knows one */

static pytramp_status check(const struct pt_abi *abi, const pytramp_type *type) {
    if (is_too_intricate(type)) return PYTRAMP_E_TOO_LARGE;
    return numbers_of(abi, type).size == HALF ? PYTRAMP_E_TYPE : PYTRAMP_OK;
}

/* ---- Arguments ---- */

/* A value's bytes from offset on, which stand at `from` in the parameter save area. */
static void add_image(struct pt_location *at, size_t offset, size_t size, size_t from) {
    while (size && from < IN_REGISTERS) {
        size_t within = from % DOUBLEWORD, rest = DOUBLEWORD - within,
               n = size < rest ? size : rest;
        at->parts[at->nparts++] = (struct pt_part){.bank = PT_BANK_GENERAL,
                                                   .index = (uint8_t)(from / DOUBLEWORD),
                                                   .within = (uint8_t)within,
                                                   .offset = (uint32_t)offset,
                                                   .size = (uint32_t)n};
        offset += n, from += n, size -= n;
    }
    if (!size) return;
    at->parts[at->nparts++] = (struct pt_part){.bank = PT_BANK_STACK,
                                               .offset = (uint32_t)offset,
                                               .size = (uint32_t)size,
                                               .stack = (uint32_t)(from - IN_REGISTERS)};
}

/* What is smaller than a doubleword is at the end of it. */
static size_t justify(const struct pt_abi *abi, size_t size) {
    return is_big_endian(abi) && size < DOUBLEWORD ? DOUBLEWORD - size : 0;
}

static void add_real(struct pt_location *at, unsigned index, size_t offset, size_t size) {
    at->parts[at->nparts++] = (struct pt_part){.bank = PT_BANK_VECTOR,
                                               .index = (uint8_t)index,
                                               .offset = (uint32_t)offset,
                                               .size = (uint32_t)size};
}

/* One register for each, two for a long double, as long as there are any. Returns how many bytes of
 * the value are in them. */
static size_t pass_numbers(const struct numbers *numbers, struct allocator *next,
                           struct pt_location *at) {
    size_t unit = numbers->size < DOUBLEWORD ? numbers->size : DOUBLEWORD;
    size_t left = registers_of(numbers), offset = 0;
    for (; left && next->real < FLOAT_REGISTERS; left--, offset += unit)
        add_real(at, next->real++, offset, unit);
    return offset;
}

/* Complex numbers: each half is what an argument of its own would be. */
static void pass_apart(const struct numbers *numbers, struct allocator *next,
                       struct pt_location *at) {
    size_t unit = numbers->size < DOUBLEWORD ? numbers->size : DOUBLEWORD;
    size_t size = numbers->n * numbers->size, offset = pass_numbers(numbers, next, at);
    for (; offset < size; offset += unit) {
        size_t from = next->at + offset / unit * DOUBLEWORD;
        add_image(at, offset, unit, from + justify(next->abi, unit));
    }
    next->at += registers_of(numbers) * DOUBLEWORD;
}

/* "Aggregates are aligned according to their alignment requirements", but those of numbers as these
 * are. */
static size_t aligned(const pytramp_type *type, const struct numbers *numbers, size_t at) {
    int is_aligned = type->class == PT_CLASS_AGGREGATE && type->alignment > DOUBLEWORD;
    return is_aligned && !numbers->n ? pt_round_up(at, QUADWORD) : at;
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_E_TYPE;
    pytramp_status status = check(next->abi, type);
    if (status || !type->size) return status;
    struct numbers numbers = numbers_of(next->abi, type);
    if (numbers.apart) {
        pass_apart(&numbers, next, at);
        return PYTRAMP_OK;
    }
    if (type->alignment > QUADWORD) return PYTRAMP_E_TYPE;
    size_t start = aligned(type, &numbers, next->at);
    if (type->size > INT32_MAX || start > INT32_MAX - type->size) return PYTRAMP_E_TOO_LARGE;
    size_t done = numbers.n ? pass_numbers(&numbers, next, at) : 0;
    add_image(at, done, type->size - done, start + done + justify(next->abi, type->size));
    next->at = pt_round_up(start + type->size, DOUBLEWORD);
    return PYTRAMP_OK;
}

size_t pt_ppc64_area(const struct pt_abi *abi, const struct pt_prototype *prototype) {
    struct allocator next = {abi, 0, 0};
    struct pt_location nowhere, result_at;
    uint32_t stack_size;
    const struct pt_prototype none = {prototype->result, 0, NULL, 0};
    if (!abi->classify(&none, &result_at, &nowhere, &stack_size) && result_at.by_reference)
        next.at = DOUBLEWORD;
    for (size_t i = 0; i < prototype->nargs; i++)
        pass(prototype->args[i], &next, &nowhere);
    return next.at;
}

size_t pt_ppc64_aggregate(const struct pt_abi *abi, const pytramp_type *type, size_t at,
                          size_t *end) {
    struct numbers numbers = numbers_of(abi, type);
    size_t start = aligned(type, &numbers, at);
    *end = pt_round_up(start + type->size, DOUBLEWORD);
    return start + justify(abi, type->size);
}

/* ---- Results: 2.2.5 "Return values" ---- */

#define RESULT_REGISTERS 2

/* Version 1 returns every aggregate in memory, even one of nothing. */
static int is_in_memory(const struct pt_abi *abi, const pytramp_type *type,
                        const struct numbers *numbers) {
    if (type->class != PT_CLASS_AGGREGATE) return 0;
    return !is_v2(abi) || (!numbers->n && type->size > RESULT_REGISTERS * DOUBLEWORD);
}

static pytramp_status place_result(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    struct allocator result = {next->abi, 0, 0};
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_OK;
    pytramp_status status = check(next->abi, type);
    if (status) return status;
    struct numbers numbers = numbers_of(next->abi, type);
    if (is_in_memory(next->abi, type, &numbers)) {
        at->by_reference = 1;
        add_image(at, 0, DOUBLEWORD, next->at);
        next->at += DOUBLEWORD;
    } else if (numbers.n) {
        pass_numbers(&numbers, &result, at);
    } else {
        add_image(at, 0, type->size, justify(next->abi, type->size));
    }
    return PYTRAMP_OK;
}

static pytramp_status classify(const struct pt_abi *abi, const struct pt_prototype *prototype,
                               struct pt_location *result_at, struct pt_location *at,
                               uint32_t *stack_size) {
    struct allocator next = {abi, 0, 0};
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], &next, &at[i]);
    *stack_size = next.at > IN_REGISTERS ? (uint32_t)(next.at - IN_REGISTERS) : 0;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10"};
    static const char *const real[] = {"f1", "f2", "f3",  "f4",  "f5",  "f6", "f7",
                                       "f8", "f9", "f10", "f11", "f12", "f13"};
    (void)is_result; /* the first ones of each */
    switch (part->bank) {
    case PT_BANK_GENERAL: return general[part->index];
    case PT_BANK_VECTOR: return real[part->index];
    default: return "stack";
    }
}

#define MODEL {8, 8, 4, 16, 16, 16, 8}

static pytramp_status classify_v2(const struct pt_prototype *prototype,
                                  struct pt_location *result_at, struct pt_location *at,
                                  uint32_t *stack_size) {
    return classify(&pt_abi_elfv2_ppc64, prototype, result_at, at, stack_size);
}

const struct pt_abi pt_abi_elfv2_ppc64 = {.name = "elfv2_ppc64",
                                          .code = PYTRAMP_ABI_ELFV2_PPC64,
                                          .model = MODEL,
                                          .classify = classify_v2,
                                          .register_name = register_name};

static pytramp_status classify_v1(const struct pt_prototype *prototype,
                                  struct pt_location *result_at, struct pt_location *at,
                                  uint32_t *stack_size) {
    return classify(&pt_abi_elfv1_ppc64, prototype, result_at, at, stack_size);
}

const struct pt_abi pt_abi_elfv1_ppc64 = {.name = "elfv1_ppc64",
                                          .code = PYTRAMP_ABI_ELFV1_PPC64,
                                          .model = MODEL,
                                          .classify = classify_v1,
                                          .register_name = register_name};
