/* Is a callable an `async def` or a generator function, whose call does nothing yet? */
#include "bindings.h"

namespace pytramp {

/* A functools.partial can be made one of itself, by __setstate__. */
constexpr int most_levels = 1000;

/* What a bound method or a functools.partial calls in the end: a new reference, or nullptr with an
 * exception. */
static PyObject *innermost(PyObject *callable) {
    PyObject *found = Py_NewRef(callable);
    for (int level = 0; found && level < most_levels; level++) {
        PyObject *inner;
        if (PyMethod_Check(found))
            inner = Py_NewRef(PyMethod_GET_FUNCTION(found));
        else if (pt_is_partial(found))
            inner = PyObject_GetAttrString(found, "func");
        else
            return found;
        Py_DECREF(found);
        found = inner;
    }
    return found;
}

/* The function that is called in the end, or anything else: of an object whose class is written in
 * Python its __call__. */
static PyObject *called_by(PyObject *callable) {
    PyObject *found = innermost(callable);
    if (!found || PyFunction_Check(found) || !(Py_TYPE(found)->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return found;
    PyObject *call =
        PyObject_GetAttrString(reinterpret_cast<PyObject *>(Py_TYPE(found)), "__call__");
    Py_DECREF(found);
    return call;
}

/* Those of the function that is called in the end, -1 with an exception. */
static int code_flags(PyObject *callable) {
    PyObject *function = called_by(callable);
    if (!function) return -1;
    int flags = 0;
    if (PyFunction_Check(function))
        flags = reinterpret_cast<PyCodeObject *>(PyFunction_GET_CODE(function))->co_flags;
    Py_DECREF(function);
    return flags;
}

/* Where C gets an object it may be a coroutine or a generator. A generator of types.coroutine is no
 * Awaitable to the loop either. */
int check_coroutine(pt_signature_object *signature, PyObject *callable, bool is_scheduled) {
    if (signature->returns.way == PT_WAY_OBJECT) return 0;
    int flags = code_flags(callable);
    if (flags < 0) return -1;
    if (flags & (CO_GENERATOR | CO_ASYNC_GENERATOR)) {
        PyErr_Format(PyExc_TypeError,
                     "%R is a generator function: its call only makes a generator, which nobody "
                     "would run",
                     callable);
        return -1;
    }
    if (!(flags & CO_COROUTINE) || is_scheduled) return 0;
    PyErr_Format(PyExc_TypeError,
                 "%R is an async function: its call only makes a coroutine, which nobody would "
                 "run. Give the event loop that is to run it as loop=",
                 callable);
    return -1;
}

int check_onerror(PyObject *onerror) {
    int flags = code_flags(onerror);
    if (flags < 0) return -1;
    if (!(flags & (CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR))) return 0;
    PyErr_Format(PyExc_TypeError,
                 "onerror: %R is an async or a generator function: its call would handle nothing",
                 onerror);
    return -1;
}

} // namespace pytramp
