/* What depends on the CPU: one cpu_<name>.c for each, which exports the one pt_ffi_cpu. */
#ifndef PT_FFI_CPU_H
#define PT_FFI_CPU_H

#include <ffi.h>
#include <stdint.h>

#include "../config.h"
#include "../include/pytramp.h"

/* How the values of a cif are passed. */
struct pt_ffi_convention {
    pytramp_abi abi;
    /* Arguments from this one on go where integers of their size would: in unnamed arguments, or
     * where nothing uses floating-point registers. */
    size_t hard_args;
    int soft_result;
    /* Unnamed ones that are aligned to two registers begin with an even one, which pytramp has no
     * word for: they are refused. */
    int has_even_pairs;
};

#define PT_FFI_ALL_HARD ((size_t)-1)

struct pt_ffi_cpu {
    /* 0 for a convention that pytramp does not have. */
    int (*convention)(const ffi_cif *cif, struct pt_ffi_convention *convention);
    /* Instructions that jump to the address behind them, for memory that the caller mapped; it is
     * not aligned to more than 4. They leave alone what a function's caller may have set. */
    const void *jump;
    size_t jump_size;
    int is_relative; /* what is behind them is the distance from its own end */
};

PT_HIDDEN extern const struct pt_ffi_cpu pt_ffi_cpu;

/* For cpu_<name>.c: together they are what there is room for. */
#define PT_FFI_JUMP(bytes) .jump = (bytes), .jump_size = sizeof(bytes)
#define PT_FFI_JUMP_FITS(bytes)                                                                    \
    static_assert(sizeof(bytes) + sizeof(void *) <= FFI_TRAMPOLINE_SIZE, "")

#endif
