/* Stubs and entries: all the machine code of pytramp on 64-bit PowerPC, either byte order.
 *
 * ELF V2. Stub i, in C:
 *
 *     r11 = &slot[i];  r12 = slot[i].target;  goto *r12;
 *
 * Whoever calls a function by its address has that in r12, from which the function finds its TOC
 * (ELF V2 ABI, 2.3.2.1): so the stub knows where it is, and its target must find itself there, too.
 * r0, r11 and r12 are volatile and pass no argument, r11 is the environment pointer (2.2.1.1) and so
 * GCC's static chain; no other register may change.
 *
 * ELF V1. A function's address is that of its descriptor, from which the caller loads the code, r2
 * and r11 (64-bit PowerPC ELF ABI Supplement, 3.2.4): so slots are descriptors, and there are no
 * stubs. slot.data is what comes in r2: no entry needs a TOC, and the kernel, when it calls a signal
 * handler, leaves out r11, as callers do that were compiled to call no nested functions.
 *
 * In both, r2 is nobody's here: callers by address restore theirs, and what the entries call gets
 * its own.
 *
 * An entry loads slot.data, or what that points at, after its caller loaded slot.target: the reverse
 * of the order in which pt_pool_publish stores them. The CPU may load the second first: lwsync, which
 * orders loads before it with loads behind it (Power ISA, book II, 1.7.1), is what makes no call
 * pair a new target with old data, nor with an old record. In V1 the caller has loaded slot.data, in
 * whatever order, but that never changes: a slot's record is always the same. */

#include "../../config.h"
#ifdef PT_ARCH_PPC64
#include "frame.h"
#include "../elf.S"

#if PT_DESCRIPTORS

        .abiversion 1

        builtin_slots PT_SLOT_SIZE

        alias   pt_builtin_code, pt_builtin_slots
        alias   pt_template_code, pt_builtin_slots

/* r11 = slot->data. */
        .macro  load_data
        lwsync
        mr      11, 2
        .endm

/* ctr = the code of the function in r12, r2 its TOC. */
        .macro  load_function
        ld      0, 0(12)
        ld      2, 8(12)
        mtctr   0
        .endm

/* A descriptor for what C knows as a function. */
        .macro  described name
        .section .opd, "aw", %progbits
        .balign 8
        data    \name
        .quad   .L\name, .TOC.@tocbase, 0
        data_end \name
        .text
        .balign 16
.L\name:
        .cfi_startproc
        .endm

        .macro  described_end name
        .cfi_endproc
        .endm

#else

        .abiversion 2

/* r11 = slot->data, from the slot's address in it. */
        .macro  load_data
        lwsync
        ld      11, PT_SLOT_DATA(11)
        .endm

/* ctr = the function in r12. */
        .macro  load_function
        mtctr   12
        .endm

        .macro  described name
        entry   \name
        .endm

        .macro  described_end name
        function_end \name
        .endm

/* The slot, from the address of the stub in r12: at the same distance for all of a table, a multiple
 * of 64 KiB (and so the lower half of that address stays as it is), for table and slots are aligned
 * to that. A page may be as large. */
#define ALIGNMENT 65536

        .macro  stub distance
        addis   11, 12, \distance
        ld      12, PT_SLOT_TARGET(11)
        mtctr   12
        bctr
        .endm

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .balign ALIGNMENT
        function pt_builtin_code
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        stub    (pt_builtin_slots - pt_builtin_code)@ha
        .endr
        function_end pt_builtin_code

        builtin_slots ALIGNMENT

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .balign ALIGNMENT
        symbol  pt_template_code, function
        .rept   PT_UNIT_STUBS
        stub    PT_UNIT / ALIGNMENT
        .endr
        data_end pt_template_code

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
 *     r1 + PT_FRAME_SIZE      the caller's header and parameter save area
 *     r1 + PT_FRAME_BELOW     struct pt_frame
 *     r1                      header for the functions called from here */

