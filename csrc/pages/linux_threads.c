#include "../config.h"
#ifdef PT_OS_LINUX

#  define _GNU_SOURCE
#  include <errno.h>
#  include <pthread.h>
#  include <sched.h>
#  include <sys/resource.h>
#  include <sys/syscall.h>
#  include <unistd.h>

#  include "../pages.h"

/* Set by glibc 2.35 where the kernel keeps the CPU's number in each thread's memory (Linux 4.18).
 */
extern const unsigned __rseq_size __attribute__((weak));

/* Where it would be a system call, which a filter may not allow, threads are spread by where their
 * own data is. */
unsigned pt_pages_cpu(void) {
    if (PT_GETCPU_IS_CHEAP || (&__rseq_size && __rseq_size)) return (unsigned)sched_getcpu();
    return (unsigned)(((uint64_t)pt_pages_thread() >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* For the main thread the C library reads /proc, with functions at which a thread is cancelled. */
static int get_attributes(pthread_attr_t *attributes) {
    int saved = errno, before = pt_pages_refuse_cancel();
    int known = !pthread_getattr_np(pthread_self(), attributes);
    pt_pages_allow_cancel(before);
    errno = saved;
    return known;
}

#  ifndef __GLIBC__
/* musl counts what is mapped so far of the main thread's, which grows down to its limit. */
static int extend_to_limit(uintptr_t *low, size_t *size) {
    struct rlimit limit;
    uintptr_t high = *low + *size;
    if (getpid() != (pid_t)syscall(SYS_gettid)) return 1;
    if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur >= high) return 0;
    if (limit.rlim_cur <= *size) return 1;
    *size = (size_t)limit.rlim_cur;
    *low = high - *size;
    return 1;
}
#  else
static int extend_to_limit(const uintptr_t *low, const size_t *size) {
    (void)low, (void)size;
    return 1;
}
#  endif

int pt_pages_stack(uintptr_t *low, size_t *size) {
    pthread_attr_t attributes;
    void *start;
    size_t guard;
    if (!get_attributes(&attributes)) return 0;
    int known = !pthread_attr_getstack(&attributes, &start, size) &&
                !pthread_attr_getguardsize(&attributes, &guard) && guard < *size;
    pthread_attr_destroy(&attributes);
    if (!known) return 0;
    *low = (uintptr_t)start + guard;
    *size -= guard;
    return extend_to_limit(low, size);
}

#endif
