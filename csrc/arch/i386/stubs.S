/* Stubs and entries: all the machine code of pytramp on i386, System V.
 *
 * Stub i, in C:
 *
 *     eax = &slot[i];  goto *slot[i].target;
 *
 * eax is the one register that every convention leaves free at a function's entry: ecx and edx hold
 * arguments of fastcall and thiscall, and ecx is the static chain. There is no way to read eip but a
 * call, and each one here meets its ret: a stub calls the three instructions behind its own jump,
 * which read their return address and return. Every landing pad is an endbr32. So the code is clean
 * under IBT and a shadow stack, and return predictors stay in step.
 *
 * An entry loads slot.data after the stub loaded slot.target, the reverse of the order in which
 * pt_pool_publish stores them, and the CPU keeps loads in order: no call pairs a new target with old
 * data. */

#include "../../config.h"
#ifdef PT_ARCH_I386
#include "frame.h"
#include "../elf.S"

/* slots: what lies where the slot of the first stub does. */
        .macro  stub slots
        endbr32
        call    1f
0:      jmp     *PT_SLOT_TARGET(%eax)
1:      movl    (%esp), %eax
        addl    $\slots + slot - 0b, %eax
        ret
        .balign PT_STUB_SIZE, 0xcc
        .set    slot, slot + PT_SLOT_SIZE
        .endm

#define STUB_THUNK 12 /* from the stub to label 1, where one more word is on the stack */

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table; a profiler may stop within a stub, and where tells how deep the stack is:
 * CFA = esp + 4 + ((eip & (PT_STUB_SIZE - 1)) >= STUB_THUNK) * 4. ---- */

        text_section pt_builtin
        .balign PT_STUB_SIZE
        function pt_builtin_code
        /* DW_CFA_def_cfa_expression, 11 bytes: DW_OP_breg4 4, breg8 0, lit31, and, lit12, ge, lit2,
         * shl, plus */
        .cfi_escape 0x0f, 11, 0x74, 4, 0x78, 0, 0x30 + PT_STUB_SIZE - 1, 0x1a
        .cfi_escape 0x30 + STUB_THUNK, 0x2a, 0x32, 0x24, 0x22
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        stub    pt_builtin_slots
        .endr
        function_end pt_builtin_code

        builtin_slots 4096

/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .balign 4096
        symbol  pt_template_code, function
        .set    slot, PT_UNIT
        .rept   PT_UNIT_STUBS
        stub    pt_template_code
        .endr
        data_end pt_template_code

/* ---- Entries: what a slot's target points at. ----
 *
 * In C:
 *
 *     struct pt_record *record = slot->data;
 *     struct pt_frame frame = {ecx, edx};
 *     record->kind->invoke(&frame, record);
 *     the result registers = frame.result;
 *
 *     ebp + 8                 memory arguments of the caller: &frame + PT_FRAME_STACK
 *     ebp + 4                 return address
 *     ebp                     ebp of the caller:              &frame + PT_FRAME_SIZE
 *     FRAME(PT_FRAME_POPS)    bytes of memory arguments that return with the callee
 *     FRAME(PT_FRAME_RESULT)  eax edx | st0 or xmm0
 *     FRAME(PT_FRAME_GPR)     ecx edx     (only saved where they hold arguments)
 *     esp                     &frame, record: the arguments of invoke
 *
 * esp is aligned anew: compilers rely on multiples of 16 at a call (psABI 1.1, 2.2.2), and callers
 * that keep to an older ABI give multiples of 4. */

