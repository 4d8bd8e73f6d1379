/* Some work with one copy of pytramp; compiled once for each of them. */
#include "pytramp.h"

#include "copies.h"

static void add(const pytramp_signature *signature, void *result, void *const *args,
                void *userdata) {
    (void)signature;
    *(int *)result = *(int *)args[0] + *(int *)userdata;
}

void *COPY(adder)(int *n) {
    const pytramp_type *args[] = {&pytramp_type_int};
    const pytramp_signature *signature;
    void *code;
    if (pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 1, args) ||
        pytramp_closure_new(&code, signature, add, n))
        return NULL;
    return code;
}

int COPY(owns)(void *code) {
    return pytramp_owns(code);
}

int COPY(free)(void *code) {
    return pytramp_closure_free(code);
}

int COPY(is_sound)(void) {
    return pytramp_pool_check(NULL, 0) == PYTRAMP_OK;
}
