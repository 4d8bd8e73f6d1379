/* Stubs and entries: all the machine code of pytramp on RISC-V, lp64d.
 *
 * Stub i, in C:
 *
 *     t1 = (char *)&slot[i] + PT_STUB_PC;  goto *(t3 = slot[i].target);
 *
 * t0 - t6 are free at a function's entry, but t2 is the static chain, and a jump through t0 would be
 * predicted as a return. Code and slots both begin on a page, so their distance is a multiple of
 * what auipc adds: t1 is exact without a second instruction, but for the place of the auipc.
 *
 * An entry loads slot.data after the stub loaded slot.target, the reverse of the order in which
 * pt_pool_publish stores them, so no call pairs a new target with old data. Here a load does not
 * wait for an earlier one unless its address depends on it (RVWMO, preserved program order, rule 9),
 * so the entry adds to the slot's address a bit of the target's that is always zero. All else is
 * read through slot.data.
 *
 * `auipc zero, 0` is the landing pad of Zicfilp, and does nothing elsewhere: every assembler knows
 * it by that name. No jump here goes through ra, t0 or t2, those that need no pad. The objects do
 * not claim to be clean under Zicfilp (GNU_PROPERTY_RISCV_FEATURE_1_AND): nothing here could run
 * that claim. Nor does anything ask for more than RV64GD: stubs of compressed instructions would
 * have another size. */

#include "../../config.h"
#ifdef PT_ARCH_RISCV64
#include "frame.h"
#include "../elf.S"

        .option norelax /* before the first alignment: the linker may not move what was counted */
        .option norvc

        .macro  landing_pad
        auipc   zero, 0
        .endm

#define PT_STUB_PC 4 /* where a stub's auipc stands */
#define PAGE       12 /* bits that auipc does not change */

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .p2align PAGE
        function pt_builtin_code
        .set    at, PT_STUB_PC
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        landing_pad
        auipc   t1, %pcrel_hi(pt_builtin_slots + at)
        ld      t3, PT_SLOT_TARGET - PT_STUB_PC(t1)
        jr      t3
        .set    at, at + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        builtin_slots 1 << PAGE

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .p2align PAGE
        symbol  pt_template_code, function
        .rept   PT_UNIT_STUBS
        landing_pad
        auipc   t1, PT_UNIT >> PAGE
        ld      t3, PT_SLOT_TARGET - PT_STUB_PC(t1)
        jr      t3
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
        landing_pad
        .endm

/* to = slot->data, loaded after slot->target. */
        .macro  load_data to
        andi    t0, t3, 1
        add     t1, t1, t0
        ld      \to, PT_SLOT_DATA - PT_STUB_PC(t1)
        .endm

        .macro  open_frame
        addi    sp, sp, -PT_FRAME_SIZE
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        sd      ra, PT_FRAME_RA(sp)
        .cfi_rel_offset ra, PT_FRAME_RA
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        sd      a\n, PT_FRAME_GPR + 8 * \n(sp)
        .endr
        .endm

        .macro  save_vectors
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        fsd     fa\n, PT_FRAME_VEC + 8 * \n(sp)
        .endr
        .endm

        .macro  invoke
        load_data a1
        mv      a0, sp
        ld      t3, PT_RECORD_KIND(a1)
        ld      t3, (t3)
        jalr    t3
        ld      a0, PT_FRAME_RESULT(sp)
        ld      a1, PT_FRAME_RESULT + 8(sp)
        .endm

        .macro  close_frame
        ld      ra, PT_FRAME_RA(sp)
        .cfi_restore ra
        addi    sp, sp, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
        ret
        .endm

/* General registers in, general registers or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        function_end pt_entry_int

/* General and floating-point registers, in and out: a double, or what marshal.c has boxed. */
        entry   pt_entry_vec
        open_frame
        save_vectors
        invoke
        fld     fa0, PT_FRAME_RESULT_VEC(sp)
        fld     fa1, PT_FRAME_RESULT_VEC + 8(sp)
        close_frame
        function_end pt_entry_vec

        alias   pt_entry_unprepared, pt_entry_vec

/* ---- Entries of bare trampolines. ---- */

/* t2 = record->userdata; goto *record->handler. The target is read before the data. */
        entry   pt_entry_chain
        load_data t2
        ld      t3, PT_RECORD_HANDLER(t2)
        ld      t2, PT_RECORD_USERDATA(t2)
        jr      t3
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        load_data t2
        ld      t3, PT_RECORD_SIGNATURE(t2)
        ld      t2, PT_RECORD_LABEL(t2)
        jr      t3
        function_end pt_entry_retired

/* Returns zero in every result register: a double's, for no bits are zero both as a double and as a
 * boxed float, and the float read from these is a NaN. */
        entry   pt_entry_zero
        li      a0, 0
        li      a1, 0
        fmv.d.x fa0, zero
        fmv.d.x fa1, zero
        ret
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        addi    a0, t1, -PT_STUB_PC
        ret
        function_end pt_entry_probe
#endif
#include "../notes.S"
