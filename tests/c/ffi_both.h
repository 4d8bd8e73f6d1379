/* libffi's closures beside those of libpytramp_ffi, in one process: the program is linked with the
 * first and loads the second by its path. Include it after check.h. */
#ifndef FFI_BOTH_H
#define FFI_BOTH_H

#include <dlfcn.h>
#include <ffi.h>

typedef void (*ffi_handler)(ffi_cif *, void *, void **, void *);

struct implementation {
    const char *name;
    void *(*alloc)(size_t, void **);
    void (*free)(void *);
    ffi_status (*prepare_at)(ffi_closure *, ffi_cif *, ffi_handler, void *, void *);
    ffi_status (*prepare)(ffi_closure *, ffi_cif *, ffi_handler, void *);
};

static struct implementation ours;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* of prepare */
__attribute__((unused)) static const struct implementation theirs = {
    "libffi", ffi_closure_alloc, ffi_closure_free, ffi_prep_closure_loc, ffi_prep_closure};
#pragma GCC diagnostic pop

static void take_symbol(void *library, const char *name, void *to) {
    void *found = dlsym(library, name);
    CHECK(found, "%s: %s", name, dlerror());
    memcpy(to, &found, sizeof found);
}

/* Before anything else. */
static void load_ours(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library, "%s", dlerror());
    ours.name = "pytramp";
    take_symbol(library, "ffi_closure_alloc", &ours.alloc);
    take_symbol(library, "ffi_closure_free", &ours.free);
    take_symbol(library, "ffi_prep_closure_loc", &ours.prepare_at);
    take_symbol(library, "ffi_prep_closure", &ours.prepare);
    CHECK(ours.alloc != theirs.alloc, "the library is before libffi");
}

#endif
