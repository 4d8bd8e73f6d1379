#include "../../config.h"
#ifdef PT_ARCH_AARCH64

#  include "port.h"

#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_vec(void);
PT_HIDDEN extern void pt_entry_quad(void);

uint32_t pt_aarch64_argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL:
        return part->index < 8 ? PT_FRAME_GPR + 8u * part->index : (uint32_t)PT_FRAME_X8;
    case PT_BANK_VECTOR: return PT_FRAME_VEC + 16u * part->index;
    default: return PT_FRAME_STACK + part->stack;
    }
}

/* pt_entry_quad loads what is larger than a doubleword, pt_entry_vec what is not. */
static int is_quad(const struct pt_part *part) {
    return part->bank == PT_BANK_VECTOR && part->size > 8;
}

uint32_t pt_aarch64_result_at(const struct pt_part *part) {
    if (part->bank == PT_BANK_GENERAL) return PT_FRAME_RESULT + 8u * part->index;
    return PT_FRAME_RESULT_VEC + (is_quad(part) ? 16u : 8u) * part->index;
}

/* Apple passes what "..." stands for in memory, Windows in general registers and in memory. */
void (*pt_aarch64_entry(const pytramp_signature *signature))(void) {
    const struct pt_location *result = &signature->result_at;
    if (result->nparts && is_quad(&result->parts[0])) return pt_entry_quad;
    int all = signature->variadic && signature->abi->code == PYTRAMP_ABI_AAPCS64;
    return all || pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_entry_vec : pt_entry_int;
}

#endif
