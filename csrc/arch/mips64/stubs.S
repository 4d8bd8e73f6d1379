/* Stubs and entries: all the machine code of pytramp on MIPS, n64, either byte order.
 *
 * Stub i, in C:
 *
 *     $15 = &slot[i];  $25 = slot[i].target;  goto *$25;
 *
 * Whoever calls a function has its address in $25, from which position-independent code finds its
 * data: so the stub knows where it is, and its target must find itself there, too. $2, $3, $12 - $15,
 * $24 and $25 are free at a function's entry, $15 is GCC's static chain. $28 belongs to the caller.
 * Before release 6 no instruction has half of an address relative to its own place: the distance to
 * the slot is a word of the stub.
 *
 * An entry loads slot.data after the stub loaded slot.target, the reverse of the order in which
 * pt_pool_publish stores them, so no call pairs a new target with old data. The CPU may load the
 * second first, unless its address depends on what the first has loaded (on which Linux builds, as
 * on every CPU but Alpha): so the entry adds to the slot's address a bit of the target's that is
 * always zero. All else is read through slot.data. */

#include "../../config.h"
#ifdef PT_ARCH_MIPS64
#include "frame.h"
#include "../elf.S"

        .set    noreorder /* what follows a jump is executed before it */
        .set    nomacro

#define DISTANCE 20 /* where it is in a stub */

        .macro  stub distance:vararg
        lw      $15, DISTANCE($25)
        daddu   $15, $15, $25
        ld      $25, PT_SLOT_TARGET($15)
        jr      $25
        nop
        .word   \distance
        .balign PT_STUB_SIZE
        .endm

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .balign PT_STUB_SIZE
        function pt_builtin_code
        .set    place, DISTANCE
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        stub    pt_builtin_slots + place - .
        .set    place, place + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        builtin_slots PT_SLOT_SIZE

/* ---- The template: never run where it stands. Growth maps it again, slots behind. A page may have
 * 64 KiB. ---- */

        text_section pt_template
        .balign 65536
        symbol  pt_template_code, function
        .rept   PT_UNIT_STUBS
        stub    PT_UNIT
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
 *     sp + PT_FRAME_VEC      f12 .. f19        (not saved by pt_entry_int)
 *     sp + PT_FRAME_RA       the return address
 *     sp + PT_FRAME_RESULT   v0 v1 | f0 f2 f1 */

        .text

        .macro  entry name
        .balign 16
        function \name
        .endm

/* to = slot->data, loaded after slot->target. */
        .macro  load_data to
        andi    $24, $25, 1
        daddu   $15, $15, $24
        ld      \to, PT_SLOT_DATA($15)
        .endm

        .macro  open_frame
        daddiu  $29, $29, -PT_FRAME_SIZE
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        sd      $31, PT_FRAME_RA($29)
        .cfi_rel_offset 31, PT_FRAME_RA
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        sd      $a\n, PT_FRAME_GPR + 8 * \n($29)
        .endr
        .endm

        .macro  save_vectors
        .irp    n, 12, 13, 14, 15, 16, 17, 18, 19
        sdc1    $f\n, PT_FRAME_VEC + 8 * (\n - 12)($29)
        .endr
        .endm

        .macro  invoke
        load_data $5
        ld      $25, PT_RECORD_KIND($5)
        ld      $25, 0($25)
        jalr    $25
        move    $4, $29
        ld      $2, PT_FRAME_RESULT($29)
        ld      $3, PT_FRAME_RESULT + 8($29)
        .endm

        .macro  close_frame
        ld      $31, PT_FRAME_RA($29)
        .cfi_restore 31
        jr      $31
        daddiu  $29, $29, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
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
        ldc1    $f0, PT_FRAME_RESULT_VEC($29)
        ldc1    $f2, PT_FRAME_RESULT_VEC + 8($29)
        ldc1    $f1, PT_FRAME_RESULT_VEC + 16($29)
        close_frame
        function_end pt_entry_vec

        alias   pt_entry_unprepared, pt_entry_vec

/* ---- Entries of bare trampolines. ---- */

/* $15 = record->userdata; goto *record->handler. The target is read before the data. */
        entry   pt_entry_chain
        load_data $15
        ld      $25, PT_RECORD_HANDLER($15)
        jr      $25
        ld      $15, PT_RECORD_USERDATA($15)
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        load_data $15
        ld      $25, PT_RECORD_SIGNATURE($15)
        jr      $25
        ld      $15, PT_RECORD_LABEL($15)
        function_end pt_entry_retired

/* Returns zero in every result register. */
        entry   pt_entry_zero
        move    $2, $0
        move    $3, $0
        dmtc1   $0, $f0
        dmtc1   $0, $f2
        jr      $31
        dmtc1   $0, $f1
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        jr      $31
        move    $2, $15
        function_end pt_entry_probe
#endif
#include "../notes.S"
