/* The saved-register frame, and the numbers that stubs.S and C must agree on. MIPS, n64.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 32
#include "../offsets.h"

/* struct pt_frame. The general registers end where the caller's memory arguments begin, so that one
 * pointer, the va_list, runs over all of them. */
#define PT_FRAME_RESULT     0 /* v0 v1, then f0 f2 f1 */
#define PT_FRAME_RESULT_VEC 16
#define PT_FRAME_RA         48
#define PT_FRAME_VEC        64  /* f12 .. f19 */
#define PT_FRAME_GPR        128 /* a0 .. a7 */
#define PT_FRAME_SIZE       192
#define PT_FRAME_STACK      PT_FRAME_SIZE /* the caller's memory arguments */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    struct {
        _Alignas(16) uint64_t gpr[2];
        uint64_t vec[3];
    } result;
    uint64_t ra, unused;
    uint64_t vec[8];
    uint64_t gpr[8];
};

static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.vec) == PT_FRAME_RESULT_VEC, "");
static_assert(offsetof(struct pt_frame, ra) == PT_FRAME_RA, "");
static_assert(offsetof(struct pt_frame, vec) == PT_FRAME_VEC, "");
static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_SIZE, "");
static_assert(PT_FRAME_SIZE % 16 == 0, "the stack pointer stays aligned");
static_assert(PT_FRAME_GPR % 16 == 0, "va_arg finds an aligned pair at an even register");
#endif
#endif
