/* sorting.sort_by(numbers, modulus) -> the numbers sorted by their remainders, by C's qsort, whose
 * comparison has no room for the modulus: a closure brings it. */
#define PY_SSIZE_T_CLEAN
#include <pytramp_import.h>
#include <stdlib.h>

static void compare(const pytramp_signature *signature, void *result, void *const *args,
                    void *modulus) {
    (void)signature;
    long m = *(const long *)modulus;
    long a = **(const long *const *)args[0] % m, b = **(const long *const *)args[1] % m;
    *(int *)result = (a > b) - (a < b);
}

static PyObject *refuse(pytramp_status status) {
    return PyErr_Format(PyExc_RuntimeError, "pytramp: %s", pytramp_status_text(status));
}

static int take(PyObject *tuple, long *numbers, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i++) {
        numbers[i] = PyLong_AsLong(PyTuple_GET_ITEM(tuple, i));
        if (numbers[i] == -1 && PyErr_Occurred()) return -1;
    }
    return 0;
}

static PyObject *list_of(const long *numbers, Py_ssize_t n) {
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *number = PyLong_FromLong(numbers[i]);
        if (!number)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, number);
    }
    return list;
}

static PyObject *sorted_by(long *numbers, Py_ssize_t n, long modulus) {
    const pytramp_type *args[] = {&pytramp_type_pointer, &pytramp_type_pointer};
    const pytramp_signature *comparison;
    void *code;
    pytramp_status status =
        pytramp_signature_new(&comparison, PYTRAMP_ABI_DEFAULT, &pytramp_type_int, 2, args);
    if (!status) status = pytramp_closure_new(&code, comparison, compare, &modulus);
    if (status) return refuse(status);
    qsort(numbers, (size_t)n, sizeof *numbers, (int (*)(const void *, const void *))code);
    pytramp_closure_free(code);
    return list_of(numbers, n);
}

static PyObject *sort_by(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *iterable, *sorted = NULL;
    long modulus;
    if (!PyArg_ParseTuple(args, "Ol", &iterable, &modulus)) return NULL;
    if (modulus < 1) return PyErr_Format(PyExc_ValueError, "the modulus is %ld", modulus);
    PyObject *tuple = PySequence_Tuple(iterable);
    if (!tuple) return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    long *numbers = PyMem_New(long, n ? n : 1);
    if (!numbers)
        PyErr_NoMemory();
    else if (!take(tuple, numbers, n))
        sorted = sorted_by(numbers, n, modulus);
    PyMem_Free(numbers);
    Py_DECREF(tuple);
    return sorted;
}

/* Python's callable as a C function pointer: what pytramp.callback makes, from C. */
static PyObject *twice_in_c(PyObject *module, PyObject *callable) {
    (void)module;
    PyObject *closure = pytramp_from_callable(callable, "int (int)");
    if (!closure) return NULL;
    int (*function)(int) = (int (*)(int))pytramp_address_of(closure);
    PyObject *answer = function ? PyLong_FromLong(function(function(1))) : NULL;
    Py_DECREF(closure);
    return answer;
}

static PyMethodDef functions[] = {
    {"sort_by", sort_by, METH_VARARGS, "sort_by(numbers, modulus) -> sorted by their remainders"},
    {"twice_in_c", twice_in_c, METH_O, "twice_in_c(f) -> f(f(1)), called by C"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "sorting", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_sorting(void) {
    if (pytramp_import() < 0) return NULL;
    return PyModule_Create(&definition);
}
