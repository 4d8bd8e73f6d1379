#include "port_win64.h"
#ifdef PT_ARCH_X86_64

#  include <string.h>

#  include "frame.h"

PT_HIDDEN extern void pt_win64_int(void);
PT_HIDDEN extern void pt_win64_vec(void);

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_STACK + 8u * part->index;
    case PT_BANK_VECTOR: return PT_FRAME_VEC + 16u * part->index;
    default: return PT_FRAME_STACK + PT_FRAME_HOME + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    return part->bank == PT_BANK_VECTOR ? PT_FRAME_RESULT_VEC : PT_FRAME_RESULT;
}

/* What stands for "..." is passed in general registers, too. */
static void (*entry(const pytramp_signature *signature))(void) {
    return pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_win64_vec : pt_win64_int;
}

static const struct pt_abi *const abis[] = {&pt_abi_win64, NULL};

#  ifdef PT_OS_WINDOWS

/* ---- Variable arguments: va_list points at the next one's eight bytes ---- */

static_assert(sizeof(va_list) == sizeof(char *), "va_list is a pointer");

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    size_t named = signature->result_at.by_reference + signature->nargs;
    const unsigned char *first = (unsigned char *)frame + PT_FRAME_STACK + 8 * named;
    memcpy(to, &first, sizeof *to);
}

static pytramp_status take_aggregate(va_list *list, const pytramp_type *type, void *to) {
    struct pt_location at;
    const unsigned char *slot, *from, *next;
    pytramp_status status = pt_classify_alone(&pt_abi_win64, type, 0, &at);
    if (status) return status;
    memcpy(&slot, list, sizeof slot);
    next = slot + 8;
    from = slot;
    if (at.by_reference) memcpy(&from, slot, sizeof from);
    memcpy(to, from, type->size);
    memcpy(list, &next, sizeof next);
    return PYTRAMP_OK;
}

const struct pt_port pt_port = {.cpu = "x86_64",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};

#  else

const struct pt_port pt_port_win64 = {.cpu = "x86_64",
                                      .abis = abis,
                                      .argument_at = argument_at,
                                      .result_at = result_at,
                                      .entry = entry};

#  endif
#endif
