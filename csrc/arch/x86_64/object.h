/* What object formats call sections, symbols and unwind data. For the assembler only.
 *
 *     text_section name   code of its own, which the linker keeps in one piece
 *     bss_section name
 *     function name       a hidden function; its unwind data begins
 *     allocate n          its prologue: rsp -= n
 *     prologue_end
 *     release n           its epilogue: rsp += n, and nothing but ret behind it
 *     function_end name
 *     data name           a hidden object
 *     data_end name
 *     alias name, of      another name of a function
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

.macro  text_section name
        .section .text.\name, "ax", @progbits
        .endm

        .macro  bss_section name
        .section .bss.\name, "aw", @nobits
        .endm

        .macro  symbol name, type
        .globl  \name
        .hidden \name
        .type   \name, @\type
\name:
        .endm

        .macro  function name
        symbol  \name, function
        .cfi_startproc
        .endm

        .macro  function_end name
        .cfi_endproc
        .size   \name, . - \name
        .endm

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

        .macro  data name
        symbol  \name, object
        .endm

        .macro  data_end name
        .size   \name, . - \name
        .endm

        .macro  alias name, of
        .globl  \name
        .hidden \name
        .set    \name, \of
        .endm

#endif
#endif
