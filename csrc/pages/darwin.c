/* macOS: vm_remap of the template. Compiled and linked only, so far: nobody has run it. */
#include "../config.h"
#ifdef PT_OS_DARWIN

#  include "posix.h"

#  include <dlfcn.h>
#  include <errno.h>
#  include <mach/mach.h>
#  include <mach/vm_map.h>
#  include <pthread.h>

#  include "../stubs.h"

/* ---- The step: the kernel maps the library's own text a second time. It is the same memory
 * object, so the pages stay signed and are never written; nothing here ever has a page made
 * executable. ---- */

static int errno_of(kern_return_t result) {
    switch (result) {
    case KERN_NO_SPACE:
    case KERN_RESOURCE_SHORTAGE: return ENOMEM;
    case KERN_PROTECTION_FAILURE:
    case KERN_NO_ACCESS:
    case KERN_DENIED: return EPERM;
    default: return 0;
    }
}

/* A page that is not as it should be stays mapped at `at`, whose owner unmaps it. */
static const char *copy_by_remap(void **copy, void *at, const unsigned char *template,
                                 size_t size) {
    vm_address_t address = (vm_address_t)at;
    vm_prot_t now = VM_PROT_NONE, most = VM_PROT_NONE;
    int flags = at ? VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE : VM_FLAGS_ANYWHERE;
    kern_return_t result = vm_remap(mach_task_self(), &address, size, 0, flags, mach_task_self(),
                                    (vm_address_t)template, FALSE, &now, &most, VM_INHERIT_COPY);
    errno = errno_of(result);
    if (result != KERN_SUCCESS) return "vm_remap";
    *copy = (void *)address;
    if ((now & (VM_PROT_WRITE | VM_PROT_EXECUTE)) == VM_PROT_EXECUTE) return NULL;
    if (!at) vm_deallocate(mach_task_self(), address, size);
    return "vm_remap gave a page that is not executable, or writable as well";
}

const struct pt_growth_step pt_growth_steps[] = {
    {PYTRAMP_GROW_MREMAP, "mremap", copy_by_remap},
    {0, NULL, NULL},
};

/* The library stays loaded, as -z nodelete has it elsewhere: C may hold addresses in it, and
 * pthread_atfork keeps its functions whatever becomes of them. */
__attribute__((constructor)) static void stay_loaded(void) {
    Dl_info self;
    if (dladdr(pt_builtin_code, &self))
        dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* ---- Threads ---- */

/* macOS 11; arm64 has no older one. */
unsigned pt_pages_cpu(void) {
    size_t number = 0;
    pthread_cpu_number_np(&number);
    return (unsigned)number;
}

/* Its "address" is the high end. */
int pt_pages_stack(uintptr_t *low, size_t *size) {
    uintptr_t high = (uintptr_t)pthread_get_stackaddr_np(pthread_self());
    *size = pthread_get_stacksize_np(pthread_self());
    if (!*size || *size > high) return 0;
    *low = high - *size;
    return 1;
}

#endif
