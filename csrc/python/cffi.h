/* cffi's own copy of errno, of each thread: what ffi.errno reads and sets. In a callback of cffi's
 * it is the caller's. */
#ifndef PT_CFFI_H
#define PT_CFFI_H

#include "objects.h"
#include "../port.h"

PT_HIDDEN void pt_cffi_errno_set(int error);
PT_HIDDEN int pt_cffi_errno_get(void);

#endif
