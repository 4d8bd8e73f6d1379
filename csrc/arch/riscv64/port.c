/* RISC-V and LoongArch: the same registers under the same names, in the same frame. */
#include "../../port.h"
#if defined(PT_ARCH_RISCV64) || defined(PT_ARCH_LOONGARCH64)

#  include <string.h>

#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_vec(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_GPR + 8u * part->index;
    case PT_BANK_VECTOR: return PT_FRAME_VEC + 8u * part->index;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    if (part->bank == PT_BANK_GENERAL) return PT_FRAME_RESULT + 8u * part->index;
    return PT_FRAME_RESULT_VEC + 8u * part->index;
}

/* Variable arguments are never in floating-point registers. */
static void (*entry(const pytramp_signature *signature))(void) {
    return pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_entry_vec : pt_entry_int;
}

/* ---- Variable arguments: va_list is the address of the next one, in a word of its own ---- */

static_assert(sizeof(va_list) == sizeof(void *), "va_list is a void *");

#  define WORD 8
#  define PAIR 16

/* Behind the named ones: in memory only when they have used up the registers, so it is one sum. */
static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    unsigned general = signature->result_at.by_reference;
    for (size_t i = 0; i < signature->nargs; i++)
        general += pt_count_parts(&signature->at[i], PT_BANK_GENERAL);
    unsigned char *next =
        (unsigned char *)frame + PT_FRAME_GPR + WORD * general + signature->stack_size;
    memcpy(to, &next, sizeof *to);
}

/* psABI, "Integer Calling Convention": what is larger than two words comes by reference, "variadic
 * arguments with 2×XLEN-bit alignment [...] in an aligned register pair". */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    if (!type->size) return PYTRAMP_OK;
    if (type->size > PAIR) {
        const void *value;
        memcpy(&value, pt_list_next(from, WORD, WORD), sizeof value);
        memcpy(to, value, type->size);
    } else {
        size_t alignment = type->alignment < PAIR ? WORD : PAIR;
        memcpy(to, pt_list_next(from, type->size, alignment), type->size);
    }
    return PYTRAMP_OK;
}

#  ifdef PT_ARCH_RISCV64
#    define CPU "riscv64"
static const struct pt_abi *const abis[] = {&pt_abi_riscv, NULL};
#  else
#    define CPU "loongarch64"
static const struct pt_abi *const abis[] = {&pt_abi_loongarch, NULL};
#  endif

const struct pt_port pt_port = {.cpu = CPU,
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
