/* What the bindings share. Each file registers one Python type or one group of functions. */
#ifndef PT_BINDINGS_H
#define PT_BINDINGS_H

#include <pybind11/pybind11.h>

#include <memory>
#include <string>

#include "../python/objects.h"

namespace pytramp {

namespace py = pybind11;

void register_errors(py::module_ &m);
void register_type(py::module_ &m);
void register_pointer(py::module_ &m);
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

/* pytramp._core.Type. The crossing's objects are those below, its spelling ours. */
struct Type {
    Type() = default;
    Type(const Type &) = default;
    Type(Type &&) = default;

    pt_crossing crossing = {};
    std::shared_ptr<const std::string> text; /* the spelling; does not move when the Type does */
    Py_ssize_t name_at = -1;                 /* where in the spelling a name goes; -1: at the end */
    const std::string &spelling() const { return *text; }
    void set_spelling(const std::string &spelling) {
        text = std::make_shared<const std::string>(spelling);
        crossing.spelling = text->c_str();
    }

    py::object ctype = py::none(), target = py::none(), from_c, to_c = py::none(),
               dimensions = py::tuple(), signature = py::none();
};

/* The Type that object is, which is known to be one. */
const Type &type_in(PyObject *object);
bool equal(const Type &a, const Type &b);

/* "double x[n]", for name "x". */
std::string declared(const Type &type, const std::string &name);

/* ---- closure.cpp ---- */

struct Options {
    PyObject *error = nullptr;   /* nullptr or None: zeros */
    PyObject *onerror = nullptr; /* nullptr or None: sys.unraisablehook */
    PyObject *name = nullptr;    /* nullptr or None: the callable's own */
    PyObject *arrays = nullptr;  /* nullptr, "memoryview" or "numpy" */
    bool immortal = false;
    int depth = 0; /* frames between the place that makes the closure and the innermost one */
};

/* A new Closure, or nullptr with an exception. */
PyObject *make_closure(pt_signature_object *signature, PyObject *callable, const Options &options);

} // namespace pytramp
#endif
