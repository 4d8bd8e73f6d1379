/* What of the bindings is written with pybind11, and what these files share. */
#ifndef PT_PYBIND_H
#define PT_PYBIND_H

#include <pybind11/pybind11.h>

#include <string>

#include "bindings.h"

namespace pytramp {

namespace py = pybind11;

/* ---- errors.cpp ---- */

[[noreturn]] void throw_status(pytramp_status status);

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

/* ---- pool.cpp ---- */

void register_pool(py::module_ &m);

} // namespace pytramp
#endif
