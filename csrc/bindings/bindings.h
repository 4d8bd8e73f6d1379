/* What the bindings share. Without pybind11, whose headers take longer to compile than any file
 * here: what needs it includes pybind.h. */
#ifndef PT_BINDINGS_H
#define PT_BINDINGS_H

#include "../python/objects.h"

namespace pytramp {

/* Each file adds one Python type or one group of functions to the module: 0, or -1 with an
 * exception. */
int register_errors(PyObject *module);
int register_type(PyObject *module);
int register_pointer(PyObject *module);
int register_signature(PyObject *module);
int register_closure(PyObject *module);
int register_function_pointer(PyObject *module);
int register_prototype(PyObject *module);
int register_cffi(PyObject *module);
int register_cffi_callback(PyObject *module);
int register_adopted(PyObject *module);
int register_capsule(PyObject *module);
int register_c_api(PyObject *module);
int register_errno(PyObject *module);

/* The module's attribute `name`: what `slot`, one of pt_types_here(), has; made when it has nothing
 * yet, for a module may be imported twice. */
template <class T, class Make>
int add_type(PyObject *module, const char *name, T *&slot, Make make) {
    if (!slot) slot = reinterpret_cast<T *>(static_cast<PyObject *>(make()));
    return slot ? PyModule_AddObjectRef(module, name, reinterpret_cast<PyObject *>(slot)) : -1;
}

/* Takes over `made`, a new reference or nullptr. */
inline int add_new(PyObject *module, const char *name, PyObject *made) {
    int failed = made ? PyModule_AddObjectRef(module, name, made) : -1;
    Py_XDECREF(made);
    return failed;
}

/* ---- errors.cpp ---- */

/* Sets the exception that belongs to a failed status. */
void set_status(pytramp_status status);

/* UnsupportedTypeError, of this interpreter. */
PyObject *unsupported();

/* ---- closure.cpp ---- */

struct Options {
    PyObject *error = nullptr;   /* nullptr or None: zeros */
    PyObject *onerror = nullptr; /* nullptr or None: sys.unraisablehook */
    PyObject *name = nullptr;    /* nullptr or None: the callable's own */
    PyObject *arrays = nullptr;  /* nullptr, "memoryview" or "numpy" */
    PyObject *loop = nullptr;    /* nullptr or None: the callable runs in C's call */
    PyObject *result = nullptr;  /* nullptr or None: what the callable returns */
    void *adopted = nullptr;     /* a closure that C made: the callable calls it */
    PyObject *wrapped = nullptr; /* set by pytramp._loop: the user's callable, run later */
    bool immortal = false;
    pt_manner manner = PT_MANNER_OWN;
    int depth = 0; /* frames between the place that makes the closure and the innermost one */
};

/* Is it there, and not None? */
inline bool is_given(PyObject *option) {
    return option && option != Py_None;
}

/* A new Closure, or nullptr with an exception. */
PyObject *make_closure(pt_signature_object *signature, PyObject *callable, const Options &options);

/* nullptr, with FreedCallbackError. */
PyObject *refuse_closed(PyObject *closure);

/* ---- function_pointer.cpp ---- */

using Layout = pt_pointer_layout;

/* ctypes' own class that prototype is derived from, a new reference; nullptr with TypeError. */
PyTypeObject *base_of_function_pointers(PyTypeObject *prototype);

/* TypeError, -1, where there is none. */
int find_layout(PyTypeObject *prototype, Layout &layout);

/* A function pointer to the Closure, which it keeps. nullptr with an exception. */
PyObject *point_at(PyTypeObject *prototype, const Layout &layout, PyObject *closure);

/* The same for a class that needs no care for what calls return, or an object that nobody calls. */
PyObject *point_bare(PyTypeObject *prototype, const Layout &layout, PyObject *closure);

/* ---- parameter.cpp ---- */

/* A new reference, nullptr with an exception: FreedCallbackError of a closed one. */
PyObject *as_parameter(PyObject *closure);
void drop_parameter(const pt_parameter *parameter);

/* ---- cffi.cpp ---- */

/* A cdata function pointer to a new Closure, which it keeps, of a CffiMaker. nullptr with an
 * exception. */
PyObject *make_cffi(PyObject *maker, PyObject *callable, PyObject *error, PyObject *onerror,
                    long depth);

/* ---- arity.cpp ---- */

/* Only what can be seen at a glance, of a Python function, a method of one or a Closure: 0, or -1
 * with an exception. */
int check_arity(pt_signature_object *signature, PyObject *callable);

/* ---- coroutine.cpp ---- */

/* TypeError, -1, for a generator function, for an async one that no loop schedules, and for a
 * method, partial or callable object of one, whose call would do nothing. */
int check_coroutine(pt_signature_object *signature, PyObject *callable, bool is_scheduled);

/* The same for what is called with exceptions, in a loop or not. */
int check_onerror(PyObject *onerror);

/* ---- native.cpp ---- */

/* *native = the address in C of a callable that is a function of this type, nullptr for others and
 * where an option would be lost: 0, or -1 with an exception. */
int find_native(pt_signature_object *signature, PyObject *callable, const Options &options,
                void **native);

/* ---- values.cpp ---- */

/* error= and result=: 0, or -1 with an exception. */
int set_error(pt_closure_object *closure, PyObject *error);
int set_result(pt_closure_object *closure, PyObject *result);

} // namespace pytramp
#endif
