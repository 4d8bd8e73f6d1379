/* Linux: mremap of the template, the module's own file, a sealed memfd. */
#include "../config.h"
#if defined(PT_OS_LINUX) && !PT_DESCRIPTORS

#  define _GNU_SOURCE
#  include "module.h"
#  include "posix.h"

#  include <errno.h>
#  include <fcntl.h>
#  include <string.h>
#  include <sys/mman.h>
#  include <sys/syscall.h>
#  include <sys/uio.h>
#  include <unistd.h>

#  include "../stubs.h"

/* Linux 5.7; for regions that are not anonymous, 5.13. Older headers lack the name. */
#  ifndef MREMAP_DONTUNMAP
#    define MREMAP_DONTUNMAP 4
#  endif
#  ifndef MFD_EXEC /* Linux 6.3: vm.memfd_noexec makes memfds without it not executable */
#    define MFD_EXEC 0x0010U
#  endif
#  ifndef F_ADD_SEALS /* glibc 2.22 */
#    define F_ADD_SEALS   1033
#    define F_SEAL_SEAL   1
#    define F_SEAL_SHRINK 2
#    define F_SEAL_GROW   4
#    define F_SEAL_WRITE  8
#  endif
#  ifndef MFD_CLOEXEC
#    define MFD_CLOEXEC       0x0001U
#    define MFD_ALLOW_SEALING 0x0002U
#  endif

/* ---- Step 1: the kernel copies the mapping. No file, no descriptor, no /proc, and no new
 * executable permission, so MDWE and seccomp filters on PROT_EXEC let it pass. The old mapping
 * stays, its pages come back from the page cache: nothing ever runs in the template. The copy is a
 * guarded page (Arm's BTI) where the loader made the library's own text one: move_vma copies the
 * vm_area_struct, flags and page protection with it (Linux 6.12: mm/vma.c, copy_vma). ---- */

/* qemu-user hands the flags on to the kernel, and then believes that the old mapping is gone. */
static int is_mapped(const unsigned char *page) {
    unsigned char in_core;
    return !mincore((void *)page, 1, &in_core) || errno != ENOMEM;
}

/* Anonymous pages move away with their bytes and leave zeros, with which no stub begins. The text
 * is such memory where a tool has moved it to huge pages, perhaps a part of it. */
static int is_intact(const unsigned char *template, const unsigned char *copy, size_t size) {
    enum { SMALLEST_PAGE = 4096 };
    if (!is_mapped(template)) return 0;
    for (size_t at = 0; at < size; at += SMALLEST_PAGE)
        if (memcmp(template + at, copy + at, sizeof(uint32_t))) return 0;
    return 1;
}

static const char *copy_by_mremap(void **copy, void *at, const unsigned char *template,
                                  size_t size) {
    /* Without MREMAP_FIXED the address is only a hint, but the kernel does read it. */
    int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (at ? MREMAP_FIXED : 0);
    *copy = mremap((void *)template, size, size, flags, at);
    if (*copy == MAP_FAILED) return "mremap(MREMAP_DONTUNMAP)";
    if (is_intact(template, *copy, size)) return NULL;
    mremap(*copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)template);
    errno = 0;
    return "mremap(MREMAP_DONTUNMAP) took the library's own page away";
}

/* ---- Step 2 is in module.c. Step 3, only where asked for: a memfd that can no longer be written.
 * ---- */

/* Linux 3.17; its wrapper came with glibc 2.27, and manylinux2014 is glibc 2.17. */
static int create_memfd(unsigned flags) {
#  ifdef SYS_memfd_create
    return (int)syscall(SYS_memfd_create, "pytramp", flags);
#  else
    (void)flags;
    errno = ENOSYS;
    return -1;
#  endif
}

static int open_memfd(void) {
    int fd = create_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = create_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

static const char *fill_and_seal(int fd, const unsigned char *template, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(fd, template + done, size - done);
        if (n < 0 && errno != EINTR) return "write to the memfd";
        if (n > 0) done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        return "fcntl(F_ADD_SEALS)";
    return NULL;
}

static const char *copy_from_memfd(void **copy, void *at, const unsigned char *template,
                                   size_t size) {
    int fd = open_memfd();
    if (fd < 0) return "memfd_create";
    const char *failed = fill_and_seal(fd, template, size);
    if (!failed) failed = pt_posix_map(copy, at, fd, 0, size);
    pt_posix_close(fd);
    return failed;
}

const struct pt_growth_step pt_growth_steps[] = {
    {PYTRAMP_GROW_MREMAP, "mremap", copy_by_mremap},
    {PYTRAMP_GROW_FILE, "file", pt_module_copy},
    {PYTRAMP_GROW_MEMFD, "memfd", copy_from_memfd},
    {0, NULL, NULL},
};

/* ---- A pair ---- */

/* Moves the copy over the reserved bytes at `at`. Where a filter forbids mremap, and so before
 * anything was unmapped, makes it again there. */
static const char *put_in_place(const struct pt_growth_step *step, void *copy, void *at,
                                const unsigned char *template, size_t size) {
    if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED) return NULL;
    pt_posix_unmap(copy, size);
    int is_forbidden = errno == EPERM || errno == EACCES || errno == ENOSYS;
    return is_forbidden ? step->copy(&copy, at, template, size) : "mremap(MREMAP_FIXED)";
}

/* A word by which reserved memory is known again. */
static uintptr_t mark_of(const unsigned char *at) {
    return (uintptr_t)at ^ (uintptr_t)pt_growth_steps;
}

/* Asks the kernel, for there may be nothing to read at `at`, or another thread's memory. */
static int is_still_reserved(unsigned char *at) {
    uintptr_t seen = 0;
    struct iovec to = {&seen, sizeof seen}, from = {at, sizeof seen};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof seen &&
           seen == mark_of(at);
}

/* Gives back what was reserved. A move over its first half has failed: perhaps that is no longer
 * there, and an address that another thread got meanwhile may not be unmapped. */
static void give_back(unsigned char *at, size_t size) {
    int saved = errno;
    if (is_still_reserved(at))
        munmap(at, 2 * size);
    else
        munmap(at + size, size);
    errno = saved;
}

/* The copy is made where the kernel likes first: a call with MAP_FIXED or MREMAP_FIXED may fail
 * after it has unmapped its target, and another thread's mmap could fall into that hole. Once a
 * copy was made, putting it in place fails only when the kernel is out of memory or of mappings. */
const char *pt_pages_pair(const struct pt_growth_step *step, struct pt_pair *pair,
                          const unsigned char *template, size_t size) {
    unsigned char *at = pt_posix_reserve(2 * size);
    if (!at) return "mmap of plain memory";
    void *copy;
    const char *failed = step->copy(&copy, NULL, template, size);
    if (failed) {
        pt_posix_unmap(at, 2 * size);
        return failed;
    }
    *(uintptr_t *)(void *)at = mark_of(at);
    failed = put_in_place(step, copy, at, template, size);
    if (failed) {
        give_back(at, size);
        return failed;
    }
    *pair = (struct pt_pair){at, (struct pt_slot *)(void *)(at + size)};
    return NULL;
}

#endif
