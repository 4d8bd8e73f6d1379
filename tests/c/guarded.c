/* AArch64's hardening: guarded pages (BTI), signed return addresses (PAC) and the guarded control
 * stack (GCS). A library for loader.c, all of it compiled with -mbranch-protection=standard:
 *
 *     guarded bti     calls through every kind of stub and entry, in each kind of page
 *     guarded pac     a return address that was changed on the stack is not returned to
 *     guarded gcs     the same calls with a guarded control stack
 *
 * Each has its control: something that must kill a child, or nothing was switched on. */
#include "check.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "stubs.h"
#include "support.h"

#ifndef __aarch64__
int main(void) {
    skip("AArch64's");
}
#else

/* Linked without the compiler's start files, which have no landing pads everywhere: they define it.
 */
__attribute__((visibility("hidden"))) void *__dso_handle;

#  define HAS_PACA (1ul << 30)
#  define HAS_GCS  (1ul << 32)
#  define HAS_BTI  (1ul << 17)

/* Runs what in a child; returns the signal that ended it, 0 for none. */
static int signal_of(void (*what)(const void *), const void *data) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "fork: %s", strerror(errno));
    if (!child) {
        what(data);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child, "waitpid: %s", strerror(errno));
    CHECK(WIFSIGNALED(status) || !status, "the child ended with wait status 0x%x", status);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void call(const void *code) {
    ((void (*)(void))(uintptr_t)code)();
}

/* ---- Calls of every kind ---- */

struct pair {
    double a, b;
};
struct quads {
    long double a, b;
};
struct large {
    long a[4];
};

static void add(const pytramp_signature *signature, void *result, void *const *args,
                void *userdata) {
    (void)signature;
    *(int *)result = *(int *)args[0] + (int)(intptr_t)userdata;
}

static void swap(const pytramp_signature *signature, void *result, void *const *args,
                 void *userdata) {
    (void)signature, (void)userdata;
    const struct pair *from = args[0];
    *(struct pair *)result = (struct pair){from->b, from->a};
}

static void negate(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    (void)signature, (void)userdata;
    const struct quads *from = args[0];
    *(struct quads *)result = (struct quads){-from->a, -from->b};
}

static void sum(const pytramp_signature *signature, void *result, void *const *args,
                void *userdata) {
    (void)signature;
    va_list *list = args[1];
    long first = va_arg(*list, int);
    double second = va_arg(*list, double);
    *(struct large *)result =
        (struct large){{*(int *)args[0], first, (long)second, (intptr_t)userdata}};
}

static const pytramp_type *struct_of(const pytramp_type *type, size_t n) {
    const pytramp_member member[] = {{type, n, 0}};
    const pytramp_type *made;
    CHECK_OK(pytramp_type_struct(&made, 1, member, 0));
    return made;
}

static void *closure(const pytramp_type *result, const pytramp_type *arg, int variadic,
                     pytramp_handler handler) {
    const pytramp_signature *signature;
    void *code;
    CHECK_OK((variadic ? pytramp_signature_new_variadic
                       : pytramp_signature_new)(&signature, PYTRAMP_ABI_DEFAULT, result, 1, &arg));
    CHECK_OK(pytramp_closure_new(&code, signature, handler, (void *)(intptr_t)30));
    return code;
}

static void call_closures(void) {
    const pytramp_type *pair = struct_of(&pytramp_type_double, 2),
                       *quads = struct_of(&pytramp_type_longdouble, 2),
                       *large = struct_of(&pytramp_type_long, 4);
    void *integers = closure(&pytramp_type_int, &pytramp_type_int, 0, add),
         *doubles = closure(pair, pair, 0, swap), *reals = closure(quads, quads, 0, negate),
         *variadic = closure(large, &pytramp_type_int, 1, sum);
    CHECK(((int (*)(int))(uintptr_t)integers)(12) == 42, "pt_entry_int");
    struct pair swapped = ((struct pair (*)(struct pair))(uintptr_t)doubles)((struct pair){1, 2});
    CHECK(swapped.a == 2 && swapped.b == 1, "pt_entry_vec");
    struct quads negated =
        ((struct quads (*)(struct quads))(uintptr_t)reals)((struct quads){1, -2});
    CHECK(negated.a == -1 && negated.b == 2, "pt_entry_quad");
    struct large all = ((struct large (*)(int, ...))(uintptr_t)variadic)(1, 2, 3.0);
    CHECK(all.a[0] == 1 && all.a[1] == 2 && all.a[2] == 3 && all.a[3] == 30, "variadic");
    CHECK_OK(pytramp_closure_free(integers));
    CHECK(((int (*)(int))(uintptr_t)integers)(12) == 0, "a late call");
}

static void call_bare(void) {
    void *code;
    int mark;
    CHECK_OK(pytramp_alloc(&code));
    CHECK(!call_chain(code), "pt_entry_unprepared");
    CHECK_OK(pytramp_init(code, (void (*)(void))return_chain, &mark));
    CHECK(call_chain(code) == &mark, "pt_entry_chain");
    CHECK_OK(pytramp_retire(code, (void (*)(void))return_chain, &code));
    CHECK(call_chain(code) == &code, "pt_entry_retired");
    CHECK_OK(pytramp_alloc(&code));
    CHECK_OK(pytramp_free(code));
    CHECK(!call_chain(code), "pt_entry_zero");
}

