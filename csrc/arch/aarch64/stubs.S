/* Stubs and entries: all the machine code of pytramp on AArch64.
 *
 * Stub i, in C:
 *
 *     x16 = &slot[i].target;  x17 = atomic_load_explicit(x16, memory_order_acquire);  goto *x17;
 *
 * x16 and x17 are the veneers' own (AAPCS64, "General-purpose Registers"), so no caller has anything
 * in them, and a branch through them may land on a `bti c`; no other register may change.
 *
 * The reader's half of pt_pool_publish is the load-acquire: an entry loads slot.data, and from there
 * what the record holds, after it saw the target that was stored last, with release order. A plain
 * load would not do: nothing but an acquire or an address dependency orders two loads here, a branch
 * on the first does not (Arm ARM, B2.3, "Dependency-ordered-before").
 *
 * Every landing pad is a `bti c` or a `paciasp`, which is one too; every call meets its ret, so the
 * code is clean under a guarded control stack. Both are hints, no-ops on CPUs that lack them. */

#include "../../config.h"
#ifdef PT_ARCH_AARCH64
#include "frame.h"
#include "syntax.h"

/* ---- The built-in pool: a link-time relocation finds its slots in .bss, which may lie further away
 * than one instruction reaches, so a stub says which slot and the rest is shared. The unwind entry
 * covers the whole table, which leaves the stack alone: a profiler may stop within a stub. ---- */

        builtin_section
        .balign PT_STUB_SIZE
        hidden  pt_builtin_code
        start_leaf pt_builtin_code
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        bti_c
        movz    w16, #slot
        b       builtin_tail
        .balign PT_STUB_SIZE, 0 /* udf */
        .set    slot, slot + 1
        .endr
builtin_tail:
        address x17, pt_builtin_slots, PT_SLOT_TARGET
        add     x16, x17, x16, lsl #PT_SLOT_SHIFT
        ldar    x17, [x16]
        br      x17
        end_leaf pt_builtin_code

        builtin_slots pt_builtin_slots, PT_BUILTIN_UNITS * PT_UNIT

/* ---- The template: never run where it stands. Growth maps it again, slots behind. Windows maps
 * the whole module again, and so the built-in pool. ---- */

#ifdef PT_OS_WINDOWS
        alias   pt_template_code, pt_builtin_code
#else
        template_section
        hidden  pt_template_code
        .rept   PT_UNIT_STUBS
        bti_c
        adr     x16, . + PT_UNIT + PT_SLOT_TARGET - 4
        ldar    x17, [x16]
        br      x17
        .endr
        end_object pt_template_code
#endif

/* ---- Entries: what a slot's target points at. ----
 *
 * In C:
 *
 *     struct pt_record *record = slot->data;
 *     struct pt_frame frame = {the argument registers};
 *     record->kind->invoke(&frame, record);
 *     the result registers = frame.result;
 *
 *     sp + PT_FRAME_STACK     memory arguments of the caller
 *     sp + PT_FRAME_GPR       x0 .. x7
 *     sp + PT_FRAME_X8        x8
 *     sp + PT_FRAME_RESULT    x0 x1 | d0 .. d3 or q0 .. q3
 *     sp + PT_FRAME_VEC       q0 .. q7     (not saved by pt_entry_int)
 *     sp                      x29, return address */

        code_section

        .macro  open_frame name
        .balign 16
        hidden  \name
        start_frame \name
        sign_return_address /* a landing pad as well */
        stp     x29, x30, [sp, #-PT_FRAME_SIZE]!
        pair_was_saved
        mov     x29, sp
        frame_was_set
        stp     x0, x1, [sp, #PT_FRAME_GPR]
        stp     x2, x3, [sp, #PT_FRAME_GPR + 16]
        stp     x4, x5, [sp, #PT_FRAME_GPR + 32]
        stp     x6, x7, [sp, #PT_FRAME_GPR + 48]
        str     x8, [sp, #PT_FRAME_X8]
        .endm

        .macro  save_vectors
        stp     q0, q1, [sp, #PT_FRAME_VEC]
        stp     q2, q3, [sp, #PT_FRAME_VEC + 32]
        stp     q4, q5, [sp, #PT_FRAME_VEC + 64]
        stp     q6, q7, [sp, #PT_FRAME_VEC + 96]
        .endm

        .macro  invoke
        ldr     x1, [x16, #PT_SLOT_DATA - PT_SLOT_TARGET]
        mov     x0, sp
        ldr     x9, [x1, #PT_RECORD_KIND]
        ldr     x9, [x9]
        blr     x9
        ldp     x0, x1, [sp, #PT_FRAME_RESULT]
        .endm

        .macro  close_frame name
        start_epilogue
        ldp     x29, x30, [sp], #PT_FRAME_SIZE
        pair_was_restored
        authenticate_return_address
        end_epilogue
        ret
        end_frame \name
        .endm

        .macro  leaf name
        .balign 16
        hidden  \name
        start_leaf \name
        bti_c
        .endm

/* Integer registers in, integer registers or nothing out. */
        open_frame pt_entry_int
        invoke
        close_frame pt_entry_int

/* Integer and vector registers, in and out: elements of at most eight bytes. */
        open_frame pt_entry_vec
        save_vectors
        invoke
        ldp     d0, d1, [sp, #PT_FRAME_RESULT_VEC]
        ldp     d2, d3, [sp, #PT_FRAME_RESULT_VEC + 16]
        close_frame pt_entry_vec

/* The same for elements of sixteen bytes, and where nobody knows. */
        open_frame pt_entry_quad
        save_vectors
        invoke
        ldp     q0, q1, [sp, #PT_FRAME_RESULT_VEC]
        ldp     q2, q3, [sp, #PT_FRAME_RESULT_VEC + 32]
        close_frame pt_entry_quad
        alias   pt_entry_unprepared, pt_entry_quad

/* ---- Entries of bare trampolines. ---- */

/* The static chain = record->userdata; goto *record->handler. */
        leaf    pt_entry_chain
        ldr     x9, [x16, #PT_SLOT_DATA - PT_SLOT_TARGET]
        ldp     CHAIN, CHAIN_TARGET, [x9, #PT_RECORD_USERDATA]
        br      CHAIN_TARGET
        end_leaf pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        leaf    pt_entry_retired
        ldr     x9, [x16, #PT_SLOT_DATA - PT_SLOT_TARGET]
        ldp     CHAIN, CHAIN_TARGET, [x9, #PT_RECORD_LABEL]
        br      CHAIN_TARGET
        end_leaf pt_entry_retired

/* Returns zero in every result register. */
        leaf    pt_entry_zero
        mov     x0, xzr
        mov     x1, xzr
        movi    v0.2d, #0
        movi    v1.2d, #0
        movi    v2.2d, #0
        movi    v3.2d, #0
        ret
        end_leaf pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        leaf    pt_entry_probe
        sub     x0, x16, #PT_SLOT_TARGET
        ret
        end_leaf pt_entry_probe
#endif
#include "../notes.S"
