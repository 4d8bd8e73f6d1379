/* A C caller is in a stub; here it becomes a call of a Python object.
 *
 * The held path (this thread runs Python in the closure's interpreter, the signature is simple) is
 * written for the fewest instructions; all else is in cold functions. What keeps things alive: the
 * record is type-stable; the GIL and state LIVE keep the Closure object; a reference keeps it and
 * its error value for the rest of the call, whatever the callable does; who calls the callable,
 * keeps that. The record is not looked at again once the callable runs, for the slot may serve
 * another closure by then. */
#include "call.h"

#include <errno.h>

#include "../closure.h"
#include "../pages.h"
#include "arguments.h"
#include "cffi.h"
#include "convert.h"
#include "failure.h"
#include "hold.h"
#include "label.h"
#include "manner.h"
#include "objects.h"
#include "stack.h"
#include "tstate.h"

/* Called by whoever claims the slot next, perhaps without a GIL. */
static void forget_python(struct pt_record *record) {
    struct pt_label *label = atomic_exchange(&record->label, NULL);
    if (label) pt_label_drop(pt_interpreter_of(record), label);
    pt_closure_drop_error(record);
}

/* ---- Arguments and result ---- */

static int keep_owner(pt_closure_object *closure, PyObject *owner) {
    PyObject *kept = pt_closure_need_kept(closure);
    PyObject *key = kept ? PyLong_FromVoidPtr(owner) : NULL;
    int failed = key ? PyDict_SetItem(kept, key, owner) : -1;
    Py_XDECREF(key);
    return failed;
}

/* C may call what it gets as a function pointer for as long as the closure that gave it lives. Of
 * objects that only hold an address nothing is kept: a callable that returns a new one per call
 * would leak. */
PT_COLD static int store_code(pt_closure_object *closure, PyObject *result, void *to) {
    PyObject *code;
    if (pt_store_code(&closure->signature->returns, result, to, &code)) return -1;
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < PyTuple_GET_SIZE(code); i++)
        failed = keep_owner(closure, PyTuple_GET_ITEM(code, i));
    Py_DECREF(code);
    return failed;
}

static int store_for_life(pt_closure_object *closure, PyObject *value, void *to) {
    PyObject *kept;
    if (pt_store_for_life(&closure->signature->returns, value, to, &kept)) return -1;
    int failed = keep_owner(closure, kept);
    Py_DECREF(kept);
    return failed;
}

int pt_closure_object_store(pt_closure_object *closure, PyObject *value, void *to) {
    if (closure->manner == PT_MANNER_OWN) return store_for_life(closure, value, to);
    PyObject *other = pt_in_manner(closure, value);
    int failed = other ? store_for_life(closure, other, to) : -1;
    Py_XDECREF(other);
    return failed;
}

/* Any type: converted beside the frame, so that a failure leaves nothing half written. */
PT_COLD static int store_any(pt_closure_object *closure, PyObject *result, struct pt_frame *frame) {
    const pt_signature_object *signature = closure->signature;
    if (result == Py_None && closure->extras && closure->extras->result) {
        pt_closure_return(signature->c, closure->extras->result, frame);
        return 0;
    }
    size_t size = signature->returns.type->size;
    unsigned char small[64];
    unsigned char *value = size <= sizeof small ? small : PyMem_Malloc(size);
    if (!value) {
        PyErr_NoMemory();
        return PT_BAD_RESULT;
    }
    int failed = signature->returns.kept
                     ? store_code(closure, result, value)
                     : signature->returns.store(&signature->returns, result, value);
    if (!failed) pt_closure_return(signature->c, value, frame);
    if (value != small) PyMem_Free(value);
    return failed ? PT_BAD_RESULT : 0;
}

PT_COLD int pt_store_any(pt_closure_object *closure, PyObject *result, struct pt_frame *frame) {
    if (closure->manner == PT_MANNER_OWN) return store_any(closure, result, frame);
    PyObject *other = pt_in_manner(closure, result);
    int failure = other ? store_any(closure, other, frame) : PT_BAD_RESULT;
    Py_XDECREF(other);
    return failure;
}

