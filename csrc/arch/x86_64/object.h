/* What object formats call sections, symbols and unwind data: the words of ../elf.S, and
 *
 *     allocate n          a function's prologue: rsp -= n
 *     prologue_end
 *     release n           its epilogue: rsp += n, and nothing but ret behind it
 *
 * ELF has unwind data in DWARF, which follows every instruction. COFF has it for SEH, which knows
 * what the prologue does and recognises an epilogue by its instructions ("x64 exception handling"
 * in Microsoft's C++ documentation); symbols are hidden there unless something exports them. */
#ifndef PT_OBJECT_H
#define PT_OBJECT_H

#ifdef PT_OS_WINDOWS

.macro  text_section name
        .section .text$\name, "xr"
        .endm

        .macro  bss_section name
        .section .bss, "bw" /* where linkers know no .bss$name */
        .endm

        .macro  function name
        .globl  \name
        .def    \name
        .scl    2  /* external */
        .type   32 /* a function */
        .endef
        .seh_proc \name
\name:
        .endm

        .macro  function_end name
        .seh_endproc
        .endm

        .macro  allocate n
        sub     rsp, \n
        .seh_stackalloc \n
        .endm

        .macro  prologue_end
        .seh_endprologue
        .endm

        .macro  release n
        add     rsp, \n
        .endm

        .macro  data name
        .globl  \name
\name:
        .endm

        .macro  data_end name
        .endm

        .macro  alias name, of
        .globl  \name
        .set    \name, \of
        .endm

#else
#  include "../elf.S"

.macro  allocate n
        sub     rsp, \n
        .cfi_adjust_cfa_offset \n
        .endm

        .macro  prologue_end
        .endm

        .macro  release n
        add     rsp, \n
        .cfi_adjust_cfa_offset -(\n)
        .endm

#endif
#endif