#define FRAME(at) (PT_FRAME_BELOW + (at))

        .text

        .macro  entry name
        .balign 16
        function \name
        .endm

        .macro  open_frame
        mflr    0
        std     0, PT_HEADER_LR(1)
        stdu    1, -PT_FRAME_SIZE(1)
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        .cfi_offset lr, PT_HEADER_LR
        .irp    n, 3, 4, 5, 6, 7, 8, 9, 10
        std     \n, FRAME(PT_FRAME_GPR + 8 * (\n - 3))(1)
        .endr
        .endm

        .macro  save_reals
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
        stfd    \n, FRAME(PT_FRAME_DOUBLE + 8 * (\n - 1))(1)
        stfs    \n, FRAME(PT_FRAME_FLOAT + 4 * (\n - 1))(1)
        .endr
        .endm

        .macro  invoke
        load_data
        mr      4, 11
        addi    3, 1, PT_FRAME_BELOW
        ld      12, PT_RECORD_KIND(4)
        ld      12, 0(12)
        load_function
        bctrl
        ld      3, FRAME(PT_FRAME_RESULT)(1)
        ld      4, FRAME(PT_FRAME_RESULT + 8)(1)
        .endm

        .macro  close_frame
        addi    1, 1, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
        ld      0, PT_HEADER_LR(1)
        mtlr    0
        .cfi_restore lr
        blr
        .endm

/* General registers in, general registers or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        function_end pt_entry_int

/* Floating-point registers, too, in but not out. */
        entry   pt_entry_int_of_reals
        open_frame
        save_reals
        invoke
        close_frame
        function_end pt_entry_int_of_reals

/* A double in f1. */
        entry   pt_entry_double
        open_frame
        save_reals
        invoke
        lfd     1, FRAME(PT_FRAME_RESULT_REAL)(1)
        close_frame
        function_end pt_entry_double

/* A float in f1. */
        entry   pt_entry_float
        open_frame
        save_reals
        invoke
        lfs     1, FRAME(PT_FRAME_RESULT_REAL)(1)
        close_frame
        function_end pt_entry_float

/* Up to eight doubles, halves of long doubles among them. */
        entry   pt_entry_doubles
        open_frame
        save_reals
        invoke
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8
        lfd     \n, FRAME(PT_FRAME_RESULT_REAL + 8 * (\n - 1))(1)
        .endr
        close_frame
        function_end pt_entry_doubles

/* Up to eight floats. */
        entry   pt_entry_floats
        open_frame
        save_reals
        invoke
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8
        lfs     \n, FRAME(PT_FRAME_RESULT_REAL + 4 * (\n - 1))(1)
        .endr
        close_frame
        function_end pt_entry_floats

        alias   pt_entry_unprepared, pt_entry_doubles

/* ---- Entries of bare trampolines. ---- */

/* r11 = record->userdata; r12 = record->handler; goto *r12. The target is read before the data. */
        entry   pt_entry_chain
        load_data
        ld      12, PT_RECORD_HANDLER(11)
        ld      11, PT_RECORD_USERDATA(11)
        load_function
        bctr
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        load_data
        ld      12, PT_RECORD_SIGNATURE(11)
        ld      11, PT_RECORD_LABEL(11)
        load_function
        bctr
        function_end pt_entry_retired

/* Returns zero in every result register. The 288 bytes below the stack pointer are free to use. */
        described pt_entry_zero
        li      3, 0
        li      4, 0
        std     3, -8(1)
        .irp    n, 1, 2, 3, 4, 5, 6, 7, 8
        lfd     \n, -8(1)
        .endr
        blr
        described_end pt_entry_zero

/* Returns the slot's address, which is its data, too: run once on every new page pair. */
        entry   pt_entry_probe
#if PT_DESCRIPTORS
        mr      3, 2
#else
        mr      3, 11
#endif
        blr
        function_end pt_entry_probe
#endif
#include "../notes.S"
