/* libffi's functions for closures, and the only names that the library exports. */
#include <ffi.h>

#include "../closure.h"
#include "../stubs.h"
#include "call.h"
#include "jump.h"
#include "places.h"
#include "types.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *ffi_closure_alloc(size_t size, void **code) {
    void *made;
    if (!code || pytramp_alloc(&made)) return NULL;
    struct pt_ffi_place *place =
        pt_ffi_take(made, size < sizeof(ffi_closure) ? sizeof(ffi_closure) : size);
    if (!place) {
        pytramp_free(made);
        return NULL;
    }
    *code = made;
    return place->closure;
}

/* Of the closure or of its code, as libffi has it. What is not alive, or never was, is left alone.
 */
EXPORTED void ffi_closure_free(void *closure) {
    struct pt_ffi_place *place = pt_ffi_find(closure);
    if (!place || !pt_ffi_is_own(place)) return;
    if (pytramp_closure_free(place->code) == PYTRAMP_E_KIND) pytramp_free(place->code);
}

/* At any of the instructions of a trampoline? */
static int is_within_trampoline(void *code) {
    return pt_pool_find((unsigned char *)code - (uintptr_t)code % PT_STUB_SIZE) != NULL;
}

/* Beside a place of our own, codeloc says nothing, as in libffi on most CPUs. Beside another one it
 * is where the caller has mapped that; a trampoline it cannot be: then the closure is not what
 * ffi_closure_alloc returned with it, and code that looked prepared would be another closure's. */
static struct pt_ffi_place *place_of(ffi_closure *closure, void *codeloc) {
    struct pt_ffi_place *place = pt_ffi_find(closure);
    if (place && pt_ffi_is_own(place)) return place;
    return is_within_trampoline(codeloc) ? NULL : pt_ffi_borrow(closure, codeloc);
}

typedef void (*ffi_handler)(ffi_cif *, void *, void **, void *);

static ffi_status prepare(ffi_closure *closure, ffi_cif *cif, ffi_handler fun, void *user_data,
                          void *codeloc) {
    const pytramp_signature *signature;
    if (!closure || !cif) return FFI_BAD_TYPEDEF;
    ffi_status status = pt_ffi_signature_of(cif, &signature);
    if (status) return status;
    struct pt_ffi_place *place = place_of(closure, codeloc);
    if (!place || pt_closure_prepare(place->code, signature, pt_ffi_call, place->closure))
        return FFI_BAD_ABI;
    place->closure->cif = cif;
    place->closure->fun = fun;
    place->closure->user_data = user_data;
    if (!place->capacity) pt_ffi_write_jump(closure, codeloc, place->code);
    return FFI_OK;
}

/* Neither of these calls the other, which might then be libffi's. */
EXPORTED ffi_status ffi_prep_closure_loc(ffi_closure *closure, ffi_cif *cif, ffi_handler fun,
                                         void *user_data, void *codeloc) {
    return prepare(closure, cif, fun, user_data, codeloc ? codeloc : closure);
}

EXPORTED ffi_status ffi_prep_closure(ffi_closure *closure, ffi_cif *cif, ffi_handler fun,
                                     void *user_data) {
    return prepare(closure, cif, fun, user_data, closure);
}
