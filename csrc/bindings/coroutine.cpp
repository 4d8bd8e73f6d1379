/* Is a callable an `async def`, whose call does nothing yet? */
#include "bindings.h"

namespace pytramp {

/* What a bound method or a functools.partial calls in the end: a new reference, or nullptr with an
 * exception. */
static PyObject *innermost(PyObject *callable) {
    PyObject *found = Py_NewRef(callable);
    while (found) {
        PyObject *inner;
        if (PyMethod_Check(found))
            inner = Py_NewRef(PyMethod_GET_FUNCTION(found));
        else if (!strcmp(Py_TYPE(found)->tp_name, "functools.partial"))
            inner = PyObject_GetAttrString(found, "func");
        else
            return found;
        Py_DECREF(found);
        found = inner;
    }
    return nullptr;
}

static bool is_async(PyObject *function) {
    if (!PyFunction_Check(function)) return false;
    auto *code = reinterpret_cast<PyCodeObject *>(PyFunction_GET_CODE(function));
    return code->co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR);
}

/* Where C gets an object it may be a coroutine. */
int check_coroutine(pt_signature_object *signature, PyObject *callable) {
    if (signature->returns.way == PT_WAY_OBJECT) return 0;
    PyObject *function = innermost(callable);
    if (!function) return -1;
    bool is_refused = is_async(function);
    Py_DECREF(function);
    if (!is_refused) return 0;
    PyErr_Format(PyExc_TypeError,
                 "%R is an async function: its call only makes a coroutine, which nobody would "
                 "run. Give the event loop that is to run it as loop=",
                 callable);
    return -1;
}

} // namespace pytramp
