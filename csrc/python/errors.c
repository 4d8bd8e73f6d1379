#include "errors.h"

#include <errno.h>

#include "../pages.h"
#include "tstate.h"

int pt_get_errno(void) {
    const struct pt_errors *errors = pt_thread.errors;
    return errors ? errors->number : errno;
}

void pt_set_errno(int error) {
    struct pt_errors *errors = pt_thread.errors;
    *(errors ? &errors->number : &errno) = error;
}

int pt_has_last_error(void) {
    return PT_HAS_LAST_ERROR;
}

unsigned long pt_get_last_error(void) {
    const struct pt_errors *errors = pt_thread.errors;
    return errors ? pt_errors_last(errors) : pt_pages_last_error();
}

void pt_set_last_error(unsigned long error) {
    struct pt_errors *errors = pt_thread.errors;
    if (errors)
        pt_errors_set_last(errors, error);
    else
        pt_pages_set_last_error(error);
}
