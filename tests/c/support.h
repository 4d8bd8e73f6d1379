/* Closures that know their number, processes and memory maps. Include it after check.h. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>
#ifdef _WIN32
#  include <process.h>
#  include <windows.h>
#else
#  include <sched.h>
#  include <sys/wait.h>
#endif

#include "stubs.h"

/* How many slots there are before the first growth, and how many a growth adds. */
#ifdef _WIN32
#  define BUILTIN_CLOSURES 32768
#else
#  define BUILTIN_CLOSURES 8192
#endif
#define UNIT_CLOSURES PT_UNIT_STUBS
#define WAITING_FREES 1024

/* ---- int (void) closures that return their number ---- */

__attribute__((unused)) static void return_number(const pytramp_signature *signature, void *result,
                                                  void *const *args, void *number) {
    (void)signature, (void)args;
    *(int *)result = (int)(intptr_t)number;
}

__attribute__((unused)) static const pytramp_signature *int_void(void) {
    const pytramp_signature *signature;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 0, NULL));
    return signature;
}

/* A late call of it returns -number. */
__attribute__((unused)) static pytramp_status new_numbered(void **code, int number) {
    static const pytramp_signature *signature;
    if (!signature) signature = int_void();
    int error = -number;
    pytramp_closure_options options = {.size = sizeof options,
                                       .handler = return_number,
                                       .userdata = (void *)(intptr_t)number,
                                       .error = &error};
    return pytramp_closure_new_ex(code, signature, &options);
}

__attribute__((unused)) static int call_int(const void *code) {
    return ((int (*)(void))(uintptr_t)code)();
}

__attribute__((unused)) static pytramp_statistics stats(void) {
    pytramp_statistics all = {.size = sizeof all};
    CHECK_OK(pytramp_stats(&all));
    return all;
}

/* Late calls are made on purpose here: counted instead of printed. */
static _Atomic int late_reports;

__attribute__((unused)) static void count_report(const void *code, const char *what) {
    (void)code, (void)what;
    atomic_fetch_add_explicit(&late_reports, 1, memory_order_relaxed);
}

/* ---- A bare trampoline's target that returns its static chain ---- */

#if defined(__x86_64__)
__attribute__((naked, unused)) static void *return_chain(void) {
    __asm__("mov %r10, %rax\n\tret");
}
#elif defined(__i386__)
__attribute__((naked, unused)) static void *return_chain(void) {
    __asm__("mov %ecx, %eax\n\tret");
}
#elif defined(__arm__)
__attribute__((naked, unused)) static void *return_chain(void) {
    __asm__("mov r0, ip\n\tbx lr");
}
#else
/* gcc has no naked functions on every CPU. */
void *return_chain(void);
#  define RETURN_CHAIN(instructions)                                                               \
      __asm__(".text\n\t.balign 4\n\t.globl return_chain\n\t.hidden return_chain\n\t"              \
              ".type return_chain, @function\nreturn_chain:\n\t" instructions);
#  if defined(__aarch64__)
RETURN_CHAIN("hint #34\n\tmov x0, x18\n\tret") /* bti c first */
#  elif defined(__riscv)
RETURN_CHAIN("mv a0, t2\n\tret")
#  elif defined(__loongarch__)
RETURN_CHAIN("move $a0, $t8\n\tret")
#  elif defined(__s390x__)
RETURN_CHAIN("lgr %r2, %r0\n\tbr %r14")
#  elif defined(__powerpc64__) && PT_DESCRIPTORS
__asm__(".section .opd, \"aw\"\n\t.balign 8\n\t.globl return_chain\n\t.hidden return_chain\n"
        "return_chain:\n\t.quad .Lreturn_chain, .TOC.@tocbase, 0\n\t"
        ".text\n.Lreturn_chain:\n\tmr 3, 11\n\tblr");
#  elif defined(__powerpc64__)
RETURN_CHAIN("mr 3, 11\n\tblr")
#  elif defined(__mips__)
RETURN_CHAIN(".set noreorder\n\tjr $31\n\tmove $2, $15\n\t.set reorder")
#  else
#    error "say here how a function reads its static chain on this CPU"
#  endif
#endif

__attribute__((unused)) static void *call_chain(const void *code) {
    return ((void *(*)(void))(uintptr_t)code)();
}

/* ---- LeakSanitizer ----
 *
 * A dead closure keeps its error value until the slot is used again. Records of grown pairs lie in
 * mapped memory, where LeakSanitizer looks for no pointers: without this, it takes those values for
 * leaks. pool.c and closure.c use built-in records for whatever could really leak. */
