/* The saved-register frame, and the numbers that stubs.S and C must agree on. i386, System V.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 32
#include "../offsets.h"

/* struct pytramp_signature (signature.h); port.c proves it. */
#define PT_SIGNATURE_STACK_SIZE 36

/* struct pt_frame. Its end is where ebp points: at the caller's ebp, with the return address above.
 * It is aligned to 4 and no more: that much the psABI before version 1.0 asked of callers, and
 * Windows still does. */
#define PT_FRAME_GPR       0  /* ecx edx */
#define PT_FRAME_RESULT    8  /* eax edx */
#define PT_FRAME_RESULT_FP 16 /* st0, or xmm0 (its low half) */
#define PT_FRAME_POPS      28 /* bytes of arguments that the callee takes off the stack */
#define PT_FRAME_SIZE      32
#define PT_FRAME_STACK     40 /* the caller's memory arguments */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    uint32_t gpr[2];
    struct {
        uint32_t gpr[2];
        unsigned char fp[12];
    } result;
    uint32_t pops;
};

static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.fp) == PT_FRAME_RESULT_FP, "");
static_assert(offsetof(struct pt_frame, pops) == PT_FRAME_POPS, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_SIZE, "");
static_assert(PT_FRAME_STACK == PT_FRAME_SIZE + 8, "ebp and the return address lie between");
#endif
#endif
