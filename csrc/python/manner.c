/* Results in the manner of ctypes and of cffi. */
#include "manner.h"

#include <string.h>

#include "../type.h"

/* Text for a c_char_p or c_wchar_p, of which ctypes keeps one more at each call, for ever: here the
 * closure keeps each text once. Of other classes there is nothing to be done. */
static PyObject *kept_text(pt_closure_object *closure, PyObject *text) {
    PyObject *kept = pt_closure_need_kept(closure);
    PyObject *cls = ((pt_type_object *)closure->signature->result)->ctype;
    return kept ? pt_ask("pytramp._ctypes_results", "kept_text", "(OOO)", kept, cls, text) : NULL;
}

static PyObject *as_ctypes(pt_closure_object *closure, PyObject *value) {
    const struct pt_crossing *returns = &closure->signature->returns;
    if (PyByteArray_Check(value) && returns->type->code == PT_TYPE_CHAR)
        return PyBytes_FromObject(value);
    if ((PyBytes_Check(value) || PyUnicode_Check(value)) && returns->way == PT_WAY_CUSTOM)
        return kept_text(closure, value);
    return Py_NewRef(value);
}

/* Where an int is wanted cffi asks all but floats for __int__. The integers of its own are the
 * converters' business. */
static PyObject *as_cffi(const pt_closure_object *closure, PyObject *value) {
    unsigned wanted = closure->signature->returns.type->class;
    const PyNumberMethods *methods = Py_TYPE(value)->tp_as_number;
    if ((wanted != PT_CLASS_SIGNED && wanted != PT_CLASS_UNSIGNED) || !methods ||
        !methods->nb_int || PyLong_Check(value) || PyFloat_Check(value) ||
        !strncmp(Py_TYPE(value)->tp_name, "_cffi_backend.", 14))
        return Py_NewRef(value);
    PyObject *number = methods->nb_int(value);
    if (!number || PyLong_Check(number)) return number;
    PyErr_Format(PyExc_TypeError, "%.200s.__int__() gives %.200s", Py_TYPE(value)->tp_name,
                 Py_TYPE(number)->tp_name);
    Py_DECREF(number);
    return NULL;
}

PyObject *pt_in_manner(pt_closure_object *closure, PyObject *value) {
    return closure->manner == PT_MANNER_CTYPES ? as_ctypes(closure, value)
                                               : as_cffi(closure, value);
}
