/* Results in the manner of another library, whose callbacks take more than pytramp's own. */
#ifndef PT_MANNER_H
#define PT_MANNER_H

#include "objects.h"

#include "../config.h"

/* What the converters make the same of as that library makes of value: a new reference, often to
 * value itself; NULL with an exception. */
PT_COLD PT_HIDDEN PyObject *pt_in_manner(pt_closure_object *closure, PyObject *value);

#endif
