/* 32-bit Arm with VFP registers. FFI_SYSV, which ffi_prep_cif_var sets, too, is the base standard:
 * the procedure call standard's "Co-processor Register Usage" does not apply to any value. */
#include "../config.h"
#ifdef PT_ARCH_ARM
#  include <assert.h>

#  include "cpu.h"

static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    int is_base = cif->abi == FFI_SYSV;
    *to = (struct pt_ffi_convention){.abi = PYTRAMP_ABI_AAPCS32,
                                     .hard_args = is_base ? 0 : PT_FFI_ALL_HARD,
                                     .soft_result = is_base};
    return is_base || cif->abi == FFI_VFP;
}

/* ldr pc, [pc, #-4] */
static const uint32_t jump[] = {0xe51ff004};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
