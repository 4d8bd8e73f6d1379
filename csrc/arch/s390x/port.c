#include "../../port.h"
#ifdef PT_ARCH_S390X

#  include <string.h>

#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_float(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_GPR + 8u * part->index + part->within;
    case PT_BANK_VECTOR: return PT_FRAME_FPR + 8u * part->index + part->within;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    uint32_t at = part->bank == PT_BANK_GENERAL ? PT_FRAME_RESULT : PT_FRAME_RESULT_FPR;
    return at + part->within;
}

static void (*entry(const pytramp_signature *signature))(void) {
    int reals = signature->variadic || pt_uses_bank(signature, PT_BANK_VECTOR);
    return reals ? pt_entry_float : pt_entry_int;
}

/* ---- Variable arguments: s390x Supplement, 1.2.4 ---- */

struct list {
    long gpr, fpr; /* how many registers of each kind are used up */
    unsigned char *overflow_arg_area, *reg_save_area;
};

static_assert(sizeof(va_list) == sizeof(struct list), "va_list is an array of one such struct");

#  define GENERAL_REGISTERS 5
#  define FLOAT_REGISTERS   4

static void count(const struct pt_location *at, struct list *list) {
    if (!at->nparts) return;
    list->gpr += at->parts[0].bank == PT_BANK_GENERAL;
    list->fpr += at->parts[0].bank == PT_BANK_VECTOR;
}

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    unsigned char *bytes = (unsigned char *)frame;
    struct list list = {0, 0, bytes + PT_FRAME_STACK + signature->stack_size,
                        bytes + PT_FRAME_SAVED};
    if (signature->result_at.by_reference) list.gpr++;
    for (size_t i = 0; i < signature->nargs; i++)
        count(&signature->at[i], &list);
    memcpy(to, &list, sizeof list);
}

/* The register that comes next, or the slot; the part says where in it. */
static const unsigned char *next_slot(struct list *list, enum pt_bank bank) {
    if (bank == PT_BANK_GENERAL && list->gpr < GENERAL_REGISTERS)
        return list->reg_save_area + PT_SAVE_GPR + 8 * list->gpr++;
    if (bank == PT_BANK_VECTOR && list->fpr < FLOAT_REGISTERS)
        return list->reg_save_area + PT_SAVE_FPR + 8 * list->fpr++;
    return NULL;
}

static const unsigned char *next_argument(struct list *list, const struct pt_part *part) {
    const unsigned char *slot = next_slot(list, part->bank);
    if (slot) return slot + part->within;
    slot = list->overflow_arg_area;
    list->overflow_arg_area += 8;
    return slot + 8 - part->size;
}

/* What would be done with it as the only argument. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    struct pt_location at;
    struct list list;
    pytramp_status status = pt_classify_alone(&pt_abi_s390x, type, 0, &at);
    if (status) return status;
    memcpy(&list, from, sizeof list);
    const void *value = next_argument(&list, &at.parts[0]);
    if (at.by_reference) memcpy(&value, value, sizeof value);
    memcpy(to, value, type->size);
    memcpy(from, &list, sizeof list);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_s390x, NULL};

const struct pt_port pt_port = {.cpu = "s390x",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy_decayed,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
