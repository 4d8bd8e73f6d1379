/* Stubs and entries: all the machine code of pytramp on x86-64, System V.
 *
 * Stub i, in C:
 *
 *     r10 = &slot[i];  goto *slot[i].target;
 *
 * r10 is the static chain and r11 is scratch at a function's entry (psABI 3.2.3, figure 3.4); no
 * other register may change, al included: it counts the vector registers of a variadic call. An entry
 * loads slot.data after the stub loaded slot.target, the reverse of the order in which
 * pt_pool_publish stores them, so no call pairs a new target with old data. Every landing pad is an
 * endbr64 and every call meets its ret: the code is clean under IBT and a shadow stack. */

#include "../../config.h"
#ifdef PT_ARCH_X86_64
#include "frame.h"

        .intel_syntax noprefix

        .macro  hidden name, type
        .globl  \name
        .hidden \name
        .type   \name, @\type
\name:
        .endm

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        .section .text.pt_builtin, "ax", @progbits
        .balign PT_STUB_SIZE
        hidden  pt_builtin_code, function
        .cfi_startproc
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        endbr64
        lea     r10, pt_builtin_slots[rip + slot]
        jmp     qword ptr [r10 + PT_SLOT_TARGET]
        .balign PT_STUB_SIZE, 0xcc
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        .cfi_endproc
        .size   pt_builtin_code, . - pt_builtin_code

        .section .bss.pt_builtin, "aw", @nobits
        .balign 4096
        hidden  pt_builtin_slots, object
        .skip   PT_BUILTIN_UNITS * PT_UNIT
        .size   pt_builtin_slots, . - pt_builtin_slots

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        .section .text.pt_template, "ax", @progbits
        .balign 4096
        hidden  pt_template_code, function
        .set    slot, PT_UNIT
        .rept   PT_UNIT_STUBS
        endbr64
        lea     r10, pt_template_code[rip + slot]
        jmp     qword ptr [r10 + PT_SLOT_TARGET]
        .balign PT_STUB_SIZE, 0xcc
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        .size   pt_template_code, . - pt_template_code

/* ---- Entries: what a slot's target points at. ----
 *
 * In C:
 *
 *     struct pt_record *record = slot->data;
 *     struct pt_frame frame = {the argument registers};
 *     record->kind->invoke(&frame, record);
 *     the result registers = frame.result;
 *
 *     rsp + PT_FRAME_STACK    memory arguments of the caller
 *     rsp + PT_FRAME_SIZE     return address
 *     rsp + PT_FRAME_RESULT   rax rdx | xmm0 xmm1 | st0 st1
 *     rsp + PT_FRAME_VEC      xmm0 .. xmm7     (not saved by pt_entry_int)
 *     rsp + PT_FRAME_GPR      rdi rsi rdx rcx r8 r9 */

        .text

        .macro  entry name
        .balign 16
        hidden  \name, function
        .cfi_startproc
        endbr64
        .endm

        .macro  entry_end name
        .cfi_endproc
        .size   \name, . - \name
        .endm

        .macro  open_frame
        sub     rsp, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset PT_FRAME_SIZE
        mov     [rsp + PT_FRAME_GPR], rdi
        mov     [rsp + PT_FRAME_GPR + 8], rsi
        mov     [rsp + PT_FRAME_GPR + 16], rdx
        mov     [rsp + PT_FRAME_GPR + 24], rcx
        mov     [rsp + PT_FRAME_GPR + 32], r8
        mov     [rsp + PT_FRAME_GPR + 40], r9
        .endm

        .macro  save_vectors
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movaps  [rsp + PT_FRAME_VEC + 16 * \n], xmm\n
        .endr
        .endm

        .macro  invoke
        mov     rsi, [r10 + PT_SLOT_DATA]
        mov     rdi, rsp
        mov     rax, [rsi + PT_RECORD_KIND]
        call    [rax]
        mov     rax, [rsp + PT_FRAME_RESULT]
        mov     rdx, [rsp + PT_FRAME_RESULT + 8]
        .endm

        .macro  close_frame
        add     rsp, PT_FRAME_SIZE
        .cfi_adjust_cfa_offset -PT_FRAME_SIZE
        ret
        .endm

/* Integer registers in, integer registers or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        entry_end pt_entry_int

/* Integer and vector registers, in and out. */
        entry   pt_entry_vec
        open_frame
        save_vectors
        invoke
        movsd   xmm0, [rsp + PT_FRAME_RESULT_VEC]
        movsd   xmm1, [rsp + PT_FRAME_RESULT_VEC + 8]
        close_frame
        entry_end pt_entry_vec

        .globl  pt_entry_unprepared
        .hidden pt_entry_unprepared
        .set    pt_entry_unprepared, pt_entry_vec

/* Class X87: the result is in st0. */
        entry   pt_entry_x87
        open_frame
        save_vectors
        invoke
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87]
        close_frame
        entry_end pt_entry_x87

/* Class COMPLEX_X87: the real part in st0, the imaginary part in st1. */
        entry   pt_entry_complex_x87
        open_frame
        save_vectors
        invoke
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87 + 16]
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87]
        close_frame
        entry_end pt_entry_complex_x87

/* ---- Entries of bare trampolines. ---- */

/* r10 = record->userdata; goto *record->handler. The target is read before the data. */
        entry   pt_entry_chain
        mov     r10, [r10 + PT_SLOT_DATA]
        mov     r11, [r10 + PT_RECORD_HANDLER]
        mov     r10, [r10 + PT_RECORD_USERDATA]
        jmp     r11
        entry_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        mov     r10, [r10 + PT_SLOT_DATA]
        mov     r11, [r10 + PT_RECORD_SIGNATURE]
        mov     r10, [r10 + PT_RECORD_LABEL]
        jmp     r11
        entry_end pt_entry_retired

/* Returns zero in every result register but the x87 stack, whose depth only the caller knows. */
        entry   pt_entry_zero
        xor     eax, eax
        xor     edx, edx
        xorps   xmm0, xmm0
        xorps   xmm1, xmm1
        ret
        entry_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        mov     rax, r10
        ret
        entry_end pt_entry_probe
#endif
#include "../notes.S"
