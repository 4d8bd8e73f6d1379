/* The subject of debuggers and profilers: backtraces built-in|grown [rounds]
 *
 * main calls apply, which calls a closure, whose handler is handle; stub_address is the closure's.
 * The numbers that apply gets and gives are printed. */
#include "check.h"

#include "support.h"

typedef double (*function)(double, int);

void *stub_address;
static int rounds = 1;

static void handle(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    (void)signature;
    double sum = 0;
    for (int i = 0; i < rounds; i++)
        sum += *(int *)args[1];
    *(double *)result = *(double *)args[0] * *(int *)userdata + sum - sum;
}

__attribute__((noinline)) static double apply(double x) {
    function called = (function)(uintptr_t)stub_address;
    double y = called(x, 3);
    return y + 1;
}

int main(int argc, char **argv) {
    static int factor = 2;
    const pytramp_type *args[] = {&pytramp_type_double, &pytramp_type_int};
    const pytramp_signature *signature;
    double x = 21;
    CHECK(argc > 1, "built-in or grown?");
    if (argc > 2) rounds = atoi(argv[2]);
    if (!strcmp(argv[1], "grown")) {
        for (size_t left = stats().untouched; left; left--)
            CHECK_OK(new_numbered(&stub_address, 1));
    }
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_double, 2, args));
    CHECK_OK(pytramp_closure_new(&stub_address, signature, handle, &factor));
    for (int i = 0; i < rounds; i++)
        x = apply(21);
    say("%g", x);
    return 0;
}
