/* A jump to a trampoline in memory that the caller mapped. */
#ifndef PT_FFI_JUMP_H
#define PT_FFI_JUMP_H

#include <ffi.h>

#include "../config.h"

/* Writes it into closure->tramp, which is to be executed at codeloc: the same memory, mapped again
 * or not. code is a trampoline. */
PT_HIDDEN void pt_ffi_write_jump(ffi_closure *closure, void *codeloc, const void *code);

#endif
