#include "../../port.h"
#if defined(PT_ARCH_X86_64) && !defined(PT_OS_WINDOWS)

#  include <string.h>

#  include "frame.h"
#  include "port_win64.h"

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

static void (*entry(const pytramp_signature *signature))(void) {
    const struct pt_location *result = &signature->result_at;
    if (pt_count_parts(result, PT_BANK_X87))
        return result->nparts == 1 ? pt_entry_x87 : pt_entry_complex_x87;
    int vectors = signature->variadic || pt_uses_bank(signature, PT_BANK_VECTOR);
    return vectors ? pt_entry_vec : pt_entry_int;
}

/* ---- Variable arguments: psABI 3.5.7 ---- */

/* Figure 3.34. The register save area of figure 3.33 is the beginning of struct pt_frame. */
struct list {
    unsigned gp_offset, fp_offset;
    void *overflow_arg_area, *reg_save_area;
};

static_assert(sizeof(va_list) == sizeof(struct list), "va_list is an array of one such struct");
static_assert(PT_FRAME_GPR == 0 && PT_FRAME_VEC == 48, "the frame begins like a save area");

#  define GP_END PT_FRAME_VEC
#  define FP_END PT_FRAME_RESULT

static struct list read_list(const void *from) {
    struct list list;
    memcpy(&list, from, sizeof list);
    return list;
}

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    unsigned general = signature->result_at.by_reference, vector = 0;
    for (size_t i = 0; i < signature->nargs; i++) {
        general += pt_count_parts(&signature->at[i], PT_BANK_GENERAL);
        vector += pt_count_parts(&signature->at[i], PT_BANK_VECTOR);
    }
    unsigned char *bytes = (unsigned char *)frame;
    struct list list = {PT_FRAME_GPR + 8 * general, PT_FRAME_VEC + 16 * vector,
                        bytes + PT_FRAME_STACK + signature->stack_size, bytes};
    memcpy(to, &list, sizeof list);
}

static void take_registers(struct list *list, const struct pt_location *at, unsigned char *to) {
    for (unsigned i = 0; i < at->nparts; i++) {
        const struct pt_part *part = &at->parts[i];
        unsigned *offset = part->bank == PT_BANK_GENERAL ? &list->gp_offset : &list->fp_offset;
        memcpy(to + part->offset, (unsigned char *)list->reg_save_area + *offset, part->size);
        *offset += part->bank == PT_BANK_GENERAL ? 8 : 16;
    }
}

static void take_memory(struct list *list, const pytramp_type *type, void *to) {
    uintptr_t at = (uintptr_t)list->overflow_arg_area;
    if (type->alignment > 8) at = pt_round_up(at, type->alignment);
    memcpy(to, (const void *)at, type->size);
    list->overflow_arg_area = (void *)pt_round_up(at + type->size, 8);
}

/* Where would it be as the only argument? There, if enough registers are left. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    struct pt_location at;
    pytramp_status status = pt_classify_alone(&pt_abi_sysv_x86_64, type, 0, &at);
    if (status || !at.nparts) return status; /* of nothing, or of nothing but padding */
    struct list list = read_list(from);
    unsigned general = 8 * pt_count_parts(&at, PT_BANK_GENERAL),
             vector = 16 * pt_count_parts(&at, PT_BANK_VECTOR);
    if (general + vector && list.gp_offset + general <= GP_END && list.fp_offset + vector <= FP_END)
        take_registers(&list, &at, to);
    else
        take_memory(&list, type, to);
    memcpy(from, &list, sizeof list);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_sysv_x86_64, NULL};

const struct pt_port pt_port = {.cpu = "x86_64",
                                .abis = abis,
                                .next = &pt_port_win64,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy_decayed,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
