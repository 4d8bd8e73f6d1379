#include "../config.h"
#ifdef PT_OS_LINUX

#  define _GNU_SOURCE
#  include <errno.h>
#  include <pthread.h>
#  include <sched.h>

#  include "../pages.h"

/* sched_getcpu is a read of the rseq area or of the vDSO, -1 where neither is allowed. */
unsigned pt_pages_cpu(void) {
    return (unsigned)sched_getcpu();
}

int pt_pages_stack(uintptr_t *low, size_t *size) {
    pthread_attr_t attributes;
    void *start;
    size_t guard;
    int saved = errno;
    int known = !pthread_getattr_np(pthread_self(), &attributes);
    errno = saved;
    if (!known) return 0;
    known = !pthread_attr_getstack(&attributes, &start, size) &&
            !pthread_attr_getguardsize(&attributes, &guard) && guard < *size;
    pthread_attr_destroy(&attributes);
    if (!known) return 0;
    *low = (uintptr_t)start + guard;
    *size -= guard;
    return 1;
}

#endif
