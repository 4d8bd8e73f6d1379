/* The saved-register frame, and the numbers that stubs.S and C must agree on. RISC-V and LoongArch,
 * lp64d: both have eight general and eight floating-point argument registers, and return values in
 * the first two of each.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 16
#include "../offsets.h"

/* struct pt_frame. The general registers end where the caller's memory arguments begin, so that one
 * pointer, the va_list of both CPUs, runs over all of them. */
#define PT_FRAME_RESULT     0 /* a0 a1, then fa0 fa1 */
#define PT_FRAME_RESULT_VEC (PT_FRAME_RESULT + 16)
#define PT_FRAME_VEC        32 /* fa0 .. fa7 */
#define PT_FRAME_RA         96
#define PT_FRAME_GPR        112 /* a0 .. a7 */
#define PT_FRAME_SIZE       176
#define PT_FRAME_STACK      PT_FRAME_SIZE /* the caller's memory arguments */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    struct {
        _Alignas(16) uint64_t gpr[2];
        uint64_t vec[2];
    } result;
    uint64_t vec[8];
    uint64_t ra, unused;
    uint64_t gpr[8];
};

static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.vec) == PT_FRAME_RESULT_VEC, "");
static_assert(offsetof(struct pt_frame, vec) == PT_FRAME_VEC, "");
static_assert(offsetof(struct pt_frame, ra) == PT_FRAME_RA, "");
static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_SIZE, "");
static_assert(PT_FRAME_SIZE % 16 == 0, "the stack pointer stays aligned");
static_assert(PT_FRAME_GPR % 16 == 0, "va_arg finds an aligned pair at an even register");
#endif
#endif
