#include "call.h"

#include <ffi.h>
#include <string.h>

#include "../type.h"
#include "../signature.h"

static void call(const ffi_closure *closure, void *result, void *const *args) {
    if (closure->fun) closure->fun(closure->cif, result, (void **)args, closure->user_data);
}

static int is_integer(const pytramp_type *type) {
    return type->class == PT_CLASS_SIGNED || type->class == PT_CLASS_UNSIGNED ||
           type->class == PT_CLASS_POINTER;
}

/* libffi's handlers write integers as an ffi_arg, whose end is theirs on a big-endian machine, and
 * may write one where there is no result. */
static void call_narrow(const ffi_closure *closure, const pytramp_type *type, void *result,
                        void *const *args) {
    union {
        ffi_arg word;
        unsigned char bytes[sizeof(ffi_arg)];
    } wide = {0};
    call(closure, &wide, args);
    size_t skipped = PT_BIG_ENDIAN && is_integer(type) ? sizeof wide - type->size : 0;
    if (result) memcpy(result, wide.bytes + skipped, type->size);
}

void pt_ffi_call(const pytramp_signature *signature, void *result, void *const *args,
                 void *userdata) {
    if (signature->result->size < sizeof(ffi_arg))
        call_narrow(userdata, signature->result, result, args);
    else
        call(userdata, result, args);
}
