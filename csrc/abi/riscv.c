/* RISC-V, lp64d: the psABI's "Integer" and "Hardware Floating-Point Calling Convention", version
 * 1.0. LoongArch, lp64d: LAPCS (the procedure call standard), "Passing arguments".
 *
 * The second is derived from the first: other words, the same places. Where compilers have a rule
 * that the words leave open, gcc and clang have the same one for both CPUs. */
#include "abi.h"

#define XLEN          8 /* bytes of a general register: LAPCS' GRLEN */
#define FLEN          8 /* bytes of a floating-point register, in the ABI: FRLEN */
#define REGISTERS     8 /* a0-a7, fa0-fa7 */
#define MAX_ALIGNMENT 16

/* ---- Structs of one or two fields, of which one at least is a float ---- */

struct field {
    size_t offset, size;
    int is_float;
};

/* "A C struct with its hierarchy flattened, including any array fields": as long as it may be one
 * that floating-point registers pass. */
struct flat {
    struct field fields[2];
    unsigned n;
    unsigned steps; /* of the walk that are left */
};

/* "No more than XLEN bits", "no more than ABI_FLEN bits". */
static int add_field(struct flat *flat, size_t offset, size_t size, int is_float) {
    if (flat->n == 2 || size > (is_float ? FLEN : XLEN)) return 0;
    flat->fields[flat->n++] = (struct field){offset, size, is_float};
    return 1;
}

/* "A complex floating-point number [...] is passed as though it were a struct containing two
 * floating-point reals". A pointer is no integer here, whatever LAPCS says: gcc and clang pass
 * `struct { float f; void *p; }` in general registers on both CPUs. */
static int flatten_scalar(struct flat *flat, const pytramp_type *type, size_t offset) {
    size_t half = type->size / 2;
    switch (type->class) {
    case PT_CLASS_POINTER: return 0;
    case PT_CLASS_COMPLEX:
        return add_field(flat, offset, half, 1) && add_field(flat, offset + half, half, 1);
    default: return add_field(flat, offset, type->size, type->class == PT_CLASS_FLOAT);
    }
}

static int flatten(struct flat *flat, const pytramp_type *type, size_t offset);

static int flatten_member(struct flat *flat, const pytramp_member *member, size_t offset) {
    for (size_t k = 0; k < member->count; k++) {
        if (!flat->steps) return 0;
        flat->steps--;
        if (!flatten(flat, member->type, offset + member->offset + k * member->type->size))
            return 0;
    }
    return 1;
}

/* "Unions are never flattened". Fields of no size are ignored: an array may have any number of
 * empty structs. 0 where floating-point registers cannot pass the type. */
static int flatten(struct flat *flat, const pytramp_type *type, size_t offset) {
    if (type->class != PT_CLASS_AGGREGATE) return flatten_scalar(flat, type, offset);
    if (type->is_union) return 0;
    for (size_t i = 0; i < type->nmembers; i++) {
        const pytramp_member *member = &type->members[i];
        if (member->type->size && !flatten_member(flat, member, offset)) return 0;
    }
    return 1;
}

static unsigned floats_in(const struct flat *flat) {
    unsigned n = 0;
    for (unsigned i = 0; i < flat->n; i++)
        n += flat->fields[i].is_float != 0;
    return n;
}

/* *flat = its fields, none where only general registers or memory can pass it. PYTRAMP_E_TOO_LARGE
 * for more than anyone can look at. */
static pytramp_status classify(const pytramp_type *type, struct flat *flat) {
    *flat = (struct flat){.steps = PT_MANY_STEPS};
    int is_flat = type->depth < PT_DEEP && flatten(flat, type, 0);
    if (!flat->steps || type->depth >= PT_DEEP) return PYTRAMP_E_TOO_LARGE;
    if (!is_flat || !floats_in(flat)) flat->n = 0;
    return PYTRAMP_OK;
}

/* ---- Places ---- */

struct allocator {
    unsigned general, vector;
    size_t stack;
};

static void add_part(struct pt_location *at, enum pt_bank bank, size_t place, size_t offset,
                     size_t size) {
    struct pt_part *part = &at->parts[at->nparts++];
    *part = (struct pt_part){.bank = bank, .offset = (uint32_t)offset, .size = (uint32_t)size};
    if (bank == PT_BANK_STACK)
        part->stack = (uint32_t)place;
    else
        part->index = (uint8_t)place;
}

static int has_registers(const struct flat *flat, const struct allocator *next) {
    unsigned floats = floats_in(flat);
    return flat->n && next->vector + floats <= REGISTERS &&
           next->general + flat->n - floats <= REGISTERS;
}

