/* Calls: a closure of pytramp whose handler is that of an ffi_closure. */
#ifndef PT_FFI_CALL_H
#define PT_FFI_CALL_H

#include "../config.h"
#include "../include/pytramp.h"

/* A pytramp_handler. userdata is the ffi_closure, whose fields count as they are when it is called:
 * programs write them. */
PT_HIDDEN void pt_ffi_call(const pytramp_signature *signature, void *result, void *const *args,
                           void *userdata);

#endif
