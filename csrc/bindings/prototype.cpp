/* For pytramp.interop.ctypes: function pointers of ctypes that keep a Closure, and the __new__ of
 * prototypes that make both. Here, since ctypes makes its own in C, and they should cost no more.
 */
#include "bindings.h"

#include <structmember.h>

namespace pytramp {

/* ctypes hands what an object has in _objects on to fields, arrays and casts. It is read-only from
 * Python; where it stands, its descriptor knows. nullptr with an exception. */
static PyObject **objects_of(PyObject *function) {
    py::object found = py::reinterpret_steal<py::object>(
        PyObject_GetAttrString(reinterpret_cast<PyObject *>(Py_TYPE(function)), "_objects"));
    if (!found) return nullptr;
    if (!Py_IS_TYPE(found.ptr(), &PyMemberDescr_Type)) {
        PyErr_SetString(PyExc_TypeError, "_objects of ctypes is no member any more");
        return nullptr;
    }
    auto *descriptor = reinterpret_cast<PyMemberDescrObject *>(found.ptr());
    return reinterpret_cast<PyObject **>(reinterpret_cast<char *>(function) +
                                         descriptor->d_member->offset);
}

/* Kept where ctypes keeps the callable of its own callbacks. */
static int keep(PyObject *function, PyObject *closure) {
    PyObject **objects = objects_of(function);
    PyObject *kept = objects ? PyDict_New() : nullptr;
    if (!kept || PyDict_SetItemString(kept, "0", closure)) {
        Py_XDECREF(kept);
        return -1;
    }
    Py_XSETREF(*objects, kept);
    return 0;
}

/* ctypes._CFuncPtr's, which stands two below object. */
static newfunc new_of(PyTypeObject *prototype) {
    PyTypeObject *base = prototype;
    while (base->tp_base && base->tp_base->tp_base && base->tp_base->tp_base != &PyBaseObject_Type)
        base = base->tp_base;
    return base->tp_new;
}

/* A function pointer to the closure, which it keeps. */
static PyObject *point_at(PyTypeObject *prototype, PyObject *closure) {
    PyObject *address = PyNumber_Index(closure);
    PyObject *args = address ? PyTuple_Pack(1, address) : nullptr;
    PyObject *made = args ? new_of(prototype)(prototype, args, nullptr) : nullptr;
    Py_XDECREF(address);
    Py_XDECREF(args);
    if (made && keep(made, closure)) Py_CLEAR(made);
    return made;
}

/* prototype._pytramp_, made by pytramp.interop.ctypes when it is first needed: (prototype, the
 * Signature, what is to be called with the callable first, or None). What a base has is of no use.
 * A new reference. */
static PyObject *description_of(PyTypeObject *prototype) {
    PyObject *type = reinterpret_cast<PyObject *>(prototype);
    PyObject *known = PyObject_GetAttrString(type, "_pytramp_");
    if (known && PyTuple_CheckExact(known) && PyTuple_GET_ITEM(known, 0) == type) return known;
    Py_XDECREF(known);
    PyErr_Clear();
    return pt_ask("pytramp.interop.ctypes", "describe", "(O)", type);
}

static PyObject *make_of(PyObject *description, PyObject *callable) {
    PyObject *prepare = PyTuple_GET_ITEM(description, 2);
    PyObject *prepared =
        prepare == Py_None ? Py_NewRef(callable) : PyObject_CallOneArg(prepare, callable);
    if (!prepared) return nullptr;
    Options options;
    options.manner = PT_MANNER_CTYPES;
    auto *signature = reinterpret_cast<pt_signature_object *>(PyTuple_GET_ITEM(description, 1));
    PyObject *closure = make_closure(signature, prepared, options);
    Py_DECREF(prepared);
    return closure;
}

static PyObject *make_function(PyTypeObject *prototype, PyObject *callable) {
    PyObject *description = description_of(prototype);
    PyObject *closure = description ? make_of(description, callable) : nullptr;
    PyObject *made = closure ? point_at(prototype, closure) : nullptr;
    Py_XDECREF(description);
    Py_XDECREF(closure);
    return made;
}

/* __new__(cls, *args): with a callable a function pointer to a new Closure; ctypes does the rest.
 */
static PyObject *prototype_new(PyObject *, PyObject *args, PyObject *kwargs) {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (!n || !PyType_Check(PyTuple_GET_ITEM(args, 0))) {
        PyErr_SetString(PyExc_TypeError, "prototype_new() takes a class first");
        return nullptr;
    }
    auto *prototype = reinterpret_cast<PyTypeObject *>(PyTuple_GET_ITEM(args, 0));
    if (n == 2 && !kwargs && PyCallable_Check(PyTuple_GET_ITEM(args, 1)))
        return make_function(prototype, PyTuple_GET_ITEM(args, 1));
    PyObject *rest = PyTuple_GetSlice(args, 1, n);
    PyObject *made = rest ? new_of(prototype)(prototype, rest, kwargs) : nullptr;
    Py_XDECREF(rest);
    return made;
}

/* ---- For pytramp._ctypes ---- */

static PyObject *function_at(PyObject *, PyObject *args) {
    PyObject *prototype, *closure;
    if (!PyArg_ParseTuple(args, "O!O!:function_at", &PyType_Type, &prototype,
                          pt_types_here()->closure, &closure))
        return nullptr;
    return point_at(reinterpret_cast<PyTypeObject *>(prototype), closure);
}

static PyMethodDef functions[] = {
    {"prototype_new", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(prototype_new)),
     METH_VARARGS | METH_KEYWORDS,
     "The __new__ of a subclass of ctypes._CFuncPtr: called with a callable, it makes a Closure."},
    {"function_at", function_at, METH_VARARGS,
     "function_at(prototype, closure) -> a ctypes function pointer that keeps the Closure"},
    {nullptr, nullptr, 0, nullptr},
};

void register_prototype(py::module_ &m) {
    if (PyModule_AddFunctions(m.ptr(), functions)) throw py::error_already_set();
}

} // namespace pytramp
