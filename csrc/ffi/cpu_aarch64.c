/* AArch64, as Linux has it: unnamed arguments are passed like named ones. */
#include "../config.h"
#if defined(PT_ARCH_AARCH64) && defined(PT_OS_LINUX)
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){PYTRAMP_ABI_AAPCS64, PT_FFI_ALL_HARD, 0, 0};
    return cif->abi == FFI_SYSV;
}

/* bti c; ldr x16, . + 12; br x16; nop. A branch through x16 may land on the stub's `bti c`. */
static const uint32_t jump[] = {0xd503245f, 0x58000070, 0xd61f0200, 0xd503201f};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
