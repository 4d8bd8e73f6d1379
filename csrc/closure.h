/* Closures and bare trampolines: pytramp.h on top of the pool. What the Python layer shares. */
#ifndef PT_CLOSURE_H
#define PT_CLOSURE_H

#include "marshal.h"
#include "pool.h"

/* What a new closure is made of; the record takes over label and nothing else. */
struct pt_binding {
    const struct pt_kind *kind;
    void *owner; /* the handler's union in struct pt_record */
    void *userdata;
    void *label;
    const void *error; /* a value of the result type, NULL for zeros; copied */
};

/* *record = a live closure. On failure label is still the caller's. */
PT_HIDDEN pytramp_status pt_closure_bind(const pytramp_signature *signature,
                                         const struct pt_binding *binding,
                                         struct pt_record **record);

/* The error value of a record, NULL when it is all zeros. */
PT_HIDDEN const void *pt_closure_error(const struct pt_record *record);

/* For a kind's forget. Async-signal-safe. */
PT_HIDDEN void pt_closure_drop_error(struct pt_record *record);

/* Makes a value of the result type, or zeros for NULL, the result of this call. */
PT_HIDDEN void pt_closure_return(const pytramp_signature *signature, const void *value,
                                 struct pt_frame *frame);

/* The same with the closure's error value. */
PT_HIDDEN void pt_closure_return_error(struct pt_record *record, struct pt_frame *frame);

/* Is this the first late call of this slot? Then the caller reports it. */
PT_HIDDEN int pt_closure_first_late_call(struct pt_record *record);

/* Tells the hook. */
PT_HIDDEN void pt_closure_report(struct pt_record *record, const char *what);

#endif
