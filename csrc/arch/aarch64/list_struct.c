/* Systems with the AAPCS64's own va_list, a struct of five fields: its appendix "Variable Argument
 * Lists". */
#include "../../config.h"
#if defined(PT_ARCH_AARCH64) && (defined(PT_OS_LINUX) || defined(PT_OS_FREEBSD))

#  include <string.h>

#  include "frame.h"
#  include "port.h"

struct list {
    unsigned char *stack, *gr_top, *vr_top;
    int gr_offs, vr_offs;
};

static_assert(sizeof(va_list) == sizeof(struct list), "va_list is such a struct");
static_assert(PT_FRAME_GPR % 16 == 0 && PT_FRAME_VEC % 16 == 0, "save areas end aligned to 16");

#  define GR_SIZE 64  /* x0 .. x7 */
#  define VR_SIZE 128 /* q0 .. q7 */

/* As an argument it is passed like any other struct. */
static const pytramp_member fields[] = {
    {&pytramp_type_pointer, 3, offsetof(struct list, stack)},
    {&pytramp_type_int, 2, offsetof(struct list, gr_offs)},
};

static const pytramp_type list_type = {.spelling = "va_list",
                                       .size = sizeof(struct list),
                                       .alignment = _Alignof(struct list),
                                       .natural = _Alignof(struct list),
                                       .class = PT_CLASS_AGGREGATE,
                                       .code = PT_TYPE_AGGREGATE,
                                       .depth = 1,
                                       .steps = 6,
                                       .nmembers = 2,
                                       .members = fields};

/* How many registers the named arguments have used up: an argument in memory all that its like
 * could have been in (C.3, C.13). */
struct used {
    int general, vector;
};

static void use(struct used *used, const struct pt_part *part) {
    if (part->bank == PT_BANK_GENERAL) used->general = part->index + 1;
    if (part->bank == PT_BANK_VECTOR) used->vector = part->index + 1;
}

static void use_all(struct used *used, const pytramp_type *type) {
    struct pt_location at;
    if (pt_classify_alone(&pt_abi_aapcs64, type, 0, &at)) return;
    if (at.parts[0].bank == PT_BANK_VECTOR)
        used->vector = VR_SIZE / 16;
    else
        used->general = GR_SIZE / 8;
}

static struct used count_used(const pytramp_signature *signature) {
    struct used used = {0, 0};
    for (size_t i = 0; i < signature->nargs; i++) {
        const struct pt_location *at = &signature->at[i];
        if (!at->nparts) continue;
        if (at->parts[0].bank == PT_BANK_STACK)
            use_all(&used, signature->args[i]);
        else
            use(&used, &at->parts[at->nparts - 1]);
    }
    return used;
}

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    struct used used = count_used(signature);
    unsigned char *bytes = (unsigned char *)frame;
    struct list list = {.stack = bytes + PT_FRAME_STACK + signature->stack_size,
                        .gr_top = bytes + PT_FRAME_GPR + GR_SIZE,
                        .vr_top = bytes + PT_FRAME_VEC + VR_SIZE,
                        .gr_offs = 8 * used.general - GR_SIZE,
                        .vr_offs = 16 * used.vector - VR_SIZE};
    memcpy(to, &list, sizeof list);
}

/* ---- va_arg ---- */

/* The next n registers of a save area, each of so many bytes, the first at a multiple of alignment;
 * NULL where they are used up, which they then are for good. */
static const unsigned char *take_registers(int *offs, const unsigned char *top, int size,
                                           int alignment) {
    if (*offs >= 0) return NULL;
    int start = (*offs + alignment - 1) & -alignment;
    *offs = start + size;
    return *offs > 0 ? NULL : top + start;
}

static const unsigned char *take_memory(struct list *list, size_t size, size_t alignment) {
    uintptr_t at = (uintptr_t)list->stack;
    if (alignment > 8) at = pt_round_up(at, alignment);
    list->stack = (unsigned char *)pt_round_up(at + size, 8);
    return (const unsigned char *)at;
}

/* Elements in vector registers; 0 where they are in memory. */
static int take_elements(struct list *list, const struct pt_location *at, unsigned char *to) {
    const unsigned char *from = take_registers(&list->vr_offs, list->vr_top, 16 * at->nparts, 16);
    for (unsigned i = 0; from && i < at->nparts; i++)
        memcpy(to + at->parts[i].offset, from + 16 * i, at->parts[i].size);
    return from != NULL;
}

/* In general registers or in memory. */
static const void *take_doublewords(struct list *list, size_t size, size_t alignment) {
    int registers = (int)pt_round_up(size, 8);
    const void *from =
        take_registers(&list->gr_offs, list->gr_top, registers, alignment > 8 ? 16 : 8);
    return from ? from : take_memory(list, size, alignment);
}

static void take(struct list *list, const struct pt_location *at, const pytramp_type *type,
                 void *to) {
    const void *from;
    if (at->by_reference)
        memcpy(&from, take_doublewords(list, sizeof from, sizeof from), sizeof from);
    else if (at->parts[0].bank == PT_BANK_GENERAL)
        from = take_doublewords(list, type->size, type->natural);
    else if (take_elements(list, at, to))
        return;
    else
        from = take_memory(list, type->size, type->natural);
    memcpy(to, from, type->size);
}

static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    struct pt_location at;
    struct list list;
    pytramp_status status = pt_classify_alone(&pt_abi_aapcs64, type, 0, &at);
    if (status || !at.nparts) return status;
    memcpy(&list, from, sizeof list);
    take(&list, &at, type, to);
    memcpy(from, &list, sizeof list);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_aapcs64, NULL};

const struct pt_port pt_port = {.cpu = "aarch64",
                                .abis = abis,
                                .argument_at = pt_aarch64_argument_at,
                                .result_at = pt_aarch64_result_at,
                                .entry = pt_aarch64_entry,
                                .list_type = &list_type,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
