/* The call into Python: the kinds of slot that a Closure uses. */
#ifndef PT_CALL_H
#define PT_CALL_H

#include "../pool.h"
#include "interpreter.h"

PT_HIDDEN extern const struct pt_kind pt_python_kind;
PT_HIDDEN extern const struct pt_kind pt_python_object_kind; /* whose result is a PyObject * */

/* The interpreter is ending: labels hold objects, so they go. Under its GIL. */
PT_HIDDEN void pt_forget_labels(struct pt_interpreter *interpreter);

#endif
