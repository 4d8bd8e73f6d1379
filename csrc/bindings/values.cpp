/* Results that are known when a closure is made: converted then, once. */
#include "bindings.h"

#include "../python/blame.h"

namespace pytramp {

/* "error=70000: out of range" tells more than the converter's own words. */
static void blame_option(const char *option, PyObject *value) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_OverflowError))
        pt_blame("%s=%R: ", option, value);
}

/* A C value of the result type, so that nothing can fail when it is needed; from PyMem. nullptr
 * with an exception that names the option. */
static void *converted(pt_closure_object *closure, PyObject *value, const char *option) {
    const pt_crossing *returns = &closure->signature->returns;
    void *made = PyMem_Calloc(1, pytramp_type_size(returns->type) + 1);
    if (!made) {
        PyErr_NoMemory();
        return nullptr;
    }
    if (!pt_closure_object_store(closure, value, made)) return made;
    blame_option(option, value);
    PyMem_Free(made);
    return nullptr;
}

int set_error(pt_closure_object *closure, PyObject *error) {
    if (!is_given(error)) return 0;
    if (closure->signature->returns.way == PT_WAY_OBJECT) {
        PyErr_SetString(PyExc_TypeError,
                        "error=: a PyObject * is NULL on failure, with the exception set");
        return -1;
    }
    if (!pt_closure_need_extras(closure)) return -1;
    closure->extras->error = converted(closure, error, "error");
    return closure->extras->error ? 0 : -1;
}

int set_result(pt_closure_object *closure, PyObject *result) {
    if (!is_given(result)) return 0;
    if (!pt_closure_need_extras(closure)) return -1;
    closure->extras->result = converted(closure, result, "result");
    return closure->extras->result ? 0 : -1;
}

} // namespace pytramp