/* int, double and void are nearly all results there are; a register is written whole. */
static inline int store_result(pt_closure_object *closure, PyObject *result,
                               struct pt_frame *frame) {
    const struct pt_crossing *returns = &closure->signature->returns;
    unsigned char *at = (unsigned char *)frame + returns->at;
    int64_t number;
    if (PT_LIKELY(returns->code == PT_TYPE_INT)) {
        if (PT_LIKELY(pt_small_int(result, &number)) && PT_LIKELY(number == (int32_t)number)) {
            memcpy(pt_register_of(at, sizeof(int)), &number, sizeof number);
            return 0;
        }
    } else if (returns->code == PT_TYPE_DOUBLE) {
        if (PT_LIKELY(PyFloat_CheckExact(result))) {
            memcpy(at, &((PyFloatObject *)result)->ob_fval, sizeof(double));
            return 0;
        }
    } else if (returns->code == PT_TYPE_VOID) {
        return 0; /* what a procedure returns is nobody's business */
    }
    return pt_store_any(closure, result, frame);
}

int pt_store_result(pt_closure_object *closure, PyObject *result, struct pt_frame *frame) {
    return store_result(closure, result, frame);
}

static inline PyObject *load(const struct pt_crossing *crossing, const void *at) {
    if (PT_LIKELY(crossing->code == PT_TYPE_INT)) return pt_int_to_python(*(const int *)at);
    if (PT_LIKELY(crossing->code == PT_TYPE_DOUBLE)) return PyFloat_FromDouble(*(const double *)at);
    return crossing->load(crossing, at);
}

/* PyObject_Vectorcall does two things for every callable that a Python function does itself, and
 * that cost more than the rest: it keeps it alive, and checks that NULL means an exception. */
static inline PyObject *call_callable(pt_closure_object *closure, PyObject **values, size_t n) {
    PyObject *callable = closure->callable;
    size_t flags = n | PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (PT_UNLIKELY(!callable)) { /* making the arguments ran Python code */
        PyErr_SetString(pt_types_of(closure->signature->interpreter)->FreedCallbackError,
                        "the callback was closed while C was calling it");
        return NULL;
    }
    if (PT_LIKELY(Py_IS_TYPE(callable, &PyFunction_Type)))
        return ((PyFunctionObject *)callable)->vectorcall(callable, values, flags, NULL);
    pt_hold_callable(callable);
    PyObject *result = PyObject_Vectorcall(callable, values, flags, NULL);
    pt_let_go_callable(callable);
    return result;
}

PyObject *pt_call_callable(pt_closure_object *closure, PyObject **values, size_t n) {
    return call_callable(closure, values, n);
}

PT_COLD static int drop_loaded(PyObject **values, size_t n) {
    while (n--)
        Py_DECREF(values[n]);
    return PT_RAISED;
}

static inline PyObject *call_and_drop(pt_closure_object *closure, PyObject **values, size_t n) {
    PyObject *result = call_callable(closure, values, n);
    for (size_t i = 0; i < n; i++)
        Py_DECREF(values[i]);
    return result;
}

/* values[-1] is the callee's to use (PY_VECTORCALL_ARGUMENTS_OFFSET). enum pt_failure. */
static inline int call_simple(pt_closure_object *closure, struct pt_frame *frame) {
    const pt_signature_object *signature = closure->signature;
    PyObject *room[PT_SIMPLE_ARGS + 1], **values = room + 1;
    size_t n = (size_t)signature->nargs;
    const struct pt_crossing *takes = signature->takes;
    for (size_t i = 0; i < n; i++) {
        values[i] = load(&takes[i], (const unsigned char *)frame + takes[i].at);
        if (PT_UNLIKELY(!values[i])) return drop_loaded(values, i);
    }
    PyObject *result = call_and_drop(closure, values, n);
    if (PT_UNLIKELY(!result)) return PT_RAISED;
    int failure = store_result(closure, result, frame);
    Py_DECREF(result);
    return failure;
}

