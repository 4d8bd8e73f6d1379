/* i386: System V's own convention (psABI for Intel386, version 1.1, section 2.2.3 "Parameter
 * Passing and Returning Values"), here called cdecl, and the attributes stdcall, fastcall and
 * thiscall, which no document of System V knows: as gcc and clang have them for ELF systems, where
 * both agree.
 *
 * All arguments are words on the stack; fastcall has ecx and edx for the first two that are
 * integers or pointers of one word, thiscall has ecx for the first. The callee takes the arguments
 * off the stack, but in cdecl only the address of a result in memory. Variadic functions are cdecl
 * where they are declared stdcall; on the others, compilers do not agree.
 *
 * Windows' compilers agree on arguments that are words and on results that are no structs; there,
 * structs of 1, 2, 4 and 8 bytes return in eax and edx, and in cdecl the caller takes off the
 * address of a larger one. */
#include "abi.h"

#define WORD             4
#define MAX_ALIGNMENT    16 /* beyond it an argument would have to be copied: refused */
#define RESULT_REGISTERS 8  /* bytes in eax and edx */

enum convention { CDECL, STDCALL, FASTCALL, THISCALL };

struct allocator {
    enum convention convention;
    unsigned used, registers; /* handed out, of how many */
    int disputed;             /* something came that may have used up registers */
    size_t stack;
};

static int is_real(const pytramp_type *type) {
    return type->class == PT_CLASS_FLOAT || type->class == PT_CLASS_COMPLEX;
}

/* Can a general register hold it? */
static int is_word(const pytramp_type *type) {
    if (is_real(type) || type->class == PT_CLASS_AGGREGATE) return 0;
    return type->size <= WORD || type->class == PT_CLASS_POINTER;
}

/* There is no __int128 on i386. */
static int is_unknown(const pytramp_type *type) {
    return !is_real(type) && type->class != PT_CLASS_AGGREGATE && type->size > 2 * WORD;
}

static void add_part(struct pt_location *at, enum pt_bank bank, unsigned index, uint32_t offset,
                     uint32_t size) {
    at->parts[at->nparts++] = (struct pt_part){bank, (uint8_t)index, 0, offset, size, 0};
}

static pytramp_status push(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    if (type->size > INT32_MAX || next->stack > INT32_MAX - type->size) return PYTRAMP_E_TOO_LARGE;
    add_part(at, PT_BANK_STACK, 0, 0, (uint32_t)type->size);
    at->parts[0].stack = (uint32_t)next->stack;
    next->stack += pt_round_up(type->size, WORD);
    return PYTRAMP_OK;
}

/* What an argument on the stack leaves of the registers: the compilers agree that a float or a
 * double leaves them all, and that an integer of two words uses up both of fastcall. They do not
 * agree on long double, on complex and on structs; there the next word is refused. Nor do they on a
 * first argument of thiscall that is no word, which `this`, in C++, always is. */
static pytramp_status skip_registers(const pytramp_type *type, struct allocator *next) {
    if (next->convention == THISCALL) return PYTRAMP_E_TYPE;
    if (type->class == PT_CLASS_FLOAT && type->size <= 2 * WORD) return PYTRAMP_OK;
    if (is_real(type) || type->class == PT_CLASS_AGGREGATE)
        next->disputed = 1;
    else
        next->used = next->registers;
    return PYTRAMP_OK;
}

static pytramp_status pass(const pytramp_type *type, struct allocator *next,
                           struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID || is_unknown(type)) return PYTRAMP_E_TYPE;
    if (type->alignment > MAX_ALIGNMENT) return PYTRAMP_E_TYPE;
    if (!type->size) return PYTRAMP_OK;
    if (next->used == next->registers) return push(type, next, at);
    if (!is_word(type)) {
        pytramp_status status = skip_registers(type, next);
        return status ? status : push(type, next, at);
    }
    if (next->disputed) return PYTRAMP_E_TYPE;
    add_part(at, PT_BANK_GENERAL, next->used++, 0, (uint32_t)type->size);
    return PYTRAMP_OK;
}

/* The address of a result in memory is the first argument. thiscall has `this` in ecx and that
 * address on the stack for Windows' compilers and clang, the reverse for gcc. */
static pytramp_status pass_address(struct allocator *next, struct pt_location *at) {
    if (next->convention == THISCALL) return PYTRAMP_E_TYPE;
    at->by_reference = 1;
    if (next->used < next->registers) {
        add_part(at, PT_BANK_GENERAL, next->used++, 0, WORD);
    } else {
        add_part(at, PT_BANK_STACK, 0, 0, WORD);
        next->stack = WORD;
    }
    return PYTRAMP_OK;
}

