/* Processes that may do less: seccomp filters, other roots, no /proc. Include it after check.h. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* A system call that fails with EPERM, when the bits of mask are set in argument number arg; mask
 * 0: always. */
struct denial {
    int call, arg;
    uint32_t mask;
};

#define FILTER_PER_DENIAL 5

/* The low half of a 64-bit argument, on a little-endian machine. */
static uint32_t argument_offset(int arg) {
    return (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)arg);
}

static void filter_one(struct sock_filter *to, const struct denial *denial) {
    uint32_t number = offsetof(struct seccomp_data, nr);
    struct sock_filter code[FILTER_PER_DENIAL] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)denial->call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_offset(denial->arg)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, denial->mask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    if (!denial->mask) code[2] = code[4];
    memcpy(to, code, sizeof code);
}

__attribute__((unused)) static void deny(const struct denial *denials, size_t n) {
    struct sock_filter code[64];
    CHECK(n * FILTER_PER_DENIAL < COUNT(code), "too many denials");
    for (size_t i = 0; i < n; i++)
        filter_one(&code[i * FILTER_PER_DENIAL], &denials[i]);
    code[n * FILTER_PER_DENIAL] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)(n * FILTER_PER_DENIAL + 1), code};
    CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "%s", strerror(errno));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
        skip("no seccomp filters here: %s", strerror(errno));
}

#ifdef SYS_open
#  define OPENING_FILES {SYS_open, 0, 0}, {SYS_openat, 0, 0}, {SYS_openat2, 0, 0}
#else
#  define OPENING_FILES {SYS_openat, 0, 0}, {SYS_openat2, 0, 0}
#endif
/* What mmap calls: 32-bit CPUs have another one for large offsets. */
#ifdef SYS_mmap2
#  define MAPPING SYS_mmap2
#else
#  define MAPPING SYS_mmap
#endif
#define GAINING_EXEC                                                                               \
    {MAPPING, 2, PROT_EXEC}, {SYS_mprotect, 2, PROT_EXEC}, {                                       \
        SYS_pkey_mprotect, 2, PROT_EXEC                                                            \
    }

/* DENY({SYS_mremap, 0, 0}, OPENING_FILES); */
#define DENY(...) deny((struct denial[]){__VA_ARGS__}, COUNT(((struct denial[]){__VA_ARGS__})))

/* ---- Namespaces: as root, or with a user namespace of one's own ---- */

static void enter_namespace(int flags) {
    if (!unshare(flags)) return;
    if (errno == EPERM && !unshare(flags | CLONE_NEWUSER)) return;
    skip("no namespaces here: unshare: %s", strerror(errno));
}

__attribute__((unused)) static void leave_all_files(const char *empty_folder) {
    enter_namespace(CLONE_NEWNS);
    if (chroot(empty_folder)) skip("chroot: %s", strerror(errno));
    CHECK(!chdir("/"), "%s", strerror(errno));
}

/* Something empty lies over /proc from now on. */
__attribute__((unused)) static void hide_proc(void) {
    enter_namespace(CLONE_NEWNS);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", "/proc", "tmpfs", 0, NULL))
        skip("no mounts here: %s", strerror(errno));
    CHECK(access("/proc/self", F_OK), "/proc is still there");
}

#endif