/* The caller runs Python code, and may have an exception set: it is none of the callable's. */
PT_COLD static void call_under_exception(pt_closure_object *closure, struct pt_frame *frame) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int failure = pt_call_general(closure, frame);
    if (failure) pt_handle_exception(closure, frame, failure);
    if (PyErr_Occurred()) pt_drop_exception((PyObject *)closure);
    PyErr_Restore(type, value, traceback);
}

static inline int has_exception(const PyThreadState *tstate) {
#if PY_VERSION_HEX >= 0x030C0000
    return tstate->current_exception != NULL;
#else
    return tstate->curexc_type != NULL;
#endif
}

/* Attached, with the closure held; tstate is NULL where no exception is set. */
static inline void call_closure(pt_closure_object *closure, struct pt_frame *frame,
                                const PyThreadState *tstate) {
    if (tstate && PT_UNLIKELY(has_exception(tstate))) {
        call_under_exception(closure, frame);
    } else {
        int failure = PT_LIKELY(closure->signature->simple) ? call_simple(closure, frame)
                                                            : pt_call_general(closure, frame);
        if (PT_UNLIKELY(failure)) pt_handle_exception(closure, frame, failure);
    }
}

static inline void call_kept(pt_closure_object *closure, struct pt_frame *frame,
                             const PyThreadState *tstate) {
    struct pt_kept kept = pt_keep(closure);
    call_closure(closure, frame, tstate);
    pt_drop_kept(&kept);
}

PT_COLD static void call_special(pt_closure_object *closure, struct pt_frame *frame,
                                 struct pt_record *record, const PyThreadState *tstate) {
    unsigned special = pt_special(closure);
    int is_cffi = (special & PT_CFFI_ERRNO) != 0;
    struct pt_errors given;
    if (special & PT_DOOMED) {
        pt_call_doomed(closure, frame, record);
    } else if (special & PT_SOME_SILENT && pt_is_silent_here(closure)) {
        pt_call_silent(closure, frame);
    } else {
        if (is_cffi) given = pt_cffi_errors_set();
        call_kept(closure, frame, tstate);
        if (is_cffi) pt_cffi_errors_get(&given);
    }
}

/* ---- The entry ---- */

/* Attached, with the record in state `word` when it was last looked at: 0 when it is not any more.
 */
static inline int call_record(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                              const PyThreadState *tstate) {
    struct pt_held held = pt_hold(record, word);
    pt_closure_object *closure = held.closure;
#ifdef Py_GIL_DISABLED
    if (PT_UNLIKELY(!closure)) return 0;
#endif
    if (PT_UNLIKELY(pt_special(closure)))
        call_special(closure, frame, record, tstate);
    else
        call_kept(closure, frame, tstate);
    pt_let_go(held, record, word);
    return 1;
}

/* The closure was closed, or there is no memory to hold it. */
PT_COLD static void call_gone(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                              const pytramp_signature *signature) {
    uint32_t now = pt_state_word(record);
    if (pt_same_generation(now, word))
        pt_call_dead(frame, record, now);
    else /* its slot already serves another one; what is left of ours is an immortal signature */
        pt_closure_return(signature, NULL, frame);
}

/* Attached; in a thread that was not before, the closure may have gone while it waited. */
static inline void invoke_attached(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                                   const pytramp_signature *signature,
                                   const PyThreadState *tstate) {
    if (PT_UNLIKELY(pt_state_word(record) != word) ||
        PT_UNLIKELY(!call_record(frame, record, word, tstate)))
        call_gone(frame, record, word, signature);
}

/* Of a caller that gave up the GIL with an exception set, which stays. */
PT_COLD static void invoke_under_exception(struct pt_frame *frame, struct pt_record *record,
                                           uint32_t word, const pytramp_signature *signature) {
    invoke_attached(frame, record, word, signature, pt_current_tstate());
}

/* As invoke_attached, in a thread that was not attached: the exception that comes with a PyObject *
 * that is NULL goes to nobody. */
