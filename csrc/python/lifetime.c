/* A Closure object and its slot: from open to close. */
#include "objects.h"

#include <errno.h>

#include "../closure.h"
#include "call.h"
#include "convert.h"
#include "hold.h"
#include "interpreter.h"
#include "label.h"
#include "stack.h"
#include "tstate.h"

/* ---- Open ---- */

/* Copies what the held path needs of the plan beside what it needs of the objects. */
static void place(pt_signature_object *signature) {
    const struct pt_plan *plan = signature->plan;
    signature->returns.at = plan->result.at;
    signature->has_views = signature->variadic;
    for (Py_ssize_t i = 0; i < signature->nargs; i++) {
        enum pt_way way = signature->takes[i].way;
        signature->takes[i].at = plan->args[i].at;
        signature->has_views |= way == PT_WAY_ARRAY || way == PT_WAY_LIST;
    }
    signature->simple = plan->simple && !signature->has_views;
}

static pytramp_status intern(pytramp_status status, pt_signature_object *signature,
                             const pytramp_type **types) {
    if (status) return status;
    return (signature->variadic ? pytramp_signature_new_variadic : pytramp_signature_new)(
        &signature->c, PYTRAMP_ABI_DEFAULT, signature->returns.type, (size_t)signature->nargs,
        types);
}

pytramp_status pt_signature_object_open(pt_signature_object *signature) {
    size_t n = (size_t)signature->nargs;
    const pytramp_type **types = PyMem_Calloc(n + 1, sizeof *types);
    for (size_t i = 0; types && i < n; i++)
        types[i] = signature->takes[i].type;
    pytramp_status status = intern(types ? PYTRAMP_OK : PYTRAMP_E_NO_MEMORY, signature, types);
    PyMem_Free(types);
    if (!status) status = pt_plan_of(signature->c, &signature->plan);
    if (status) return status;
    place(signature);
    signature->interpreter = pt_interpreter_here();
    return PYTRAMP_OK;
}

pytramp_status pt_closure_object_open(pt_closure_object *closure) {
    struct pt_interpreter *interpreter = closure->signature->interpreter;
    int is_object = closure->signature->returns.way == PT_WAY_OBJECT;
    struct pt_binding binding = {.kind = is_object ? &pt_python_object_kind : &pt_python_kind,
                                 .owner = interpreter,
                                 .userdata = closure,
                                 .error = closure->extras ? closure->extras->error : NULL};
    pytramp_status status = pt_closure_bind(closure->signature->c, &binding, &closure->record);
    pt_label_free_dropped(interpreter);
    return status;
}

pytramp_status pt_closure_object_adopt(pt_closure_object *closure, char *text, size_t size) {
    struct pt_record *record;
    pytramp_status status = pt_closure_adopt(closure->native, closure->signature->c, &record);
    if (status == PYTRAMP_E_TYPE) pt_signature_text(record->signature, text, size);
    if (status) return status;
    closure->adopted = 1;
    const char *name = atomic_load(&record->label);
    if (name && !closure->name) closure->name = PyUnicode_DecodeUTF8(name, strlen(name), "replace");
    PyErr_Clear();
    return PYTRAMP_OK;
}

void *pt_closure_object_code(pt_closure_object *closure) {
    struct pt_record *record;
    void *native;
    pt_closure_object *inner;
    PT_LOCK(closure);
    record = pt_record_of(closure);
    native = pt_native_of(closure);
    inner = native && closure->extras ? closure->extras->inner : NULL;
    PT_UNLOCK();
    if (inner) return pt_closure_object_code(inner);
    return record ? pt_pool_code(record) : native;
}

PyObject *pt_closure_object_callable(pt_closure_object *closure) {
    PyObject *callable;
    PT_LOCK(closure);
    callable =
        pt_record_of(closure) || pt_native_of(closure) ? Py_XNewRef(closure->callable) : NULL;
    PT_UNLOCK();
    return callable;
}

struct pt_extras *pt_closure_need_extras(pt_closure_object *closure) {
    PT_LOCK(closure);
    if (!closure->extras) closure->extras = PyMem_Calloc(1, sizeof *closure->extras);
    PT_UNLOCK();
    if (!closure->extras) PyErr_NoMemory();
    return closure->extras;
}

PyObject *pt_closure_need_kept(pt_closure_object *closure) {
    struct pt_extras *extras = pt_closure_need_extras(closure);
    if (!extras) return NULL;
    PT_LOCK(closure);
    if (!extras->kept) extras->kept = PyDict_New();
    PT_UNLOCK();
    return extras->kept;
}

