/* MIPS, n64: floats that are unnamed arguments go where integers do. */
#include "../config.h"
#ifdef PT_ARCH_MIPS64
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){PYTRAMP_ABI_MIPS_N64, cif->mips_nfixedargs, 0, 0};
    return cif->abi == FFI_N64;
}

/* ld $25, 16($25); jalr $0, $25 (release 6 has no other jr); nop; nop. Who calls a function has its
 * address in $25, and so must the stub. */
static const uint32_t jump[] = {0xdf390010, 0x03200009, 0, 0};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
