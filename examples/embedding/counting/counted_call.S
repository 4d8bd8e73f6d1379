/* The target of every counting trampoline. In C:
 *
 *     struct counted *counted = the static chain;
 *     atomic_fetch_add(&counted->calls, 1);
 *     goto *counted->function;
 *
 * Nothing is changed but what a CPU's calling convention leaves free at a function's entry, and the
 * stack is as the caller left it: whatever the function's type is, its arguments are in their places,
 * and it returns to the caller by itself. */

#include "config.h"

#define FUNCTION PT_POINTER_SIZE /* where counted->function is */

#if defined(PT_ARCH_X86_64)
#  include "arch/x86_64/object.h"
        .intel_syntax noprefix
        .text
        .balign 16
        function counted_call
        prologue_end
        endbr64
        lock inc qword ptr [r10]
        jmp     qword ptr [r10 + FUNCTION]
        function_end counted_call

#elif defined(PT_ARCH_AARCH64)
#  include "arch/aarch64/syntax.h"
        code_section
        .balign 16
        hidden  counted_call
        start_leaf counted_call
        bti_c
1:      ldxr    x9, [CHAIN]
        add     x9, x9, #1
        stxr    w10, x9, [CHAIN]
        cbnz    w10, 1b
        ldr     CHAIN_TARGET, [CHAIN, #FUNCTION] /* x16 or x17: may land on a bti c */
        br      CHAIN_TARGET
        end_leaf counted_call

#else
#  include "arch/elf.S"
        .text
#  if defined(PT_ARCH_I386)
        .balign 16
        function counted_call
        endbr32
        lock incl (%ecx)
        jmp     *FUNCTION(%ecx)
        function_end counted_call

#  elif defined(PT_ARCH_ARM) /* ip alone is free: two arguments make room for as long as it takes */
        .syntax unified
        .arch   armv7-a
        .fpu    vfpv3-d16
        .eabi_attribute 28, 1 @ Tag_ABI_VFP_args
        .arm
        .balign 4
        function counted_call
        push    {r0, r1}
1:      ldrex   r0, [ip]
        add     r0, r0, #1
        strex   r1, r0, [ip]
        cmp     r1, #0
        bne     1b
        pop     {r0, r1}
        ldr     pc, [ip, #FUNCTION]
        function_end counted_call

#  elif defined(PT_ARCH_RISCV64)
        .p2align 2
        function counted_call
        auipc   zero, 0 /* Zicfilp's landing pad */
        li      t1, 1
        amoadd.d zero, t1, (t2)
        ld      t1, FUNCTION(t2)
        jr      t1
        function_end counted_call

#  elif defined(PT_ARCH_LOONGARCH64)
        .p2align 4
        function counted_call
        ori     $t1, $zero, 1
        amadd.d $t0, $t1, $t8
        ld.d    $t1, $t8, FUNCTION
        jr      $t1
        function_end counted_call

#  elif defined(PT_ARCH_S390X)
        .machine z196 /* from there on agsi is one atomic step ("interlocked-access facility 1") */
        .balign 16
        function counted_call
        lgr     %r1, %r0
        agsi    0(%r1), 1
        lg      %r1, FUNCTION(%r1)
        br      %r1
        function_end counted_call

#  elif defined(PT_ARCH_MIPS64)
        .set    noreorder
        .set    nomacro
        .balign 16
        function counted_call
1:      lld     $24, 0($15)
        daddiu  $24, $24, 1
        scd     $24, 0($15)
        beq     $24, $0, 1b
        nop
        ld      $25, FUNCTION($15)
        jr      $25
        nop
        function_end counted_call

#  elif defined(PT_ARCH_PPC64)
        .macro  count
1:      ldarx   0, 0, 11
        addic   0, 0, 1
        stdcx.  0, 0, 11
        bne-    1b
        ld      12, FUNCTION(11)
        .endm
#    if PT_DESCRIPTORS /* the function brings three words of its own */
        .abiversion 1
        .section .opd, "aw", %progbits
        .balign 8
        data    counted_call
        .quad   .Lcounted_call, .TOC.@tocbase, 0
        data_end counted_call
        .text
        .balign 16
.Lcounted_call:
        .cfi_startproc
        count
        ld      0, 0(12)
        ld      2, 8(12)
        ld      11, 16(12)
        mtctr   0
        bctr
        .cfi_endproc
#    else
        .abiversion 2
        .balign 16
        function counted_call
        count
        mtctr   12
        bctr
        function_end counted_call
#    endif
#  endif
#endif

#include "arch/notes.S"