#define FRAME(at) (at) - PT_FRAME_SIZE(%ebp)

        .text

        .macro  entry name
        .balign 16
        function \name
        endbr32
        .endm

        .macro  open_frame
        pushl   %ebp
        .cfi_def_cfa_offset 8
        .cfi_offset %ebp, -8
        movl    %esp, %ebp
        .cfi_def_cfa_register %ebp
        subl    $PT_FRAME_SIZE + 8, %esp
        andl    $-16, %esp
        movl    PT_SLOT_DATA(%eax), %eax
        .endm

        .macro  invoke
        leal    FRAME(0), %ecx
        movl    %ecx, (%esp)
        movl    %eax, 4(%esp)
        movl    PT_RECORD_KIND(%eax), %eax
        call    *(%eax)
        .endm

        .macro  load_int
        movl    FRAME(PT_FRAME_RESULT), %eax
        movl    FRAME(PT_FRAME_RESULT + 4), %edx
        .endm

        .macro  load_float
        flds    FRAME(PT_FRAME_RESULT_FP)
        .endm

        .macro  load_double
        fldl    FRAME(PT_FRAME_RESULT_FP)
        .endm

        .macro  load_x87
        fldt    FRAME(PT_FRAME_RESULT_FP)
        .endm

        .macro  load_half
        movss   FRAME(PT_FRAME_RESULT_FP), %xmm0
        .endm

        .macro  close_frame
        leave
        .cfi_def_cfa %esp, 4
        .cfi_restore %ebp
        .endm

/* What the signature says is read before the call: while it ran, the closure may have been freed and
 * its record used again. */
        .macro  open_popping_frame
        open_frame
        movl    %ecx, FRAME(PT_FRAME_GPR)
        movl    %edx, FRAME(PT_FRAME_GPR + 4)
        movl    PT_RECORD_SIGNATURE(%eax), %edx
        movl    PT_SIGNATURE_STACK_SIZE(%edx), %edx
        movl    %edx, FRAME(PT_FRAME_POPS)
        .endm

/* The return address moves up over the arguments, and esp with it in one step: at no time would a
 * signal handler find it below esp, and a shadow stack sees the ret that belongs to the call. Until
 * then the caller's frame is found by CFA = esp + 4 - ecx, and the return address at esp. */
        .macro  return_popping
        leal    (%esp, %ecx), %esp
        /* DW_CFA_def_cfa_expression, 5 bytes: DW_OP_breg4 4, breg1 0, minus */
        .cfi_escape 0x0f, 5, 0x74, 4, 0x71, 0, 0x1c
        /* DW_CFA_expression for eip, 2 bytes: DW_OP_breg4 0 */
        .cfi_escape 0x10, 8, 2, 0x74, 0
        ret
        .endm

/* One for each way in which a function returns its value, where the caller takes the arguments off
 * the stack (cdecl) and where the callee does (stdcall, fastcall, thiscall). */
        .macro  entries result, plain, popping
        entry   \plain
        open_frame
        invoke
        load_\result
        close_frame
        ret
        function_end \plain

        entry   \popping
        open_popping_frame
        invoke
        movl    4(%ebp), %edx
        movl    FRAME(PT_FRAME_POPS), %ecx
        movl    %edx, 4(%ebp, %ecx)
        load_\result
        close_frame
        return_popping
        function_end \popping
        .endm

        entries int, pt_entry_int, pt_entry_popping_int
        entries float, pt_entry_float, pt_entry_popping_float
        entries double, pt_entry_double, pt_entry_popping_double
        entries x87, pt_entry_x87, pt_entry_popping_x87
        entries half, pt_entry_half, pt_entry_popping_half

/* cdecl with a result in memory: its address is an argument that the callee takes off the stack
 * (psABI 1.1, 2.2.3), and returns in eax. */
        entry   pt_entry_reference
        open_frame
        invoke
        load_int
        close_frame
        ret     $4
        function_end pt_entry_reference

        alias   pt_entry_unprepared, pt_entry_int

/* ---- Entries of bare trampolines. ---- */

/* ecx = record->userdata; goto *record->handler. edx stays, for it may hold an argument. */
        entry   pt_entry_chain
        movl    PT_SLOT_DATA(%eax), %eax
        movl    PT_RECORD_USERDATA(%eax), %ecx
        jmp     *PT_RECORD_HANDLER(%eax)
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        movl    PT_SLOT_DATA(%eax), %eax
        movl    PT_RECORD_LABEL(%eax), %ecx
        jmp     *PT_RECORD_SIGNATURE(%eax)
        function_end pt_entry_retired

/* Returns zero in every result register but the x87 stack, whose depth only the caller knows. */
        entry   pt_entry_zero
        xorl    %eax, %eax
        xorl    %edx, %edx
        ret
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        ret
        function_end pt_entry_probe
#endif
#include "../notes.S"
