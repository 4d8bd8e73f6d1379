/* Calls of closures of every kind, made one instruction at a time: SIGTRAP's handler looks at each.
 * Include it after check.h. Only where STUB_INSTRUCTIONS is defined: on x86. */
#ifndef STEPPING_H
#define STEPPING_H

#include <errno.h>
#include <signal.h>
#include <ucontext.h>

#include "support.h"

/* The flag acts behind the next instruction: a nop. */
#if defined(__x86_64__)
#  define STUB_INSTRUCTIONS 3
#  define AT                REG_RIP
#  define SP                REG_RSP
#  define SET_FLAGS(change)                                                                        \
      __asm__ volatile("pushfq\n\t" change ", (%%rsp)\n\tpopfq\n\tnop" ::: "memory", "cc")
#  define TRAP_ON  "orq $0x100"
#  define TRAP_OFF "andq $~0x100"
#elif defined(__i386__)
#  define STUB_INSTRUCTIONS 6
#  define AT                REG_EIP
#  define SP                REG_ESP
#  define SET_FLAGS(change)                                                                        \
      __asm__ volatile("pushfl\n\t" change ", (%%esp)\n\tpopfl\n\tnop" ::: "memory", "cc")
#  define TRAP_ON  "orl $0x100"
#  define TRAP_OFF "andl $~0x100"
#endif

#ifdef STUB_INSTRUCTIONS

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

static void *new_closure(pytramp_abi abi, const pytramp_type *result, const pytramp_type *arg,
                         int *calls) {
    const pytramp_signature *signature;
    void *code;
    CHECK_OK(pytramp_signature_new(&signature, abi, result, arg != NULL, &arg));
    CHECK_OK(pytramp_closure_new(&code, signature, handle, calls));
    return code;
}

/* Calls call with a closure of that type; it stands in a grown page, or not. The program's own. */
static void run_as(pytramp_abi abi, const char *name, void (*call)(void *),
                   const pytramp_type *result, const pytramp_type *arg, int grown);

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

/* Has every instruction of the calls looked at. */
static void step_by(void (*look)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = look;
    CHECK(!sigaction(SIGTRAP, &action, NULL), "%s", strerror(errno));
}

static void use_up_builtin(void) {
    for (size_t left = stats().untouched; left; left--) {
        void *code;
        CHECK_OK(pytramp_alloc(&code));
    }
}

#endif
#endif
