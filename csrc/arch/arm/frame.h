/* The saved-register frame, and the numbers that stubs.S and C must agree on. 32-bit Arm, AAPCS
 * with VFP registers.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 16
#include "../offsets.h"

/* struct pt_frame. r0-r3 lie directly below the caller's memory arguments: so an argument in both
 * is in one piece, and so are the arguments that a va_list steps through. The stack is aligned to 8
 * at entry (AAPCS32, "Stack constraints at a public interface"), and so is the frame. */
#define PT_FRAME_RESULT     0   /* r0 r1 */
#define PT_FRAME_RESULT_VFP 8   /* d0 .. d3 */
#define PT_FRAME_VFP        40  /* s0 .. s15 */
#define PT_FRAME_LR         104 /* and a word of padding */
#define PT_FRAME_CORE       112 /* r0 .. r3 */
#define PT_FRAME_STACK      128 /* the caller's memory arguments */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    struct {
        uint32_t core[2];
        uint64_t vfp[4];
    } result;
    uint64_t vfp[8];
    uint32_t lr, padding;
    uint32_t core[4];
};

static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.vfp) == PT_FRAME_RESULT_VFP, "");
static_assert(offsetof(struct pt_frame, vfp) == PT_FRAME_VFP, "");
static_assert(offsetof(struct pt_frame, lr) == PT_FRAME_LR, "");
static_assert(offsetof(struct pt_frame, core) == PT_FRAME_CORE, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_STACK, "r0-r3 and memory are neighbours");
static_assert(_Alignof(struct pt_frame) == 8, "as the stack is");
#endif
#endif
