/* The saved-register frame, and the numbers that assembler and C must agree on. x86-64.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 16
#include "../offsets.h"

/* struct pt_frame, for either convention. The return address lies at PT_FRAME_SIZE; entry with
 * rsp = 16n + 8 (psABI 3.2.2, and Windows' "stack usage") makes the frame itself 16-byte aligned.
 */
#define PT_FRAME_GPR    0   /* rdi rsi rdx rcx r8 r9; not on Windows, see PT_FRAME_STACK */
#define PT_FRAME_VEC    48  /* xmm0 .. xmm7; Windows: xmm0 .. xmm3 */
#define PT_FRAME_RESULT 176 /* rax rdx, then xmm0 xmm1 (low halves), then st0 st1; Windows: rax */
#define PT_FRAME_RESULT_VEC (PT_FRAME_RESULT + 16) /* ... and all of xmm0 */
#define PT_FRAME_RESULT_X87 (PT_FRAME_RESULT + 32)
#define PT_FRAME_SIZE       248
#define PT_FRAME_STACK      256 /* the caller's memory arguments; Windows: behind PT_FRAME_HOME */
#define PT_FRAME_HOME       32  /* bytes of home space, which holds rcx rdx r8 r9 */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    uint64_t gpr[6];
    struct {
        _Alignas(16) unsigned char bytes[16];
    } vec[8];
    struct {
        uint64_t gpr[2];
        uint64_t vec[2];
        struct {
            _Alignas(16) unsigned char bytes[16];
        } x87[2];
    } result;
};

static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(offsetof(struct pt_frame, vec) == PT_FRAME_VEC, "");
static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.vec) == PT_FRAME_RESULT_VEC, "");
static_assert(offsetof(struct pt_frame, result.x87) == PT_FRAME_RESULT_X87, "");
static_assert(sizeof(struct pt_frame) <= PT_FRAME_SIZE, "");
static_assert(PT_FRAME_STACK == PT_FRAME_SIZE + 8, "the return address lies between");
static_assert(PT_FRAME_STACK % 16 == 0, "the frame is aligned as the vector registers ask");
static_assert(PT_FRAME_RESULT_VEC % 16 == 0, "so is xmm0 among the results");
#endif
#endif
