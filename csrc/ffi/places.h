/* Where closures are: what ffi_closure_alloc gave away, and memory that callers mapped.
 *
 * Every place has a trampoline, and every trampoline that was ever handed out has a place. Neither
 * ends: a place is used again with its trampoline, when that has waited long enough, so whoever
 * reads it late reads a closure. Nothing here takes a lock. */
#ifndef PT_FFI_PLACES_H
#define PT_FFI_PLACES_H

#include <ffi.h>

#include "../config.h"

struct pt_ffi_place;

struct pt_ffi_link {
    const void *key;
    struct pt_ffi_place *place;
    struct pt_ffi_link *next; /* in its bucket */
};

struct pt_ffi_place {
    void *code; /* its trampoline */
    ffi_closure *closure;
    size_t capacity;             /* bytes at closure; 0 in the caller's memory */
    struct pt_ffi_link by_place; /* by the closure, or what the caller executes */
    struct pt_ffi_link by_code;
};

/* The place of a closure, of its trampoline, or of what a caller executes; NULL for others. */
PT_HIDDEN struct pt_ffi_place *pt_ffi_find(const void *key);

/* size zeroed bytes for the closure of this trampoline; NULL without memory. */
PT_HIDDEN struct pt_ffi_place *pt_ffi_take(void *code, size_t size);

/* The place of a caller's memory, which is executed at codeloc; as it was, if it has one. NULL
 * without memory or trampolines, and where codeloc is no caller's but a closure, alive or not, that
 * ffi_closure_alloc gave away. */
PT_HIDDEN struct pt_ffi_place *pt_ffi_borrow(ffi_closure *closure, const void *codeloc);

/* Has ffi_closure_alloc given it away, and is its trampoline still its own? */
PT_HIDDEN int pt_ffi_is_own(const struct pt_ffi_place *place);

#endif
