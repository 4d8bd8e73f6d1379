/* What the bindings share. Each file registers one Python type or one group of functions. */
#ifndef PT_BINDINGS_H
#define PT_BINDINGS_H

#include <pybind11/pybind11.h>

#include <string>

#include "../python/objects.h"

namespace pytramp {

namespace py = pybind11;

void register_errors(py::module_ &m);
void register_type(py::module_ &m);
void register_pointer(py::module_ &m);
void register_signature(py::module_ &m);
void register_closure(py::module_ &m);
void register_function_pointer(py::module_ &m);
void register_prototype(py::module_ &m);
void register_cffi(py::module_ &m);
void register_cffi_callback(py::module_ &m);
void register_adopted(py::module_ &m);
void register_capsule(py::module_ &m);
void register_c_api(py::module_ &m);
void register_pool(py::module_ &m);
void register_errno(py::module_ &m);

/* The module's attribute `name`: what `slot`, one of pt_types_here(), has; made when it has nothing
 * yet, for a module may be imported twice. */
template <class T, class Make>
void add_type(py::module_ &m, const char *name, T *&slot, Make make) {
    if (!slot) slot = reinterpret_cast<T *>(static_cast<PyObject *>(make()));
    if (!slot) throw py::error_already_set();
    m.attr(name) = py::handle(reinterpret_cast<PyObject *>(slot));
}

/* ---- errors.cpp ---- */

/* Sets the exception that belongs to a failed status. */
void set_status(pytramp_status status);
[[noreturn]] void throw_status(pytramp_status status);

/* UnsupportedTypeError, of this interpreter. */
PyObject *unsupported();

/* Sets what the C++ exception that is being handled is in Python. */
void set_exception();

/* Runs body, whose C++ exceptions become Python's: a new reference, or nullptr. */
template <class Body>
PyObject *guarded(Body body) {
    try {
        return py::object(body()).release().ptr();
    } catch (...) {
        set_exception();
    }
    return nullptr;
}

/* ---- type.cpp ---- */

/* The Type that object is; throws TypeError when it is none. */
const pt_type_object &type_in(const py::handle &object);
std::string spelling_of(const pt_type_object &type);
bool equal(const pt_type_object &a, const pt_type_object &b);

/* "double x[n]", for name "x". */
std::string declared(const pt_type_object &type, const std::string &name);

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

/* ctypes' own class that prototype is derived from; none, with TypeError. */
py::object base_of_function_pointers(PyTypeObject *prototype);

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
