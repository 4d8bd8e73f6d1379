/* ctypes' function pointers that keep a Closure. ctypes has no C API: the class itself makes them,
 * and where an object has what is written into it is found out, of each class once. */
#include "bindings.h"

#include <structmember.h>

namespace pytramp {

/* ctypes hands what an object has in _objects on to fields, arrays and casts. It is read-only from
 * Python; where it stands, its descriptor knows. -1 with an exception. */
static Py_ssize_t find_objects(PyTypeObject *base) {
    PyObject *found = PyObject_GetAttrString(reinterpret_cast<PyObject *>(base), "_objects");
    if (!found) return -1;
    Py_ssize_t offset = -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type))
        offset = reinterpret_cast<PyMemberDescrObject *>(found)->d_member->offset;
    else
        PyErr_SetString(PyExc_TypeError, "_objects of ctypes is no member any more");
    Py_DECREF(found);
    return offset;
}

static PyObject *make_null(PyTypeObject *prototype, newfunc make) {
    PyObject *nothing = PyTuple_New(0);
    PyObject *made = nothing ? make(prototype, nothing, nullptr) : nullptr;
    Py_XDECREF(nothing);
    return made;
}

/* The address is what an object gives as its buffer: so small a value stands in the object itself.
 * -1 with an exception. */
static Py_ssize_t address_in(PyObject *made, PyTypeObject *prototype) {
    Py_buffer view;
    if (PyObject_GetBuffer(made, &view, PyBUF_SIMPLE)) return -1;
    Py_ssize_t offset = static_cast<char *>(view.buf) - reinterpret_cast<char *>(made);
    Py_ssize_t size = view.len, space = prototype->tp_basicsize - offset;
    PyBuffer_Release(&view);
    if (size == sizeof(void *) && offset > 0 && space >= size) return offset;
    PyErr_Format(PyExc_TypeError, "%R: its objects do not hold an address", prototype);
    return -1;
}

static Py_ssize_t find_address(PyTypeObject *prototype, newfunc make) {
    PyObject *made = make_null(prototype, make);
    Py_ssize_t offset = made ? address_in(made, prototype) : -1;
    Py_XDECREF(made);
    return offset;
}

PyTypeObject *base_of_function_pointers(PyTypeObject *prototype) {
    PyObject *found = pt_imported("_ctypes", "CFuncPtr");
    if (!found) return nullptr;
    auto *base = reinterpret_cast<PyTypeObject *>(found);
    if (PyType_Check(found) && PyType_IsSubtype(prototype, base)) return base;
    Py_DECREF(found);
    PyErr_Format(PyExc_TypeError, "%R is no class of ctypes' function pointers", prototype);
    return nullptr;
}

int find_layout(PyTypeObject *prototype, Layout &layout) {
    PyTypeObject *base = base_of_function_pointers(prototype);
    if (!base) return -1;
    layout.make = base->tp_new;
    layout.objects = find_objects(base);
    Py_DECREF(base);
    layout.address = layout.objects < 0 ? -1 : find_address(prototype, layout.make);
    return layout.address < 0 ? -1 : 0;
}

/* Kept where ctypes keeps the callable of its own callbacks. */
static int keep(PyObject **objects, PyObject *closure) {
    PyObject *kept = PyDict_New();
    PyObject *key = kept ? PyUnicode_FromOrdinal('0') : nullptr;
    int failed = key ? PyDict_SetItem(kept, key, closure) : -1;
    Py_XDECREF(key);
    if (failed)
        Py_XDECREF(kept);
    else
        Py_XSETREF(*objects, kept);
    return failed;
}

PyObject *point_bare(PyTypeObject *prototype, const Layout &layout, PyObject *closure) {
    void *code = pt_closure_object_code(reinterpret_cast<pt_closure_object *>(closure));
    if (!code) return refuse_closed(closure);
    PyObject *made = make_null(prototype, layout.make);
    if (!made) return nullptr;
    char *object = reinterpret_cast<char *>(made);
    memcpy(object + layout.address, &code, sizeof code);
    if (keep(reinterpret_cast<PyObject **>(object + layout.objects), closure)) Py_CLEAR(made);
    return made;
}

/* ctypes crashes at a py_object that is NULL: its place takes a class that looks (taken). */
static int guard(PyObject *made, const pt_closure_object *closure) {
    if (closure->signature->returns.way != PT_WAY_OBJECT) return 0;
    PyObject *done = pt_ask("pytramp._ctypes", "guard", "(O)", made);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

PyObject *point_at(PyTypeObject *prototype, const Layout &layout, PyObject *closure) {
    PyObject *made = point_bare(prototype, layout, closure);
    if (made && guard(made, reinterpret_cast<pt_closure_object *>(closure))) Py_CLEAR(made);
    return made;
}

/* ---- For pytramp._ctypes ---- */

static PyObject *function_at(PyObject *, PyObject *args) {
    PyObject *prototype, *closure;
    Layout layout;
    if (!PyArg_ParseTuple(args, "O!O!:function_at", &PyType_Type, &prototype,
                          pt_types_here()->closure, &closure))
        return nullptr;
    auto *type = reinterpret_cast<PyTypeObject *>(prototype);
    return find_layout(type, layout) ? nullptr : point_at(type, layout, closure);
}

/* The reference that a C function returned is the caller's now. */
static PyObject *taken(PyObject *, PyObject *result) {
    Py_buffer view;
    PyObject *object;
    if (PyObject_GetBuffer(result, &view, PyBUF_SIMPLE)) return nullptr;
    bool fits = view.len == sizeof object;
    if (fits) memcpy(&object, view.buf, sizeof object);
    PyBuffer_Release(&view);
    if (!fits || !object) {
        PyErr_SetString(PyExc_ValueError, "the callback returned NULL, a PyObject * of no object");
        return nullptr;
    }
    return object;
}

static PyMethodDef functions[] = {
    {"function_at", function_at, METH_VARARGS,
     "function_at(prototype, closure) -> a ctypes function pointer that keeps the Closure"},
    {"taken", taken, METH_O,
     "taken(result) -> the object that a result of py_object's size points at, with its reference; "
     "ValueError for NULL"},
    {nullptr, nullptr, 0, nullptr},
};

int register_function_pointer(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}

} // namespace pytramp
