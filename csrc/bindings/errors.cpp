/* The exceptions, and the way from a C status to one of them. */
#include "pybind.h"

#include <vector>

namespace pytramp {

PyObject *unsupported() {
    return pt_types_here()->UnsupportedTypeError;
}

void set_exception() {
    try {
        throw;
    } catch (py::error_already_set &error) {
        error.restore();
    } catch (std::bad_alloc &) {
        PyErr_NoMemory();
    } catch (py::builtin_exception &error) {
        error.set_error();
    } catch (std::exception &error) { /* pybind11 throws so over an exception of Python */
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, error.what());
    }
}

static int add_declaration_errors(PyObject *module, PyObject *column) {
    pt_types *types = pt_types_here();
    int failed = add_type(module, "DeclarationError", types->DeclarationError, [&] {
        return PyErr_NewExceptionWithDoc(
            "pytramp.DeclarationError",
            "A text is not a C declaration. `column` counts from 1 and points at the fault; None "
            "where there is no such place.",
            PyExc_ValueError, column);
    });
    if (failed) return -1;
    return add_type(module, "UnsupportedTypeError", types->UnsupportedTypeError, [&] {
        return PyErr_NewExceptionWithDoc(
            "pytramp.UnsupportedTypeError",
            "A C type that pytramp cannot pass. `column` as in DeclarationError.", PyExc_TypeError,
            column);
    });
}

int register_errors(PyObject *module) {
    PyObject *column = Py_BuildValue("{s:O}", "column", Py_None);
    int failed = column ? add_declaration_errors(module, column) : -1;
    Py_XDECREF(column);
    if (failed) return -1;
    return add_type(module, "FreedCallbackError", pt_types_here()->FreedCallbackError, [] {
        return PyErr_NewExceptionWithDoc(
            "pytramp.FreedCallbackError",
            "A callback was used after it was closed or collected. A late call from C reports "
            "it through sys.unraisablehook, once.",
            PyExc_RuntimeError, nullptr);
    });
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
    case PYTRAMP_E_TYPE: return unsupported();
    case PYTRAMP_E_FREED: return pt_types_here()->FreedCallbackError;
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
