/* FreeBSD: the module's own file. Compiled and linked only, so far: nobody has run it. */
#include "../config.h"
#ifdef PT_OS_FREEBSD

#  include <errno.h>
#  include <pthread.h>
#  include <pthread_np.h>
#  include <sched.h>

#  include "module.h"
#  include "posix.h"

const struct pt_growth_step pt_growth_steps[] = {
    {PYTRAMP_GROW_FILE, "file", pt_module_copy},
    {0, NULL, NULL},
};

/* ---- Threads ---- */

/* FreeBSD 13.1. */
unsigned pt_pages_cpu(void) {
    return (unsigned)sched_getcpu();
}

/* Its stack is without the guard, which lies below it (libthr's thr_stack.c). */
int pt_pages_stack(uintptr_t *low, size_t *size) {
    pthread_attr_t attributes;
    void *start;
    if (pthread_attr_init(&attributes)) return 0;
    int known = !pthread_attr_get_np(pthread_self(), &attributes) &&
                !pthread_attr_getstack(&attributes, &start, size);
    pthread_attr_destroy(&attributes);
    if (known) *low = (uintptr_t)start;
    return known;
}

#endif
