/* Aggregates as instances of their ctypes class, and the other values that Python code converts. */
#include <string.h>

#include "convert.h"

PyObject *pt_load_aggregate(const struct pt_crossing *crossing, const void *from) {
    PyObject *bytes = PyBytes_FromStringAndSize(from, (Py_ssize_t)crossing->type->size);
    if (!bytes) return NULL;
    PyObject *made = PyObject_CallOneArg(crossing->from_c, bytes);
    Py_DECREF(bytes);
    return made;
}

/* ctypes takes any keyword and sets an attribute: a field that does not exist would be lost. */
static int has_fields(PyObject *ctype, PyObject *dict) {
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &at, &key, &value)) {
        PyObject *field = PyUnicode_Check(key) ? PyObject_GetAttr(ctype, key) : NULL;
        int is_field = field && PyObject_HasAttrString(field, "offset");
        Py_XDECREF(field);
        if (is_field) continue;
        PyErr_Format(PyExc_TypeError, "%.200s has no field %R", ((PyTypeObject *)ctype)->tp_name,
                     key);
        return 0;
    }
    return 1;
}

/* Of a copy that nobody else has: what a key or a value runs may change the user's dict. */
static PyObject *from_dict(PyObject *ctype, PyObject *dict) {
    PyObject *copy = PyDict_Copy(dict);
    PyObject *none = copy && has_fields(ctype, copy) ? PyTuple_New(0) : NULL;
    PyObject *made = none ? PyObject_Call(ctype, none, copy) : NULL;
    Py_XDECREF(none);
    Py_XDECREF(copy);
    return made;
}

/* An instance as it is; a tuple or dict of fields through the class. A new reference. */
static PyObject *as_instance(const struct pt_crossing *crossing, PyObject *value) {
    int is_one = PyObject_IsInstance(value, crossing->ctype);
    if (is_one < 0) return NULL;
    if (is_one) return Py_NewRef(value);
    if (PyTuple_Check(value)) return PyObject_Call(crossing->ctype, value, NULL);
    if (PyDict_Check(value)) return from_dict(crossing->ctype, value);
    PyErr_Format(PyExc_TypeError, "expected %.200s, or a tuple or dict of its fields, not %.200s",
                 ((PyTypeObject *)crossing->ctype)->tp_name, Py_TYPE(value)->tp_name);
    return NULL;
}

/* The beginning of what instance has in its buffer. */
static int copy_buffer(PyObject *instance, size_t size, void *to) {
    Py_buffer view;
    if (PyObject_GetBuffer(instance, &view, PyBUF_SIMPLE)) return -1;
    int failed = (size_t)view.len < size; /* not a ctypes object: ctypes.resize cannot shrink */
    if (failed)
        PyErr_SetString(PyExc_TypeError, "the object's buffer is smaller than its type");
    else
        memcpy(to, view.buf, size);
    PyBuffer_Release(&view);
    return failed ? -1 : 0;
}

int pt_store_aggregate(const struct pt_crossing *crossing, PyObject *value, void *to) {
    PyObject *instance = as_instance(crossing, value);
    if (!instance) return -1;
    int failed = copy_buffer(instance, crossing->type->size, to);
    Py_DECREF(instance);
    return failed;
}

/* ---- Converters that are Python functions ---- */

int pt_store_custom(const struct pt_crossing *crossing, PyObject *value, void *to) {
    PyObject *made = PyObject_CallOneArg(crossing->to_c, value);
    if (!made) return -1;
    int failed = copy_buffer(made, crossing->type->size, to);
    Py_DECREF(made);
    return failed;
}

/* ---- PyObject * ---- */

PyObject *pt_load_object(const struct pt_crossing *crossing, const void *from) {
    PyObject *object;
    (void)crossing;
    memcpy(&object, from, sizeof object);
    if (!object) PyErr_SetString(PyExc_ValueError, "PyObject * is NULL");
    return Py_XNewRef(object);
}

/* C gets a reference of its own. */
int pt_store_object(const struct pt_crossing *crossing, PyObject *value, void *to) {
    PyObject *object = Py_NewRef(value);
    (void)crossing;
    memcpy(to, &object, sizeof object);
    return 0;
}
