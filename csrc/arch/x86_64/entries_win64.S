/* Entries of closures in Windows' convention: there, and on System V for callers that ask for it (GNU
 * C's __attribute__((ms_abi))).
 *
 * In C:
 *
 *     struct pt_record *record = slot->data;
 *     home space = {rcx, rdx, r8, r9};
 *     struct pt_frame frame = {.vec = {the vector argument registers}};
 *     record->kind->invoke(&frame, record);
 *     the result register = frame.result;
 *
 * With all general registers in their home space, argument i stands at PT_FRAME_STACK + 8 * i, as
 * va_list wants it. With F = rsp + BELOW, the frame:
 *
 *     F + PT_FRAME_STACK      home space, then memory arguments of the caller
 *     F + PT_FRAME_SIZE       return address
 *     F + PT_FRAME_RESULT     rax | xmm0
 *     F + PT_FRAME_VEC        xmm0 .. xmm3     (not saved by pt_win64_int)
 *     rsp                     on Windows: home space for invoke; on System V: what belongs to the
 *                             caller here and to the callee there, xmm6 .. xmm15 rdi rsi */

#include "../../config.h"
#ifdef PT_ARCH_X86_64
#include "frame.h"
#include "object.h"

        .intel_syntax noprefix

#ifdef PT_OS_WINDOWS
#  define FIRST  rcx
#  define SECOND rdx
#  define BELOW  32
        .macro  save_callers
        .endm
        .macro  restore_callers
        .endm
#else
#  define FIRST   rdi
#  define SECOND  rsi
#  define GENERAL 160 /* behind ten vector registers */
#  define BELOW   176
        .macro  save_callers
        .irp    n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps  [rsp + 16 * (\n - 6)], xmm\n
        .cfi_rel_offset xmm\n, 16 * (\n - 6)
        .endr
        mov     [rsp + GENERAL], rdi
        .cfi_rel_offset rdi, GENERAL
        mov     [rsp + GENERAL + 8], rsi
        .cfi_rel_offset rsi, GENERAL + 8
        .endm
        .macro  restore_callers
        .irp    n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps  xmm\n, [rsp + 16 * (\n - 6)]
        .cfi_restore xmm\n
        .endr
        mov     rdi, [rsp + GENERAL]
        .cfi_restore rdi
        mov     rsi, [rsp + GENERAL + 8]
        .cfi_restore rsi
        .endm
#endif

        .text

        .macro  entry name
        .balign 16
        function \name
        endbr64
        mov     [rsp + 8], rcx
        mov     [rsp + 16], rdx
        mov     [rsp + 24], r8
        mov     [rsp + 32], r9
        allocate BELOW + PT_FRAME_SIZE
        prologue_end
        save_callers
        .endm

        .macro  invoke
        mov     SECOND, [r10 + PT_SLOT_DATA]
        lea     FIRST, [rsp + BELOW]
        mov     rax, [SECOND + PT_RECORD_KIND]
        call    [rax]
        mov     rax, [rsp + BELOW + PT_FRAME_RESULT]
        .endm

        .macro  leave name
        restore_callers
        release BELOW + PT_FRAME_SIZE
        ret
        function_end \name
        .endm

/* General registers in, a general register or nothing out. */
        entry   pt_win64_int
        invoke
        leave   pt_win64_int

/* General and vector registers, in and out: __int128 is all of xmm0. */
        entry   pt_win64_vec
        .irp    n, 0, 1, 2, 3
        movaps  [rsp + BELOW + PT_FRAME_VEC + 16 * \n], xmm\n
        .endr
        invoke
        movaps  xmm0, [rsp + BELOW + PT_FRAME_RESULT_VEC]
        leave   pt_win64_vec

#ifdef PT_OS_WINDOWS
        alias   pt_entry_unprepared, pt_win64_vec
#endif
#endif
#include "../notes.S"
