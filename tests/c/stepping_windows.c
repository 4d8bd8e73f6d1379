/* stepping.c for Windows, where SEH, debuggers and profilers all read the same tables: from each
 * single instruction between a caller and its handler they lead to the caller. A stub in a view is
 * in no table; then it has to be a leaf: the return address is on top of the stack. */
#include "check.h"

#include "support.h"

#define TRAP_FLAG 0x100u

static volatile int is_stepping;

static uintptr_t caller;     /* the function that must be on each stack */
static uintptr_t stub;       /* the one that is being called */
static unsigned steps, deep; /* instructions seen; of these, with a frame between it and caller */
static unsigned leaves;      /* of these, in the stub and without a table */

/* Leaves the function that context is in; 1 when that was the caller. */
static int leave(CONTEXT *context) {
    DWORD64 base, frame;
    void *data;
    RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context->Rip, &base, NULL);
    if (!function) {
        memcpy(&context->Rip, (const void *)(uintptr_t)context->Rsp, sizeof context->Rip);
        context->Rsp += sizeof context->Rip;
        return 0;
    }
    if (base + function->BeginAddress == caller) return 1;
    RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context->Rip, function, context, &data, &frame, NULL);
    return 0;
}

/* The compiler's epilogue of a tail call: pop, pop, jmp. Windows knows it for one, wine 8 does not.
 */
static int is_before_tail_call(uintptr_t at) {
    const unsigned char *code = (const unsigned char *)at;
    for (;;) {
        if (*code == 0x41) code++; /* r8 to r15 */
        if ((*code & 0xf8) != 0x58) return *code == 0xe9;
        code++;
    }
}

/* Frames from here to the caller: 0 when there is no way. */
static int depth_of(CONTEXT context) {
    for (int depth = 1; depth < 50; depth++) {
        if (leave(&context)) return depth;
    }
    return 0;
}

static LONG CALLBACK step(EXCEPTION_POINTERS *pointers) {
    if (pointers->ExceptionRecord->ExceptionCode != (DWORD)EXCEPTION_SINGLE_STEP)
        return EXCEPTION_CONTINUE_SEARCH;
    uintptr_t at = pointers->ContextRecord->Rip;
    int depth = depth_of(*pointers->ContextRecord);
    DWORD64 base;
    leaves += at - stub < PT_STUB_SIZE && !RtlLookupFunctionEntry(at, &base, NULL);
    CHECK(depth || is_before_tail_call(at), "no way from %p to the caller", (void *)at);
    steps++;
    deep += depth > 2;
    if (is_stepping)
        pointers->ContextRecord->EFlags |= TRAP_FLAG; /* which Windows has cleared, wine has not */
    else
        pointers->ContextRecord->EFlags &= ~TRAP_FLAG;
    return EXCEPTION_CONTINUE_EXECUTION;
}

struct large {
    long a[12];
};

#define STEPPED(name, result, parameters, ...)                                                     \
    __attribute__((noinline)) static void name(void *code) {                                       \
        result(*function) parameters = (result(*) parameters)(uintptr_t)code;                      \
        is_stepping = 1;                                                                           \
        __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");             \
        function(__VA_ARGS__);                                                                     \
        is_stepping = 0;                                                                           \
    }

STEPPED(call_void, void, (void))
STEPPED(call_number, int, (int), 1)
STEPPED(call_double, double, (double), 1)
STEPPED(call_long_double, long double, (long double), 1)
STEPPED(call_large, struct large, (struct large), (struct large){{0}})

static void handle(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    (void)signature, (void)result, (void)args;
    ++*(int *)userdata;
}

static void check_steps(const char *name, void (*call)(void *), void *code, int grown) {
    caller = (uintptr_t)call;
    stub = (uintptr_t)code;
    steps = deep = leaves = 0;
    call(code);
    CHECK(leaves == (grown ? 3u : 0u), "%s: %u instructions have no table", name, leaves);
    say("%s, %s: %u instructions", name, grown ? "in a view" : "built-in", steps);
}

static void run(const char *name, void (*call)(void *), const pytramp_type *result,
                const pytramp_type *arg, int grown) {
    const pytramp_signature *signature;
    void *code;
    int calls = 0;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, result, arg != NULL, &arg));
    CHECK_OK(pytramp_closure_new(&code, signature, handle, &calls));
    check_steps(name, call, code, grown);
    CHECK(calls == 1, "%s: %d calls", name, calls);
    CHECK(steps > 30 && deep > 10, "%s: %u steps, %u of them deep", name, steps, deep);
    CHECK_OK(pytramp_closure_free(code));
}

/* Its entry is stepped through, too. */
static void run_bare(int grown) {
    void *code;
    pytramp_set_late_call_hook(count_report);
    CHECK_OK(pytramp_alloc(&code));
    check_steps("unprepared", call_void, code, grown);
    CHECK_OK(pytramp_free(code));
    check_steps("freed", call_void, code, grown);
}

static void run_all(int grown) {
    const pytramp_member twelve[] = {{&pytramp_type_long, 12, 0}};
    const pytramp_type *large;
    CHECK_OK(pytramp_type_struct(&large, 1, twelve, 0));
    run("void (void)", call_void, &pytramp_type_void, NULL, grown);
    run("int (int)", call_number, &pytramp_type_int, &pytramp_type_int, grown);
    run("double (double)", call_double, &pytramp_type_double, &pytramp_type_double, grown);
    run("long double (long double)", call_long_double, &pytramp_type_longdouble,
        &pytramp_type_longdouble, grown);
    run("struct large (struct large)", call_large, large, large, grown);
    run_bare(grown);
}

int main(void) {
    CHECK(AddVectoredExceptionHandler(1, step), "error %lu", GetLastError());
    run_all(0);
    for (size_t left = stats().untouched; left; left--) {
        void *code;
        CHECK_OK(pytramp_alloc(&code));
    }
    run_all(1);
    CHECK_POOL();
    return 0;
}
