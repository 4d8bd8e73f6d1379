/* Memory as every POSIX system gives it; for the files of those systems. */
#ifndef PT_PAGES_POSIX_H
#define PT_PAGES_POSIX_H

#include "../pages.h"

/* size bytes of zeroed memory at a multiple of size, a power of two; NULL on failure. */
PT_HIDDEN unsigned char *pt_posix_reserve(size_t size);

/* munmap that leaves errno alone. */
PT_HIDDEN void pt_posix_unmap(void *at, size_t size);

#endif
