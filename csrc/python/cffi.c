#include "cffi.h"

#include <errno.h>

#include "../pages.h"

/* Of the table that cffi gives to the modules it compiles, and so may not change (_cffi_include.h,
 * version 0x2601). */
enum { FROM_C_POINTER = 10, RESTORE_ERRNO = 13, SAVE_ERRNO = 14 };

typedef PyObject *(*pointer_maker)(char *address, PyObject *ctype);
typedef void (*copy)(void); /* between the system's and cffi's */

static void *const *_Atomic known;

/* NULL with an exception. */
static void *const *table(void) {
    void *const *exports = atomic_load(&known);
    if (exports) return exports;
    PyObject *capsule = pt_imported("_cffi_backend", "_C_API");
    exports = capsule ? PyCapsule_GetPointer(capsule, "cffi") : NULL;
    Py_XDECREF(capsule);
    if (exports) atomic_store(&known, exports);
    return exports;
}

PyObject *pt_cffi_pointer(void *address, PyObject *ctype) {
    void *const *exports = table();
    return exports ? ((pointer_maker)exports[FROM_C_POINTER])(address, ctype) : NULL;
}

int pt_closure_object_share_cffi_errno(pt_closure_object *closure) {
    if (!table()) return -1;
    closure->special = PT_CFFI_ERRNO;
    return 0;
}

struct pt_errors pt_cffi_errors_set(void) {
    struct pt_errors given = {.number = (uint32_t)pt_get_errno()};
    pt_errors_set_last(&given, pt_get_last_error());
    errno = pt_errors_number(&given);
    pt_pages_set_last_error(pt_errors_last(&given));
    ((copy)atomic_load(&known)[SAVE_ERRNO])();
    return given;
}

/* What pytramp.set_errno() changed stays, unless cffi's was changed, too. */
void pt_cffi_errors_get(const struct pt_errors *given) {
    ((copy)atomic_load(&known)[RESTORE_ERRNO])();
    unsigned long last = pt_pages_last_error();
    if (errno != pt_errors_number(given)) pt_set_errno(errno);
    if (last != pt_errors_last(given)) pt_set_last_error(last);
}
