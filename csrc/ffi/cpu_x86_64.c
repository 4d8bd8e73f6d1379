/* x86-64: System V's convention, and Windows' by attribute. */
#include "../config.h"
#ifdef PT_ARCH_X86_64
#  include <assert.h>

#  include "cpu.h"

/* libffi's two for Windows differ where long double is Microsoft's, which it is not here. */
static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){.hard_args = PT_FFI_ALL_HARD};
    switch (cif->abi) {
    case FFI_UNIX64: to->abi = PYTRAMP_ABI_SYSV_X86_64; return 1;
    case FFI_WIN64:
    case FFI_GNUW64: to->abi = PYTRAMP_ABI_WIN64; return 1;
    default: return 0;
    }
}

/* endbr64; jmp [rip + 0] */
static const unsigned char jump[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0, 0, 0, 0};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
