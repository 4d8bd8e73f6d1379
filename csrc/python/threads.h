/* The seam of the system's threads, for this layer: the pool needs none of it. */
#ifndef PT_THREADS_H
#define PT_THREADS_H

#include <stddef.h>

#include "../config.h"

/* One lock, for what is short and calls nothing of Python. */
PT_HIDDEN void pt_threads_lock(void);
PT_HIDDEN void pt_threads_unlock(void);

/* Before the first watch: what runs in each watched thread when it ends, whoever made it, while its
 * thread-local variables are still there. 0, or an errno. */
PT_HIDDEN int pt_threads_at_end(void (*end)(void));
PT_HIDDEN void pt_threads_watch_end(void);

/* Around every fork, where there is one. 0, or an errno. */
PT_HIDDEN int pt_threads_around_fork(void (*before)(void), void (*in_parent)(void),
                                     void (*in_child)(void));

PT_HIDDEN void pt_threads_sleep_a_millisecond(void);

/* Memory of one thread's own cache lines; NULL without memory. */
PT_HIDDEN void *pt_threads_allocate(size_t size);
PT_HIDDEN void pt_threads_free(void *block);

#endif
