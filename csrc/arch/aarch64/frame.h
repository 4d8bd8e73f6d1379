/* The saved-register frame, and the numbers that stubs.S and C must agree on. AArch64.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#define PT_STUB_SIZE 16
#include "../offsets.h"
#define PT_SLOT_SHIFT 4 /* the logarithm of PT_SLOT_SIZE */

/* struct pt_frame. It begins with the frame record that x29 points at. The general registers end
 * where the caller's memory arguments begin, as a va_list that is a plain pointer wants them
 * (Windows). */
#define PT_FRAME_VEC        16  /* q0 .. q7 */
#define PT_FRAME_RESULT     144 /* x0 x1, then d0 .. d3 or, for quads, q0 .. q3 */
#define PT_FRAME_RESULT_VEC (PT_FRAME_RESULT + 16)
#define PT_FRAME_X8         224 /* where the caller wants a result in memory */
#define PT_FRAME_GPR        240 /* x0 .. x7 */
#define PT_FRAME_SIZE       304
#define PT_FRAME_STACK      PT_FRAME_SIZE

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_quad {
    _Alignas(16) unsigned char bytes[16];
};

struct pt_frame {
    uint64_t record[2]; /* the caller's x29, and the return address, signed where it is */
    struct pt_quad vec[8];
    struct {
        uint64_t gpr[2];
        union {
            uint64_t words[4];
            struct pt_quad quads[4];
        } vec;
    } result;
    _Alignas(16) uint64_t x8;
    _Alignas(16) uint64_t gpr[8];
};

static_assert(offsetof(struct pt_frame, vec) == PT_FRAME_VEC, "");
static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.vec) == PT_FRAME_RESULT_VEC, "");
static_assert(offsetof(struct pt_frame, x8) == PT_FRAME_X8, "");
static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_SIZE, "");
static_assert(PT_RECORD_HANDLER == PT_RECORD_USERDATA + 8, "loaded as a pair");
static_assert(PT_RECORD_SIGNATURE == PT_RECORD_LABEL + 8, "loaded as a pair");
static_assert(1 << PT_SLOT_SHIFT == PT_SLOT_SIZE, "");
#endif
#endif
