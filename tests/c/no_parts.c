/* Results that come in no register, whatever their size: a struct of a thousand empty ones of C++
 * (one byte each) to Apple. Closures here take that convention for this machine's.
 *
 * Linked with --wrap for pt_port_of. */
#include "check.h"

#include "port.h"
#include "signature.h"

#define SIZE 1000

const struct pt_port *__wrap_pt_port_of(const struct pt_abi *abi);
const struct pt_port *__wrap_pt_port_of(const struct pt_abi *abi) {
    (void)abi;
    return &pt_port;
}

static const void *written;

static void fill(const pytramp_signature *signature, void *result, void *const *args,
                 void *userdata) {
    (void)signature, (void)args, (void)userdata;
    written = memset(result, 0xff, SIZE);
}

static void call(void *code) {
    ((void (*)(void))(uintptr_t)code)();
}

static void keep_quiet(const void *code, const char *what) {
    (void)code, (void)what;
}

int main(void) {
    const pytramp_type *type;
    const pytramp_signature *signature;
    static const char error[SIZE] = "an error value";
    CHECK_OK(pytramp_type_layout(&type, SIZE, 1, 0, NULL));
    CHECK_OK(pytramp_signature_new(&signature, PYTRAMP_ABI_AAPCS64_APPLE, type, 0, NULL));
    CHECK(!signature->result_at.nparts && !signature->result_at.by_reference, "it has places");
    pytramp_set_late_call_hook(keep_quiet);
    for (int with_error = 0; with_error < 2; with_error++) {
        void *code;
        pytramp_closure_options options = {
            .size = sizeof options, .handler = fill, .error = with_error ? error : NULL};
        CHECK_OK(pytramp_closure_new_ex(&code, signature, &options));
        call(code);
        CHECK(written, "the handler was not called");
        CHECK_OK(pytramp_closure_free(code));
        call(code);
    }
    CHECK_POOL();
    say("%d bytes in no register: live, and freed, with an error value and without", SIZE);
    return 0;
}
