/* For pytramp.interop.ctypes: the __new__ of prototypes that make a Closure and a function pointer
 * to it. Here, since ctypes makes its own in C, and these should cost no more. */
#include "bindings.h"

namespace pytramp {

/* ---- What is known of a prototype ---- */

/* Made by pytramp.interop.ctypes when it is first needed, and kept in prototype._pytramp_maker_. */
struct CtypesMaker {
    PyObject_HEAD PyTypeObject *prototype;
    pt_signature_object *signature;
    PyObject *prepare; /* what is to be called with the callable first, or None */
    Layout layout;
};

static CtypesMaker *as_maker(PyObject *object) {
    return reinterpret_cast<CtypesMaker *>(object);
}

static PyObject *maker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static const char *names[] = {"prototype", "signature", "prepare", nullptr};
    PyObject *prototype, *signature, *prepare;
    Layout layout;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!O:CtypesMaker", const_cast<char **>(names),
                                     &PyType_Type, &prototype, pt_types_here()->signature,
                                     &signature, &prepare) ||
        find_layout(reinterpret_cast<PyTypeObject *>(prototype), layout))
        return nullptr;
    PyObject *made = type->tp_alloc(type, 0);
    if (!made) return nullptr;
    as_maker(made)->prototype = reinterpret_cast<PyTypeObject *>(Py_NewRef(prototype));
    as_maker(made)->signature = reinterpret_cast<pt_signature_object *>(Py_NewRef(signature));
    as_maker(made)->prepare = Py_NewRef(prepare);
    as_maker(made)->layout = layout;
    return made;
}

static int maker_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(as_maker(self)->prototype);
    Py_VISIT(as_maker(self)->signature);
    Py_VISIT(as_maker(self)->prepare);
    return 0;
}

static void maker_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(as_maker(self)->prototype);
    Py_XDECREF(as_maker(self)->signature);
    Py_XDECREF(as_maker(self)->prepare);
    type->tp_free(self);
    Py_DECREF(type);
}

#define SLOT(id, function) {id, reinterpret_cast<void *>(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, maker_new),
    SLOT(Py_tp_traverse, maker_traverse),
    SLOT(Py_tp_dealloc, maker_dealloc),
    {Py_tp_doc,
     const_cast<char *>("CtypesMaker(prototype, signature, prepare)\n--\n\n"
                        "What a prototype has to know of itself to make closures; immutable.")},
    {0, nullptr},
};

static PyType_Spec spec = {"pytramp._core.CtypesMaker", sizeof(CtypesMaker), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
                           slots};

/* What a base has is of no use, and Python code may have put anything there. */
static bool is_maker_of(PyObject *object, PyTypeObject *prototype) {
    return object && Py_IS_TYPE(object, pt_types_here()->ctypes_maker) &&
           as_maker(object)->prototype == prototype;
}

/* A new reference, or nullptr. Python's own static types keep their dict elsewhere since 3.12, and
 * are no prototypes. */
static PyObject *own_attribute(PyTypeObject *type, PyObject *name) {
    PyObject *found;
    if (!type->tp_dict) return nullptr;
#if PY_VERSION_HEX >= 0x030D0000
    PyDict_GetItemRef(type->tp_dict, name, &found);
#else
    found = Py_XNewRef(PyDict_GetItemWithError(type->tp_dict, name));
#endif
    return found;
}

/* A new reference. */
static PyObject *maker_of(PyTypeObject *prototype) {
    PyObject *found = own_attribute(prototype, pt_names_here()->ctypes_maker);
    if (is_maker_of(found, prototype)) return found;
    Py_XDECREF(found);
    PyErr_Clear();
    found = pt_ask("pytramp.interop.ctypes", "describe", "(O)", prototype);
    if (!found || is_maker_of(found, prototype)) return found;
    Py_DECREF(found);
    return PyErr_Format(PyExc_TypeError, "describe() has no CtypesMaker of %R", prototype);
}

/* ---- Making a function pointer ---- */

