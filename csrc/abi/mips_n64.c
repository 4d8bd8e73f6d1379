/* MIPS, n64: the "MIPSpro N32 ABI Handbook", chapter 2, "Calling Convention Implementations", which
 * is for both; and gcc, where that is silent.
 *
 * Arguments are laid out in doublewords, as a struct would be. The first eight of these are
 * registers instead of memory: a general one, or the floating-point one of the same number. */
#include "abi.h"

#define REGISTERS  8 /* a0 - a7, f12 - f19 */
#define DOUBLEWORD 8
#define QUADWORD   16 /* of the largest alignment */
#define MAX_RESULT 16

/* Results: f0 and f2; but what stands in f0 and is a quadword, in a struct, goes on in f1. */
enum { F0, F2, F1 };

static size_t doublewords(size_t size) {
    return (size + DOUBLEWORD - 1) / DOUBLEWORD;
}

static void add_part(struct pt_location *at, enum pt_bank bank, size_t index, size_t offset,
                     size_t size, size_t within) {
    at->parts[at->nparts++] = (struct pt_part){.bank = bank,
                                               .index = (uint8_t)index,
                                               .within = (uint8_t)within,
                                               .offset = (uint32_t)offset,
                                               .size = (uint32_t)size};
}

/* What is right-justified in a register. The convention is for both byte orders, and then it is
 * that of the machine which asks. */
static size_t right(size_t size) {
    return PT_BIG_ENDIAN && size < DOUBLEWORD ? DOUBLEWORD - size : 0;
}

static void add_real(struct pt_location *at, size_t index, size_t offset, size_t size) {
    add_part(at, PT_BANK_VECTOR, index, offset, size, right(size));
}

/* Neither the handbook nor gcc knows a float of 16 bits. */
static int is_unknown(const pytramp_type *type) {
    return type->code == PT_TYPE_FLOAT16;
}

/* ---- Arguments ---- */

/* "Double-precision floating-point numbers that are aligned within a struct": those that are
 * members themselves, of no other struct, and no array. */
static int is_double_at(const pytramp_type *type, size_t offset) {
    if (type->class != PT_CLASS_AGGREGATE || type->is_union) return 0;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        if (member->offset == offset && member->type->class == PT_CLASS_FLOAT &&
            member->type->size == DOUBLEWORD && !type->is_array[i])
            return 1;
    }
    return 0;
}

/* A value from byte `offset` on, whose doubleword is number `word` of all. Integers are at the end
 * of theirs, all else is at the beginning. */
static void add_image(struct pt_location *at, const pytramp_type *type, size_t offset,
                      size_t word) {
    int is_integer = type->class != PT_CLASS_AGGREGATE && type->class != PT_CLASS_COMPLEX &&
                     type->class != PT_CLASS_FLOAT;
    size_t within = is_integer ? right(type->size) : 0, rest = type->size - offset;
    for (; rest && word < REGISTERS; word++) {
        size_t n = rest < DOUBLEWORD ? rest : DOUBLEWORD;
        enum pt_bank bank = is_double_at(type, offset) ? PT_BANK_VECTOR : PT_BANK_GENERAL;
        add_part(at, bank, word, offset, n, within);
        offset += n, rest -= n;
    }
    if (!rest) return;
    add_part(at, PT_BANK_STACK, 0, offset, rest, 0);
    at->parts[at->nparts - 1].stack = (uint32_t)((word - REGISTERS) * DOUBLEWORD + within);
}

/* Returns how many doublewords it takes. */
static size_t pass_real(const pytramp_type *type, size_t word, struct pt_location *at) {
    size_t offset = 0, unit = type->size < DOUBLEWORD ? type->size : DOUBLEWORD, used = word;
    for (; offset < type->size && used < REGISTERS; offset += unit)
        add_real(at, used++, offset, unit);
    if (!offset) add_image(at, type, 0, word);
    return doublewords(type->size);
}

/* gcc: "named complex floats should go into FPRs if there are two FPRs free, otherwise they should
 * be passed in the same way as a struct containing two floats", and there the halves of a float
 * share a doubleword. Of a complex long double, one half may be in registers. */
static size_t pass_complex(const pytramp_type *type, size_t word, struct pt_location *at) {
    size_t half = type->size / 2, unit = half < DOUBLEWORD ? half : DOUBLEWORD, offset = 0;
    if (word + 1 < REGISTERS) {
        size_t used = word;
        for (; offset < type->size && used < REGISTERS; offset += unit)
            add_real(at, used++, offset, unit);
        if (offset == type->size) return used - word;
        add_image(at, type, offset, REGISTERS);
    } else {
        add_image(at, type, 0, word);
    }
    return doublewords(type->size);
}

