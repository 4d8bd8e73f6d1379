/* ordering.order(numbers) -> the indexes that sort them, by C's qsort, whose comparison has no room
 * for the numbers: a closure brings them. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pytramp.h>
#include <stdlib.h>

static void compare(const pytramp_signature *signature, void *result, void *const *args,
                    void *userdata) {
    (void)signature;
    const double *numbers = userdata;
    double a = numbers[**(const long *const *)args[0]], b = numbers[**(const long *const *)args[1]];
    *(int *)result = (a > b) - (a < b);
}

static pytramp_status sort(long *indexes, size_t n, double *numbers) {
    const pytramp_type *args[] = {&pytramp_type_pointer, &pytramp_type_pointer};
    const pytramp_signature *comparison;
    void *code;
    pytramp_status status =
        pytramp_signature_new(&comparison, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 2, args);
    if (!status) status = pytramp_closure_new(&code, comparison, compare, numbers);
    if (status) return status;
    qsort(indexes, n, sizeof *indexes, (int (*)(const void *, const void *))code);
    return pytramp_closure_free(code);
}

static PyObject *list_of(const long *indexes, Py_ssize_t n) {
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *index = PyLong_FromLong(indexes[i]);
        if (!index)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, index);
    }
    return list;
}

/* Fills numbers from the tuple, and indexes with 0, 1, 2... */
static int take(PyObject *tuple, double *numbers, long *indexes) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        indexes[i] = (long)i;
        numbers[i] = PyFloat_AsDouble(PyTuple_GET_ITEM(tuple, i));
        if (numbers[i] == -1 && PyErr_Occurred()) return -1;
    }
    return 0;
}

static PyObject *ordered(PyObject *tuple, double *numbers, long *indexes) {
    if (take(tuple, numbers, indexes)) return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    pytramp_status status = sort(indexes, (size_t)n, numbers);
    if (!status) return list_of(indexes, n);
    return PyErr_Format(PyExc_RuntimeError, "pytramp: %s", pytramp_status_text(status));
}

static PyObject *order(PyObject *module, PyObject *iterable) {
    (void)module;
    PyObject *tuple = PySequence_Tuple(iterable), *answer = NULL;
    if (!tuple) return NULL;
    size_t n = (size_t)PyTuple_GET_SIZE(tuple) + 1;
    double *numbers = PyMem_New(double, n);
    long *indexes = PyMem_New(long, n);
    if (numbers && indexes)
        answer = ordered(tuple, numbers, indexes);
    else
        PyErr_NoMemory();
    PyMem_Free(indexes);
    PyMem_Free(numbers);
    Py_DECREF(tuple);
    return answer;
}

static PyMethodDef functions[] = {
    {"order", order, METH_O, "order(numbers) -> the indexes that sort them"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "ordering", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_ordering(void) {
    return PyModule_Create(&definition);
}