static PyObject *make_closure_of(const CtypesMaker *maker, PyObject *callable) {
    PyObject *prepared = maker->prepare == Py_None ? Py_NewRef(callable)
                                                   : PyObject_CallOneArg(maker->prepare, callable);
    if (!prepared) return nullptr;
    Options options;
    options.manner = PT_MANNER_CTYPES;
    PyObject *closure = make_closure(maker->signature, prepared, options);
    Py_DECREF(prepared);
    return closure;
}

static PyObject *make_function(PyTypeObject *prototype, PyObject *callable) {
    PyObject *maker = maker_of(prototype);
    PyObject *closure = maker ? make_closure_of(as_maker(maker), callable) : nullptr;
    PyObject *made = closure ? point_at(prototype, as_maker(maker)->layout, closure) : nullptr;
    Py_XDECREF(maker);
    Py_XDECREF(closure);
    return made;
}

/* What ctypes does. */
static PyObject *make_other(PyTypeObject *prototype, PyObject *args, PyObject *kwargs) {
    PyTypeObject *base = base_of_function_pointers(prototype);
    if (!base) return nullptr;
    PyObject *made = base->tp_new(prototype, args, kwargs);
    Py_DECREF(base);
    return made;
}

/* __new__(cls, *args) */
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
    PyObject *made = rest ? make_other(prototype, rest, kwargs) : nullptr;
    Py_XDECREF(rest);
    return made;
}

/* ---- Calling the class ----
 *
 * Python finds a __new__ by its name at each call, and packs the arguments twice. That alone takes
 * as long as all of ctypes, so where nothing but prototype_new() would run it is left out. */

static bool is_plain(PyTypeObject *prototype) {
    PyObject *found = own_attribute(prototype, pt_names_here()->new_method);
    bool is_ours = found && PyCFunction_Check(found) &&
                   reinterpret_cast<void (*)()>(PyCFunction_GET_FUNCTION(found)) ==
                       reinterpret_cast<void (*)()>(prototype_new);
    Py_XDECREF(found);
    return is_ours && prototype->tp_init == PyBaseObject_Type.tp_init;
}

/* As any class is called. */
static PyObject *call_class(PyObject *prototype, PyObject *const *args, Py_ssize_t n,
                            PyObject *names) {
    PyObject *positional = PyTuple_New(n), *named = names ? PyDict_New() : nullptr;
    bool failed = !positional || (names && !named);
    for (Py_ssize_t i = 0; !failed && i < n; i++)
        PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; !failed && names && i < PyTuple_GET_SIZE(names); i++)
        failed = PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[n + i]) != 0;
    PyObject *made = failed ? nullptr : Py_TYPE(prototype)->tp_call(prototype, positional, named);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return made;
}

static PyObject *prototype_call(PyObject *prototype, PyObject *const *args, size_t nargsf,
                                PyObject *names) {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    auto *type = reinterpret_cast<PyTypeObject *>(prototype);
    if (n == 1 && !names && PyCallable_Check(args[0]) && is_plain(type))
        return make_function(type, args[0]);
    return call_class(prototype, args, n, names);
}

/* What is derived from the class does not inherit it. */
static PyObject *quicken(PyObject *, PyObject *prototype) {
    if (!PyType_Check(prototype)) return PyErr_Format(PyExc_TypeError, "%R is no class", prototype);
    auto *type = reinterpret_cast<PyTypeObject *>(prototype);
    PyTypeObject *base = base_of_function_pointers(type);
    if (!base) return nullptr;
    Py_DECREF(base);
    type->tp_vectorcall = prototype_call;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"prototype_new", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(prototype_new)),
     METH_VARARGS | METH_KEYWORDS,
     "The __new__ of a subclass of ctypes._CFuncPtr: called with a callable, it makes a Closure."},
    {"quicken", quicken, METH_O,
     "quicken(prototype): has calls of a class whose own __new__ is prototype_new() take a shorter "
     "way."},
    {nullptr, nullptr, 0, nullptr},
};

int register_prototype(PyObject *module) {
    if (PyModule_AddFunctions(module, functions)) return -1;
    return add_type(module, "CtypesMaker", pt_types_here()->ctypes_maker,
                    [] { return PyType_FromSpec(&spec); });
}

} // namespace pytramp