/* ---- Close ---- */

/* What a report needs, taken from the closure while it still knows its callable. */
static void leave_label(const pt_closure_object *closure, struct pt_record *record,
                        const char *fate) {
    struct pt_label *label = pt_label_new(closure, fate);
#ifdef Py_GIL_DISABLED
    pt_label_free(atomic_exchange(&record->label, label)); /* of the one before (raise_freed) */
#else
    atomic_store_explicit(&record->label, label, memory_order_release);
#endif
}

void pt_closure_drop_callable(pt_closure_object *closure) {
    PyObject *callable;
    PT_LOCK(closure);
    callable = closure->callable;
    closure->callable = NULL;
    PT_UNLOCK();
    Py_XDECREF(callable);
}

/* The slot, for the one who closes it; NULL for all others. */
static struct pt_record *take_record(pt_closure_object *closure) {
    struct pt_record *record;
    PT_LOCK(closure);
    record = pt_record_of(closure);
    if (record) closure->record = NULL;
    PT_UNLOCK();
    return record;
}

void pt_closure_object_shut(pt_closure_object *closure) {
    struct pt_record *record = pt_record_of(closure);
    if (record) pt_pool_kill(record);
}

#ifdef Py_GIL_DISABLED
int pt_closure_object_is_held(const pt_closure_object *closure) {
    return pt_is_held(closure);
}

int pt_closure_object_revive(pt_closure_object *closure) {
    if (!pt_record_of(closure) || !pt_is_held(closure)) return 0;
    Py_SET_REFCNT((PyObject *)closure, 1);
    pt_closure_object_close(closure, "garbage-collected");
    Py_DECREF(closure);
    return 1;
}
#else
int pt_closure_object_is_held(const pt_closure_object *closure) {
    (void)closure;
    return 0;
}

int pt_closure_object_revive(pt_closure_object *closure) {
    (void)closure;
    return 0;
}
#endif

/* ---- Collected ----
 *
 * The collector calls the finalizers of all garbage, looks what they saved, and clears the rest,
 * one object after the other. C may call a closure whose callable has been cleared, and a cleared
 * callable crashes. As long as finalizers run, closures must work. What comes between that and the
 * first object cleared is that the collector visits what it has finalized, to count references
 * (subtract_refs in Python/gc.c; handle_resurrected_objects in Python/gc_free_threading.c): then
 * the visitor's argument is the object itself, or NULL without a GIL. What was saved, and all that
 * is alive, it visits once more before anything else runs, with an argument of its own. */

/* The name is asked for while all is whole: that may run Python code. */
void pt_closure_object_finalize(pt_closure_object *closure) {
    pt_closure_remember_name(closure);
    closure->finalized = 1;
}

void pt_closure_object_visited(pt_closure_object *closure, const void *arg) {
    if (PT_LIKELY(!closure->finalized)) return;
    int counts = !arg || arg == closure;
    unsigned others = pt_special(closure) & ~(unsigned)PT_DOOMED;
    pt_set_special(closure, others | (counts ? PT_DOOMED : 0));
}

/* ---- Close, completely ---- */

/* First of all C is shut out, and a second close from within sees that it has nothing to do. */
static void close_slot(pt_closure_object *closure, struct pt_record *record, const char *fate) {
    pt_pool_kill(record);
    pt_closure_remember_name(closure);
    leave_label(closure, record, fate);
    pt_pool_recycle(record);
    pt_park(closure);
}

/* C may call a native function as before: it is not ours, unless C left it to us. */
static int close_native(pt_closure_object *closure) {
    void *native;
    PT_LOCK(closure);
    native = pt_native_of(closure);
    if (native) closure->native = NULL;
    PT_UNLOCK();
    if (!native) return 0;
    if (closure->adopted) pytramp_closure_free(native);
    pt_closure_remember_name(closure);
    pt_closure_drop_callable(closure);
    return 1;
}

void pt_closure_object_close(pt_closure_object *closure, const char *fate) {
    struct pt_record *record = take_record(closure);
    if (record)
        close_slot(closure, record, fate);
    else if (!close_native(closure))
        return;
    int was_immortal = closure->immortal;
    closure->immortal = 0;
    if (was_immortal) Py_DECREF(closure);
}

/* ---- Import ---- */

/* Interpreters with a GIL of their own, or without one, may come at once. No fork waits for the
 * lock before its hooks are there. */
int pt_python_init(void) {
    pt_registry_lock();
    pt_convert_init();
    int error = pt_threads_init();
    pt_registry_unlock();
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    pt_stack_init();
    return pt_interpreter_init();
}
