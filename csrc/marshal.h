/* Saved frame <-> values, driven by a plan.
 *
 * A plan is a signature's locations put into bytes from the start of the frame: made once per
 * signature, immortal, the same for every closure of that type. */
#ifndef PT_MARSHAL_H
#define PT_MARSHAL_H

#include <string.h>

#include "signature.h"

struct pt_frame;

/* Where a value stands. */
enum pt_standing {
    PT_IN_FRAME,  /* `at` bytes into the frame, in one piece */
    PT_IN_PIECES, /* in registers that are not neighbours in the frame: gathered at `at` in scratch
                   */
    PT_POINTED_AT /* somewhere else, its address `at` bytes into the frame */
};

struct pt_step {
    uint32_t at;
    enum pt_standing standing;
};

enum pt_result_way {
    PT_RESULT_NONE,
    PT_RESULT_DIRECT,    /* written at `at` in the frame */
    PT_RESULT_SCATTERED, /* written to scratch, then spread over the result registers, if any: a
                            value of nothing but padding has none, yet may be written */
    PT_RESULT_REFERENCE  /* written where the pointer at `at` in the frame points */
};

/* A scattered result that has parts comes from registers, so it is not larger than this; without
 * any it may have any size (Apple's empty structs). It stands at the start of scratch. */
#define PT_RESULT_SCRATCH 64

/* Of scratch: what any type asks for that is passed by value. malloc need not give as much. */
#define PT_SCRATCH_ALIGNMENT 16

static inline size_t pt_scratch_up(size_t n) {
    return pt_round_up(n, PT_SCRATCH_ALIGNMENT);
}

/* How a result narrower than its register is extended to 8 bytes, on 32-bit CPUs two registers. */
enum pt_widening {
    PT_AS_IT_IS,
    PT_SIGN_8,
    PT_SIGN_16,
    PT_SIGN_32,
    PT_ZERO_8,
    PT_ZERO_16,
    PT_ZERO_32,
    PT_ONES_16,
    PT_ONES_32
};

#define PT_SIMPLE_ARGS 8

struct pt_port;

struct pt_plan {
    void (*entry)(void);
    int simple; /* at most PT_SIMPLE_ARGS, all of them in the frame, none unnamed, and a result in
                   one register or none */
    enum pt_result_way result_way;
    struct pt_step result;
    enum pt_widening widening;
    uint32_t result_return; /* PT_RESULT_REFERENCE: where in the frame the pointer is returned */
    size_t scratch_size;    /* for scattered arguments and result together */
    const struct pt_port *port;
    struct pt_step args[];
};

/* The plan of a signature of this machine's convention. PYTRAMP_E_ABI, PYTRAMP_E_NO_MEMORY. */
PT_HIDDEN pytramp_status pt_plan_of(const pytramp_signature *signature,
                                    const struct pt_plan **plan);

/* Copies the parts of scattered argument i to their places in scratch. */
PT_HIDDEN void pt_gather(const pytramp_signature *signature, const struct pt_plan *plan, size_t i,
                         const struct pt_frame *frame, unsigned char *scratch);

/* Where argument i stands, as C would store it. scratch has plan->scratch_size bytes and is aligned
 * to PT_SCRATCH_ALIGNMENT. */
static inline void *pt_argument(const pytramp_signature *signature, const struct pt_plan *plan,
                                size_t i, struct pt_frame *frame, unsigned char *scratch) {
    const struct pt_step *step = &plan->args[i];
    void *in_frame = (unsigned char *)frame + step->at, *address;
    if (PT_LIKELY(step->standing == PT_IN_FRAME)) return in_frame;
    if (step->standing == PT_POINTED_AT) {
        memcpy(&address, in_frame, sizeof address);
        return address;
    }
    pt_gather(signature, plan, i, frame, scratch);
    return scratch + step->at;
}

/* The whole register of a result of that size at `at`: a big-endian register ends with it. */
static inline void *pt_register_of(void *at, size_t size) {
    return PT_BIG_ENDIAN ? (unsigned char *)at - (sizeof(uint64_t) - size) : at;
}

/* Extends a result that stands at `at` to its register. Some ABIs promise that to the caller; where
 * none does, old compilers and wrong prototypes rely on it, and a register that is loaded as it was
 * stored, whole, does not wait for the store (a load wider than the store before it does, on every
 * x86-64 so far). */
static inline void pt_widen(enum pt_widening widening, void *at) {
    int8_t b;
    int16_t h;
    int32_t w;
    uint32_t u;
    uint64_t wide;
    size_t size = 4;
    switch (widening) {
    case PT_AS_IT_IS: return;
    case PT_SIGN_8: memcpy(&b, at, size = 1), wide = (uint64_t)b; break;
    case PT_SIGN_16: memcpy(&h, at, size = 2), wide = (uint64_t)h; break;
    case PT_SIGN_32: memcpy(&w, at, 4), wide = (uint64_t)w; break;
    case PT_ZERO_8: wide = *(const unsigned char *)at, size = 1; break;
    case PT_ZERO_16: memcpy(&h, at, size = 2), wide = (uint16_t)h; break;
    case PT_ONES_16: memcpy(&h, at, size = 2), wide = ~(uint64_t)UINT16_MAX | (uint16_t)h; break;
    case PT_ONES_32: memcpy(&u, at, 4), wide = ~(uint64_t)UINT32_MAX | u; break;
    default: memcpy(&u, at, 4), wide = u; break;
    }
    memcpy(pt_register_of(at, size), &wide, sizeof wide);
}

/* Where the result is to be written, its register zeroed; NULL for void. */
PT_HIDDEN void *pt_result_begin(const struct pt_plan *plan, struct pt_frame *frame,
                                unsigned char *scratch);

/* After it was written: extends and spreads it. */
PT_HIDDEN void pt_result_end(const pytramp_signature *signature, const struct pt_plan *plan,
                             struct pt_frame *frame, const unsigned char *scratch);

#endif