static pytramp_status pass(const pytramp_type *type, size_t *next, struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID || is_unknown(type)) return PYTRAMP_E_TYPE;
    if (!type->size) return PYTRAMP_OK;
    if (type->alignment > QUADWORD) return PYTRAMP_E_TYPE;
    if (type->alignment > DOUBLEWORD) *next += *next % 2;
    if (type->size > INT32_MAX || *next > (INT32_MAX - type->size) / DOUBLEWORD)
        return PYTRAMP_E_TOO_LARGE;
    switch (type->class) {
    case PT_CLASS_FLOAT: *next += pass_real(type, *next, at); break;
    case PT_CLASS_COMPLEX: *next += pass_complex(type, *next, at); break;
    default:
        add_image(at, type, 0, *next);
        *next += doublewords(type->size);
        break;
    }
    return PYTRAMP_OK;
}

/* ---- Results ---- */

/* "A struct with only one or two floating point fields." */
static int is_of_reals(const pytramp_type *type) {
    if (type->class != PT_CLASS_AGGREGATE || type->is_union) return 0;
    if (!type->nmembers || type->nmembers > 2) return 0;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_type *member = type->members[i].type;
        if (member->class != PT_CLASS_FLOAT || is_unknown(member) || type->is_array[i]) return 0;
    }
    return 1;
}

static void return_member(const pytramp_member *member, size_t index, struct pt_location *at) {
    size_t size = member->type->size;
    if (size <= DOUBLEWORD) {
        add_real(at, index, member->offset, size);
    } else {
        add_real(at, F0, member->offset, DOUBLEWORD);
        add_real(at, F1, member->offset + DOUBLEWORD, DOUBLEWORD);
    }
}

static void return_reals(const pytramp_type *type, struct pt_location *at) {
    if (type->class == PT_CLASS_AGGREGATE) {
        for (size_t i = 0; i < type->nmembers; i++)
            return_member(&type->members[i], i ? F2 : F0, at);
    } else {
        size_t unit = type->class == PT_CLASS_COMPLEX || type->size > DOUBLEWORD ? type->size / 2
                                                                                 : type->size;
        add_real(at, F0, 0, unit);
        if (unit < type->size) add_real(at, F2, unit, unit);
    }
}

static pytramp_status place_result(const pytramp_type *type, size_t *next, struct pt_location *at) {
    *at = (struct pt_location){0};
    if (is_unknown(type)) return PYTRAMP_E_TYPE;
    if (!type->size) return PYTRAMP_OK;
    if (type->size > MAX_RESULT) {
        at->by_reference = 1;
        add_part(at, PT_BANK_GENERAL, (*next)++, 0, DOUBLEWORD, 0);
    } else if (type->class == PT_CLASS_FLOAT || type->class == PT_CLASS_COMPLEX ||
               is_of_reals(type)) {
        return_reals(type, at);
    } else {
        add_image(at, type, 0, 0);
        for (unsigned i = 0; i < at->nparts; i++)
            at->parts[i].bank = PT_BANK_GENERAL; /* a double beside something else, too */
    }
    return PYTRAMP_OK;
}

/* The named arguments of a variadic function are passed like any others. */
static pytramp_status classify(const struct pt_prototype *prototype, struct pt_location *result_at,
                               struct pt_location *at, uint32_t *stack_size) {
    size_t next = 0;
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], &next, &at[i]);
    *stack_size = next > REGISTERS ? (uint32_t)((next - REGISTERS) * DOUBLEWORD) : 0;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"};
    static const char *const real[] = {"f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19"};
    static const char *const result[] = {"v0", "v1"}, *const real_result[] = {"f0", "f2", "f1"};
    switch (part->bank) {
    case PT_BANK_GENERAL: return (is_result ? result : general)[part->index];
    case PT_BANK_VECTOR: return (is_result ? real_result : real)[part->index];
    default: return "stack";
    }
}

/* Integers of 32 bits are extended by their sign, "regardless of whether they are signed". */
const struct pt_abi pt_abi_mips_n64 = {.name = "mips_n64",
                                       .code = PYTRAMP_ABI_MIPS_N64,
                                       .model = {8, 8, 4, 16, 16, 16, 8},
                                       .sign_extends_words = 1,
                                       .classify = classify,
                                       .register_name = register_name};
