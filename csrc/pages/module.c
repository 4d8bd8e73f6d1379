/* The step that maps the file again that this library was loaded from, for systems with ELF. */
#include "../config.h"
#if PT_ELF && !defined(PT_OS_WINDOWS) && !PT_DESCRIPTORS

#  define _GNU_SOURCE
/* Or fstat fails on 32-bit CPUs where an inode's number is larger. */
#  define _FILE_OFFSET_BITS 64
#  include "module.h"

#  include <errno.h>
#  include <fcntl.h>
#  include <limits.h>
#  include <link.h>
#  include <stdlib.h>
#  include <string.h>
#  include <sys/stat.h>
#  include <unistd.h>

#  include "../stubs.h"
#  include "posix.h"

/* Found once, when the library is loaded: the loader's own record is right then, whatever is
 * deleted, replaced or chrooted later, and no loader lock is taken inside pytramp_alloc. */
static struct module_file {
    char path[PATH_MAX];
    off_t template_offset;
    const unsigned char *build_id; /* the note in memory, NULL without one */
    size_t build_id_size;
    off_t build_id_offset;
} self;

#  define NOTE_GNU_BUILD_ID 3

static size_t aligned4(size_t n) {
    return (n + 3) & ~(size_t)3;
}

static void find_build_id(const struct dl_phdr_info *info, const ElfW(Phdr) * segment) {
    const unsigned char *start = (const unsigned char *)(info->dlpi_addr + segment->p_vaddr);
    size_t at = 0;
    while (at + sizeof(ElfW(Nhdr)) <= segment->p_memsz) {
        const ElfW(Nhdr) *note = (const void *)(start + at);
        size_t size = sizeof *note + aligned4(note->n_namesz) + aligned4(note->n_descsz);
        if (size > segment->p_memsz - at) return;
        if (note->n_type == NOTE_GNU_BUILD_ID && note->n_namesz == 4 &&
            !memcmp(note + 1, "GNU", 4)) {
            self.build_id = start + at;
            self.build_id_size = size;
            self.build_id_offset = (off_t)(segment->p_offset + at);
            return;
        }
        at += size;
    }
}

static int holds_template(const struct dl_phdr_info *info, const ElfW(Phdr) * segment) {
    uintptr_t start = info->dlpi_addr + segment->p_vaddr, code = (uintptr_t)pt_template_code;
    return segment->p_type == PT_LOAD && code >= start && code - start < segment->p_memsz;
}

/* Later a relative path means another file. The main program has no path at all on Linux. */
static void remember_path(const char *name) {
    if (!*name) name = "/proc/self/exe";
    if (!realpath(name, self.path)) self.path[0] = 0;
}

static int look_at_module(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    const ElfW(Phdr) *text = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (holds_template(info, &info->dlpi_phdr[i])) text = &info->dlpi_phdr[i];
    }
    if (!text) return 0;
    uintptr_t within = (uintptr_t)pt_template_code - info->dlpi_addr - text->p_vaddr;
    self.template_offset = (off_t)(text->p_offset + within);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_NOTE) find_build_id(info, &info->dlpi_phdr[i]);
    }
    remember_path(info->dlpi_name);
    return 1;
}

__attribute__((constructor)) static void find_self(void) {
    int saved = errno;
    dl_iterate_phdr(look_at_module, NULL);
    errno = saved;
}

/* The same build, whatever device and inode say: overlayfs and btrfs report others than they map.
 */
static const char *check_file(int fd, size_t size) {
    struct stat status;
    unsigned char note[256];
    if (fstat(fd, &status)) return "fstat of the module's file";
    errno = 0;
    if (!S_ISREG(status.st_mode)) return "the module's file was replaced by something else";
    if (status.st_size < self.template_offset + (off_t)size)
        return "the module's file was replaced by a shorter one";
    if (!self.build_id || self.build_id_size > sizeof note) return NULL;
    ssize_t got = pread(fd, note, self.build_id_size, self.build_id_offset);
    if (got == (ssize_t)self.build_id_size && !memcmp(note, self.build_id, self.build_id_size))
        return NULL;
    errno = 0;
    return "the module's file was replaced by another build";
}

const char *pt_module_copy(void **copy, void *at, const unsigned char *template, size_t size) {
    (void)template;
    errno = 0;
    if (!self.path[0]) return "the module's file has no path";
    /* O_NONBLOCK: what stands at the path now may be a FIFO. */
    int fd = open(self.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return "open of the module's file";
    const char *failed = check_file(fd, size);
    if (!failed) failed = pt_posix_map(copy, at, fd, self.template_offset, size);
    pt_posix_close(fd);
    return failed;
}

#endif
