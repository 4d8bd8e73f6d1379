/* Windows, x86-64: "x64 calling convention" in Microsoft's C++ documentation. What it does not know
 * (__int128, the x87's long double, _Complex, empty structs) goes where gcc and clang both put it;
 * what these two put into different places is refused. */
#include "abi.h"

#define REGISTERS 4
#define SLOT      8

/* "Any argument that doesn't fit in 8 bytes, or isn't 1, 2, 4, or 8 bytes, must be passed by
 * reference." Of what a type is made does not matter. */
static int fits_slot(const pytramp_type *type) {
    return type->size == 1 || type->size == 2 || type->size == 4 || type->size == 8;
}

/* gcc passes _Float16 as the integers of its size, clang as it passes float. */
static int is_passed_alike(const pytramp_type *type) {
    return type->code != PT_TYPE_FLOAT16;
}

static int is_float(const pytramp_type *type) {
    return type->class == PT_CLASS_FLOAT && fits_slot(type);
}

static struct pt_location in_register(enum pt_bank bank, size_t index, size_t size) {
    return (struct pt_location){
        .nparts = 1, .parts = {{.bank = bank, .index = (uint8_t)index, .size = (uint32_t)size}}};
}

/* "The first four arguments" by position, whatever of the two kinds of register each takes. */
static struct pt_location in_slot(size_t slot, size_t size, int is_float) {
    if (slot < REGISTERS)
        return in_register(is_float ? PT_BANK_VECTOR : PT_BANK_GENERAL, slot, size);
    struct pt_location at = in_register(PT_BANK_STACK, 0, size);
    at.parts[0].stack = (uint32_t)((slot - REGISTERS) * SLOT);
    return at;
}

static struct pt_location by_reference(size_t slot) {
    struct pt_location at = in_slot(slot, SLOT, 0);
    at.by_reference = 1;
    return at;
}

static pytramp_status pass(const pytramp_type *type, size_t slot, struct pt_location *at) {
    if (type->class == PT_CLASS_VOID || !is_passed_alike(type)) return PYTRAMP_E_TYPE;
    *at = fits_slot(type) ? in_slot(slot, type->size, is_float(type)) : by_reference(slot);
    return PYTRAMP_OK;
}

static int is_int128(const pytramp_type *type) {
    return type->size == 16 && (type->class == PT_CLASS_SIGNED || type->class == PT_CLASS_UNSIGNED);
}

/* "Return values": RAX; "non-scalar types including floats, doubles, and vector types" XMM0, and of
 * what is like __m128 gcc and clang take __int128 to be. Anything else the caller makes room for,
 * "and passes a pointer to it as the first argument". Only clang passes one for an empty struct. */
static pytramp_status place_result(const pytramp_type *type, struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_OK;
    if (!type->size || !is_passed_alike(type)) return PYTRAMP_E_TYPE;
    if (is_float(type) || is_int128(type))
        *at = in_register(PT_BANK_VECTOR, 0, type->size);
    else
        *at = fits_slot(type) ? in_register(PT_BANK_GENERAL, 0, type->size) : by_reference(0);
    return PYTRAMP_OK;
}

/* A variadic function's named arguments are passed like any others. */
static pytramp_status classify(const struct pt_prototype *prototype, struct pt_location *result_at,
                               struct pt_location *at, uint32_t *stack_size) {
    pytramp_status status = place_result(prototype->result, result_at);
    size_t slot = result_at->by_reference;
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], slot++, &at[i]);
    *stack_size = slot > REGISTERS ? (uint32_t)((slot - REGISTERS) * SLOT) : 0;
    return status;
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const general[] = {"rcx", "rdx", "r8", "r9"};
    static const char *const vector[] = {"xmm0", "xmm1", "xmm2", "xmm3"};
    switch (part->bank) {
    case PT_BANK_GENERAL: return is_result ? "rax" : general[part->index];
    case PT_BANK_VECTOR: return vector[part->index];
    default: return "stack";
    }
}

const struct pt_abi pt_abi_win64 = {.name = "win64",
                                    .code = PYTRAMP_ABI_WIN64,
                                    .model = {4, 8, 2, 8, 8, 16, 8},
                                    .classify = classify,
                                    .register_name = register_name};
