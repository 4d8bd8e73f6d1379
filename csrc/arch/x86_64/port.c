#include "../../port.h"
#ifdef PT_ARCH_X86_64

#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_vec(void);
PT_HIDDEN extern void pt_entry_x87(void);
PT_HIDDEN extern void pt_entry_complex_x87(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_GPR + 8u * part->index;
    case PT_BANK_VECTOR: return PT_FRAME_VEC + 16u * part->index;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_RESULT + 8u * part->index;
    case PT_BANK_VECTOR: return PT_FRAME_RESULT_VEC + 8u * part->index;
    default: return PT_FRAME_RESULT_X87 + 16u * part->index;
    }
}

static int uses(const struct pt_location *at, enum pt_bank bank) {
    for (unsigned i = 0; i < at->nparts; i++) {
        if (at->parts[i].bank == bank) return 1;
    }
    return 0;
}

static void (*entry(size_t nargs, const struct pt_location *args,
                    const struct pt_location *result))(void) {
    if (uses(result, PT_BANK_X87)) return result->nparts == 1 ? pt_entry_x87 : pt_entry_complex_x87;
    int vectors = uses(result, PT_BANK_VECTOR);
    for (size_t i = 0; i < nargs && !vectors; i++)
        vectors = uses(&args[i], PT_BANK_VECTOR);
    return vectors ? pt_entry_vec : pt_entry_int;
}

const struct pt_port pt_port = {"x86_64", &pt_abi_sysv_x86_64, argument_at, result_at, entry};
#endif
