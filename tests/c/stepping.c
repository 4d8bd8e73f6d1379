/* Profilers and debuggers stop anywhere: from each single instruction between a caller and its
 * handler, the unwinder finds the caller. Only the instructions of a stub in a grown page have no
 * unwind tables. */
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

#include "support.h"

#if defined(__x86_64__)
#  define STUB_INSTRUCTIONS 3
#  define AT                REG_RIP
#  define SET_FLAGS(change)                                                                        \
      __asm__ volatile("pushfq\n\t" change ", (%%rsp)\n\tpopfq" ::: "memory", "cc")
#  define TRAP_ON  "orq $0x100"
#  define TRAP_OFF "andq $~0x100"
#elif defined(__i386__)
#  define STUB_INSTRUCTIONS 6
#  define AT                REG_EIP
#  define SET_FLAGS(change)                                                                        \
      __asm__ volatile("pushfl\n\t" change ", (%%esp)\n\tpopfl" ::: "memory", "cc")
#  define TRAP_ON  "orl $0x100"
#  define TRAP_OFF "andl $~0x100"
#endif

#ifndef STUB_INSTRUCTIONS
int main(void) {
    skip("say here how this CPU single-steps");
}
#else

/* ---- One step ---- */

static void *caller;         /* the function that must be on each stack */
static const void *stub;     /* the one that is being called */
static int is_grown;         /* it stands in a grown page */
static unsigned steps, deep; /* instructions seen; of these, with a frame between it and caller */
static unsigned without_tables;

static _Unwind_Reason_Code look(struct _Unwind_Context *context, void *data) {
    int *depth = data;
    ++*depth;
    void *ip = (void *)(_Unwind_GetIP(context) - 1);
    if (_Unwind_FindEnclosingFunction(ip) != caller) return _URC_NO_REASON;
    *depth += 1000;
    return _URC_END_OF_STACK;
}

static void step(int number, siginfo_t *information, void *context) {
    (void)number, (void)information;
    uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[AT];
    int depth = 0;
    steps++;
    _Unwind_Backtrace(look, &depth);
    if (depth > 1000) {
        deep += depth > 1004; /* look's caller, the signal's frame, where it was */
        return;
    }
    without_tables++;
    CHECK(is_grown && at - (uintptr_t)stub < PT_STUB_SIZE,
          "no way up from %p (the stub is %p, grown: %d)", (void *)at, stub, is_grown);
}

/* ---- Calls ---- */

struct two {
    double a;
    long b;
};
struct large {
    long a[12];
};

#  define STEPPED_AS(convention, name, result, parameters, ...)                                    \
      __attribute__((noinline)) static void name(void *code) {                                     \
          result(convention * function) parameters =                                               \
              (result(convention *) parameters)(uintptr_t)code;                                    \
          SET_FLAGS(TRAP_ON);                                                                      \
          function(__VA_ARGS__);                                                                   \
          SET_FLAGS(TRAP_OFF);                                                                     \
      }
#  define STEPPED(...) STEPPED_AS(, __VA_ARGS__)

STEPPED(call_void, void, (void))
STEPPED(call_number, int, (int), 1)
STEPPED(call_double, double, (double), 1)
STEPPED(call_long_double, long double, (long double), 1)
STEPPED(call_complex, _Complex long double, (void))
STEPPED(call_two, struct two, (struct two), (struct two){1, 2})
STEPPED(call_large, struct large, (struct large), (struct large){{0}})

static void handle(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    (void)signature, (void)result, (void)args;
    ++*(int *)userdata;
}

#  ifdef __i386__
STEPPED_AS(__attribute__((stdcall)), call_stdcall, int, (int), 1)
STEPPED_AS(__attribute__((stdcall)), call_stdcall_two, double, (struct two), (struct two){1, 2})
STEPPED_AS(__attribute__((stdcall)), call_stdcall_large, struct large, (struct large),
           (struct large){{0}})
STEPPED_AS(__attribute__((fastcall)), call_fastcall, long double, (int), 1)
STEPPED_AS(__attribute__((thiscall)), call_thiscall, float, (int), 1)
#  endif

static void run_as(pytramp_abi abi, const char *name, void (*call)(void *),
                   const pytramp_type *result, const pytramp_type *arg, int grown) {
    const pytramp_signature *signature;
    void *code;
    int calls = 0;
    CHECK_OK(pytramp_signature_new(&signature, abi, result, arg != NULL, &arg));
    CHECK_OK(pytramp_closure_new(&code, signature, handle, &calls));
    caller = (void *)(uintptr_t)call;
    stub = code;
    is_grown = grown;
    steps = deep = without_tables = 0;
    call(code);
    CHECK(calls == 1, "%s: %d calls", name, calls);
    CHECK(steps > 30 && deep > 10, "%s: %u steps, %u of them deep", name, steps, deep);
    CHECK(without_tables == (grown ? STUB_INSTRUCTIONS : 0u), "%s: %u without tables", name,
          without_tables);
    say("%s, %s: %u instructions", name, grown ? "grown" : "built-in", steps);
}

static void run(const char *name, void (*call)(void *), const pytramp_type *result,
                const pytramp_type *arg, int grown) {
    run_as(PYTRAMP_ABI_DEFAULT, name, call, result, arg, grown);
}

#  ifdef __i386__
/* The callee takes the arguments off the stack. */
static void run_popping(const pytramp_type *two, const pytramp_type *large, int grown) {
    const pytramp_type *i = &pytramp_type_int;
    run_as(PYTRAMP_ABI_STDCALL_X86, "stdcall", call_stdcall, i, i, grown);
    run_as(PYTRAMP_ABI_STDCALL_X86, "stdcall, struct two", call_stdcall_two, &pytramp_type_double,
           two, grown);
    run_as(PYTRAMP_ABI_STDCALL_X86, "stdcall, struct large", call_stdcall_large, large, large,
           grown);
    run_as(PYTRAMP_ABI_FASTCALL_X86, "fastcall", call_fastcall, &pytramp_type_longdouble, i, grown);
    run_as(PYTRAMP_ABI_THISCALL_X86, "thiscall", call_thiscall, &pytramp_type_float, i, grown);
}
#  endif

static void run_all(int grown) {
    const pytramp_member members[] = {{&pytramp_type_double, 1, 0}, {&pytramp_type_long, 1, 0}};
    const pytramp_member twelve[] = {{&pytramp_type_long, 12, 0}};
    const pytramp_type *two, *large;
    CHECK_OK(pytramp_type_struct(&two, 2, members, 0));
    CHECK_OK(pytramp_type_struct(&large, 1, twelve, 0));
    run("void (void)", call_void, &pytramp_type_void, NULL, grown);
    run("int (int)", call_number, &pytramp_type_int, &pytramp_type_int, grown);
    run("double (double)", call_double, &pytramp_type_double, &pytramp_type_double, grown);
    run("long double (long double)", call_long_double, &pytramp_type_longdouble,
        &pytramp_type_longdouble, grown);
    run("complex long double (void)", call_complex, &pytramp_type_complex_longdouble, NULL, grown);
    run("struct two (struct two)", call_two, two, two, grown);
    run("struct large (struct large)", call_large, large, large, grown);
#  ifdef __i386__
    run_popping(two, large, grown);
#  endif
}

int main(void) {
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = step;
    CHECK(!sigaction(SIGTRAP, &action, NULL), "%s", strerror(errno));
    run_all(0);
    for (size_t left = stats().untouched; left; left--) {
        void *code;
        CHECK_OK(pytramp_alloc(&code));
    }
    run_all(1);
    CHECK_POOL();
    return 0;
}
#endif
