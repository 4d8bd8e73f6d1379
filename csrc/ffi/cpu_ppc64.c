/* 64-bit PowerPC. Unnamed arguments are in general registers and in the parameter save area, floats
 * as well. Where functions have descriptors, there are no jumps (jump.c). */
#include "../config.h"
#ifdef PT_ARCH_PPC64
#  include <assert.h>

#  include "cpu.h"

/* What the bits of an abi beside this one say is how large long double is, which is known from the
 * type, and that structs are aligned, as compilers have it. */
static int convention(const ffi_cif *cif, struct pt_ffi_convention *to) {
    pytramp_abi abi = PT_DESCRIPTORS ? PYTRAMP_ABI_ELFV1_PPC64 : PYTRAMP_ABI_ELFV2_PPC64;
    *to = (struct pt_ffi_convention){abi, cif->nfixedargs, 0, 0};
    return (cif->abi & FFI_LINUX) && cif->abi < FFI_LAST_ABI &&
           !(cif->abi & FFI_LINUX_LONG_DOUBLE_IEEE128);
}

/* ld 12, 16(12); mtctr 12; bctr; nop. Who calls a function by its address has that in r12, and so
 * must the stub. */
static const uint32_t jump[] = {0xe98c0010, 0x7d8903a6, 0x4e800420, 0x60000000};
PT_FFI_JUMP_FITS(jump);

const struct pt_ffi_cpu pt_ffi_cpu = {convention, PT_FFI_JUMP(jump)};
#endif
