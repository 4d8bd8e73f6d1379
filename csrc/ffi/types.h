/* libffi's types and interfaces as pytramp's types and signatures. */
#ifndef PT_FFI_TYPES_H
#define PT_FFI_TYPES_H

#include <ffi.h>

#include "../config.h"
#include "../include/pytramp.h"

/* The signature of a cif that was prepared. FFI_BAD_TYPEDEF where it has a type that cannot be
 * passed, or there is no memory; FFI_BAD_ABI. */
PT_HIDDEN ffi_status pt_ffi_signature_of(const ffi_cif *cif, const pytramp_signature **signature);

#endif
