#include "../../port.h"
#ifdef PT_ARCH_I386

#  include <string.h>

#  include "frame.h"

static_assert(offsetof(struct pytramp_signature, stack_size) == PT_SIGNATURE_STACK_SIZE, "");

static uint32_t argument_at(const struct pt_part *part) {
    return part->bank == PT_BANK_GENERAL ? PT_FRAME_GPR + 4u * part->index
                                         : PT_FRAME_STACK + part->stack;
}

static uint32_t result_at(const struct pt_part *part) {
    return part->bank == PT_BANK_GENERAL ? PT_FRAME_RESULT + 4u * part->index : PT_FRAME_RESULT_FP;
}

/* ---- Entries: by how the result returns, and by who takes the arguments off the stack ---- */

enum way { INT, FLOAT, DOUBLE, X87, HALF, WAYS };

#  define DECLARE(result)                                                                          \
      PT_HIDDEN extern void pt_entry_##result(void), pt_entry_popping_##result(void);
DECLARE(int)
DECLARE(float)
DECLARE(double)
DECLARE(x87)
DECLARE(half)
PT_HIDDEN extern void pt_entry_reference(void);

static void (*const entries[WAYS])(void) = {pt_entry_int, pt_entry_float, pt_entry_double,
                                            pt_entry_x87, pt_entry_half};
static void (*const popping[WAYS])(void) = {pt_entry_popping_int, pt_entry_popping_float,
                                            pt_entry_popping_double, pt_entry_popping_x87,
                                            pt_entry_popping_half};

static enum way way_of(const struct pt_location *result) {
    if (!result->nparts || result->by_reference) return INT;
    switch (result->parts[0].bank) {
    case PT_BANK_VECTOR: return HALF;
    case PT_BANK_X87: break;
    default: return INT;
    }
    switch (result->parts[0].size) {
    case 4: return FLOAT;
    case 8: return DOUBLE;
    default: return X87;
    }
}

/* Nobody but the caller knows how much a variadic call has pushed. */
static int pops_arguments(const pytramp_signature *signature) {
    return signature->abi != &pt_abi_cdecl_x86 && !signature->variadic;
}

static void (*entry(const pytramp_signature *signature))(void) {
    enum way way = way_of(&signature->result_at);
    if (pops_arguments(signature)) return popping[way];
    return signature->result_at.by_reference ? pt_entry_reference : entries[way];
}

/* ---- Variable arguments: a va_list is the address of the next one ---- */

typedef unsigned char *list;

static_assert(sizeof(va_list) == sizeof(list), "va_list is a pointer");

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    list first = (list)frame + PT_FRAME_STACK + signature->stack_size;
    memcpy(to, &first, sizeof first);
}

/* Whatever its type's alignment, an argument is aligned to a word. */
static pytramp_status take_aggregate(va_list *from, const pytramp_type *type, void *to) {
    list at;
    memcpy(&at, from, sizeof at);
    memcpy(to, at, type->size);
    at += (type->size + 3) & ~(size_t)3;
    memcpy(from, &at, sizeof at);
    return PYTRAMP_OK;
}

static const struct pt_abi *const abis[] = {&pt_abi_cdecl_x86, &pt_abi_stdcall_x86,
                                            &pt_abi_fastcall_x86, &pt_abi_thiscall_x86, NULL};

const struct pt_port pt_port = {.cpu = "i386",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
