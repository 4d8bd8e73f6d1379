/* i386: cdecl, stdcall, fastcall, thiscall. */
#include "../config.h"
#ifdef PT_ARCH_I386
#  include <assert.h>

#  include "cpu.h"

/* Not there: Pascal's and Borland's register convention, and Microsoft's cdecl where it returns
 * structs, small ones in registers. */
static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){.hard_args = PT_FFI_ALL_HARD};
    switch (cif->abi) {
    case FFI_SYSV: to->abi = PYTRAMP_ABI_CDECL_X86; return 1;
    case FFI_STDCALL: to->abi = PYTRAMP_ABI_STDCALL_X86; return 1;
    case FFI_FASTCALL: to->abi = PYTRAMP_ABI_FASTCALL_X86; return 1;
    case FFI_THISCALL: to->abi = PYTRAMP_ABI_THISCALL_X86; return 1;
    case FFI_MS_CDECL:
        to->abi = PYTRAMP_ABI_CDECL_X86;
        return cif->rtype->type != FFI_TYPE_STRUCT && cif->rtype->type != FFI_TYPE_COMPLEX;
    default: return 0;
    }
}

/* endbr32; jmp: no register is free in all of them */
static const unsigned char jump[] = {0xf3, 0x0f, 0x1e, 0xfb, 0xe9};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump), .is_relative = 1};
#endif
