#include "cffi_errno.h"

#include <errno.h>

/* Of the table that cffi gives to the modules it compiles, and so may not change (_cffi_include.h,
 * version 0x2601). */
enum { RESTORE_ERRNO = 13, SAVE_ERRNO = 14 };

typedef void (*copy)(void); /* between errno and cffi's */

static copy _Atomic from_errno, to_errno;

int pt_closure_object_share_cffi_errno(pt_closure_object *closure) {
    if (!atomic_load(&to_errno)) {
        PyObject *table = pt_imported("_cffi_backend", "_C_API");
        void **exports = table ? PyCapsule_GetPointer(table, "cffi") : NULL;
        Py_XDECREF(table);
        if (!exports) return -1;
        atomic_store(&from_errno, (copy)exports[SAVE_ERRNO]);
        atomic_store(&to_errno, (copy)exports[RESTORE_ERRNO]);
    }
    closure->special = PT_CFFI_ERRNO;
    return 0;
}

void pt_cffi_errno_set(int error) {
    errno = error;
    atomic_load (&from_errno)();
}

int pt_cffi_errno_get(void) {
    atomic_load (&to_errno)();
    return errno;
}
