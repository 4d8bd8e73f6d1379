/* What assemblers and systems call things, for stubs.S: ELF, Mach-O, COFF; and the three ways of
 * describing a frame to whoever unwinds it. */
/* clang-format off */

        .macro  bti_c
        hint    #34
        .endm

#if PT_OS_DARWIN
/* ---- Mach-O. Names begin with an underscore. arm64 has no signed return addresses (arm64e, which
 * has, is another convention). x18 is the system's; GCC's static chain is x16 there. ---- */

#  define CHAIN        x16
#  define CHAIN_TARGET x17

        .macro  hidden name
        .globl  _\name
        .private_extern _\name
_\name:
        .endm

        .macro  alias name, of
        .globl  _\name
        .private_extern _\name
        .set    _\name, _\of
        .endm

        .macro  address register, name, plus
        adrp    \register, _\name@PAGE + \plus
        add     \register, \register, _\name@PAGEOFF + \plus
        .endm

        .macro  builtin_section
        .section __TEXT,__pt_builtin,regular,pure_instructions
        .endm

        .macro  template_section
        .section __TEXT,__pt_template,regular,pure_instructions
        .p2align 14 /* pages of 16 KiB */
        .endm

        .macro  code_section
        .section __TEXT,__text,regular,pure_instructions
        .endm

        .macro  builtin_slots name, size
        .globl  _\name
        .private_extern _\name
        .zerofill __DATA,__pt_slots,_\name,\size,12
        .endm

        .macro  end_object name
        .endm

        .macro  sign_return_address
        bti_c
        .endm

        .macro  authenticate_return_address
        .endm

#elif PT_OS_WINDOWS
/* ---- COFF. x18 is the thread's environment block; GCC's static chain is x17 there. Windows signs
 * with the B key, and its unwind codes know no other. ---- */

#  define CHAIN        x17
#  define CHAIN_TARGET x16

        .macro  hidden name
        .globl  \name
        .def    \name
        .scl    2
        .type   32
        .endef
\name:
        .endm

        .macro  alias name, of
        .globl  \name
        .set    \name, \of
        .endm

        .macro  address register, name, plus
        adrp    \register, \name + \plus
        add     \register, \register, :lo12:\name + \plus
        .endm

        .macro  builtin_section
        .section .text$pt_builtin, "xr"
        .endm

        .macro  code_section
        .text
        .endm

        .macro  builtin_slots name, size
        .section .bss$pt_builtin, "bw"
        .balign 4096
        .globl  \name
\name:
        .skip   \size
        .endm

        .macro  end_object name
        .endm

        .macro  sign_return_address
        hint    #27 /* pacibsp */
        .seh_pac_sign_lr
        .endm

        .macro  authenticate_return_address
        hint    #31 /* autibsp */
        .seh_pac_sign_lr
        .endm

#else
/* ---- ELF. GCC's static chain is x18, but where the system has it (Android's shadow call stack). */

#  if PT_X18_IS_RESERVED
#    define CHAIN x16
#  else
#    define CHAIN x18
#  endif
#  define CHAIN_TARGET x17

        .macro  hidden name
        .globl  \name
        .hidden \name
        .type   \name, %function
\name:
        .endm

        .macro  alias name, of
        .globl  \name
        .hidden \name
        .set    \name, \of
        .endm

        .macro  address register, name, plus
        adrp    \register, \name + \plus
        add     \register, \register, :lo12:\name + \plus
        .endm

        .macro  builtin_section
        .section .text.pt_builtin, "ax", %progbits
        .endm

        .macro  template_section
        .section .text.pt_template, "ax", %progbits
        .balign PT_UNIT /* the largest pages are as large */
        .endm

        .macro  code_section
        .text
        .endm

        .macro  builtin_slots name, size
        .section .bss.pt_builtin, "aw", %nobits
        .balign 4096
        .globl  \name
        .hidden \name
        .type   \name, %object
\name:
        .skip   \size
        .size   \name, . - \name
        .endm

        .macro  end_object name
        .size   \name, . - \name
        .endm

        .macro  sign_return_address
        hint    #25 /* paciasp */
        .cfi_negate_ra_state
        .endm

        .macro  authenticate_return_address
        hint    #29 /* autiasp */
        .cfi_negate_ra_state
        .endm
#endif

#if PT_OS_WINDOWS
        .macro  start_leaf name
        .endm

        .macro  start_frame name
        .seh_proc \name
        .endm

        .macro  pair_was_saved
        .seh_save_fplr_x PT_FRAME_SIZE
        .endm

        .macro  frame_was_set
        .seh_set_fp
        .seh_endprologue
        .endm

        .macro  start_epilogue
        .seh_startepilogue
        .endm

        .macro  pair_was_restored
        .seh_save_fplr_x PT_FRAME_SIZE
        .endm

        .macro  end_epilogue
        .seh_endepilogue
        .endm

        .macro  end_leaf name
        .endm

        .macro  end_frame name
        .seh_endproc
        .endm
#else
        .macro  start_leaf name
        .cfi_startproc
        .endm

        .macro  start_frame name
        .cfi_startproc
        .endm

        .macro  pair_was_saved
        .cfi_def_cfa_offset PT_FRAME_SIZE
        .cfi_offset x29, -PT_FRAME_SIZE
        .cfi_offset x30, 8 - PT_FRAME_SIZE
        .endm

        .macro  frame_was_set
        .endm

        .macro  start_epilogue
        .endm

        .macro  pair_was_restored
        .cfi_def_cfa_offset 0
        .cfi_restore x29
        .cfi_restore x30
        .endm

        .macro  end_epilogue
        .endm

        .macro  end_leaf name
        .cfi_endproc
        end_object \name
        .endm

        .macro  end_frame name
        .cfi_endproc
        end_object \name
        .endm
#endif
