/* Calls of any signature: call.c is written for the simple ones. */
#ifndef PT_ARGUMENTS_H
#define PT_ARGUMENTS_H

#include "../marshal.h"
#include "objects.h"

/* The whole call, from the saved frame to the result in it. -1 with an exception. Under the GIL, in
 * an open closure that the caller holds. */
PT_HIDDEN int pt_call_general(pt_closure_object *closure, struct pt_frame *frame);

/* ---- In call.c ---- */

/* Calls the closure's callable; values[-1] is the callee's to use. */
PT_HIDDEN PyObject *pt_call_callable(pt_closure_object *closure, PyObject **values, size_t n);

/* Makes result the result of this call. -1 with an exception. */
PT_HIDDEN int pt_store_result(pt_closure_object *closure, PyObject *result, struct pt_frame *frame);

/* The same, for any type. */
PT_HIDDEN int pt_store_any(pt_closure_object *closure, PyObject *result, struct pt_frame *frame);

#endif
