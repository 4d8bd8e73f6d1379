/* pytramp.VarArgs: a va_list that a callable reads while its call lasts. */
#ifndef PT_VARARGS_H
#define PT_VARARGS_H

#include <stdarg.h>

#include "objects.h"

#include "../config.h"

/* A new reader; NULL with an exception. */
PT_HIDDEN PyObject *pt_varargs_new(const struct pt_types *types, va_list *list);

/* Of whichever interpreter. */
PT_HIDDEN int pt_is_varargs(PyObject *object);

/* Later uses raise: the call has ended. */
PT_HIDDEN void pt_varargs_revoke(PyObject *reader);

#endif
