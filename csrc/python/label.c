#include "label.h"

#include <stdlib.h>

#include "hold.h"

/* Then its __qualname__ is its name, without the cost of asking for it at every close. */
static int is_of_module(PyObject *builtin) {
    PyObject *self = PyCFunction_GET_SELF(builtin);
    return !self || PyModule_Check(self);
}

static PyObject *own_name_of(PyObject *callable) {
    PyObject *name = NULL;
    PyObject *function = PyMethod_Check(callable) ? PyMethod_GET_FUNCTION(callable) : callable;
    if (PyFunction_Check(function)) /* NULL once the garbage collector has cleared the function */
        name = Py_XNewRef(((PyFunctionObject *)function)->func_qualname);
    else if (PyCFunction_CheckExact(callable) && is_of_module(callable))
        name = PyUnicode_FromString(((PyCFunctionObject *)callable)->m_ml->ml_name);
    else
        name = PyObject_GetAttrString(callable, "__qualname__");
    if (name && PyUnicode_Check(name)) return name;
    Py_XDECREF(name);
    PyErr_Clear();
    return PyUnicode_FromString(Py_TYPE(callable)->tp_name);
}

/* Of a functools.partial its function's, None once the garbage collector has cleared it. One of
 * another partial has been made the same as that already. */
static PyObject *name_of(PyObject *callable) {
    if (PyFunction_Check(callable) || !pt_is_partial(callable)) return own_name_of(callable);
    PyObject *function = PyObject_GetAttrString(callable, "func");
    if (!function) PyErr_Clear();
    PyObject *name = own_name_of(function && function != Py_None ? function : callable);
    Py_XDECREF(function);
    return name;
}

PyObject *pt_closure_name(pt_closure_object *closure) {
    PyObject *name, *callable;
    PT_LOCK(closure);
    name = Py_XNewRef(closure->name);
    callable = Py_XNewRef(closure->callable);
    PT_UNLOCK();
    if (!name) name = callable ? name_of(callable) : PyUnicode_FromString("?");
    Py_XDECREF(callable);
    return name;
}

/* A closure may be deallocated under an exception. */
void pt_closure_remember_name(pt_closure_object *closure) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *name = pt_closure_name(closure);
    PT_LOCK(closure);
    if (!closure->name) {
        closure->name = name;
        name = NULL;
    }
    PT_UNLOCK();
    Py_XDECREF(name);
    PyErr_Restore(type, value, traceback);
}

/* malloc, not PyMem_Malloc: labels are also dropped where no interpreter may be touched; and not
 * calloc, which is several times slower in glibc (it bypasses the thread's cache). */
struct pt_label *pt_label_new(const pt_closure_object *closure, const char *fate) {
    struct pt_label *label = malloc(sizeof *label);
    if (!label) return NULL;
    *label = (struct pt_label){
        .name = Py_XNewRef(closure->name),
        .signature = Py_XNewRef((PyObject *)closure->signature),
        .made_in = Py_XNewRef(closure->made_in),
        .made_at = closure->made_at,
        .fate = fate,
    };
    return label;
}

PyObject *pt_place_text(PyObject *code, int offset) {
    if (!code) return PyUnicode_FromString("?");
    int line = PyCode_Addr2Line((PyCodeObject *)code, offset);
    return PyUnicode_FromFormat("%U:%d", ((PyCodeObject *)code)->co_filename, line);
}

void pt_label_raise(const struct pt_interpreter *interpreter, const struct pt_label *label) {
    PyObject *error = pt_types_of(interpreter)->FreedCallbackError;
    if (!label || !label->name) {
        PyErr_SetString(error, "a callback was called after it was freed");
        return;
    }
    PyObject *place = pt_place_text(label->made_in, label->made_at);
    if (!place) return;
    PyErr_Format(error, "callback '%U' (%S), made at %U, was called after it was %s", label->name,
                 label->signature, place, label->fate);
    Py_DECREF(place);
}

void pt_label_free(struct pt_label *label) {
    if (!label) return;
    Py_XDECREF(label->name);
    Py_XDECREF(label->signature);
    Py_XDECREF(label->made_in);
    free(label);
}

/* A stack that is only ever emptied whole, so there is no ABA. */
void pt_label_drop(struct pt_interpreter *interpreter, struct pt_label *label) {
    label->next = atomic_load(&interpreter->dropped);
    while (!atomic_compare_exchange_weak(&interpreter->dropped, &label->next, label)) {
    }
}

void pt_label_free_dropped(struct pt_interpreter *interpreter) {
    if (PT_LIKELY(!atomic_load_explicit(&interpreter->dropped, memory_order_relaxed))) return;
    struct pt_label *label = atomic_exchange(&interpreter->dropped, NULL);
    while (label) {
        struct pt_label *next = label->next;
        pt_label_free(label);
        label = next;
    }
}