static void pass_fields(const struct flat *flat, struct allocator *next, struct pt_location *at) {
    for (unsigned i = 0; i < flat->n; i++) {
        const struct field *field = &flat->fields[i];
        if (field->is_float)
            add_part(at, PT_BANK_VECTOR, next->vector++, field->offset, field->size);
        else
            add_part(at, PT_BANK_GENERAL, next->general++, field->offset, field->size);
    }
}

/* "Aligned to the greater of the type alignment and XLEN bits, but never more than the stack
 * alignment". */
static pytramp_status pass_on_stack(size_t offset, size_t size, size_t alignment,
                                    struct allocator *next, struct pt_location *at) {
    size_t unit = alignment > XLEN ? MAX_ALIGNMENT : XLEN;
    size_t start = pt_round_up(next->stack, unit);
    if (start > INT32_MAX - 2 * XLEN) return PYTRAMP_E_TOO_LARGE;
    add_part(at, PT_BANK_STACK, start, offset, size);
    next->stack = start + pt_round_up(size, XLEN);
    return PYTRAMP_OK;
}

/* One or two words. "If exactly one register is available, the low-order XLEN bits are passed in
 * the register and the high-order XLEN bits are passed on the stack", where they are the first. */
static pytramp_status pass_words(size_t size, size_t alignment, struct allocator *next,
                                 struct pt_location *at) {
    size_t offset = 0;
    for (; offset < size && next->general < REGISTERS; offset += XLEN) {
        size_t rest = size - offset;
        add_part(at, PT_BANK_GENERAL, next->general++, offset, rest < XLEN ? rest : XLEN);
    }
    if (offset >= size) return PYTRAMP_OK;
    return pass_on_stack(offset, size - offset, alignment, next, at);
}

/* Fields in registers become a variable of the type again, which is aligned to 16 bytes at most.
 * Then C leaves less than that between them. */
static int can_be_gathered(const pytramp_type *type) {
    return type->alignment <= MAX_ALIGNMENT && type->size <= 2 * MAX_ALIGNMENT;
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    struct flat flat;
    *at = (struct pt_location){0};
    pytramp_status status = classify(type, &flat);
    if (status || !type->size) return status;
    if (has_registers(&flat, next)) {
        if (!can_be_gathered(type)) return PYTRAMP_E_TYPE;
        pass_fields(&flat, next, at);
        return PYTRAMP_OK;
    }
    if (type->size <= 2 * XLEN) return pass_words(type->size, type->alignment, next, at);
    at->by_reference = 1;
    return pass_words(XLEN, XLEN, next, at);
}

/* "Values are returned in the same manner as a first named argument of the same type would be
 * passed. If such an argument would have been passed by reference, the caller [...] passes the
 * address as an implicit first parameter." */
static pytramp_status place_result(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    struct allocator own = {0, 0, 0};
    pytramp_status status = pass(type, &own, at);
    if (at->by_reference) next->general++;
    return status;
}

/* The named arguments of a variadic function are passed like any others. */
static pytramp_status classify_prototype(const struct pt_prototype *prototype,
                                         struct pt_location *result_at, struct pt_location *at,
                                         uint32_t *stack_size) {
    struct allocator next = {0, 0, 0};
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++) {
        if (prototype->args[i]->class == PT_CLASS_VOID) return PYTRAMP_E_TYPE;
        status = pass(prototype->args[i], &next, &at[i]);
    }
    *stack_size = (uint32_t)next.stack;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"};
    static const char *const vector[] = {"fa0", "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7"};
    (void)is_result; /* the same registers, from the first on */
    switch (part->bank) {
    case PT_BANK_GENERAL: return general[part->index];
    case PT_BANK_VECTOR: return vector[part->index];
    default: return "stack";
    }
}

/* "Integer scalars narrower than XLEN bits are widened according to the sign of their type up to 32
 * bits, then sign-extended to XLEN bits." LAPCS: "unsigned words [...] are stored in
 * general-purpose registers as proper sign extensions of their 32-bit values". "When a
 * floating-point argument narrower than FLEN bits is passed in a floating-point register, it is
 * 1-extended (NaN-boxed)": not on LoongArch, which leaves the bits above undefined. */
#define LP64 {8, 8, 4, 16, 16, 16, 8} /* struct pt_model */

const struct pt_abi pt_abi_riscv = {.name = "riscv",
                                    .code = PYTRAMP_ABI_RISCV,
                                    .model = LP64,
                                    .sign_extends_words = 1,
                                    .boxes_floats = 1,
                                    .classify = classify_prototype,
                                    .register_name = register_name};

const struct pt_abi pt_abi_loongarch = {.name = "loongarch",
                                        .code = PYTRAMP_ABI_LOONGARCH,
                                        .model = LP64,
                                        .sign_extends_words = 1,
                                        .classify = classify_prototype,
                                        .register_name = register_name};
