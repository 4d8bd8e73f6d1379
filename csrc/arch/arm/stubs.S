/* Stubs and entries: all the machine code of pytramp on 32-bit Arm, AAPCS with VFP registers.
 *
 * Stub i, in C:
 *
 *     ip = &slot[i];  goto *slot[i].target;
 *
 * ip is the one register that is free at a function's entry (AAPCS32, "Core registers"). All of it is in Arm
 * state: a stub is at exactly the address that is handed out, without the bit 0 that tells a call to
 * go to Thumb state, and the state of a target follows from its own bit 0 (ldr pc interworks).
 *
 * Memory is weakly ordered, and a branch orders no loads. An entry must not pair the new target that
 * its stub loaded with what was in the slot or the record before pt_pool_publish. Those that have
 * registers to spare load the target again, which gives the same or a newer one, and let the address
 * of the next load depend on it: loads whose address depends on another load come after it (ARMv7-A,
 * A3.8.2), and from slot.data on every address does. The others have a barrier. */

#include "../../config.h"
#ifdef PT_ARCH_ARM
#include "frame.h"
#include "../elf.S"

        .syntax unified
        .arch   armv7-a
        .fpu    vfpv3-d16
        .eabi_attribute 28, 1 @ Tag_ABI_VFP_args: this is the variant with VFP registers
        .arm

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave stack and lr alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .balign PT_STUB_SIZE
        function pt_builtin_code
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        ldr     ip, 1f
0:      add     ip, pc, ip
        ldr     pc, [ip, #PT_SLOT_TARGET]
1:      .word   pt_builtin_slots + slot - (0b + 8) @ where pc is for the add
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        builtin_slots 4096

/* ---- The template: never run where it stands. Growth maps it again, slots behind. Kernels for 32-bit
 * programs may have pages of 64 KiB. ---- */

        text_section pt_template
        .balign 65536
        symbol  pt_template_code, function
        .rept   PT_UNIT_STUBS
        sub     ip, pc, #8 @ the stub itself
        add     ip, ip, #PT_UNIT
        ldr     pc, [ip, #PT_SLOT_TARGET]
        .balign PT_STUB_SIZE
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
 *     sp + PT_FRAME_STACK     memory arguments of the caller
 *     sp + PT_FRAME_CORE      r0 .. r3
 *     sp + PT_FRAME_LR        return address
 *     sp + PT_FRAME_VFP       s0 .. s15     (not saved by pt_entry_core)
 *     sp + PT_FRAME_RESULT    r0 r1 | d0 .. d3 */

        .text

        .macro  entry name
        .balign 16
        function \name
        .endm

        .macro  open_frame
        push    {r0-r3}
        .pad    #PT_FRAME_STACK - PT_FRAME_CORE
        str     lr, [sp, #-8]!
        .pad    #4
        .save   {lr}
        sub     sp, sp, #PT_FRAME_LR
        .pad    #PT_FRAME_LR
        .endm

/* r1 = slot.data, loaded after the target. */
        .macro  load_record
        ldr     r1, [ip, #PT_SLOT_TARGET]
        and     r1, r1, #0
        ldr     r1, [ip, r1] @ PT_SLOT_DATA is 0
        .endm

        .macro  invoke
        load_record
        mov     r0, sp
        ldr     r2, [r1, #PT_RECORD_KIND]
        ldr     r2, [r2]
        blx     r2
        ldrd    r0, r1, [sp, #PT_FRAME_RESULT]
        .endm

        .macro  close_frame
        ldr     lr, [sp, #PT_FRAME_LR]
        add     sp, sp, #PT_FRAME_STACK
        bx      lr
        .endm

/* Core registers in, core registers or nothing out. */
        entry   pt_entry_core
        open_frame
        invoke
        close_frame
        function_end pt_entry_core

/* Core and VFP registers, in and out. */
        entry   pt_entry_vfp
        open_frame
        add     r0, sp, #PT_FRAME_VFP
        vstmia  r0, {d0-d7}
        invoke
        add     r2, sp, #PT_FRAME_RESULT_VFP
        vldmia  r2, {d0-d3}
        close_frame
        function_end pt_entry_vfp

        alias   pt_entry_unprepared, pt_entry_vfp

/* ---- Entries of bare trampolines. ---- */

/* ip = record->userdata; goto *record->handler, by one instruction, for there is no register for the
 * target. */
        entry   pt_entry_chain
        dmb     ish
        ldr     ip, [ip, #PT_SLOT_DATA]
        add     ip, ip, #PT_RECORD_USERDATA
        ldm     ip, {ip, pc}
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        dmb     ish
        ldr     ip, [ip, #PT_SLOT_DATA]
        add     ip, ip, #PT_RECORD_LABEL
        ldm     ip, {ip, pc}
        function_end pt_entry_retired

/* Returns zero in every result register. */
        entry   pt_entry_zero
        mov     r0, #0
        mov     r1, #0
        vmov    d0, r0, r1
        vmov    d1, r0, r1
        vmov    d2, r0, r1
        vmov    d3, r0, r1
        bx      lr
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        mov     r0, ip
        bx      lr
        function_end pt_entry_probe
#endif
#include "../notes.S"
