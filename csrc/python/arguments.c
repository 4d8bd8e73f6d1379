/* Any signature: arguments in pieces, many arguments, and those that end with the call. */
#include "arguments.h"

#include "../port.h"
#include "convert.h"
#include "failure.h"
#include "varargs.h"
#include "view.h"

/* What one call needs besides its frame, all in one block. */
struct call {
    pt_closure_object *closure;
    struct pt_frame *frame;
    unsigned char *scratch;
    void **at;         /* where the arguments stand */
    PyObject **values; /* values[-1] is the callee's to use */
    size_t n;          /* of values that exist */
};

static int load_rest(struct call *call) {
    const pt_signature_object *signature = call->closure->signature;
    va_list list;
    signature->plan->port->list_start(&list, signature->c, call->frame);
    call->values[call->n] = pt_varargs_new(pt_types_of(signature->interpreter), &list);
    va_end(list);
    if (!call->values[call->n]) return -1;
    call->n++;
    return 0;
}

/* A length may come behind its array, so all places are known before the first value is made. */
static int load(struct call *call) {
    const pt_signature_object *signature = call->closure->signature;
    for (size_t i = 0; i < (size_t)signature->nargs; i++)
        call->at[i] = pt_argument(signature->c, signature->plan, i, call->frame, call->scratch);
    for (; call->n < (size_t)signature->nargs; call->n++) {
        const struct pt_crossing *crossing = &signature->takes[call->n];
        PyObject *value = crossing->way == PT_WAY_ARRAY
                              ? pt_view_open(call->closure, (Py_ssize_t)call->n, call->at)
                              : crossing->load(crossing, call->at[call->n]);
        if (PT_UNLIKELY(!value)) return -1;
        call->values[call->n] = value;
    }
    return signature->variadic ? load_rest(call) : 0;
}

/* Before C gets its memory back. */
static void drop(struct call *call, int failure) {
    if (!call->closure->signature->has_views) {
        while (call->n--)
            Py_DECREF(call->values[call->n]);
        return;
    }
    for (size_t i = 0; i < call->n; i++)
        pt_view_close(call->closure, (Py_ssize_t)i, call->values[i], failure);
}

/* A view that is kept in the result dies with the call like any other: it is converted before. */
static int call_and_store(struct call *call) {
    PyObject *result = load(call) ? NULL : pt_call_callable(call->closure, call->values, call->n);
    int failure = result ? 0 : PT_RAISED;
    if (result && call->closure->signature->returns.code != PT_TYPE_VOID)
        failure = pt_store_any(call->closure, result, call->frame);
    Py_XDECREF(result);
    drop(call, failure);
    return failure;
}

/* The block may be large, and a thread's stack small. */
int pt_call_general(pt_closure_object *closure, struct pt_frame *frame) {
    const pt_signature_object *signature = closure->signature;
    size_t places = (size_t)signature->nargs * sizeof(void *);
    size_t values = ((size_t)signature->nargs + 2) * sizeof(PyObject *);
    size_t size = places + values + PT_SCRATCH_ALIGNMENT + signature->plan->scratch_size;
    _Alignas(PT_SCRATCH_ALIGNMENT) unsigned char small[512];
    unsigned char *block = size <= sizeof small ? small : PyMem_Malloc(size);
    if (!block) {
        PyErr_NoMemory();
        return PT_RAISED;
    }
    struct call call = {.closure = closure, .frame = frame, .at = (void **)(void *)block};
    call.values = (PyObject **)(void *)(block + places) + 1;
    call.scratch = (unsigned char *)pt_scratch_up((uintptr_t)block + places + values);
    int failure = call_and_store(&call);
    if (block != small) PyMem_Free(block);
    return failure;
}
