/* The saved-register frame, and the numbers that stubs.S and C must agree on. IBM Z, 64-bit.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 16
#include "../offsets.h"

/* The 160 bytes at the bottom of every stack frame belong to the functions that it calls (s390x
 * Supplement, 1.2.2): each has places for registers that a callee saves. */
#define PT_SAVE_AREA  160
#define PT_SAVE_GPR   16 /* r2 .. r15 */
#define PT_SAVE_GPR6  48
#define PT_SAVE_GPR14 112
#define PT_SAVE_FPR   128 /* f0 f2 f4 f6 */

/* struct pt_frame. It ends with the caller's save area, where the entry puts the argument registers
 * at their places: so the memory arguments follow, and a va_list finds its register save area.
 * Below it is the save area of the functions that the entry calls. */
#define PT_FRAME_RESULT     0 /* r2 f0 */
#define PT_FRAME_RESULT_FPR 8
#define PT_FRAME_SAVED      16 /* the caller's save area */
#define PT_FRAME_GPR        (PT_FRAME_SAVED + PT_SAVE_GPR)
#define PT_FRAME_FPR        (PT_FRAME_SAVED + PT_SAVE_FPR)
#define PT_FRAME_STACK      (PT_FRAME_SAVED + PT_SAVE_AREA) /* the caller's memory arguments */
#define PT_FRAME_BELOW      PT_SAVE_AREA
#define PT_FRAME_SIZE       (PT_FRAME_BELOW + PT_FRAME_SAVED) /* what the entry allocates */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    struct {
        uint64_t gpr, fpr;
    } result;
    struct {
        uint64_t back_chain, reserved;
        uint64_t gpr[14];
        uint64_t fpr[4];
    } saved;
};

static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.fpr) == PT_FRAME_RESULT_FPR, "");
static_assert(offsetof(struct pt_frame, saved) == PT_FRAME_SAVED, "");
static_assert(offsetof(struct pt_frame, saved.gpr) == PT_FRAME_GPR, "");
static_assert(offsetof(struct pt_frame, saved.gpr[6 - 2]) == PT_FRAME_SAVED + PT_SAVE_GPR6, "");
static_assert(offsetof(struct pt_frame, saved.gpr[14 - 2]) == PT_FRAME_SAVED + PT_SAVE_GPR14, "");
static_assert(offsetof(struct pt_frame, saved.fpr) == PT_FRAME_FPR, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_STACK, "the memory arguments follow");
static_assert(PT_FRAME_SIZE % 8 == 0, "the stack is aligned to 8 bytes");
#endif
#endif
