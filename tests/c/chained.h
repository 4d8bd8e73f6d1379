/* chained(n) is what a nested function is to its callers, whatever the compiler: it returns n + *p
 * for the long * that comes in the static chain. Include it after check.h. */
#ifndef CHAINED_H
#define CHAINED_H

extern long chained(long n);

#if defined(__x86_64__)
#  define CHAINED "endbr64; movq (%r10), %rax; addq %rdi, %rax; ret"
#elif defined(__i386__)
#  define CHAINED "endbr32; movl (%ecx), %eax; addl 4(%esp), %eax; ret"
#elif defined(__aarch64__)
#  define CHAINED "hint #34; ldr x9, [x18]; add x0, x0, x9; ret"
#elif defined(__arm__)
#  define CHAINED ".arm; ldr r1, [ip]; add r0, r0, r1; bx lr"
#elif defined(__riscv)
#  define CHAINED "ld a1, (t2); add a0, a0, a1; ret"
#elif defined(__loongarch__)
#  define CHAINED "ld.d $a1, $t8, 0; add.d $a0, $a0, $a1; jr $ra"
#elif defined(__s390x__)
#  define CHAINED "lgr %r1, %r0; ag %r2, 0(%r1); br %r14"
#elif defined(__mips__)
#  define CHAINED ".set noreorder; ld $2, ($15); jr $31; daddu $2, $2, $4; .set reorder"
#elif defined(__powerpc64__) && _CALL_ELF == 2
#  define CHAINED "ld 4, 0(11); add 3, 3, 4; blr"
#endif

#if defined(__powerpc64__) && _CALL_ELF != 2 /* a function is three words, its code one of them */
__asm__(".section .opd, \"aw\"\n.balign 8\n.globl chained\n"
        "chained: .quad .Lchained, .TOC.@tocbase, 0\n.type chained, %function\n"
        ".text\n.Lchained: ld 4, 0(11); add 3, 3, 4; blr");
#elif defined(CHAINED)
__asm__(".text\n.balign 16\n.globl chained\n.type chained, %function\n"
        "chained: " CHAINED "\n.size chained, . - chained");
#else
long chained(long n) {
    skip("nobody has written chained() for this CPU");
    return n;
}
#endif

#endif
