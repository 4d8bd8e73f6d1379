/* Profilers and debuggers stop anywhere: from each single instruction between a caller and its
 * handler, the unwinder finds the caller. Only the instructions of a stub in a grown page have no
 * unwind tables. */
#include "check.h"

#include <unwind.h>

#include "stepping.h"

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
#  ifndef __GLIBC__
    if (steps == 1) skip("nothing finds a way out of a signal handler of this C library");
#  endif
    without_tables++;
    CHECK(is_grown && at - (uintptr_t)stub < PT_STUB_SIZE,
          "no way up from %p (the stub is %p, grown: %d)", (void *)at, stub, is_grown);
}

static void run_as(pytramp_abi abi, const char *name, void (*call)(void *),
                   const pytramp_type *result, const pytramp_type *arg, int grown) {
    int calls = 0;
    void *code = new_closure(abi, result, arg, &calls);
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

int main(void) {
    step_by(step);
    run_all(0);
    use_up_builtin();
    run_all(1);
    CHECK_POOL();
    return 0;
}
#endif
