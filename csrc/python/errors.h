/* errno, and GetLastError's number where there is one: what C left there when it called is what it
 * finds, unless the callable says otherwise. */
#ifndef PT_ERRORS_H
#define PT_ERRORS_H

#include "objects.h"
#include "../config.h"

/* Of a call; pt_thread has the innermost one's. */
struct pt_errors {
    int number; /* errno */
#if PT_HAS_LAST_ERROR
    unsigned long last;
#endif
};

#if PT_HAS_LAST_ERROR
static inline unsigned long pt_errors_last(const struct pt_errors *errors) {
    return errors->last;
}

static inline void pt_errors_set_last(struct pt_errors *errors, unsigned long error) {
    errors->last = error;
}
#else
static inline unsigned long pt_errors_last(const struct pt_errors *errors) {
    (void)errors;
    return 0;
}

static inline void pt_errors_set_last(struct pt_errors *errors, unsigned long error) {
    (void)errors, (void)error;
}
#endif

#endif