static inline void invoke_entered(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                                  const pytramp_signature *signature, const PyThreadState *tstate) {
    if (PT_UNLIKELY(has_exception(tstate))) {
        invoke_under_exception(frame, record, word, signature);
        return;
    }
    invoke_attached(frame, record, word, signature, NULL);
    if (PT_UNLIKELY(has_exception(tstate))) pt_drop_exception(NULL);
}

/* This thread was not here before, or the interpreter is ending. */
PT_COLD static void invoke_arriving(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                                    const pytramp_signature *signature,
                                    struct pt_interpreter *interpreter) {
    if (pt_refuse_object(frame, record)) return;
    struct pt_visit visit = pt_attach(interpreter);
    if (visit.entry == PT_REFUSED) {
        pt_closure_return_error(record, frame);
        return;
    }
    if (visit.entry == PT_ATTACHED)
        invoke_entered(frame, record, word, signature, pt_current_tstate());
    else
        invoke_attached(frame, record, word, signature, pt_current_tstate());
    pt_leave(&visit);
}

/* The caller does not hold the GIL. */
static inline void invoke_detached(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                                   const struct pt_thread *thread, const PyThreadState *current,
                                   struct pt_interpreter *interpreter) {
    const pytramp_signature *signature = record->signature;
    struct pt_attachment *known = thread->first;
    if (PT_UNLIKELY(!pt_enter_known(known, current, interpreter))) {
        invoke_arriving(frame, record, word, signature, interpreter);
        return;
    }
    const PyThreadState *tstate = atomic_load_explicit(&known->tstate, memory_order_relaxed);
    invoke_entered(frame, record, word, signature, tstate);
    pt_leave_known(known);
}

static inline void invoke_live(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                               const struct pt_thread *thread) {
    const pytramp_signature *signature = record->signature;
    struct pt_interpreter *interpreter = pt_interpreter_of(record);
    PyThreadState *current = pt_current_tstate();
    if (PT_UNLIKELY(!pt_is_attached(current, thread, interpreter)) ||
        PT_UNLIKELY(pt_is_closing(interpreter)))
        invoke_detached(frame, record, word, thread, current, interpreter);
    else if (PT_UNLIKELY(!call_record(frame, record, word, current)))
        call_gone(frame, record, word, signature);
}

static void invoke_python(struct pt_frame *frame, struct pt_record *record) {
    uint32_t word = pt_state_word(record);
    struct pt_errors errors;
    pt_errors_set_last(&errors, pt_pages_last_error()); /* before what may change it */
    int *error = &errno;
    uint64_t number = (uint32_t)*error;
    PT_KEEP(number);
    errors.number = number;
    struct pt_thread *thread = &pt_thread;
    PT_KEEP(thread);
    struct pt_errors outer = thread->errors;
    thread->errors = errors;
    thread->inside++;
    if (PT_LIKELY((uintptr_t)frame >= thread->stack_soft) ||
        !pt_refuse_for_stack(frame, record, word, thread)) {
        if (PT_LIKELY(pt_is_live(word)))
            invoke_live(frame, record, word, thread);
        else
            pt_call_dead(frame, record, word);
    }
    if (PT_UNLIKELY(--thread->inside < 0)) outer = pt_errors_take_set(&errors, outer);
    thread->errors = outer;
    *error = pt_errors_number(&errors);
    pt_pages_set_last_error(pt_errors_last(&errors));
}

const struct pt_kind pt_python_kind = {invoke_python, forget_python};
const struct pt_kind pt_python_object_kind = {invoke_python, forget_python};

static int forget_label(struct pt_record *record, void *interpreter) {
    int is_ours = record->kind == &pt_python_kind || record->kind == &pt_python_object_kind;
    if (!is_ours || record->owner != interpreter) return 0;
    pt_label_free(atomic_exchange(&record->label, NULL));
    return 0;
}

void pt_forget_labels(struct pt_interpreter *interpreter) {
    pt_pool_each(forget_label, interpreter);
    pt_label_free_dropped(interpreter);
}
