#include "marshal.h"

#include <limits.h>
#include <stdlib.h>
#include <wchar.h>

#include "port.h"
#include "stubs.h"

static size_t take_scratch(struct pt_plan *plan, size_t size) {
    size_t at = plan->scratch_size;
    plan->scratch_size += pt_scratch_up(size);
    return at;
}

/* Are there parts, and do they stand where they would if the value began at the first of them, all
 * of it? Not when they lie apart, nor when the value begins or ends with padding that no register
 * carries: a variable of the type would not fit there. */
static int in_one_piece(const pytramp_type *type, const struct pt_location *location,
                        uint32_t (*frame_at)(const struct pt_part *)) {
    if (!location->nparts) return 0;
    uint32_t start = frame_at(&location->parts[0]);
    for (unsigned k = 0; k < location->nparts; k++) {
        if (frame_at(&location->parts[k]) != start + location->parts[k].offset) return 0;
    }
    const struct pt_part *last = &location->parts[location->nparts - 1];
    return last->offset + last->size >= type->size;
}

/* Can a handler use the saved registers as a variable of that type? Not when they are no piece, nor
 * when the frame aligns them less than the type asks. */
static int stands_in_frame(const struct pt_port *port, const pytramp_type *type,
                           const struct pt_location *location) {
    return in_one_piece(type, location, port->argument_at) &&
           type->alignment <= _Alignof(struct pt_frame) &&
           port->argument_at(&location->parts[0]) % type->alignment == 0;
}

static void plan_argument(struct pt_plan *plan, size_t i, const pytramp_type *type,
                          const struct pt_location *location) {
    struct pt_step *step = &plan->args[i];
    step->standing = location->by_reference                        ? PT_POINTED_AT
                     : stands_in_frame(plan->port, type, location) ? PT_IN_FRAME
                                                                   : PT_IN_PIECES;
    step->at = step->standing == PT_IN_PIECES ? (uint32_t)take_scratch(plan, type->size)
                                              : plan->port->argument_at(&location->parts[0]);
}

static int is_signed(const pytramp_type *type) {
    return type->class == PT_CLASS_SIGNED || (type->code == PT_TYPE_CHAR && CHAR_MIN < 0) ||
           (type->code == PT_TYPE_WCHAR && WCHAR_MIN < 0);
}

static int is_integer(const pytramp_type *type) {
    return type->class != PT_CLASS_FLOAT && type->class != PT_CLASS_COMPLEX &&
           type->class != PT_CLASS_AGGREGATE;
}

static int is_boxed(const struct pt_abi *abi, const struct pt_part *part) {
    return abi->boxes_floats && part->bank == PT_BANK_VECTOR && part->size < sizeof(uint64_t);
}

/* What is no integer has nothing behind it that means something, unless it stands elsewhere or is
 * boxed. */
static enum pt_widening widening_of(const pytramp_type *type, const struct pt_location *location,
                                    const struct pt_abi *abi) {
    if (is_boxed(abi, &location->parts[0])) return type->size == 2 ? PT_ONES_16 : PT_ONES_32;
    if (PT_BIG_ENDIAN && !is_integer(type)) return PT_AS_IT_IS;
    int signs_words = is_integer(type) && abi->sign_extends_words;
    switch (type->size) {
    case 1: return is_signed(type) ? PT_SIGN_8 : PT_ZERO_8;
    case 2: return is_signed(type) ? PT_SIGN_16 : PT_ZERO_16;
    case 4: return is_signed(type) || signs_words ? PT_SIGN_32 : PT_ZERO_32;
    default: return PT_AS_IT_IS;
    }
}

static void plan_result(struct pt_plan *plan, const pytramp_signature *signature) {
    const struct pt_location *location = &signature->result_at;
    const struct pt_port *port = plan->port;
    const pytramp_type *type = signature->result;
    if (location->by_reference) { /* even of nothing, where the ABI says so */
        struct pt_part first = {.bank = PT_BANK_GENERAL, .size = sizeof(void *)};
        plan->result_way = PT_RESULT_REFERENCE;
        plan->result.at = port->argument_at(&location->parts[0]);
        plan->result_return = port->result_at(&first);
    } else if (!type->size) {
        plan->result_way = PT_RESULT_NONE;
    } else if (in_one_piece(type, location, port->result_at)) {
        plan->result_way = PT_RESULT_DIRECT;
        plan->result.at = port->result_at(&location->parts[0]);
    } else {
        plan->result_way = PT_RESULT_SCATTERED;
        plan->result.at = (uint32_t)take_scratch(plan, type->size);
    }
    plan->widening = widening_of(type, location, signature->abi);
}

