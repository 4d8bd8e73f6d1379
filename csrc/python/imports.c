/* Work that is Python's: functions of modules that are imported when they are first needed. */
#include "objects.h"

PyObject *pt_imported(const char *module, const char *name) {
    PyObject *imported = PyImport_ImportModule(module);
    PyObject *found = imported ? PyObject_GetAttrString(imported, name) : NULL;
    Py_XDECREF(imported);
    return found;
}

PyObject *pt_ask(const char *module, const char *function, const char *format, ...) {
    PyObject *asked = pt_imported(module, function);
    if (!asked) return NULL;
    va_list values;
    va_start(values, format);
    PyObject *args = Py_VaBuildValue(format, values);
    va_end(values);
    PyObject *answer = args ? PyObject_CallObject(asked, args) : NULL;
    Py_XDECREF(args);
    Py_DECREF(asked);
    return answer;
}
