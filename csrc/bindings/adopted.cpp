/* Closures that C made, with an owner in Python: pytramp.adopt. */
#include "bindings.h"

namespace pytramp {

static void refuse(pytramp_status status, void *code, PyObject *signature, const char *type,
                   const pt_interpreter *interpreter) {
    switch (status) {
    case PYTRAMP_E_NOT_OURS:
        PyErr_Format(PyExc_ValueError, "%p is no closure of this copy of pytramp", code);
        break;
    case PYTRAMP_E_KIND:
        PyErr_Format(PyExc_ValueError,
                     "%p is a Python callback or a bare trampoline, no closure "
                     "that C made",
                     code);
        break;
    case PYTRAMP_E_FREED:
        PyErr_Format(pt_types_of(interpreter)->FreedCallbackError, "%p was freed", code);
        break;
    case PYTRAMP_E_TYPE:
        PyErr_Format(PyExc_TypeError, "%p is of type %s, not %S", code, type, signature);
        break;
    case PYTRAMP_E_INVALID: PyErr_Format(PyExc_ValueError, "%p has an owner already", code); break;
    default: set_status(status);
    }
}

/* adopt(signature, address, callable) */
static PyObject *adopt(PyObject *, PyObject *args) {
    PyObject *signature, *number, *callable;
    if (!PyArg_ParseTuple(args, "O!O!O:adopt", pt_types_here()->signature, &signature, &PyLong_Type,
                          &number, &callable))
        return nullptr;
    Options options;
    options.adopted = PyLong_AsVoidPtr(number);
    if (!options.adopted) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "the address is NULL");
        return nullptr;
    }
    options.depth = 1;
    auto *wanted = reinterpret_cast<pt_signature_object *>(signature);
    PyObject *made = make_closure(wanted, callable, options);
    if (!made) return nullptr;
    char text[256];
    auto *closure = reinterpret_cast<pt_closure_object *>(made);
    pytramp_status status = pt_closure_object_adopt(closure, text, sizeof text);
    if (!status) return made;
    Py_DECREF(made);
    refuse(status, options.adopted, signature, text, wanted->interpreter);
    return nullptr;
}

static PyMethodDef functions[] = {
    {"adopt", adopt, METH_VARARGS,
     "adopt(signature, address, callable) -> a Closure that frees the one of C at address"},
    {nullptr, nullptr, 0, nullptr},
};

int register_adopted(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace pytramp
