/* i386: callers whose stack is aligned to words only, and callees that take arguments off it. */
#include "check.h"

#include "support.h"

#ifndef __i386__
int main(void) {
    skip("only i386 has these conventions");
}
#else

/* ---- Alignment ---- */

/* A compiler that believes in the psABI aligns this variable by subtracting from esp. */
static void note_alignment(const pytramp_signature *signature, void *result, void *const *args,
                           void *userdata) {
    _Alignas(16) volatile unsigned char probe[16];
    probe[0] = 0;
    (void)signature;
    *(unsigned *)userdata |= (uintptr_t)probe % 16;
    *(double *)result = *(double *)args[0];
}

/* Calls code(1.5) with so many bytes between its arguments and a multiple of 16. */
static double call_with_offset(void *code, unsigned offset) {
    double result;
    __asm__ volatile("movl %%esp, %%esi\n\t"
                     "andl $-16, %%esp\n\t"
                     "subl %2, %%esp\n\t"
                     "pushl $0x3ff80000\n\t"
                     "pushl $0\n\t"
                     "call *%1\n\t"
                     "movl %%esi, %%esp"
                     : "=t"(result)
                     : "r"(code), "r"(offset)
                     : "eax", "ecx", "edx", "esi", "memory", "cc");
    return result;
}

static void test_alignment(void) {
    const pytramp_type *args[] = {&pytramp_type_double};
    const pytramp_signature *signature;
    unsigned misaligned = 0;
    void *code;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, args[0], 1, args));
    CHECK_OK(pytramp_closure_new(&code, signature, note_alignment, &misaligned));
    for (unsigned offset = 0; offset < 16; offset += 4) {
        double got = call_with_offset(code, offset);
        CHECK(got == 1.5 && !misaligned, "offset %u: %g, misaligned by %u", offset, got,
              misaligned);
    }
    CHECK_OK(pytramp_closure_free(code));
    say("alignment: C code runs on a stack aligned to 16, whatever the caller's");
}

/* ---- What the callee takes off the stack ---- */

typedef struct {
    int numbers[9];
} nine;

struct subject {
    void *code;
    const pytramp_signature *other;
    void *others[BUILTIN_CLOSURES]; /* all the other slots there are */
};

static void fill_pool(struct subject *subject) {
    size_t left = stats().untouched;
    CHECK_OK(pytramp_set_growth(0));
    for (size_t i = 0; i < left; i++)
        CHECK_OK(pytramp_closure_new(&subject->others[i], subject->other, return_number, NULL));
}

/* Frees its own closure and waits until another one gets its record. */
static void be_replaced(const pytramp_signature *signature, void *result, void *const *args,
                        void *userdata) {
    (void)signature;
    struct subject *subject = userdata;
    const nine *numbers = args[1];
    *(int *)result = *(int *)args[0] + numbers->numbers[8];
    CHECK_OK(pytramp_closure_free(subject->code));
    for (int i = 0; i < WAITING_FREES; i++)
        CHECK_OK(pytramp_closure_free(subject->others[i]));
    void *again;
    CHECK_OK(pytramp_closure_new(&again, subject->other, return_number, NULL));
    CHECK(again == subject->code, "another slot was free");
}

/* esp after a call of a stdcall function, minus esp before its arguments were pushed. */
static int drift_of(void *code, int *result) {
    int drift;
    __asm__ volatile("movl %%esp, %%esi\n\t"
                     "subl $36, %%esp\n\t"
                     "movl $20, 32(%%esp)\n\t"
                     "pushl $3\n\t"
                     "call *%2\n\t"
                     "movl %%esp, %1\n\t"
                     "subl %%esi, %1\n\t"
                     "movl %%esi, %%esp"
                     : "=a"(*result), "=&r"(drift)
                     : "r"(code)
                     : "ecx", "edx", "esi", "memory", "cc");
    return drift;
}

static void test_record_used_again(void) {
    stay_on_one_cpu();
    const pytramp_member member = {&pytramp_type_int, 9, 0};
    const pytramp_type *nine_type, *args[2] = {&pytramp_type_int, NULL};
    const pytramp_signature *signature;
    static struct subject subject;
    int result = 0;
    CHECK_OK(pytramp_type_struct(&nine_type, 1, &member, 0));
    args[1] = nine_type;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_STDCALL_X86, args[0], 2, args));
    CHECK_OK(pytramp_signature_new(&subject.other, PYTRAMP_ABI_STDCALL_X86, args[0], 1, args));
    CHECK_OK(pytramp_closure_new(&subject.code, signature, be_replaced, &subject));
    fill_pool(&subject);
    int drift = drift_of(subject.code, &result);
    CHECK(result == 23, "%d", result);
    CHECK(!drift, "esp is off by %d", drift);
    say("stdcall: takes off what its type says, though its record serves another closure by then");
}

/* A late call, too, takes its arguments off the stack. */
static void test_late(void) {
    const pytramp_member member = {&pytramp_type_int, 9, 0};
    const pytramp_type *nine_type, *args[2] = {&pytramp_type_int, NULL};
    const pytramp_signature *signature;
    void *code;
    int result = 1;
    pytramp_set_late_call_hook(count_report);
    CHECK_OK(pytramp_type_struct(&nine_type, 1, &member, 0));
    args[1] = nine_type;
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_STDCALL_X86, args[0], 2, args));
    CHECK_OK(pytramp_closure_new(&code, signature, return_number, (void *)5));
    CHECK(!drift_of(code, &result) && result == 5, "live: %d", result);
    CHECK_OK(pytramp_closure_free(code));
    CHECK(!drift_of(code, &result) && result == 0, "freed: %d", result);
    CHECK(late_reports == 1, "%d reports", late_reports);
    say("stdcall: late calls take their arguments off the stack");
}

static const struct test tests[] = {
    {"alignment", test_alignment},
    {"record used again", test_record_used_again},
    {"late", test_late},
};

int main(int argc, char **argv) {
    (void)argc;
    return run_tests(tests, COUNT(tests), argv);
}
#endif