/* The stub's second instruction is no landing pad. */
static void check_guarded(const char *place) {
    void *code;
    CHECK_OK(pytramp_alloc(&code));
    int number = signal_of(call, (unsigned char *)code + 4);
    CHECK(number == SIGILL, "%s: a call behind the landing pad gave signal %d", place, number);
}

static void call_all(const char *place, int guarded) {
    call_closures();
    call_bare();
    if (guarded) check_guarded(place);
    say("%s: every entry%s", place, guarded ? ", and nothing but landing pads" : "");
}

static void call_in_every_page(int guarded) {
    static const struct {
        unsigned step;
        const char *name;
    } steps[] = {{PYTRAMP_GROW_MREMAP, "mremap"},
                 {PYTRAMP_GROW_FILE, "file"},
                 {PYTRAMP_GROW_MEMFD, "memfd"}};
    char why[200];
    void *code;
    pytramp_set_late_call_hook(count_report);
    call_all("built-in", guarded);
    for (size_t i = 0; i < COUNT(steps); i++) {
        if (pytramp_try_growth(steps[i].step, why, sizeof why)) {
            say("%s", why);
            continue;
        }
        CHECK_OK(pytramp_set_growth(steps[i].step));
        while (stats().untouched)
            CHECK_OK(pytramp_alloc(&code));
        call_all(steps[i].name, guarded);
    }
}

/* ---- BTI ---- */

void no_landing_pad(void);
__asm__(".text\n\t.balign 4\n\t.globl no_landing_pad\n\t.hidden no_landing_pad\n\t"
        ".type no_landing_pad, %function\nno_landing_pad:\n\tnop\n\tret");

static void test_bti(void) {
    if (!(getauxval(AT_HWCAP2) & HAS_BTI)) skip("this CPU has no guarded pages");
    int number = signal_of(call, (const void *)no_landing_pad);
    CHECK(number == SIGILL, "the control survived (signal %d): this library is not guarded",
          number);
    say("control: a function without a landing pad kills");
    call_in_every_page(1);
}

/* ---- PAC ---- */

static void hijacked(void) {
    _exit(77);
}

/* The first argument's place tells where the frame is. */
static void overwrite(const pytramp_signature *signature, void *result, void *const *args,
                      void *userdata) {
    (void)signature, (void)userdata;
    struct pt_frame *frame = (struct pt_frame *)(void *)((char *)args[0] - PT_FRAME_GPR);
    frame->record[1] = (uintptr_t)hijacked;
    *(int *)result = 0;
}

static void call_with_number(const void *code) {
    ((int (*)(int))(uintptr_t)code)(1);
}

/* Without signatures the attack succeeds: that is the control, on another CPU. */
static void test_pac(void) {
    void *code = closure(&pytramp_type_int, &pytramp_type_int, 0, overwrite);
    call_closures();
    if (!(getauxval(AT_HWCAP) & HAS_PACA)) {
        call_with_number(code);
        check_failed(__FILE__, __LINE__, "hijacked",
                     "the return address is not where it should be");
    }
    int number = signal_of(call_with_number, code);
    CHECK(number == SIGSEGV || number == SIGILL || number == SIGBUS, "signal %d", number);
    say("a changed return address kills");
}

/* ---- GCS ---- */

#  define SET_SHADOW_STACK_STATUS 75 /* Linux 6.13 */
#  define SHADOW_STACK_ENABLE     1

/* No function that is running now may return after it: their addresses are not on the new stack. */
__attribute__((always_inline)) static inline long enable_gcs(void) {
    register long x0 __asm__("x0") = SET_SHADOW_STACK_STATUS,
                     x1 __asm__("x1") = SHADOW_STACK_ENABLE, x2 __asm__("x2") = 0,
                     x3 __asm__("x3") = 0, x4 __asm__("x4") = 0, x8 __asm__("x8") = SYS_prctl;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory");
    return x0;
}

static void return_elsewhere(const void *unused) {
    (void)unused;
    if (enable_gcs()) _exit(1);
    __asm__ volatile("adr x30, 1f\n\tret\n1:" ::: "x30");
    _exit(0);
}

static void call_under_gcs(const void *unused) {
    (void)unused;
    if (enable_gcs()) _exit(1);
    call_in_every_page(0);
    _exit(0);
}

static void test_gcs(void) {
    if (!(getauxval(AT_HWCAP) & HAS_GCS)) skip("this CPU has no guarded control stack");
    int number = signal_of(return_elsewhere, NULL);
    CHECK(number == SIGSEGV, "the control survived (signal %d): nothing guards returns", number);
    say("control: a ret without its call kills");
    number = signal_of(call_under_gcs, NULL);
    CHECK(!number, "signal %d", number);
    say("under a guarded control stack: all of that");
}

static const struct test tests[] = {{"bti", test_bti}, {"pac", test_pac}, {"gcs", test_gcs}};

__attribute__((visibility("default"))) int main(int argc, char **argv) {
    CHECK(argc > 1, "which test?");
    return run_named(tests, COUNT(tests), argv[1]);
}
#endif
