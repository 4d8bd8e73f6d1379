/* What one would write by hand: a C extension with one callback function per C type, its callable
 * in a static variable. And two floors: what boxing, calling and unboxing cost alone, without any
 * check. The API floor uses the functions of Python's C API; the floor itself knows what it calls
 * and gets, and does without them: PyObject_Vectorcall alone can be half of the time. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <time.h>

static PyObject *callable;

/* ---- box, call, unbox ---- */

static int call_int(int a, int b) {
    PyObject *args[3] = {NULL, PyLong_FromLong(a), PyLong_FromLong(b)};
    int value = 0;
    if (args[1] && args[2]) {
        PyObject *result =
            PyObject_Vectorcall(callable, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        if (result) {
            long number = PyLong_AsLong(result);
            if (number == (int)number) value = (int)number;
            Py_DECREF(result);
        }
        if (PyErr_Occurred()) PyErr_WriteUnraisable(callable);
    }
    Py_XDECREF(args[1]);
    Py_XDECREF(args[2]);
    return value;
}

static double call_double(double x) {
    PyObject *args[2] = {NULL, PyFloat_FromDouble(x)};
    double value = 0;
    if (args[1]) {
        PyObject *result =
            PyObject_Vectorcall(callable, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        if (result) {
            value = PyFloat_AsDouble(result);
            Py_DECREF(result);
        }
        if (PyErr_Occurred()) PyErr_WriteUnraisable(callable);
    }
    Py_XDECREF(args[1]);
    return value;
}

/* ---- the callbacks ---- */

static int callback_int(int a, int b) {
    PyGILState_STATE state = PyGILState_Ensure();
    int value = call_int(a, b);
    PyGILState_Release(state);
    return value;
}

static double callback_double(double x) {
    PyGILState_STATE state = PyGILState_Ensure();
    double value = call_double(x);
    PyGILState_Release(state);
    return value;
}

/* ---- the API floor ---- */

static int api_floor_int(int a, int b) {
    PyObject *args[3] = {NULL, PyLong_FromLong(a), PyLong_FromLong(b)};
    PyObject *result =
        PyObject_Vectorcall(callable, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(args[1]);
    Py_DECREF(args[2]);
    int value = (int)PyLong_AsLong(result);
    Py_DECREF(result);
    return value;
}

static double api_floor_double(double x) {
    PyObject *args[2] = {NULL, PyFloat_FromDouble(x)};
    PyObject *result =
        PyObject_Vectorcall(callable, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(args[1]);
    double value = PyFloat_AsDouble(result);
    Py_DECREF(result);
    return value;
}

/* ---- the floor: callable is a Python function, ints are small, floats are floats ---- */

#define SMALL_INTS 128

static PyObject *small_ints[SMALL_INTS];

static inline PyObject *call_directly(PyObject *const *args, size_t n) {
    vectorcallfunc call = ((PyFunctionObject *)callable)->vectorcall;
    return call(callable, args, n | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

static inline int small_value(PyObject *number) {
#if PY_VERSION_HEX >= 0x030C0000
    return (int)PyUnstable_Long_CompactValue((PyLongObject *)number);
#else
    return (int)Py_SIZE(number) * (int)((PyLongObject *)number)->ob_digit[0];
#endif
}

static int floor_int(int a, int b) {
    PyObject *args[3] = {NULL, Py_NewRef(small_ints[a]), Py_NewRef(small_ints[b])};
    PyObject *result = call_directly(args + 1, 2);
    Py_DECREF(args[1]);
    Py_DECREF(args[2]);
    int value = small_value(result);
    Py_DECREF(result);
    return value;
}

static double floor_double(double x) {
    PyObject *args[2] = {NULL, PyFloat_FromDouble(x)};
    PyObject *result = call_directly(args + 1, 1);
    Py_DECREF(args[1]);
    double value = PyFloat_AS_DOUBLE(result);
    Py_DECREF(result);
    return value;
}

/* ---- Both for a caller without the GIL: one thread state, known beforehand ---- */

static PyThreadState *own;

#define RELEASED(type, floor, parameters, arguments)                                               \
    static type floor##_released parameters {                                                      \
        PyEval_RestoreThread(own);                                                                 \
        type value = floor arguments;                                                              \
        own = PyEval_SaveThread();                                                                 \
        return value;                                                                              \
    }
RELEASED(int, api_floor_int, (int a, int b), (a, b))
RELEASED(double, api_floor_double, (double x), (x))
RELEASED(int, floor_int, (int a, int b), (a, b))
RELEASED(double, floor_double, (double x), (x))

/* ---- module ---- */

static const struct {
    const char *name;
    void (*function)(void);
} functions[] = {
    {"int", (void (*)(void))callback_int},
    {"double", (void (*)(void))callback_double},
    {"api_floor_int", (void (*)(void))api_floor_int},
    {"api_floor_double", (void (*)(void))api_floor_double},
    {"api_floor_int_released", (void (*)(void))api_floor_int_released},
    {"api_floor_double_released", (void (*)(void))api_floor_double_released},
    {"floor_int", (void (*)(void))floor_int},
    {"floor_double", (void (*)(void))floor_double},
    {"floor_int_released", (void (*)(void))floor_int_released},
    {"floor_double_released", (void (*)(void))floor_double_released},
};

/* bind(name, callable) -> address. The last callable bound is what all of them call. */
static PyObject *bind(PyObject *self, PyObject *args) {
    const char *name;
    PyObject *wanted;
    (void)self;
    if (!PyArg_ParseTuple(args, "sO", &name, &wanted)) return NULL;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(name, functions[i].name)) continue;
        Py_XSETREF(callable, Py_NewRef(wanted));
        own = PyThreadState_Get();
        return PyLong_FromVoidPtr((void *)functions[i].function);
    }
    return PyErr_Format(PyExc_ValueError, "no function %s", name);
}

static PyMethodDef methods[] = {{"bind", bind, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "handwritten", .m_size = -1,
                                 .m_methods = methods};

PyMODINIT_FUNC PyInit_handwritten(void) {
    for (int i = 0; i < SMALL_INTS; i++)
        if (!(small_ints[i] = PyLong_FromLong(i))) return NULL;
    return PyModule_Create(&definition);
}
