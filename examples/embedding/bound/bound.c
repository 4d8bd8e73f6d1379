/* Closures, not bare trampolines: README.md says why. */
#include "bound.h"

#include <stdlib.h>
#include <string.h>

/* One allocation for each closure, which owns it. */
struct binding {
    union {
        comparison_with compare;
        void (*leave)(void *context);
    } function;
    void *context;
    void (*destroy)(void *context);
    void *code;
};

static void destroy_binding(void *userdata) {
    struct binding *binding = userdata;
    if (binding->destroy) binding->destroy(binding->context);
    free(binding);
}

/* *out is what the closure owns. */
static pytramp_status bind(struct binding **out, const pytramp_signature *signature,
                           pytramp_handler handler, const struct binding *binding) {
    struct binding *owned = malloc(sizeof *owned);
    if (!owned) return PYTRAMP_E_NO_MEMORY;
    *owned = *binding;
    pytramp_closure_options options = {.size = sizeof options,
                                       .handler = handler,
                                       .userdata = owned,
                                       .name = "bound function",
                                       .destroy = destroy_binding};
    pytramp_status status = pytramp_closure_new_ex(&owned->code, signature, &options);
    if (status)
        free(owned);
    else
        *out = owned;
    return status;
}

/* ---- Comparisons ---- */

static void compare(const pytramp_signature *signature, void *result, void *const *args,
                    void *userdata) {
    const struct binding *binding = userdata;
    const void *a = *(const void *const *)args[0], *b = *(const void *const *)args[1];
    (void)signature;
    *(int *)result = binding->function.compare(a, b, binding->context);
}

pytramp_status bind_comparison(comparison *bound, comparison_with function, void *context,
                               void (*destroy)(void *context)) {
    if (!bound || !function) return PYTRAMP_E_NULL;
    const pytramp_type *args[] = {&pytramp_type_pointer, &pytramp_type_pointer};
    const pytramp_signature *signature;
    struct binding *owned,
        binding = {.function.compare = function, .context = context, .destroy = destroy};
    pytramp_status status =
        pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 2, args);
    if (!status) status = bind(&owned, signature, compare, &binding);
    if (!status) memcpy(bound, &owned->code, sizeof *bound);
    return status;
}

pytramp_status unbind_comparison(comparison bound) {
    void *code;
    memcpy(&code, &bound, sizeof code);
    return pytramp_closure_free(code);
}

/* ---- Handlers of signals ---- */

static void handle(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    const struct signal_binding *binding = userdata;
    (void)signature, (void)result;
    binding->function(*(const int *)args[0], binding->context);
}

pytramp_status bind_signal(signal_handler *bound, const struct signal_binding *binding) {
    if (!bound || !binding || !binding->function) return PYTRAMP_E_NULL;
    const pytramp_type *args[] = {&pytramp_type_int};
    const pytramp_signature *signature;
    void *code;
    pytramp_status status =
        pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_void, 1, args);
    if (!status) status = pytramp_closure_new(&code, signature, handle, (void *)binding);
    if (!status) memcpy(bound, &code, sizeof *bound);
    return status;
}

pytramp_status unbind_signal(signal_handler bound) {
    void *code;
    memcpy(&code, &bound, sizeof code);
    return pytramp_closure_free(code);
}

/* ---- The end of the program ---- */

/* Who frees itself is destroyed when its call returns. */
static void leave(const pytramp_signature *signature, void *result, void *const *args,
                  void *userdata) {
    const struct binding *binding = userdata;
    (void)signature, (void)result, (void)args;
    binding->function.leave(binding->context);
    pytramp_closure_free(binding->code);
}

static pytramp_status register_exit(struct binding *owned) {
    void (*bound)(void);
    memcpy(&bound, &owned->code, sizeof bound);
    if (!atexit(bound)) return PYTRAMP_OK;
    owned->destroy = NULL; /* the context stays the caller's */
    pytramp_closure_free(owned->code);
    return PYTRAMP_E_NO_MEMORY;
}

pytramp_status at_exit_with(void (*function)(void *context), void *context,
                            void (*destroy)(void *context)) {
    if (!function) return PYTRAMP_E_NULL;
    const pytramp_signature *signature;
    struct binding *owned,
        binding = {.function.leave = function, .context = context, .destroy = destroy};
    pytramp_status status =
        pytramp_signature_new(&signature, PYTRAMP_ABI_DEFAULT, &pytramp_type_void, 0, NULL);
    if (!status) status = bind(&owned, signature, leave, &binding);
    return status ? status : register_exit(owned);
}