#define LEAKS_IN_GROWN_RECORDS(function)                                                           \
    __attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);          \
    __attribute__((visibility("default"))) const char *__lsan_default_options(void);               \
    const char *__lsan_default_suppressions(void) {                                                \
        return "leak:" function "\n";                                                              \
    }                                                                                              \
    const char *__lsan_default_options(void) {                                                     \
        return "print_suppressions=0";                                                             \
    }

/* ---- Processes; support_windows.h has what can be had of it there ---- */

#ifndef _WIN32

/* Frees wait in a list per CPU, so exact counts ask for one CPU. */
__attribute__((unused)) static void stay_on_one_cpu(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK(!sched_setaffinity(0, sizeof one, &one), "%s", strerror(errno));
}

static void await(pid_t child, const char *name) {
    int status;
    CHECK(child >= 0, "fork: %s", strerror(errno));
    CHECK(waitpid(child, &status, 0) == child, "waitpid: %s", strerror(errno));
    CHECK(!status, "the child for '%s' ended with wait status 0x%x", name, (unsigned)status);
}

/* Runs what in a child and passes its failure on. A child's pool knows that it was forked, and
 * pytramp_pool_check forgives it a lost slot. */
__attribute__((unused)) static void in_child(const char *name, void (*what)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        what();
        fflush(stdout);
        _exit(0);
    }
    await(child, name);
}

#endif

struct test {
    const char *name;
    void (*run)(void);
};

static int run_named(const struct test *tests, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(tests[i].name, name)) continue;
        alarm(100); /* a deadlock is a failure, too */
        tests[i].run();
        CHECK_POOL();
        return 0;
    }
    check_failed(__FILE__, __LINE__, name, "no such test");
}

#ifdef _WIN32
#  include "support_windows.h"
#else

/* A main: the test with the name argv[1]; without one all of them, each in a process of its own,
 * whose pool nobody has used before. */
__attribute__((unused)) static int run_tests(const struct test *tests, size_t n, char **argv) {
    if (argv[1]) return run_named(tests, n, argv[1]);
    for (size_t i = 0; i < n; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (!child) {
            execl("/proc/self/exe", argv[0], tests[i].name, (char *)NULL);
            check_failed(__FILE__, __LINE__, "execl", "%s", strerror(errno));
        }
        await(child, tests[i].name);
    }
    return 0;
}

/* ---- /proc/self/maps ---- */

struct maps {
    unsigned lines, executable, memfd;
};

static int is_kernels(const char *name) {
    static const char *const names[] = {
        "[vdso]",  "[vsyscall]", "[vectors]", "[sigpage]",
#  ifdef __mips__ /* kernels executed delay slots there that they had to emulate */
        "[stack]",
#  endif
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (!strcmp(name, names[i])) return 1;
    }
    return 0;
}

static int has_file(const char *name, unsigned long inode) {
    return *name == '/' && inode;
}

/* Executable pages without a file that there were before anything has run: an emulator's. */
static unsigned emulators_pages;

__attribute__((constructor)) static void count_emulators_pages(void) {
    char line[4400], mode[8], name[4200];
    FILE *file = fopen("/proc/self/maps", "r");
    while (file && fgets(line, sizeof line, file)) {
        unsigned long inode = 0;
        *name = 0;
        sscanf(line, "%*s %7s %*s %*s %lu %4199[^\n]", mode, &inode, name);
        emulators_pages += strchr(mode, 'x') && !is_kernels(name) && !has_file(name, inode);
    }
    if (file) fclose(file);
}

/* Checks that nothing is writable and executable, that what is executable has a file, and that it
 * is not the file with this inode (0 for none). */
__attribute__((unused)) static struct maps check_maps(unsigned long foreign_inode) {
    struct maps maps = {0, 0, 0};
    unsigned anonymous = 0;
    char line[4400], mode[8], name[4200];
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file, "/proc/self/maps: %s", strerror(errno));
    while (fgets(line, sizeof line, file)) {
        unsigned long inode = 0;
        *name = 0;
        sscanf(line, "%*s %7s %*s %*s %lu %4199[^\n]", mode, &inode, name);
        maps.lines++;
        if (!strchr(mode, 'x') || is_kernels(name)) continue;
        maps.executable++;
        CHECK(!strchr(mode, 'w'), "writable and executable: %s", line);
        anonymous += !has_file(name, inode);
        CHECK(anonymous <= emulators_pages, "anonymous and executable: %s", line);
        CHECK(!foreign_inode || inode != foreign_inode, "a foreign file is executable: %s", line);
        maps.memfd += !strncmp(name, "/memfd:", 7);
    }
    fclose(file);
    return maps;
}

#endif

#endif
