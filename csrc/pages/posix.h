/* Memory as every POSIX system gives it; for the files of those systems. */
#ifndef PT_PAGES_POSIX_H
#define PT_PAGES_POSIX_H

#include "../pages.h"

/* size bytes of zeroed memory at a multiple of size, a power of two; NULL on failure. */
PT_HIDDEN unsigned char *pt_posix_reserve(size_t size);

/* munmap and close that leave errno alone. */
PT_HIDDEN void pt_posix_unmap(void *at, size_t size);
PT_HIDDEN void pt_posix_close(int fd);

/* *copy = size bytes of a file, readable and executable: at `at`, or anywhere for NULL. NULL, or
 * what failed, as a step's copy has it. */
PT_HIDDEN const char *pt_posix_map(void **copy, void *at, int fd, int64_t offset, size_t size);

#endif
