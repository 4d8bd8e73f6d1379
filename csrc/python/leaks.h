/* Closures that outlive their interpreter: a report on stderr for who looks for leaks. */
#ifndef PT_LEAKS_H
#define PT_LEAKS_H

#include "interpreter.h"

/* PYTRAMP_DEBUG=1, or Python's development mode; PYTRAMP_DEBUG=0 forbids it. */
PT_HIDDEN int pt_wants_leaks(void);

/* At the interpreter's end, under its GIL, when its modules are gone. */
PT_HIDDEN void pt_report_leaks(const struct pt_interpreter *interpreter);

#endif
