/* The saved-register frame, and the numbers that stubs.S and C must agree on. 64-bit PowerPC, ELF
 * V2 in either byte order and ELF V1.
 *
 * Included by the assembler: nothing but #define outside the __ASSEMBLER__ guard. The C half proves
 * every number with static_assert, so no offset is counted by hand twice. */
#ifndef PT_FRAME_H
#define PT_FRAME_H

#if PT_DESCRIPTORS
#  define PT_STUB_SIZE 32 /* a slot: there are no stubs */
#else
#  define PT_STUB_SIZE 16
#endif
#include "../offsets.h"

/* Every stack frame begins with a header, and the parameter save area of the functions called from
 * it, at least eight doublewords (ELF ABI Supplement, 3.2.2). In ELF V2 (2.2.2) those that the
 * entries call need none. */
#define PT_HEADER_LR 16 /* where who is called saves the link register */
#if PT_DESCRIPTORS
#  define PT_HEADER_SIZE 48
#  define PT_AREA_BELOW  64
#else
#  define PT_HEADER_SIZE 32
#  define PT_AREA_BELOW  0
#endif

/* struct pt_frame, between the header of the entry's own frame and that of its caller's. A number
 * in a floating-point register is a double there, whatever its type: it is saved in both formats.
 */
#define PT_FRAME_RESULT      0   /* r3 r4 */
#define PT_FRAME_RESULT_REAL 16  /* f1 .. f8: doubles, or floats side by side */
#define PT_FRAME_GPR         80  /* r3 .. r10 */
#define PT_FRAME_DOUBLE      144 /* f1 .. f13 */
#define PT_FRAME_FLOAT       248 /* the same */
#define PT_FRAME_END         304
#define PT_FRAME_BELOW       (PT_HEADER_SIZE + PT_AREA_BELOW)
#define PT_FRAME_SIZE        (PT_FRAME_BELOW + PT_FRAME_END)
#define PT_FRAME_AREA        (PT_FRAME_END + PT_HEADER_SIZE) /* the caller's parameter save area */
#define PT_FRAME_STACK       (PT_FRAME_AREA + 64)            /* ... behind what is in registers */

#ifndef __ASSEMBLER__
#  include <assert.h>
#  include <stddef.h>
#  include <stdint.h>

struct pt_frame {
    struct {
        uint64_t gpr[2];
        uint64_t real[8];
    } result;
    _Alignas(16) uint64_t gpr[8];
    uint64_t doubles[13];
    uint32_t floats[13];
};

static_assert(offsetof(struct pt_frame, result) == PT_FRAME_RESULT, "");
static_assert(offsetof(struct pt_frame, result.real) == PT_FRAME_RESULT_REAL, "");
static_assert(offsetof(struct pt_frame, gpr) == PT_FRAME_GPR, "");
static_assert(offsetof(struct pt_frame, doubles) == PT_FRAME_DOUBLE, "");
static_assert(offsetof(struct pt_frame, floats) == PT_FRAME_FLOAT, "");
static_assert(sizeof(struct pt_frame) == PT_FRAME_END, "");
static_assert(PT_FRAME_BELOW % 16 == 0 && PT_FRAME_SIZE % 16 == 0, "a stack frame is a quadword's");
#endif
#endif
