#include "blame.h"

/* "'utf-32-le' codec can't decode bytes in position 0-3: parameter 's': code point not in range" */
static int blame_decoding(PyObject *exception, PyObject *prefix) {
    PyObject *reason = PyUnicodeDecodeError_GetReason(exception);
    PyObject *text = reason ? PyUnicode_Concat(prefix, reason) : NULL;
    int failed = text ? PyObject_SetAttrString(exception, "reason", text) : -1;
    Py_XDECREF(reason);
    Py_XDECREF(text);
    return failed;
}

static int blame_text(PyObject *exception, PyObject *prefix) {
    PyObject *args = ((PyBaseExceptionObject *)exception)->args;
    if (!args || PyTuple_GET_SIZE(args) != 1 || !PyUnicode_Check(PyTuple_GET_ITEM(args, 0)))
        return 0;
    PyObject *text = PyUnicode_Concat(prefix, PyTuple_GET_ITEM(args, 0));
    PyObject *made = text ? PyTuple_Pack(1, text) : NULL;
    int failed = made ? PyObject_SetAttrString(exception, "args", made) : -1;
    Py_XDECREF(text);
    Py_XDECREF(made);
    return failed;
}

void pt_blame(const char *format, ...) {
    PyObject *type, *exception, *traceback;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    va_list values;
    va_start(values, format);
    PyObject *prefix = PyUnicode_FromFormatV(format, values);
    va_end(values);
    int is_decoding = PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_UnicodeDecodeError);
    int failed = !prefix || (is_decoding ? blame_decoding : blame_text)(exception, prefix);
    if (failed) PyErr_Clear(); /* what was wrong first counts */
    Py_XDECREF(prefix);
    PyErr_Restore(type, exception, traceback);
}
