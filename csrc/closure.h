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

/* *record = the closure with a C handler and of this type that is at code, for the first who asks:
 * who frees it from now on. PYTRAMP_E_NOT_OURS, PYTRAMP_E_KIND, PYTRAMP_E_FREED; with *record
 * filled in, PYTRAMP_E_TYPE, and PYTRAMP_E_INVALID for one that was asked for before. */
PT_HIDDEN pytramp_status pt_closure_adopt(void *code, const pytramp_signature *signature,
                                          struct pt_record **record);

/* Makes a closure of a live trampoline, bare or a closure that does not own its userdata, at the
 * same address. Not atomic to calls: whoever prepares it is the only one who uses it.
 * PYTRAMP_E_KIND, PYTRAMP_E_FREED, PYTRAMP_E_NOT_OURS, and as pt_plan_of. */
PT_HIDDEN pytramp_status pt_closure_prepare(void *code, const pytramp_signature *signature,
                                            pytramp_handler handler, void *userdata);

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
