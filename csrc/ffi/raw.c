/* Raw closures, whose handlers get the arguments one after the other in memory, are libffi's own: a
 * handler of libffi's finds the closure by the address at which it is executed, which is not where
 * ours lie. So libffi is told that they are executed where they lie: ffi_prep_closure_loc does not
 * look at that address beside a closure of ours. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <ffi.h>
#include <string.h>

#include "places.h"

#define EXPORTED __attribute__((visibility("default")))

static int is_ours(const void *closure) {
    struct pt_ffi_place *place = pt_ffi_find(closure);
    return place && place->capacity;
}

static void *executed_at(void *closure, void *codeloc) {
    return is_ours(closure) ? closure : codeloc;
}

/* *function = libffi's. 0 where it is not to be found; and beside our closures where libffi writes
 * machine code into raw ones, which only i386's has. */
static int libffi_has(const char *name, const void *closure, void *function) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
    return found && !(FFI_NATIVE_RAW_API && is_ours(closure));
}

typedef void (*raw_handler)(ffi_cif *, void *, ffi_raw *, void *);
typedef ffi_status (*prepare_raw)(ffi_raw_closure *, ffi_cif *, raw_handler, void *, void *);

EXPORTED ffi_status ffi_prep_raw_closure_loc(ffi_raw_closure *closure, ffi_cif *cif,
                                             raw_handler fun, void *user_data, void *codeloc) {
    prepare_raw prepare;
    if (!libffi_has("ffi_prep_raw_closure_loc", closure, &prepare)) return FFI_BAD_ABI;
    return prepare(closure, cif, fun, user_data, executed_at(closure, codeloc));
}

#if !FFI_NATIVE_RAW_API
typedef void (*java_handler)(ffi_cif *, void *, ffi_java_raw *, void *);
typedef ffi_status (*prepare_java)(ffi_java_raw_closure *, ffi_cif *, java_handler, void *, void *);

EXPORTED ffi_status ffi_prep_java_raw_closure_loc(ffi_java_raw_closure *closure, ffi_cif *cif,
                                                  java_handler fun, void *user_data,
                                                  void *codeloc) {
    prepare_java prepare;
    if (!libffi_has("ffi_prep_java_raw_closure_loc", closure, &prepare)) return FFI_BAD_ABI;
    return prepare(closure, cif, fun, user_data, executed_at(closure, codeloc));
}
#endif
