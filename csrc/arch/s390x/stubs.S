/* Stubs and entries: all the machine code of pytramp on IBM Z, 64-bit.
 *
 * Stub i, in C:
 *
 *     r0 = &slot[i];  goto *slot[i].target;
 *
 * r0 and r1 are volatile and pass no argument (s390x Supplement, 1.2.1); r0 is GCC's static chain.
 * No other register may change. An address in r0 cannot be used as it is, to the CPU it means no
 * register: so the target is loaded relative to the instruction (z10, 2008), into r1, and only the
 * entry moves r0. It loads slot.data after the stub loaded slot.target, the reverse of the order in
 * which pt_pool_publish stores them; the CPU makes loads seem to happen in their order ("Principles
 * of Operation", chapter 5, "Storage-Operand References"), so no call pairs a new target with old
 * data, and no barrier is needed. */

#include "../../config.h"
#ifdef PT_ARCH_S390X
#include "frame.h"
#include "../elf.S"

        .machine z10

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .balign PT_STUB_SIZE
        function pt_builtin_code
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        larl    %r0, pt_builtin_slots + slot
        lgrl    %r1, pt_builtin_slots + slot + PT_SLOT_TARGET
        br      %r1
        .balign PT_STUB_SIZE
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        builtin_slots 4096

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .balign 4096
        symbol  pt_template_code, function
        .set    slot, PT_UNIT
        .rept   PT_UNIT_STUBS
        larl    %r0, pt_template_code + slot
        lgrl    %r1, pt_template_code + slot + PT_SLOT_TARGET
        br      %r1
        .balign PT_STUB_SIZE
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        data_end pt_template_code

/* ---- Entries: what a slot's target points at. ----
 *
 * In C:
 *
 *     struct pt_record *record = slot->data;
 *     struct pt_frame frame = {the argument registers};
 *     record->kind->invoke(&frame, record);
 *     the result registers = frame.result;
 *
 *     r15 at entry + 160      memory arguments of the caller
 *     r15 at entry            its save area: r2 .. r6 and f0 f2 f4 f6 among others
 *     r15 + 160               struct pt_frame begins: r2 f0
 *     r15                     save area of the functions called from here */

        .text

        .macro  entry name
        .balign 16
        function \name
        .endm

        .macro  open_frame
        stmg    %r2, %r6, PT_SAVE_GPR(%r15)
        stmg    %r14, %r15, PT_SAVE_GPR14(%r15)
        .cfi_offset 14, PT_SAVE_GPR14 - PT_SAVE_AREA
        .cfi_offset 15, PT_SAVE_GPR14 + 8 - PT_SAVE_AREA
        .endm

        .macro  save_floats
        std     %f0, PT_SAVE_FPR(%r15)
        std     %f2, PT_SAVE_FPR + 8(%r15)
        std     %f4, PT_SAVE_FPR + 16(%r15)
        std     %f6, PT_SAVE_FPR + 24(%r15)
        .endm

        .macro  invoke
        lgr     %r1, %r0
        aghi    %r15, -PT_FRAME_SIZE
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        lg      %r3, PT_SLOT_DATA(%r1)
        la      %r2, PT_FRAME_BELOW(%r15)
        lg      %r1, PT_RECORD_KIND(%r3)
        lg      %r1, 0(%r1)
        basr    %r14, %r1
        lg      %r2, PT_FRAME_BELOW + PT_FRAME_RESULT(%r15)
        .endm

        .macro  close_frame
        lmg     %r14, %r15, PT_FRAME_SIZE + PT_SAVE_GPR14(%r15)
        .cfi_restore 14
        .cfi_restore 15
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
        br      %r14
        .endm

/* General registers in, a general register or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        function_end pt_entry_int

/* General and floating-point registers, in and out. */
        entry   pt_entry_float
        open_frame
        save_floats
        invoke
        ld      %f0, PT_FRAME_BELOW + PT_FRAME_RESULT_FPR(%r15)
        close_frame
        function_end pt_entry_float

        alias   pt_entry_unprepared, pt_entry_float

/* ---- Entries of bare trampolines. ---- */

/* r0 = record->userdata; goto *record->handler. */
        entry   pt_entry_chain
        lgr     %r1, %r0
        lg      %r1, PT_SLOT_DATA(%r1)
        lmg     %r0, %r1, PT_RECORD_USERDATA(%r1)
        br      %r1
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        lgr     %r1, %r0
        lg      %r1, PT_SLOT_DATA(%r1)
        lmg     %r0, %r1, PT_RECORD_LABEL(%r1)
        br      %r1
        function_end pt_entry_retired

/* Returns zero in every result register. */
        entry   pt_entry_zero
        lghi    %r2, 0
        lzdr    %f0
        br      %r14
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        lgr     %r2, %r0
        br      %r14
        function_end pt_entry_probe

#endif
#include "../notes.S"
