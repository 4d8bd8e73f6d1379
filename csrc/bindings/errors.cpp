/* The exceptions, and the way from a C status to one of them. */
#include "bindings.h"

#include <vector>

namespace pytramp {

PyObject *UnsupportedTypeError;

static PyObject *new_exception(py::module_ &m, const char *name, PyObject *base, const char *doc,
                               py::dict members = py::dict()) {
    std::string qualified = std::string("pytramp.") + name;
    PyObject *made = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, members.ptr());
    if (!made) throw py::error_already_set();
    m.add_object(name, py::reinterpret_borrow<py::object>(made));
    return made;
}

void register_errors(py::module_ &m) {
    py::dict column;
    column["column"] = py::none();
    new_exception(
        m, "DeclarationError", PyExc_ValueError,
        "A text is not a C declaration. `column` counts from 1 and points at the fault; None "
        "where there is no such place.",
        column);
    UnsupportedTypeError = new_exception(
        m, "UnsupportedTypeError", PyExc_TypeError,
        "A C type that pytramp cannot pass. `column` as in DeclarationError.", column);
    pt_FreedCallbackError = new_exception(
        m, "FreedCallbackError", PyExc_RuntimeError,
        "A callback was used after it was closed or collected. A late call from C reports "
        "it through sys.unraisablehook, once.");
}

/* Why no growth step gave executable memory, in the words of the system. */
static std::string growth_error() {
    std::vector<char> text(pytramp_growth_error(nullptr, 0) + 1);
    pytramp_growth_error(text.data(), text.size());
    return std::string(text.data());
}

static PyObject *exception_of(pytramp_status status) {
    switch (status) {
    case PYTRAMP_E_NO_MEMORY:
    case PYTRAMP_E_NO_CODE:
    case PYTRAMP_E_FULL: return PyExc_MemoryError;
    case PYTRAMP_E_TYPE: return UnsupportedTypeError;
    case PYTRAMP_E_FREED: return pt_FreedCallbackError;
    case PYTRAMP_E_BUSY:
    case PYTRAMP_E_CORRUPT: return PyExc_RuntimeError;
    default: return PyExc_ValueError;
    }
}

void set_status(pytramp_status status) {
    std::string text = pytramp_status_text(status);
    if (status == PYTRAMP_E_NO_CODE) text += " (" + growth_error() + ")";
    PyErr_SetString(exception_of(status), text.c_str());
}

void throw_status(pytramp_status status) {
    set_status(status);
    throw py::error_already_set();
}

} // namespace pytramp
