/* Stubs and entries: all the machine code of pytramp on LoongArch, lp64d. The frame is RISC-V's.
 *
 * Stub i, in C:
 *
 *     t0 = &slot[i];  goto *(t1 = slot[i].target);
 *
 * t0 - t8 are free at a function's entry, and t8 is the static chain. An entry loads slot.data after
 * the stub loaded slot.target, the reverse of the order in which pt_pool_publish stores them, so no
 * call pairs a new target with old data. Here a load does not wait for an earlier one unless its
 * address depends on it (Linux's memory model has that of every CPU but Alpha), so the entry adds to
 * the slot's address a bit of the target's that is always zero. All else is read through slot.data. */

#include "../../config.h"
#ifdef PT_ARCH_LOONGARCH64
#include "../riscv64/frame.h"
#include "../elf.S"

#define LARGEST_PAGE 16 /* bits: Linux has pages of 4, 16 or 64 KiB here */

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .p2align 4
        function pt_builtin_code
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        pcalau12i $t0, %pc_hi20(pt_builtin_slots + slot)
        addi.d  $t0, $t0, %pc_lo12(pt_builtin_slots + slot)
        ld.d    $t1, $t0, PT_SLOT_TARGET
        jr      $t1
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        builtin_slots 1 << LARGEST_PAGE

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .p2align LARGEST_PAGE
        symbol  pt_template_code, function
        .rept   PT_UNIT_STUBS
        pcaddi  $t0, PT_UNIT >> 2
        ld.d    $t1, $t0, PT_SLOT_TARGET
        jr      $t1
        break   0
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
 *     sp + PT_FRAME_STACK    memory arguments of the caller
 *     sp + PT_FRAME_GPR      a0 .. a7
 *     sp + PT_FRAME_RA       the return address
 *     sp + PT_FRAME_VEC      fa0 .. fa7        (not saved by pt_entry_int)
 *     sp + PT_FRAME_RESULT   a0 a1 | fa0 fa1 */

        .text

        .macro  entry name
        .p2align 4
        function \name
        .endm

/* to = slot->data, loaded after slot->target. */
        .macro  load_data to
        andi    $t1, $t1, 1
        add.d   $t0, $t0, $t1
        ld.d    \to, $t0, PT_SLOT_DATA
        .endm

        .macro  open_frame
        addi.d  $sp, $sp, -PT_FRAME_SIZE
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        st.d    $ra, $sp, PT_FRAME_RA
        .cfi_rel_offset 1, PT_FRAME_RA
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        st.d    $a\n, $sp, PT_FRAME_GPR + 8 * \n
        .endr
        .endm

        .macro  save_vectors
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        fst.d   $fa\n, $sp, PT_FRAME_VEC + 8 * \n
        .endr
        .endm

        .macro  invoke
        load_data $a1
        move    $a0, $sp
        ld.d    $t0, $a1, PT_RECORD_KIND
        ld.d    $t0, $t0, 0
        jirl    $ra, $t0, 0
        ld.d    $a0, $sp, PT_FRAME_RESULT
        ld.d    $a1, $sp, PT_FRAME_RESULT + 8
        .endm

        .macro  close_frame
        ld.d    $ra, $sp, PT_FRAME_RA
        .cfi_restore 1
        addi.d  $sp, $sp, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
        ret
        .endm

/* General registers in, general registers or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        function_end pt_entry_int

/* General and floating-point registers, in and out. */
        entry   pt_entry_vec
        open_frame
        save_vectors
        invoke
        fld.d   $fa0, $sp, PT_FRAME_RESULT_VEC
        fld.d   $fa1, $sp, PT_FRAME_RESULT_VEC + 8
        close_frame
        function_end pt_entry_vec

        alias   pt_entry_unprepared, pt_entry_vec

/* ---- Entries of bare trampolines. ---- */

/* t8 = record->userdata; goto *record->handler. The target is read before the data. */
        entry   pt_entry_chain
        load_data $t8
        ld.d    $t0, $t8, PT_RECORD_HANDLER
        ld.d    $t8, $t8, PT_RECORD_USERDATA
        jr      $t0
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        load_data $t8
        ld.d    $t0, $t8, PT_RECORD_SIGNATURE
        ld.d    $t8, $t8, PT_RECORD_LABEL
        jr      $t0
        function_end pt_entry_retired

/* Returns zero in every result register. */
        entry   pt_entry_zero
        move    $a0, $zero
        move    $a1, $zero
        movgr2fr.d $fa0, $zero
        movgr2fr.d $fa1, $zero
        ret
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        move    $a0, $t0
        ret
        function_end pt_entry_probe
#endif
#include "../notes.S"
