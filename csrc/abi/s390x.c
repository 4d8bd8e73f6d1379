/* IBM Z, 64-bit: the "ELF Application Binary Interface s390x Supplement", version 1.6, section 1.2.
 */
#include "abi.h"

#include <stddef.h>

#define GENERAL_REGISTERS 5
#define FLOAT_REGISTERS   4
#define SLOT              8 /* of a register, and of a value in the parameter area */

struct allocator {
    unsigned general, real;
    size_t stack;
};

/* 1.2.3 "Parameter passing": a struct of one member is passed as that member, at whatever depth. A
 * union is not, nor an array, nor what has something before the member. */
static const pytramp_type *only_member(const pytramp_type *type) {
    while (type->class == PT_CLASS_AGGREGATE && !type->is_union && type->nmembers == 1 &&
           !type->is_array[0] && !type->members[0].offset)
        type = type->members[0].type;
    return type;
}

/* The document knows no float of 16 bits. */
static int is_unknown(const pytramp_type *type) {
    return type->class == PT_CLASS_VOID || type->code == PT_TYPE_FLOAT16;
}

/* "a float, a double, or a struct with just one float or double"; a larger one is aligned so that
 * padding follows, and is passed whole. */
static int is_real(const pytramp_type *type) {
    return only_member(type)->class == PT_CLASS_FLOAT && type->size <= SLOT;
}

/* "an integer or pointer of at most 64 bits, a struct or union of 1, 2, 4 or 8 bytes". All others
 * are passed by their address, complex numbers of any size among them, and structs of none. */
static int is_in_one_register(const pytramp_type *type) {
    size_t size = type->size;
    return type->class != PT_CLASS_COMPLEX && (size == 1 || size == 2 || size == 4 || size == 8);
}

/* The right half of a register or slot for what is an integer there. */
static uint8_t right_aligned(uint32_t size) {
    return (uint8_t)(SLOT - size);
}

static struct pt_part in_memory(struct allocator *next, uint32_t size, uint32_t within) {
    size_t start = next->stack;
    next->stack += SLOT;
    return (struct pt_part){.bank = PT_BANK_STACK, .size = size, .stack = (uint32_t)start + within};
}

static struct pt_part as_integer(struct allocator *next, uint32_t size) {
    if (next->general == GENERAL_REGISTERS) return in_memory(next, size, right_aligned(size));
    return (struct pt_part){.bank = PT_BANK_GENERAL,
                            .index = (uint8_t)next->general++,
                            .within = right_aligned(size),
                            .size = size};
}

/* A short number is the left half of a register, but the right half of a slot. */
static struct pt_part as_real(struct allocator *next, uint32_t size) {
    if (next->real == FLOAT_REGISTERS) return in_memory(next, size, right_aligned(size));
    return (struct pt_part){.bank = PT_BANK_VECTOR, .index = (uint8_t)next->real++, .size = size};
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    *at = (struct pt_location){.nparts = 1};
    if (type->depth >= PT_DEEP) return PYTRAMP_E_TOO_LARGE; /* to be looked at */
    if (is_unknown(only_member(type))) return PYTRAMP_E_TYPE;
    if (is_real(type)) {
        at->parts[0] = as_real(next, (uint32_t)type->size);
    } else if (is_in_one_register(type)) {
        at->parts[0] = as_integer(next, (uint32_t)type->size);
    } else {
        at->by_reference = 1;
        at->parts[0] = as_integer(next, SLOT);
    }
    return PYTRAMP_OK;
}

/* 1.2.5 "Return values": aggregates of any size, even of none, and all that fits into no register,
 * are written where a hidden first argument points. */
static pytramp_status place_result(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    struct allocator result = {0, 0, 0};
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_OK;
    if (is_unknown(type)) return PYTRAMP_E_TYPE;
    at->nparts = 1;
    if (type->class == PT_CLASS_AGGREGATE || !is_in_one_register(type)) {
        at->by_reference = 1;
        at->parts[0] = as_integer(next, SLOT);
    } else {
        uint32_t size = (uint32_t)type->size;
        at->parts[0] = is_real(type) ? as_real(&result, size) : as_integer(&result, size);
    }
    return PYTRAMP_OK;
}

/* Variable arguments are passed like any others. */
static pytramp_status classify_prototype(const struct pt_prototype *prototype,
                                         struct pt_location *result_at, struct pt_location *at,
                                         uint32_t *stack_size) {
    struct allocator next = {0, 0, 0};
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], &next, &at[i]);
    if (next.stack > INT32_MAX) return PYTRAMP_E_TOO_LARGE;
    *stack_size = (uint32_t)next.stack;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"r2", "r3", "r4", "r5", "r6"};
    static const char *const real[] = {"f0", "f2", "f4", "f6"};
    (void)is_result; /* r2 and f0, the first of each */
    switch (part->bank) {
    case PT_BANK_GENERAL: return general[part->index];
    case PT_BANK_VECTOR: return real[part->index];
    default: return "stack";
    }
}

const struct pt_abi pt_abi_s390x = {.name = "s390x",
                                    .code = PYTRAMP_ABI_S390X,
                                    .model = {8, 8, 4, 16, 8, 8, 8},
                                    .classify = classify_prototype,
                                    .register_name = register_name};
