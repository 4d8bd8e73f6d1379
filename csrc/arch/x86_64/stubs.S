/* Stubs, and what bare trampolines need besides: x86-64, in any calling convention.
 *
 * Stub i, in C:
 *
 *     r10 = &slot[i];  goto *slot[i].target;
 *
 * r10 is the static chain and r11 is scratch at a function's entry, in System V's convention (psABI
 * 3.2.3, figure 3.4) and in Windows' ("volatile", and no arguments); no other register may change,
 * al included: it counts the vector registers of a variadic call. An entry loads slot.data after the
 * stub loaded slot.target, the reverse of the order in which pt_pool_publish stores them, so no call
 * pairs a new target with old data. Every landing pad is an endbr64 and every call meets its ret: the
 * code is clean under IBT and a shadow stack. */

#include "../../config.h"
#ifdef PT_ARCH_X86_64
#include "frame.h"
#include "object.h"

        .intel_syntax noprefix

/* ---- The built-in pool: a link-time relocation finds its slots in .bss. One unwind entry covers the
 * whole table, whose stubs leave the stack alone: a profiler may stop within one. ---- */

        text_section pt_builtin
        .balign PT_STUB_SIZE
#ifdef PT_OS_WINDOWS
        data    pt_template_code /* growth finds both of them again in a second view of the module */
#endif
        function pt_builtin_code
        prologue_end
        .set    slot, 0
        .rept   PT_BUILTIN_UNITS * PT_UNIT_STUBS
        endbr64
        lea     r10, pt_builtin_slots[rip + slot]
        jmp     qword ptr [r10 + PT_SLOT_TARGET]
        .balign PT_STUB_SIZE, 0xcc
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        function_end pt_builtin_code

        bss_section pt_builtin
        .balign 4096
        data    pt_builtin_slots
        .skip   PT_BUILTIN_UNITS * PT_UNIT
        data_end pt_builtin_slots

#ifndef PT_OS_WINDOWS
/* ---- The template: never run where it stands. Growth maps it again, slots behind. ---- */

        text_section pt_template
        .balign 4096
        symbol  pt_template_code, function
        .set    slot, PT_UNIT
        .rept   PT_UNIT_STUBS
        endbr64
        lea     r10, pt_template_code[rip + slot]
        jmp     qword ptr [r10 + PT_SLOT_TARGET]
        .balign PT_STUB_SIZE, 0xcc
        .set    slot, slot + PT_SLOT_SIZE
        .endr
        .size   pt_template_code, . - pt_template_code
#endif

/* ---- Entries of bare trampolines. ---- */

        .text
        .macro  entry name
        .balign 16
        function \name
        prologue_end
        endbr64
        .endm

/* r10 = record->userdata; goto *record->handler. The target is read before the data. */
        entry   pt_entry_chain
        mov     r10, [r10 + PT_SLOT_DATA]
        mov     r11, [r10 + PT_RECORD_HANDLER]
        mov     r10, [r10 + PT_RECORD_USERDATA]
        jmp     r11
        function_end pt_entry_chain

/* The same for a retired one, whose new target lies elsewhere: a call that is already inside
 * pt_entry_chain must still find the old pair. */
        entry   pt_entry_retired
        mov     r10, [r10 + PT_SLOT_DATA]
        mov     r11, [r10 + PT_RECORD_SIGNATURE]
        mov     r10, [r10 + PT_RECORD_LABEL]
        jmp     r11
        function_end pt_entry_retired

/* Returns zero in every result register but the x87 stack, whose depth only the caller knows. */
        entry   pt_entry_zero
        xor     eax, eax
        xor     edx, edx
        xorps   xmm0, xmm0
        xorps   xmm1, xmm1
        ret
        function_end pt_entry_zero

/* Returns the slot's address: run once on every new page pair. */
        entry   pt_entry_probe
        mov     rax, r10
        ret
        function_end pt_entry_probe
#endif
#include "../notes.S"
