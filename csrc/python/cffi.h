/* cffi's own copies of errno and GetLastError's number, of each thread: what ffi.errno reads and
 * sets, what ffi.getwinerror() reads. In a callback of cffi's they are the caller's. */
#ifndef PT_CFFI_H
#define PT_CFFI_H

#include "errors.h"
#include "../port.h"

/* What it was given; what it has changed since then. */
PT_HIDDEN struct pt_errors pt_cffi_errors_set(void);
PT_HIDDEN void pt_cffi_errors_get(const struct pt_errors *given);

#endif