static int is_simple(const pytramp_signature *signature, const struct pt_plan *plan) {
    if (signature->nargs > PT_SIMPLE_ARGS || signature->variadic) return 0;
    if (signature->result->size > sizeof(uint64_t)) return 0;
    if (plan->result_way != PT_RESULT_DIRECT && plan->result_way != PT_RESULT_NONE) return 0;
    for (size_t i = 0; i < signature->nargs; i++) {
        if (plan->args[i].standing != PT_IN_FRAME) return 0;
    }
    return 1;
}

static struct pt_plan *make_plan(const struct pt_port *port, const pytramp_signature *signature) {
    struct pt_plan *plan = calloc(1, sizeof *plan + signature->nargs * sizeof *plan->args);
    if (!plan) return NULL;
    plan->port = port;
    plan->entry = port->entry(signature);
    plan_result(plan, signature);
    for (size_t i = 0; i < signature->nargs; i++)
        plan_argument(plan, i, signature->args[i], &signature->at[i]);
    plan->simple = is_simple(signature, plan);
    return plan;
}

pytramp_status pt_plan_of(const pytramp_signature *signature, const struct pt_plan **out) {
    pytramp_signature *owner = (pytramp_signature *)signature;
    const struct pt_plan *known = atomic_load_explicit(&owner->plan, memory_order_acquire);
    if (!known) {
        const struct pt_port *port = pt_port_of(signature->abi);
        if (!port || (signature->variadic && !port->list_start)) return PYTRAMP_E_ABI;
        struct pt_plan *made = make_plan(port, signature);
        if (!made) return PYTRAMP_E_NO_MEMORY;
        if (atomic_compare_exchange_strong(&owner->plan, &known, made))
            known = made;
        else
            free(made); /* another thread was first */
    }
    *out = known;
    return PYTRAMP_OK;
}

void pt_gather(const pytramp_signature *signature, const struct pt_plan *plan, size_t i,
               const struct pt_frame *frame, unsigned char *scratch) {
    const struct pt_location *location = &signature->at[i];
    memset(scratch + plan->args[i].at, 0, signature->args[i]->size); /* padding comes in no part */
    for (unsigned k = 0; k < location->nparts; k++) {
        const struct pt_part *part = &location->parts[k];
        memcpy(scratch + plan->args[i].at + part->offset,
               (const unsigned char *)frame + plan->port->argument_at(part), part->size);
    }
}

void *pt_result_begin(const struct pt_plan *plan, struct pt_frame *frame, unsigned char *scratch) {
    unsigned char *bytes = (unsigned char *)frame;
    memset(&frame->result, 0, sizeof frame->result);
    switch (plan->result_way) {
    case PT_RESULT_DIRECT: return bytes + plan->result.at;
    case PT_RESULT_SCATTERED: return scratch + plan->result.at;
    case PT_RESULT_REFERENCE: {
        void *target;
        memcpy(&target, bytes + plan->result.at, sizeof target);
        memcpy(bytes + plan->result_return, &target, sizeof target);
        return target;
    }
    default: return NULL;
    }
}

static void spread(const pytramp_signature *signature, const struct pt_plan *plan,
                   struct pt_frame *frame, const unsigned char *scratch) {
    for (unsigned k = 0; k < signature->result_at.nparts; k++) {
        const struct pt_part *part = &signature->result_at.parts[k];
        unsigned char *to = (unsigned char *)frame + plan->port->result_at(part);
        if (is_boxed(signature->abi, part)) memset(to, 0xff, sizeof(uint64_t));
        memcpy(to, scratch + plan->result.at + part->offset, part->size);
    }
}

void pt_result_end(const pytramp_signature *signature, const struct pt_plan *plan,
                   struct pt_frame *frame, const unsigned char *scratch) {
    if (plan->result_way == PT_RESULT_DIRECT)
        pt_widen(plan->widening, (unsigned char *)frame + plan->result.at);
    if (plan->result_way == PT_RESULT_SCATTERED) spread(signature, plan, frame, scratch);
}
