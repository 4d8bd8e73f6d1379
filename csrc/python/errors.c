#include "errors.h"

#include <errno.h>

#include "../pages.h"
#include "tstate.h"

/* ---- In pt_thread ---- */

static void set(uint64_t number) {
    pt_thread.errors.number = number;
    pt_thread.inside |= PT_SOMETHING_SET;
}

struct pt_errors pt_errors_take_set(struct pt_errors *errors, struct pt_errors outer) {
    const struct pt_errors *now = &pt_thread.errors;
    if (now->number & PT_SET_ERRNO) errors->number = (uint32_t)now->number;
    if (now->number & PT_SET_LAST) pt_errors_set_last(errors, pt_errors_last(now));
    if (pt_thread.inside == PT_SOMETHING_SET) {
        pt_thread.inside = 0;
        outer.number = (uint32_t)outer.number; /* set by a call that ended before this one */
    }
    return outer;
}

/* ---- pytramp.get_errno and so on ---- */

int pt_get_errno(void) {
    return pt_thread.inside ? pt_errors_number(&pt_thread.errors) : errno;
}

void pt_set_errno(int error) {
    if (pt_thread.inside)
        set((pt_thread.errors.number & PT_SET_LAST) | PT_SET_ERRNO | (uint32_t)error);
    else
        errno = error;
}

int pt_has_last_error(void) {
    return PT_HAS_LAST_ERROR;
}

unsigned long pt_get_last_error(void) {
    return pt_thread.inside ? pt_errors_last(&pt_thread.errors) : pt_pages_last_error();
}

void pt_set_last_error(unsigned long error) {
    if (pt_thread.inside) {
        pt_errors_set_last(&pt_thread.errors, error);
        set(pt_thread.errors.number | PT_SET_LAST);
    } else {
        pt_pages_set_last_error(error);
    }
}
