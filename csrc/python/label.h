/* Who a closure was: what remains of it for reports after the object is gone. */
#ifndef PT_LABEL_H
#define PT_LABEL_H

#include "objects.h"
#include "interpreter.h"

struct pt_label {
    struct pt_label *next; /* in the interpreter's list of dropped labels */
    PyObject *name;        /* str, or NULL when there was no memory for it */
    PyObject *signature;   /* the Signature */
    PyObject *made_in;     /* code object, or NULL */
    int made_at;
    const char *fate; /* "closed", "garbage-collected" */
};

/* Sees to closure->name before its callable goes. Runs Python code, for the callable may compute
 * its __qualname__. */
PT_HIDDEN void pt_closure_remember_name(pt_closure_object *closure);

/* The label of a closure that is about to go; takes its own references. NULL without memory, and no
 * exception: the report will say less. */
PT_HIDDEN struct pt_label *pt_label_new(const pt_closure_object *closure, const char *fate);

/* Sets FreedCallbackError with the label's text. label may be NULL. */
PT_HIDDEN void pt_label_raise(const struct pt_interpreter *interpreter,
                              const struct pt_label *label);

/* Under the GIL of the label's interpreter. */
PT_HIDDEN void pt_label_free(struct pt_label *label);

/* From any thread, without the GIL: leaves label to the interpreter's next pt_label_free_dropped.
 */
PT_HIDDEN void pt_label_drop(struct pt_interpreter *interpreter, struct pt_label *label);
PT_HIDDEN void pt_label_free_dropped(struct pt_interpreter *interpreter);

#endif
