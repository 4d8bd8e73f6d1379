/* LoongArch, lp64d: variadic arguments go where integers do, as on RISC-V. */
#include "../config.h"
#ifdef PT_ARCH_LOONGARCH64
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){PYTRAMP_ABI_LOONGARCH, cif->loongarch_nfixedargs, 0, 1};
    return cif->abi == FFI_DEFAULT_ABI;
}

/* pcaddi $t0, 0; ld.d $t0, $t0, 16; jr $t0; nop */
static const uint32_t jump[] = {0x1800000c, 0x28c0418c, 0x4c000180, 0x03400000};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
