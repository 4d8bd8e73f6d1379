/* RISC-V, lp64d. "Variadic arguments are passed according to the integer calling convention." */
#include "../config.h"
#ifdef PT_ARCH_RISCV64
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){PYTRAMP_ABI_RISCV, cif->riscv_nfixedargs, 0, 1};
    return cif->abi == FFI_SYSV;
}

/* auipc t2, 0; ld t2, 16(t2); jr t2; nop */
static const uint32_t jump[] = {0x00000397, 0x0103b383, 0x00038067, 0x00000013};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
