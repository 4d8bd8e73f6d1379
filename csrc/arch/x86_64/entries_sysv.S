/* Entries of closures in System V's convention: what a slot's target points at.
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

#include "../../config.h"
#if defined(PT_ARCH_X86_64) && !defined(PT_OS_WINDOWS)
#include "frame.h"
#include "object.h"

        .intel_syntax noprefix
        .text

        .macro  entry name
        .balign 16
        function \name
        endbr64
        .endm

        .macro  open_frame
        allocate PT_FRAME_SIZE
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
        release PT_FRAME_SIZE
        ret
        .endm

/* Integer registers in, integer registers or nothing out. */
        entry   pt_entry_int
        open_frame
        invoke
        close_frame
        function_end pt_entry_int

/* Integer and vector registers, in and out. */
        entry   pt_entry_vec
        open_frame
        save_vectors
        invoke
        movsd   xmm0, [rsp + PT_FRAME_RESULT_VEC]
        movsd   xmm1, [rsp + PT_FRAME_RESULT_VEC + 8]
        close_frame
        function_end pt_entry_vec

        alias   pt_entry_unprepared, pt_entry_vec

/* Class X87: the result is in st0. */
        entry   pt_entry_x87
        open_frame
        save_vectors
        invoke
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87]
        close_frame
        function_end pt_entry_x87

/* Class COMPLEX_X87: the real part in st0, the imaginary part in st1. */
        entry   pt_entry_complex_x87
        open_frame
        save_vectors
        invoke
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87 + 16]
        fld     tbyte ptr [rsp + PT_FRAME_RESULT_X87]
        close_frame
        function_end pt_entry_complex_x87
#endif
#include "../notes.S"
