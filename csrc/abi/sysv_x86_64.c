/* System V, x86-64: the algorithm of the psABI, section 3.2.3 "Parameter Passing", version 1.0. */
#include "abi.h"

#include <string.h>

enum eightbyte { NO_CLASS, INTEGER, SSE, X87, X87UP, COMPLEX_X87, MEMORY };

struct classes {
    enum eightbyte of[2];
};

#define GENERAL_REGISTERS 6
#define VECTOR_REGISTERS  8
#define EIGHTBYTE         8
#define MAX_ALIGNMENT     16 /* beyond it the caller must realign its frame: refused */

/* 3.2.3, "Classification", step 4: two fields in one eightbyte. */
static enum eightbyte merge(enum eightbyte a, enum eightbyte b) {
    if (a == b || b == NO_CLASS) return a;
    if (a == NO_CLASS) return b;
    if (a == MEMORY || b == MEMORY) return MEMORY;
    if (a == INTEGER || b == INTEGER) return INTEGER;
    if (a == X87 || a == X87UP || a == COMPLEX_X87) return MEMORY;
    if (b == X87 || b == X87UP || b == COMPLEX_X87) return MEMORY;
    return SSE;
}

/* size consecutive bytes at offset, all of one class. */
static void cover(struct classes *classes, size_t offset, size_t size, enum eightbyte class) {
    for (size_t i = offset / EIGHTBYTE; i <= (offset + size - 1) / EIGHTBYTE; i++)
        classes->of[i] = merge(classes->of[i], class);
}

static void classify_x87(struct classes *classes, size_t offset) {
    size_t first = offset / EIGHTBYTE;
    classes->of[first] = merge(classes->of[first], X87);
    classes->of[first + 1] = merge(classes->of[first + 1], X87UP);
}

/* On machines where long double is a double, the x87's has no name. */
static int is_x87(const pytramp_type *type) {
    return type->code == PT_TYPE_LONGDOUBLE && type->size > EIGHTBYTE;
}

static int is_complex_x87(const pytramp_type *type) {
    return type->code == PT_TYPE_COMPLEX_LONGDOUBLE && type->size > 2 * EIGHTBYTE;
}

static int classify_scalar(const pytramp_type *type, size_t offset, struct classes *classes) {
    if (offset % type->alignment) return 0; /* "contains unaligned fields": class MEMORY */
    if (is_complex_x87(type)) return 0;     /* as a member: larger than two eightbytes */
    if (is_x87(type)) {
        classify_x87(classes, offset);
        return 1;
    }
    int is_real = type->class == PT_CLASS_FLOAT || type->class == PT_CLASS_COMPLEX;
    cover(classes, offset, type->size, is_real ? SSE : INTEGER);
    return 1;
}

/* Step 5, the post merger cleanup: may these classes be passed in registers? */
static int fits_registers(const struct classes *classes) {
    if (classes->of[0] == MEMORY || classes->of[1] == MEMORY) return 0;
    return classes->of[1] != X87UP || classes->of[0] == X87;
}

static int classify_value(const pytramp_type *type, size_t offset, struct classes *classes);

/* "Each field of an object is classified recursively": all of the field first, and its own cleanup,
 * before it meets what it shares eightbytes with. X87 beside { float, int } is X87 beside INTEGER;
 * beside the float alone it would be MEMORY, whatever came after. */
static int classify_member(const pytramp_member *member, size_t offset, struct classes *classes) {
    struct classes own = {{NO_CLASS, NO_CLASS}};
    for (size_t k = 0; k < member->count; k++) {
        size_t at = offset + member->offset + k * member->type->size;
        if (!classify_value(member->type, at, &own)) return 0;
    }
    for (unsigned i = 0; i < 2; i++)
        classes->of[i] = merge(classes->of[i], own.of[i]);
    return fits_registers(&own);
}

/* Classifies every scalar within type; 0 when one of them puts the whole into memory. The caller
 * has made sure that type ends within 16 bytes and is not too intricate. Empty elements are not
 * looked at: an array may have any number of them. */
static int classify_value(const pytramp_type *type, size_t offset, struct classes *classes) {
    if (type->class != PT_CLASS_AGGREGATE) return classify_scalar(type, offset, classes);
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        if (member->type->size && !classify_member(member, offset, classes)) return 0;
    }
    return 1;
}

static struct classes in_memory(void) {
    return (struct classes){{MEMORY, MEMORY}};
}

/* The classes of a value of its own. */
static struct classes classify(const pytramp_type *type) {
    struct classes classes = {{NO_CLASS, NO_CLASS}};
    if (is_complex_x87(type)) {
        classes.of[0] = COMPLEX_X87;
        return classes;
    }
    if (type->size > 2 * EIGHTBYTE || !classify_value(type, 0, &classes)) return in_memory();
    return fits_registers(&classes) ? classes : in_memory();
}

struct allocator {
    unsigned general, vector;
    size_t stack;
};

static uint32_t part_size(const pytramp_type *type, unsigned i) {
    size_t rest = type->size - i * EIGHTBYTE;
    return (uint32_t)(rest < EIGHTBYTE ? rest : EIGHTBYTE);
}

static void add_register(struct pt_location *at, enum pt_bank bank, unsigned index, uint32_t offset,
                         uint32_t size) {
    at->parts[at->nparts++] = (struct pt_part){bank, (uint8_t)index, 0, offset, size, 0};
}

