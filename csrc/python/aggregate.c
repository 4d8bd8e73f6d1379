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

/* An instance as it is; a tuple or dict of fields member by member. A new reference. */
static PyObject *as_instance(const struct pt_crossing *crossing, PyObject *value, int keeps_text) {
    int is_one = PyObject_IsInstance(value, crossing->ctype);
    if (is_one < 0) return NULL;
    if (is_one) return Py_NewRef(value);
    if (PyTuple_Check(value) || PyDict_Check(value))
        return pt_ask("pytramp._filling", "made", "(OOi)", crossing->ctype, value, keeps_text);
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

/* What ask, of pytramp._keeping, says of the instance is kept. */
static int store_instance(const struct pt_crossing *crossing, PyObject *value, void *to,
                          const char *ask, int keeps_text, PyObject **kept) {
    PyObject *instance = as_instance(crossing, value, keeps_text);
    if (!instance) return -1;
    int failed = copy_buffer(instance, crossing->type->size, to);
    if (!failed && ask) {
        *kept = pt_ask("pytramp._keeping", ask, "(O)", instance);
        failed = *kept ? 0 : -1;
    }
    Py_DECREF(instance);
    return failed;
}

int pt_store_aggregate(const struct pt_crossing *crossing, PyObject *value, void *to) {
    return store_instance(crossing, value, to, NULL, 0, NULL);
}

static int is_aggregate(const struct pt_crossing *crossing) {
    return crossing->way == PT_WAY_VALUE && crossing->ctype;
}

int pt_store_code(const struct pt_crossing *crossing, PyObject *value, void *to, PyObject **kept) {
    if (is_aggregate(crossing)) return store_instance(crossing, value, to, "code_of", 0, kept);
    if (crossing->store(crossing, value, to)) return -1;
    *kept = pt_ask("pytramp._keeping", "code_of", "(O)", value);
    return *kept ? 0 : -1;
}

int pt_store_for_life(const struct pt_crossing *crossing, PyObject *value, void *to,
                      PyObject **kept) {
    PyObject *parts = NULL;
    int failed = is_aggregate(crossing) ? store_instance(crossing, value, to, "all_of", 1, &parts)
                                        : crossing->store(crossing, value, to);
    if (failed) return -1;
    *kept = PyTuple_Pack(2, value, parts ? parts : Py_None);
    Py_XDECREF(parts);
    return *kept ? 0 : -1;
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
