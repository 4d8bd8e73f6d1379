/* pytramp.get_errno, set_errno; on Windows get_last_error, set_last_error */
#include "bindings.h"

#include <climits>

#include "../python/blame.h"

namespace pytramp {

/* The argument `value` of a function; OverflowError beyond its C type. */
static bool read_value(PyObject *args, PyObject *kwargs, const char *format, long long min,
                       long long max, long long &value) {
    static const char *names[] = {"value", nullptr};
    PyObject *given;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char **>(names), &given))
        return false;
    PyObject *number = PyNumber_Index(given);
    if (!number) {
        pt_blame("value: ");
        return false;
    }
    int is_out;
    value = PyLong_AsLongLongAndOverflow(number, &is_out);
    if (is_out || value < min || value > max)
        PyErr_Format(PyExc_OverflowError, "value: %S is no %s", number,
                     min ? "int of C" : "DWORD of Windows");
    Py_DECREF(number);
    return !PyErr_Occurred();
}

static PyObject *get_errno(PyObject *, PyObject *) {
    return PyLong_FromLong(pt_get_errno());
}

static PyObject *set_errno(PyObject *, PyObject *args, PyObject *kwargs) {
    long long value;
    if (!read_value(args, kwargs, "O:set_errno", INT_MIN, INT_MAX, value)) return nullptr;
    pt_set_errno(static_cast<int>(value));
    Py_RETURN_NONE;
}

static PyObject *get_last_error(PyObject *, PyObject *) {
    return PyLong_FromUnsignedLong(pt_get_last_error());
}

static PyObject *set_last_error(PyObject *, PyObject *args, PyObject *kwargs) {
    long long value;
    if (!read_value(args, kwargs, "O:set_last_error", 0, UINT32_MAX, value)) return nullptr;
    pt_set_last_error(static_cast<unsigned long>(value));
    Py_RETURN_NONE;
}

#define SETTER(name, doc)                                                                          \
    {#name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(name)),                     \
     METH_VARARGS | METH_KEYWORDS, #name "(value)\n--\n\n" doc}

static PyMethodDef functions[] = {
    {"get_errno", get_errno, METH_NOARGS,
     "get_errno()\n--\n\n"
     "C's errno: within a callback as the C caller left it, outside as it is in this thread."},
    SETTER(set_errno, "Set C's errno: within a callback what its C caller will find, outside at "
                      "once. OverflowError for what is no int of C."),
    {nullptr, nullptr, 0, nullptr},
};

static PyMethodDef last_errors[] = {
    {"get_last_error", get_last_error, METH_NOARGS,
     "get_last_error()\n--\n\n"
     "GetLastError(): within a callback as the C caller left it, outside as it is in this thread."},
    SETTER(set_last_error, "SetLastError(value): within a callback what its C caller will find, "
                           "outside at once. OverflowError for what is no DWORD."),
    {nullptr, nullptr, 0, nullptr},
};

int register_errno(PyObject *module) {
    if (PyModule_AddFunctions(module, functions)) return -1;
    return pt_has_last_error() ? PyModule_AddFunctions(module, last_errors) : 0;
}

} // namespace pytramp
