/* pytramp.VarArgs: a va_list that a callable reads while its call lasts. */
#ifndef PT_VARARGS_H
#define PT_VARARGS_H

#include <stdarg.h>

#include "objects.h"

#include "../config.h"

PT_HIDDEN extern PyTypeObject *pt_varargs_type;

/* A new reader; NULL with an exception. */
PT_HIDDEN PyObject *pt_varargs_new(va_list *list);

/* Later uses raise: the call has ended. */
PT_HIDDEN void pt_varargs_revoke(PyObject *reader);

#endif
