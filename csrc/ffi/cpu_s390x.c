/* IBM Z: unnamed arguments are passed like named ones. */
#include "../config.h"
#ifdef PT_ARCH_S390X
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    *to = (struct pt_ffi_convention){PYTRAMP_ABI_S390X, PT_FFI_ALL_HARD, 0, 0};
    return cif->abi == FFI_SYSV;
}

/* basr %r1, 0; lg %r1, 14(%r1); br %r1; three times nopr */
static const unsigned char jump[] = {0x0d, 0x10, 0xe3, 0x10, 0x10, 0x0e, 0x00, 0x04,
                                     0x07, 0xf1, 0x07, 0x07, 0x07, 0x07, 0x07, 0x07};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
