/* pytramp.interop.cffi.callback. In C, since that of cffi's compiled modules is. */
#include "bindings.h"

namespace pytramp {

/* ---- The arguments ---- */

enum { FFI, CDECL, CALLABLE, ERROR, ONERROR, DEPTH, MOST };

static const char *const parameters[MOST] = {"ffi",   "cdecl",   "python_callable",
                                             "error", "onerror", "_depth"};

/* -1 with TypeError: values[i] is what is given for parameters[i], or nullptr. */
static int take_named(PyObject *name, PyObject *value, PyObject **values) {
    for (int i = 0; i < MOST; i++) {
        if (PyUnicode_CompareWithASCIIString(name, parameters[i])) continue;
        if (!values[i]) {
            values[i] = value;
            return 0;
        }
        PyErr_Format(PyExc_TypeError, "callback() got multiple values for argument '%U'", name);
        return -1;
    }
    PyErr_Format(PyExc_TypeError, "callback() got an unexpected keyword argument '%U'", name);
    return -1;
}

static int take(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values) {
    if (n > MOST) {
        PyErr_Format(PyExc_TypeError,
                     "callback() takes from 2 to 5 positional arguments but %zd "
                     "were given",
                     n);
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++)
        values[i] = args[i];
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++) {
        if (take_named(PyTuple_GET_ITEM(names, i), args[n + i], values)) return -1;
    }
    if (values[FFI] && values[CDECL]) return 0;
    PyErr_Format(PyExc_TypeError, "callback() missing a required argument: '%s'",
                 parameters[values[FFI] ? CDECL : FFI]);
    return -1;
}

/* ---- What makes callbacks of the type ---- */

/* A new reference; nullptr, without an exception, for none. */
static PyObject *attribute(PyObject *object, PyObject *name) {
    PyObject *found;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject_GetOptionalAttr(object, name, &found);
#else
    _PyObject_LookupAttr(object, name, &found);
#endif
    PyErr_Clear();
    return found;
}

static PyObject *item(PyObject *dict, PyObject *key) {
    PyObject *found = nullptr;
    if (!dict || !PyDict_Check(dict)) return nullptr;
#if PY_VERSION_HEX >= 0x030D0000
    PyDict_GetItemRef(dict, key, &found);
#else
    found = Py_XNewRef(PyDict_GetItemWithError(dict, key));
#endif
    PyErr_Clear();
    return found;
}

/* The makers of an FFI object, by what it was given: a text or a ctype. It has them itself, unless
 * it is of a compiled module and takes no attributes. */
static PyObject *makers_of(PyObject *module, PyObject *ffi) {
    const pt_names *names = pt_names_here();
    PyObject *own = attribute(ffi, names->cffi_makers);
    if (own) return own;
    PyObject *of_compiled = item(PyModule_GetDict(module), names->makers_of_compiled);
    PyObject *found = item(of_compiled, ffi);
    Py_XDECREF(of_compiled);
    return found;
}

static bool is_maker(PyObject *object) {
    return object && Py_IS_TYPE(object, pt_types_here()->cffi_maker);
}

/* A new reference. pytramp.interop.cffi makes one that is not there, or whatever is. */
static PyObject *maker_of(PyObject *module, PyObject *ffi, PyObject *cdecl_) {
    PyObject *makers = makers_of(module, ffi);
    PyObject *found = item(makers, cdecl_);
    Py_XDECREF(makers);
    if (is_maker(found)) return found;
    Py_XDECREF(found);
    found = pt_ask("pytramp.interop.cffi", "new_maker", "(OO)", ffi, cdecl_);
    if (!found || is_maker(found)) return found;
    Py_DECREF(found);
    return PyErr_Format(PyExc_TypeError, "new_maker() makes no CffiMaker of %R", cdecl_);
}

/* ---- The function ---- */

static PyObject *or_none(PyObject *value) {
    return value ? value : Py_None;
}

static PyObject *callback(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    PyObject *values[MOST] = {};
    if (take(args, n, names, values)) return nullptr;
    PyObject *error = or_none(values[ERROR]), *onerror = or_none(values[ONERROR]);
    long depth = values[DEPTH] ? PyLong_AsLong(values[DEPTH]) : 0;
    if (depth == -1 && PyErr_Occurred()) return nullptr;
    PyObject *maker = maker_of(module, values[FFI], values[CDECL]);
    if (!maker) return nullptr;
    PyObject *made = is_given(values[CALLABLE])
                         ? make_cffi(maker, values[CALLABLE], error, onerror, depth)
                         : pt_ask("functools", "partial", "(OOO)", maker, error, onerror);
    Py_DECREF(maker);
    return made;
}

static PyMethodDef functions[] = {
    {"cffi_callback", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(callback)),
     METH_FASTCALL | METH_KEYWORDS,
     "cffi_callback(ffi, cdecl, python_callable=None, error=None, onerror=None)\n--\n\n"
     "ffi.callback(cdecl, python_callable=None, error=None, onerror=None), with any FFI object.\n\n"
     "cdecl: a C type, or a ctype object, of a function or a pointer to one. Without "
     "python_callable it is a decorator. The result is a cdata function pointer; the callback "
     "lives "
     "as long as it is referenced. onerror(exception, exc_value, traceback): what it returns, "
     "unless None, is the result. cffi's errors for what is no type; TypeError; "
     "UnsupportedTypeError names what cannot be passed. Any thread."},
    {nullptr, nullptr, 0, nullptr},
};

int register_cffi_callback(PyObject *module) {
    if (PyModule_AddFunctions(module, functions)) return -1;
    return add_new(module, "cffi_makers", PyDict_New());
}

} // namespace pytramp
