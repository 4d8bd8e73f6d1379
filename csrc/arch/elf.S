/* What ELF calls sections, symbols and unwind data, on any CPU; to be included, as notes.S is.
 *
 *     text_section name   code of its own, which the linker keeps in one piece
 *     bss_section name
 *     symbol name, type   hidden
 *     function name       a hidden function; its unwind data begins
 *     function_end name
 *     data name           a hidden object
 *     data_end name
 *     alias name, of      another name of a function
 *     builtin_slots align the slots of the built-in pool */

        .macro  text_section name
        .section .text.\name, "ax", %progbits
        .endm

        .macro  bss_section name
        .section .bss.\name, "aw", %nobits
        .endm

        .macro  symbol name, type
        .globl  \name
        .hidden \name
        .type   \name, %\type
\name:
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

#ifdef PT_ARCH_ARM /* has tables of its own (EHABI) */
        .macro  function name
        symbol  \name, function
        .fnstart
        .endm

        .macro  function_end name
        .fnend
        .size   \name, . - \name
        .endm
#else
        .macro  function name
        symbol  \name, function
        .cfi_startproc
        .endm

        .macro  function_end name
        .cfi_endproc
        .size   \name, . - \name
        .endm
#endif

        .macro  builtin_slots align
        bss_section pt_builtin
        .balign \align
        data    pt_builtin_slots
        .skip   PT_BUILTIN_UNITS * PT_UNIT
        data_end pt_builtin_slots
        .endm
