/* Callables that C may call itself: pytramp._native knows them. */
#include "bindings.h"

namespace pytramp {

/* By the names of the classes that pytramp._native knows; those of ctypes have a metaclass. Asking
 * it takes longer than all the rest. */
static bool may_be_native(PyObject *callable) {
    static const char *const names[] = {"pytramp.Closure", "_cffi_backend.", "CFunc",
                                        "LowLevelCallable"};
    if (PyFunction_Check(callable)) return false; /* most are */
    PyTypeObject *type = Py_TYPE(callable);
    if (!Py_IS_TYPE(reinterpret_cast<PyObject *>(type), &PyType_Type)) return true;
    for (const char *name : names) {
        if (!strncmp(type->tp_name, name, strlen(name))) return true;
    }
    return false;
}

/* Would anything be lost if C called the callable itself? */
static bool needs_slot(const Options &options) {
    return options.wrapped || is_given(options.error) || is_given(options.onerror) ||
           options.arrays;
}

int find_native(pt_signature_object *signature, PyObject *callable, const Options &options,
                void **native) {
    *native = nullptr;
    if (!may_be_native(callable) || needs_slot(options)) return 0;
    PyObject *found = pt_ask("pytramp._native", "address_of", "(OO)", callable, signature);
    if (found && found != Py_None) *native = PyLong_AsVoidPtr(found);
    Py_XDECREF(found);
    return PyErr_Occurred() ? -1 : 0;
}

} // namespace pytramp