static void return_in_registers(const pytramp_type *type, struct pt_location *at) {
    uint32_t size = (uint32_t)type->size;
    if (is_word(type)) {
        add_part(at, PT_BANK_GENERAL, 0, 0, size);
    } else {
        add_part(at, PT_BANK_GENERAL, 0, 0, WORD);
        add_part(at, PT_BANK_GENERAL, 1, WORD, size - WORD);
    }
}

/* Structs are in memory, however small; so are complex doubles, which the document takes for
 * structs. gcc and clang return _Float16, which is younger than the document, in xmm0. */
static pytramp_status place_result(const pytramp_type *type, struct allocator *next,
                                   struct pt_location *at) {
    *at = (struct pt_location){0};
    if (type->class == PT_CLASS_VOID) return PYTRAMP_OK;
    if (is_unknown(type)) return PYTRAMP_E_TYPE;
    if (type->class == PT_CLASS_AGGREGATE) return pass_address(next, at);
    if (type->class == PT_CLASS_FLOAT) {
        enum pt_bank bank = type->code == PT_TYPE_FLOAT16 ? PT_BANK_VECTOR : PT_BANK_X87;
        add_part(at, bank, 0, 0, (uint32_t)type->size);
    } else if (type->size > RESULT_REGISTERS) {
        return pass_address(next, at);
    } else {
        return_in_registers(type, at);
    }
    return PYTRAMP_OK;
}

static pytramp_status classify(enum convention convention, unsigned registers,
                               const struct pt_prototype *prototype, struct pt_location *result_at,
                               struct pt_location *at, uint32_t *stack_size) {
    struct allocator next = {.convention = convention, .registers = registers};
    if (prototype->variadic && convention > STDCALL) return PYTRAMP_E_TYPE;
    pytramp_status status = place_result(prototype->result, &next, result_at);
    for (size_t i = 0; i < prototype->nargs && !status; i++)
        status = pass(prototype->args[i], &next, &at[i]);
    *stack_size = (uint32_t)next.stack;
    return status;
}

static pytramp_status classify_cdecl(const struct pt_prototype *prototype,
                                     struct pt_location *result_at, struct pt_location *at,
                                     uint32_t *stack_size) {
    return classify(CDECL, 0, prototype, result_at, at, stack_size);
}

static pytramp_status classify_stdcall(const struct pt_prototype *prototype,
                                       struct pt_location *result_at, struct pt_location *at,
                                       uint32_t *stack_size) {
    return classify(STDCALL, 0, prototype, result_at, at, stack_size);
}

static pytramp_status classify_fastcall(const struct pt_prototype *prototype,
                                        struct pt_location *result_at, struct pt_location *at,
                                        uint32_t *stack_size) {
    return classify(FASTCALL, 2, prototype, result_at, at, stack_size);
}

static pytramp_status classify_thiscall(const struct pt_prototype *prototype,
                                        struct pt_location *result_at, struct pt_location *at,
                                        uint32_t *stack_size) {
    return classify(THISCALL, 1, prototype, result_at, at, stack_size);
}

static const char *register_name(const struct pt_part *part, int is_result) {
    static const char *const arguments[] = {"ecx", "edx"}, *const results[] = {"eax", "edx"};
    switch (part->bank) {
    case PT_BANK_GENERAL: return (is_result ? results : arguments)[part->index];
    case PT_BANK_VECTOR: return "xmm0";
    case PT_BANK_X87: return "st0";
    default: return "stack";
    }
}

/* System V's cdecl has its own sizes; Microsoft's are those of all the others. */
#define MICROSOFT {4, 4, 2, 8, 8, 0, 8}

const struct pt_abi pt_abi_cdecl_x86 = {.name = "cdecl_x86",
                                        .code = PYTRAMP_ABI_CDECL_X86,
                                        .model = {4, 4, 4, 12, 4, 0, 4},
                                        .classify = classify_cdecl,
                                        .register_name = register_name};
const struct pt_abi pt_abi_stdcall_x86 = {.name = "stdcall_x86",
                                          .code = PYTRAMP_ABI_STDCALL_X86,
                                          .model = MICROSOFT,
                                          .classify = classify_stdcall,
                                          .register_name = register_name};
const struct pt_abi pt_abi_fastcall_x86 = {.name = "fastcall_x86",
                                           .code = PYTRAMP_ABI_FASTCALL_X86,
                                           .model = MICROSOFT,
                                           .classify = classify_fastcall,
                                           .register_name = register_name};
const struct pt_abi pt_abi_thiscall_x86 = {.name = "thiscall_x86",
                                           .code = PYTRAMP_ABI_THISCALL_X86,
                                           .model = MICROSOFT,
                                           .classify = classify_thiscall,
                                           .register_name = register_name};
