#include "../../port.h"
#ifdef PT_ARCH_MIPS64

#  include <string.h>

#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_vec(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_GPR + 8u * part->index + part->within;
    case PT_BANK_VECTOR: return PT_FRAME_VEC + 8u * part->index + part->within;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    uint32_t at = part->bank == PT_BANK_GENERAL ? PT_FRAME_RESULT : PT_FRAME_RESULT_VEC;
    return at + 8u * part->index + part->within;
}

/* Variable arguments are never in floating-point registers. */
static void (*entry(const pytramp_signature *signature))(void) {
    return pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_entry_vec : pt_entry_int;
}

/* ---- Variable arguments: a va_list is the address of the next one's doubleword ---- */

static_assert(sizeof(va_list) == sizeof(void *), "va_list is a void *");

#  define DOUBLEWORD 8
#  define QUADWORD   16

/* Behind this value; of a general and a floating-point register with one number, one is used. */
static unsigned registers_until(const struct pt_location *at) {
    unsigned until = 0;
    for (unsigned i = 0; i < at->nparts; i++) {
        const struct pt_part *part = &at->parts[i];
        if (part->bank != PT_BANK_STACK && part->index >= until) until = part->index + 1u;
    }
    return until;
}

/* Behind the named ones: in memory only when they have used up the registers. */
static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    unsigned char *next = (unsigned char *)frame + PT_FRAME_STACK + signature->stack_size;
    if (!signature->stack_size) {
        unsigned used = signature->result_at.by_reference;
        for (size_t i = 0; i < signature->nargs; i++) {
            unsigned until = registers_until(&signature->at[i]);
            if (until > used) used = until;
        }
        next = (unsigned char *)&frame->gpr[used];
    }
    memcpy(to, &next, sizeof *to);
}

/* Of any size, at the beginning of its doublewords. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    if (!type->size) return PYTRAMP_OK;
    size_t alignment = type->alignment < QUADWORD ? DOUBLEWORD : QUADWORD;
    memcpy(to, pt_list_next(from, type->size, alignment), type->size);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_mips_n64, NULL};

const struct pt_port pt_port = {.cpu = "mips64",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
