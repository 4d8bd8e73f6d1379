#include "../../port.h"
#ifdef PT_ARCH_PPC64

#  include <string.h>

#  include "../../abi/ppc64.h"
#  include "frame.h"

PT_HIDDEN extern void pt_entry_int(void);
PT_HIDDEN extern void pt_entry_int_of_reals(void);
PT_HIDDEN extern void pt_entry_double(void);
PT_HIDDEN extern void pt_entry_float(void);
PT_HIDDEN extern void pt_entry_doubles(void);
PT_HIDDEN extern void pt_entry_floats(void);

static int is_float(const struct pt_part *part) {
    return part->size == sizeof(float);
}

static uint32_t argument_at(const struct pt_part *part) {
    switch (part->bank) {
    case PT_BANK_GENERAL: return PT_FRAME_GPR + 8u * part->index + part->within;
    case PT_BANK_VECTOR:
        return is_float(part) ? PT_FRAME_FLOAT + 4u * part->index
                              : PT_FRAME_DOUBLE + 8u * part->index;
    default: return PT_FRAME_STACK + part->stack;
    }
}

static uint32_t result_at(const struct pt_part *part) {
    if (part->bank == PT_BANK_GENERAL) return PT_FRAME_RESULT + 8u * part->index + part->within;
    return PT_FRAME_RESULT_REAL + part->size * part->index;
}

static void (*entry(const pytramp_signature *signature))(void) {
    const struct pt_location *result = &signature->result_at;
    unsigned reals = pt_count_parts(result, PT_BANK_VECTOR);
    if (!reals)
        return pt_uses_bank(signature, PT_BANK_VECTOR) ? pt_entry_int_of_reals : pt_entry_int;
    if (is_float(&result->parts[0])) return reals == 1 ? pt_entry_float : pt_entry_floats;
    return reals == 1 ? pt_entry_double : pt_entry_doubles;
}

/* ---- Variable arguments: ELF V2 ABI, 2.2.4.2; ELF ABI Supplement, 3.2.3 ----
 *
 * A va_list is a pointer into the parameter save area, and whoever calls a function with "..." has
 * room there for what is in registers. Floating-point numbers behind the named arguments are in
 * general registers, too. */

static_assert(sizeof(va_list) == sizeof(void *), "va_list is a void *");

static void start_list(va_list *to, const pytramp_signature *signature, struct pt_frame *frame) {
    const struct pt_prototype named = {signature->result, signature->nargs, signature->args, 1};
    unsigned char *area = (unsigned char *)frame + PT_FRAME_AREA;
    memcpy(area, frame->gpr, sizeof frame->gpr);
    area += pt_ppc64_area(signature->abi, &named);
    memcpy(to, &area, sizeof *to);
}

#  if PT_DESCRIPTORS
static const struct pt_abi *const abis[] = {&pt_abi_elfv1_ppc64, NULL};
#  else
static const struct pt_abi *const abis[] = {&pt_abi_elfv2_ppc64, NULL};
#  endif

static pytramp_status take_aggregate(va_list *list, const pytramp_type *type, void *to) {
    uintptr_t at;
    size_t end;
    struct pt_location as_argument;
    pytramp_status status = pt_classify_alone(abis[0], type, 0, &as_argument);
    if (status) return status;
    memcpy(&at, list, sizeof at);
    memcpy(to, (const void *)pt_ppc64_aggregate(abis[0], type, at, &end), type->size);
    memcpy(list, &end, sizeof end);
    return PYTRAMP_OK;
}

const struct pt_port pt_port = {.cpu = "ppc64",
                                .abis = abis,
                                .argument_at = argument_at,
                                .result_at = result_at,
                                .entry = entry,
                                .list_type = &pytramp_type_pointer,
                                .list_copy = pt_list_copy,
                                .list_start = start_list,
                                .list_aggregate = take_aggregate};
#endif
