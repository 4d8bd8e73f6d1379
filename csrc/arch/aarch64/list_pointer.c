/* Apple and Windows: a va_list is a plain pointer. Apple passes whatever "..." stands for in
 * memory, Windows as if x0 to x7 were memory before it, which is how the frame saves them. */
#include "../../config.h"
#if defined(PT_ARCH_AARCH64) && (defined(PT_OS_DARWIN) || defined(PT_OS_WINDOWS))

#  include <string.h>

#  include "frame.h"
#  include "port.h"

static_assert(PT_FRAME_GPR + 64 == PT_FRAME_STACK, "the general registers end where memory begins");

#  ifdef PT_OS_DARWIN
#    define ABI pt_abi_aapcs64_apple

static uint32_t end_of_named(const pytramp_signature *signature) {
    return PT_FRAME_STACK + signature->stack_size;
}
#  else
#    define ABI pt_abi_aapcs64_windows

/* They stand one after the other, from x0 on into memory. */
static uint32_t end_of_named(const pytramp_signature *signature) {
    uint32_t end = PT_FRAME_GPR;
    for (size_t i = 0; i < signature->nargs; i++) {
        const struct pt_location *at = &signature->at[i];
        const struct pt_part *last = &at->parts[at->nparts - 1];
        if (at->nparts) end = pt_aarch64_argument_at(last) + (uint32_t)pt_round_up(last->size, 8);
    }
    return end;
}
#  endif

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    unsigned char *at = (unsigned char *)frame + end_of_named(signature);
    memcpy(to, &at, sizeof at);
}

/* By its address or not? As an argument of a variadic function. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    struct pt_location at;
    pytramp_status status = pt_classify_alone(&ABI, type, 1, &at);
    if (status || !at.nparts) return status;
    const void *value;
    if (at.by_reference)
        memcpy(&value, pt_list_next(from, sizeof value, sizeof value), sizeof value);
    else
        value = pt_list_next(from, type->size, type->alignment);
    memcpy(to, value, type->size);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&ABI, NULL};

const struct pt_port pt_port = {.cpu = "aarch64",
                                .abis = abis,
                                .argument_at = pt_aarch64_argument_at,
                                .result_at = pt_aarch64_result_at,
                                .entry = pt_aarch64_entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