static int count(const struct classes *classes, enum eightbyte class) {
    return (classes->of[0] == class) + (classes->of[1] == class);
}

/* 3.2.3 "Passing": all eightbytes of an argument fit into registers or none is put there. */
static int pass_in_registers(const pytramp_type *type, struct allocator *next,
                             struct pt_location *at) {
    struct classes classes = classify(type);
    unsigned general = (unsigned)count(&classes, INTEGER), vector = (unsigned)count(&classes, SSE);
    if (count(&classes, MEMORY) || count(&classes, X87) || count(&classes, COMPLEX_X87)) return 0;
    if (next->general + general > GENERAL_REGISTERS || next->vector + vector > VECTOR_REGISTERS)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        if (classes.of[i] == INTEGER)
            add_register(at, PT_BANK_GENERAL, next->general++, i * EIGHTBYTE, part_size(type, i));
        if (classes.of[i] == SSE)
            add_register(at, PT_BANK_VECTOR, next->vector++, i * EIGHTBYTE, part_size(type, i));
    }
    return 1;
}

/* "the size of each argument gets rounded up to eightbytes"; aligned as the type is. */
static pytramp_status pass_in_memory(const pytramp_type *type, struct allocator *next,
                                     struct pt_location *at) {
    if (type->alignment > MAX_ALIGNMENT) return PYTRAMP_E_TYPE;
    size_t alignment = type->alignment < EIGHTBYTE ? EIGHTBYTE : type->alignment;
    size_t start = pt_round_up(next->stack, alignment);
    if (type->size > INT32_MAX || start > INT32_MAX - type->size) return PYTRAMP_E_TOO_LARGE;
    at->parts[at->nparts++] =
        (struct pt_part){PT_BANK_STACK, 0, 0, 0, (uint32_t)type->size, (uint32_t)start};
    next->stack = pt_round_up(start + type->size, EIGHTBYTE);
    return PYTRAMP_OK;
}

/* Small, and yet more than anyone can look at: unions in unions in unions. */
static int is_too_intricate(const pytramp_type *type) {
    return type->size <= 2 * EIGHTBYTE && (type->steps >= PT_MANY_STEPS || type->depth >= PT_DEEP);
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_E_TYPE;
    if (is_too_intricate(type)) return PYTRAMP_E_TOO_LARGE;
    if (!type->size || pass_in_registers(type, next, at)) return PYTRAMP_OK;
    return pass_in_memory(type, next, at);
}

/* 3.2.3 "Returning of Values". Class MEMORY: the caller passes the address as if it were the first
 * argument, so it takes rdi before the arguments do. */
static void place_result(const pytramp_type *type, struct allocator *next, struct pt_location *at) {
    *at = (struct pt_location){0};
    if (!type->size) return;
    struct classes classes = classify(type);
    unsigned general = 0, vector = 0;
    if (classes.of[0] == MEMORY) {
        at->by_reference = 1;
        add_register(at, PT_BANK_GENERAL, next->general++, 0, EIGHTBYTE);
        return;
    }
    if (classes.of[0] == X87) {
        add_register(at, PT_BANK_X87, 0, 0, (uint32_t)type->size);
        return;
    }
    if (classes.of[0] == COMPLEX_X87) {
        add_register(at, PT_BANK_X87, 0, 0, (uint32_t)type->size / 2);
        add_register(at, PT_BANK_X87, 1, (uint32_t)type->size / 2, (uint32_t)type->size / 2);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (classes.of[i] == INTEGER)
            add_register(at, PT_BANK_GENERAL, general++, i * EIGHTBYTE, part_size(type, i));
        if (classes.of[i] == SSE)
            add_register(at, PT_BANK_VECTOR, vector++, i * EIGHTBYTE, part_size(type, i));
    }
}

/* A variadic function's named arguments are passed like any others. */
static pytramp_status classify_prototype(const struct pt_prototype *prototype,
                                         struct pt_location *result_at, struct pt_location *at,
                                         uint32_t *stack_size) {
    struct allocator next = {0, 0, 0};
    if (is_too_intricate(prototype->result)) return PYTRAMP_E_TOO_LARGE;
    place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs; i++) {
        pytramp_status status = pass(prototype->args[i], &next, &at[i]);
        if (status) return status;
    }
    *stack_size = (uint32_t)next.stack;
    return PYTRAMP_OK;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"rdi", "rsi", "rdx", "rcx", "r8", "r9"};
    static const char *const general_result[] = {"rax", "rdx"};
    static const char *const vector[] = {"xmm0", "xmm1", "xmm2", "xmm3",
                                         "xmm4", "xmm5", "xmm6", "xmm7"};
    static const char *const x87[] = {"st0", "st1"};
    switch (part->bank) {
    case PT_BANK_GENERAL: return (is_result ? general_result : general)[part->index];
    case PT_BANK_VECTOR: return vector[part->index];
    case PT_BANK_X87: return x87[part->index];
    default: return "stack";
    }
}

const struct pt_abi pt_abi_sysv_x86_64 = {.name = "sysv_x86_64",
                                          .code = PYTRAMP_ABI_SYSV_X86_64,
                                          .model = {8, 8, 4, 16, 16, 16, 8},
                                          .classify = classify_prototype,
                                          .register_name = register_name};
