/* pytramp_reserve, then a filter that allows no system call but exit: with the CPU's number in the
 * thread's own memory (rseq), where the C library and the kernel have that, and without. */
#include "check.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "pool.h"

#define CLOSURES 3000 /* frees that come out of quarantine again, too */

static void target(void) {}

/* 0, or which step failed. */
static int use_pytramp(void) {
    for (int i = 0; i < CLOSURES; i++) {
        void *code;
        if (pytramp_alloc(&code)) return 1;
        if (pytramp_init(code, target, NULL)) return 2;
        ((void (*)(void))(uintptr_t)code)();
        if (pytramp_free(code)) return 3;
    }
    return 0;
}

/* exit_group, which _exit calls, is not allowed. */
static void work_alone(void) {
    CHECK_OK(pytramp_reserve(CLOSURES));
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) skip("no strict seccomp: %s", strerror(errno));
    syscall(SYS_exit, use_pytramp());
}

static void run(const char *tunables, char *program) {
    int status;
    pid_t child = fork();
    if (!child) {
        setenv("GLIBC_TUNABLES", tunables, 1);
        execl("/proc/self/exe", program, "alone", (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL, "'%s': a system call", tunables);
    CHECK(!status, "'%s': status %#x", tunables, (unsigned)status);
}

int main(int argc, char **argv) {
    if (argc > 1) work_alone();
    run("", argv[0]);
    run("glibc.pthread.rseq=0", argv[0]);
    say("%d trampolines without a system call, with rseq and without", CLOSURES);
    return 0;
}
