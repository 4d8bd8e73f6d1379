/* errno, and GetLastError's number where there is one: what C left there when it called is what it
 * finds, unless the callable says otherwise. */
#ifndef PT_ERRORS_H
#define PT_ERRORS_H

#include <stdint.h>

#include "objects.h"
#include "../config.h"

/* Of a call; pt_thread has the innermost one's, by value: a greenlet that is left within a callback
 * takes its part of the stack along, and what lies there then is another one's. Their calls may end
 * in any order, so one may find the numbers of another call in pt_thread. What C left there comes
 * from the call's own copy; only what was set comes from there. */
struct pt_errors {
    uint64_t number; /* errno, and PT_SET_: one register */
#if PT_HAS_LAST_ERROR
    unsigned long last;
#endif
};

/* The callable has set it. */
#define PT_SET_ERRNO (UINT64_C(1) << 32)
#define PT_SET_LAST  (UINT64_C(2) << 32)

static inline int pt_errors_number(const struct pt_errors *errors) {
    return (int)(uint32_t)errors->number;
}

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

/* What C is to find after a call that had these: it ends, and something was set in this thread.
 * What pt_thread has next: outer, without what was set when no call is inside any more. */
PT_COLD PT_HIDDEN struct pt_errors pt_errors_take_set(struct pt_errors *errors,
                                                      struct pt_errors outer);

#endif
