#include "../../port.h"
#ifdef PT_ARCH_ARM

#  include <string.h>

#  include "frame.h"

PT_HIDDEN extern void pt_entry_core(void);
PT_HIDDEN extern void pt_entry_vfp(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_CORE + 4u * part->index;
    case PT_BANK_VECTOR: return PT_FRAME_VFP + 4u * part->index;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    return part->bank == PT_BANK_GENERAL ? PT_FRAME_RESULT + 4u * part->index
                                         : PT_FRAME_RESULT_VFP + 4u * part->index;
}

static void (*entry(const pytramp_signature *signature))(void) {
    return pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_entry_vfp : pt_entry_core;
}

/* ---- Variable arguments: struct __va_list holds the address of the next one ---- */

typedef unsigned char *list;

static_assert(sizeof(va_list) == sizeof(list), "va_list is a struct of one pointer");

static list read_list(const void *from) {
    list list;
    memcpy(&list, from, sizeof list);
    return list;
}

/* Core registers that the named arguments have taken, or that alignment made them skip. */
static unsigned core_registers(const pytramp_signature *signature) {
    unsigned next = signature->result_at.by_reference;
    for (size_t i = 0; i < signature->nargs; i++) {
        const struct pt_location *at = &signature->at[i];
        for (unsigned k = 0; k < at->nparts; k++) {
            if (at->parts[k].bank == PT_BANK_GENERAL) next = at->parts[k].index + 1u;
        }
    }
    return next;
}

/* Once an argument is in memory, no later one is in a register. */
static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    list first = (list)frame + PT_FRAME_STACK + signature->stack_size;
    if (!signature->stack_size) first = (list)(frame->core + core_registers(signature));
    memcpy(to, &first, sizeof first);
}

/* Aligned as an argument would be, were it the only one. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    const pytramp_type *const args[] = {&pytramp_type_int, type};
    const struct pt_prototype behind_a_word = {&pytramp_type_void, 2, args, 1};
    struct pt_location nowhere, at[2];
    uint32_t stack_size;
    pytramp_status status = pt_abi_aapcs32.classify(&behind_a_word, &nowhere, at, &stack_size);
    if (status || !at[1].nparts) return status;
    int is_double_word = at[1].parts[0].index != 1; /* r1 was skipped */
    uintptr_t next = (uintptr_t)read_list(from);
    if (is_double_word) next = pt_round_up(next, 8);
    memcpy(to, (const void *)next, type->size);
    list behind = (list)next + pt_round_up(type->size, 4);
    memcpy(from, &behind, sizeof behind);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_aapcs32, NULL};

const struct pt_port pt_port = {.cpu = "arm",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
