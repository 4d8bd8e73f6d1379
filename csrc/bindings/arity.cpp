/* Does a callable take as many arguments as C passes? */
#include "bindings.h"

namespace pytramp {

struct Arity {
    Py_ssize_t least, most; /* most < 0: any number */
};

static Py_ssize_t size_of(PyObject *tuple) {
    return tuple ? PyTuple_GET_SIZE(tuple) : 0;
}

static Arity arity_of(PyFunctionObject *function) {
    PyCodeObject *code = reinterpret_cast<PyCodeObject *>(function->func_code);
    Py_ssize_t most = code->co_argcount;
    Py_ssize_t least = most - size_of(function->func_defaults);
    return {least, code->co_flags & CO_VARARGS ? -1 : most};
}

static int has_required_keywords(PyFunctionObject *function) {
    PyCodeObject *code = reinterpret_cast<PyCodeObject *>(function->func_code);
    PyObject *defaults = function->func_kwdefaults;
    return code->co_kwonlyargcount > (defaults ? PyDict_GET_SIZE(defaults) : 0);
}

static Py_ssize_t passed_by(const pt_signature_object *signature) {
    return signature->nargs + signature->variadic;
}

static int refuse_arity(pt_signature_object *signature, PyObject *callable, Arity arity,
                        Py_ssize_t bound) {
    Py_ssize_t passed = passed_by(signature);
    Py_ssize_t wanted =
        arity.most < 0 || passed < arity.least - bound ? arity.least - bound : arity.most - bound;
    PyErr_Format(PyExc_TypeError, "%R takes %zd positional argument%s, but %S passes %zd", callable,
                 wanted, wanted == 1 ? "" : "s", signature, passed);
    return -1;
}

/* Of a Closure it counts what C would pass to it, whatever else its callable may take. */
static int check_closure(pt_signature_object *signature, PyObject *closure) {
    Py_ssize_t takes = passed_by(reinterpret_cast<pt_closure_object *>(closure)->signature);
    return takes == passed_by(signature) ? 0 : refuse_arity(signature, closure, {takes, takes}, 0);
}

int check_arity(pt_signature_object *signature, PyObject *callable) {
    if (Py_IS_TYPE(callable, pt_types_of(signature->interpreter)->closure))
        return check_closure(signature, callable);
    Py_ssize_t bound = 0;
    PyObject *function = callable;
    if (PyMethod_Check(callable)) {
        function = PyMethod_GET_FUNCTION(callable);
        bound = 1;
    }
    if (!PyFunction_Check(function)) return 0;
    PyFunctionObject *python = reinterpret_cast<PyFunctionObject *>(function);
    Arity arity = arity_of(python);
    Py_ssize_t passed = passed_by(signature) + bound;
    if (passed < arity.least || (arity.most >= 0 && passed > arity.most))
        return refuse_arity(signature, callable, arity, bound);
    if (has_required_keywords(python)) {
        PyErr_Format(
            PyExc_TypeError,
            "%R has a keyword-only parameter without default; C passes arguments by position",
            callable);
        return -1;
    }
    return 0;
}

} // namespace pytramp
