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
void register_signature(py::module_ &m);
void register_closure(py::module_ &m);
void register_pool(py::module_ &m);
void register_errno(py::module_ &m);

/* ---- errors.cpp ---- */

/* Sets the exception that belongs to a failed status. */
void set_status(pytramp_status status);
[[noreturn]] void throw_status(pytramp_status status);

extern PyObject *UnsupportedTypeError;

/* ---- type.cpp ---- */

/* pytramp._core.Type: a C type, how it is spelled, and the ctypes class of an aggregate. */
struct Type {
    const pytramp_type *c;
    std::string spelling;
    py::object ctype;
};

/* ---- closure.cpp ---- */

struct Options {
    PyObject *error = nullptr;   /* nullptr or None: zeros */
    PyObject *onerror = nullptr; /* nullptr or None: sys.unraisablehook */
    PyObject *name = nullptr;    /* nullptr or None: the callable's own */
    bool immortal = false;
    int depth = 0; /* frames between the place that makes the closure and the innermost one */
};

/* A new Closure, or nullptr with an exception. */
PyObject *make_closure(pt_signature_object *signature, PyObject *callable, const Options &options);

} // namespace pytramp
#endif
