#include "convert.h"

#include <complex.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <wchar.h>

#if PY_VERSION_HEX < 0x030C0000
#  if PY_VERSION_HEX < 0x030B0000
#    include <longintrepr.h>
#  endif
#endif

PyObject *pt_small_ints[PT_SMALL_INTS];

int pt_convert_init(void) {
    for (int i = 0; i < PT_SMALL_INTS && !pt_small_ints[i]; i++) {
        pt_small_ints[i] = PyLong_FromLong(i + PT_SMALLEST_INT);
        if (!pt_small_ints[i]) return -1;
    }
    return 0;
}

/* ---- Integers ---- */

static PyObject *load_signed(const void *from, size_t size) {
    union {
        int8_t b;
        int16_t h;
        int32_t w;
        int64_t q;
    } v;
    if (size > sizeof v) return _PyLong_FromByteArray(from, size, PY_LITTLE_ENDIAN, 1);
    memcpy(&v, from, size);
    switch (size) {
    case 1: return PyLong_FromLong(v.b);
    case 2: return PyLong_FromLong(v.h);
    case 4: return PyLong_FromLong(v.w);
    default: return PyLong_FromLongLong(v.q);
    }
}

static PyObject *load_unsigned(const void *from, size_t size) {
    union {
        uint8_t b;
        uint16_t h;
        uint32_t w;
        uint64_t q;
    } v;
    if (size > sizeof v) return _PyLong_FromByteArray(from, size, PY_LITTLE_ENDIAN, 0);
    memcpy(&v, from, size);
    switch (size) {
    case 1: return PyLong_FromLong(v.b);
    case 2: return PyLong_FromLong(v.h);
    case 4: return PyLong_FromUnsignedLong(v.w);
    default: return PyLong_FromUnsignedLongLong(v.q);
    }
}

struct two_words {
    uint64_t low, high;
};

/* size is 1, 2, 4, 8 or 16. */
static void put_integer(const struct two_words *words, void *to, size_t size) {
    uint64_t both[2] = {PY_LITTLE_ENDIAN ? words->low : words->high,
                        PY_LITTLE_ENDIAN ? words->high : words->low};
    memcpy(to, (const unsigned char *)both + (PY_LITTLE_ENDIAN ? 0 : sizeof both - size), size);
}

/* Names the value unless it is too long to read, or to write (sys.set_int_max_str_digits). */
static int out_of_range(PyObject *value, const pytramp_type *type) {
    PyObject *text = PyObject_Repr(value);
    if (text && PyUnicode_GetLength(text) <= 60) {
        PyErr_Format(PyExc_OverflowError, "%U is out of range for %s", text, type->spelling);
    } else {
        PyErr_Format(PyExc_OverflowError, "%.200s is out of range for %s", Py_TYPE(value)->tp_name,
                     type->spelling);
    }
    Py_XDECREF(text);
    return -1;
}

/* An exact int, from an int or by __index__: a new reference. */
static PyObject *as_int(PyObject *value, const pytramp_type *type) {
    if (PyIndex_Check(value)) return PyNumber_Index(value);
    PyErr_Format(PyExc_TypeError, "%s must be an int, not %.200s", type->spelling,
                 Py_TYPE(value)->tp_name);
    return NULL;
}

/* number as 128 bits: the low word masked, the high one shifted arithmetically. */
static int split(PyObject *number, const pytramp_type *type, struct two_words *words) {
    int overflow;
    words->low = PyLong_AsUnsignedLongLongMask(number);
    if (PyErr_Occurred()) return -1;
    PyObject *bits = PyLong_FromLong(64);
    PyObject *high = bits ? PyNumber_Rshift(number, bits) : NULL;
    Py_XDECREF(bits);
    if (!high) return -1;
    long long signed_high = PyLong_AsLongLongAndOverflow(high, &overflow);
    words->high = (uint64_t)signed_high;
    int is_huge = overflow != 0;
    if (overflow > 0 && type->class == PT_CLASS_UNSIGNED && type->size == 16) {
        words->high = PyLong_AsUnsignedLongLong(high);
        is_huge = PyErr_Occurred() != NULL;
        PyErr_Clear();
    }
    Py_DECREF(high);
    return is_huge ? out_of_range(number, type) : 0;
}

static int is_in_range(const struct two_words *words, const pytramp_type *type, int negative) {
    int is_unsigned = type->class == PT_CLASS_UNSIGNED || type->class == PT_CLASS_POINTER;
    if (type->size == 16)
        return is_unsigned ? !negative : (words->high >> 63) == (uint64_t)negative;
    if (is_unsigned) return !words->high && (type->size == 8 || !(words->low >> 8 * type->size));
    if (words->high != (negative ? UINT64_MAX : 0)) return 0;
    if ((words->low >> 63) != (uint64_t)negative) return 0;
    return pt_fits_signed((int64_t)words->low, type->size);
}

static int store_integer(const pytramp_type *type, PyObject *value, void *to) {
    PyObject *number = as_int(value, type);
    if (!number) return -1;
    struct two_words words;
    int failed = split(number, type, &words);
    if (!failed) {
        PyObject *zero = PyLong_FromLong(0);
        int negative = zero ? PyObject_RichCompareBool(number, zero, Py_LT) : -1;
        Py_XDECREF(zero);
        failed = negative < 0 ? -1 : 0;
        if (!failed && !is_in_range(&words, type, negative)) failed = out_of_range(number, type);
    }
    Py_DECREF(number);
    if (!failed) put_integer(&words, to, type->size);
    return failed;
}

static PyObject *load_bool(const void *from) {
    unsigned char byte;
    memcpy(&byte, from, 1);
    return PyBool_FromLong(byte != 0);
}

static int store_bool(PyObject *value, void *to) {
    int truth = PyObject_IsTrue(value);
    if (truth < 0) return -1;
    *(_Bool *)to = truth != 0;
    return 0;
}

/* ---- Characters: bytes of length 1 for char, str of length 1 for the wider ones ---- */

static PyObject *load_character(const void *from, const pytramp_type *type) {
    if (type->code == PT_TYPE_CHAR) return PyBytes_FromStringAndSize(from, 1);
    uint32_t point = 0;
    uint16_t narrow;
    if (type->size == 2) {
        memcpy(&narrow, from, 2);
        point = narrow;
    } else {
        memcpy(&point, from, 4);
    }
    if (point <= 0x10ffff) return PyUnicode_FromOrdinal((int)point);
    PyErr_Format(PyExc_ValueError, "%s holds %u, which is no character", type->spelling,
                 (unsigned)point);
    return NULL;
}

/* The code of a string of length 1; -1 when value is no such string, -2 with an exception. */
static long character_of(const pytramp_type *type, PyObject *value) {
    if (type->code == PT_TYPE_CHAR) {
        if (PyBytes_Check(value) && PyBytes_GET_SIZE(value) == 1)
            return (unsigned char)PyBytes_AS_STRING(value)[0];
    } else if (PyUnicode_Check(value) && PyUnicode_GetLength(value) == 1) {
        return (long)PyUnicode_READ_CHAR(value, 0);
    }
    return -1;
}

static int store_character(const pytramp_type *type, PyObject *value, void *to) {
    const char *wanted = type->code == PT_TYPE_CHAR ? "bytes" : "str";
    long character = character_of(type, value);
    int64_t number = character;
    if (character < 0) {
        if (!PyIndex_Check(value)) {
            PyErr_Format(PyExc_TypeError, "%s must be %s of length 1 or an int, not %.200s",
                         type->spelling, wanted, Py_TYPE(value)->tp_name);
            return -1;
        }
        number = PyNumber_AsSsize_t(value, PyExc_OverflowError);
        if (number == -1 && PyErr_Occurred()) return -1;
    }
    /* A character has no sign: both readings of its bits are taken. */
    if (!pt_fits_signed(number, type->size) && (number < 0 || number >> 8 * type->size))
        return out_of_range(value, type);
    struct two_words words = {(uint64_t)number, 0};
    put_integer(&words, to, type->size);
    return 0;
}

/* ---- Real and complex numbers ---- */

static PyObject *load_float(const void *from, const pytramp_type *type) {
    float f;
    double d;
    long double l;
    switch (type->code) {
    case PT_TYPE_FLOAT: memcpy(&f, from, sizeof f); return PyFloat_FromDouble(f);
    case PT_TYPE_DOUBLE: memcpy(&d, from, sizeof d); return PyFloat_FromDouble(d);
    default: memcpy(&l, from, sizeof l); return PyFloat_FromDouble((double)l);
    }
}

/* A finite double that a float cannot hold is an error, as an int out of range is. */
static int narrow(double value, float *out) {
    *out = (float)value;
    if (!isinf(*out) || isinf(value)) return 0;
    PyErr_SetString(PyExc_OverflowError, "float too large for C float");
    return -1;
}

static int store_float(const pytramp_type *type, PyObject *value, void *to) {
    double number = PyFloat_AsDouble(value);
    float f;
    long double l = number;
    if (number == -1.0 && PyErr_Occurred()) return -1;
    switch (type->code) {
    case PT_TYPE_FLOAT:
        if (narrow(number, &f)) return -1;
        memcpy(to, &f, sizeof f);
        return 0;
    case PT_TYPE_DOUBLE: memcpy(to, &number, sizeof number); return 0;
    default: memcpy(to, &l, sizeof l); return 0;
    }
}

static PyObject *load_complex(const void *from, const pytramp_type *type) {
    float f[2];
    double d[2];
    long double l[2];
    switch (type->code) {
    case PT_TYPE_COMPLEX_FLOAT: memcpy(f, from, sizeof f); return PyComplex_FromDoubles(f[0], f[1]);
    case PT_TYPE_COMPLEX_DOUBLE:
        memcpy(d, from, sizeof d);
        return PyComplex_FromDoubles(d[0], d[1]);
    default: memcpy(l, from, sizeof l); return PyComplex_FromDoubles((double)l[0], (double)l[1]);
    }
}

static int store_complex(const pytramp_type *type, PyObject *value, void *to) {
    Py_complex number = PyComplex_AsCComplex(value);
    if (number.real == -1.0 && PyErr_Occurred()) return -1;
    float f[2];
    double d[2] = {number.real, number.imag};
    long double l[2] = {number.real, number.imag};
    switch (type->code) {
    case PT_TYPE_COMPLEX_FLOAT:
        if (narrow(d[0], &f[0]) || narrow(d[1], &f[1])) return -1;
        memcpy(to, f, sizeof f);
        return 0;
    case PT_TYPE_COMPLEX_DOUBLE: memcpy(to, d, sizeof d); return 0;
    default: memcpy(to, l, sizeof l); return 0;
    }
}

/* ---- Pointers ---- */

static PyObject *load_pointer(const void *from) {
    void *pointer;
    memcpy(&pointer, from, sizeof pointer);
    if (!pointer) Py_RETURN_NONE;
    return PyLong_FromVoidPtr(pointer);
}

/* None, an int, or what pytramp._address makes of objects that have an address. */
static int store_pointer(const pytramp_type *type, PyObject *value, void *to) {
    if (value == Py_None) {
        memset(to, 0, sizeof(void *));
        return 0;
    }
    if (PyLong_Check(value)) return store_integer(type, value, to);
    PyObject *module = PyImport_ImportModule("pytramp._address");
    PyObject *address = module ? PyObject_CallMethod(module, "address_of", "O", value) : NULL;
    Py_XDECREF(module);
    if (!address) return -1;
    int failed =
        address == Py_None ? (memset(to, 0, sizeof(void *)), 0) : store_integer(type, address, to);
    Py_DECREF(address);
    return failed;
}

/* ---- Aggregates: instances of a ctypes class ---- */

static PyObject *load_aggregate(const struct pt_crossing *crossing, const void *from) {
    PyObject *bytes = PyBytes_FromStringAndSize(from, (Py_ssize_t)crossing->type->size);
    if (!bytes) return NULL;
    PyObject *made = PyObject_CallOneArg(crossing->load, bytes);
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

static PyObject *from_dict(PyObject *ctype, PyObject *dict) {
    if (!has_fields(ctype, dict)) return NULL;
    PyObject *none = PyTuple_New(0);
    PyObject *made = none ? PyObject_Call(ctype, none, dict) : NULL;
    Py_XDECREF(none);
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

static int store_aggregate(const struct pt_crossing *crossing, PyObject *value, void *to) {
    Py_buffer view;
    PyObject *instance = as_instance(crossing, value);
    if (!instance) return -1;
    int failed = PyObject_GetBuffer(instance, &view, PyBUF_SIMPLE);
    if (!failed) {
        if ((size_t)view.len >= crossing->type->size) {
            memcpy(to, view.buf, crossing->type->size);
        } else { /* ctypes.resize cannot shrink, so this is not a ctypes object */
            PyErr_SetString(PyExc_TypeError, "the object's buffer is smaller than its type");
            failed = -1;
        }
        PyBuffer_Release(&view);
    }
    Py_DECREF(instance);
    return failed;
}

/* ---- By type ---- */

#define LOAD_PT_CLASS_BOOL(size)      load_bool(from)
#define LOAD_PT_CLASS_CHARACTER(size) load_character(from, crossing->type)
#define LOAD_PT_CLASS_SIGNED(size)    load_signed(from, size)
#define LOAD_PT_CLASS_UNSIGNED(size)  load_unsigned(from, size)
#define LOAD_PT_CLASS_FLOAT(size)     load_float(from, crossing->type)
#define LOAD_PT_CLASS_COMPLEX(size)   load_complex(from, crossing->type)
#define LOAD_PT_CLASS_POINTER(size)   load_pointer(from)

PyObject *pt_to_python(const struct pt_crossing *crossing, const void *from) {
    switch (crossing->type->code) {
#define PT_SCALAR(code, symbol, spelling, ctype, class)                                            \
    case PT_TYPE_##code: return LOAD_##class(sizeof(ctype));
#include "../types.def"
#undef PT_SCALAR
    case PT_TYPE_AGGREGATE: return load_aggregate(crossing, from);
    default: Py_RETURN_NONE;
    }
}

static int store_void(PyObject *value) {
    if (value == Py_None) return 0;
    PyErr_Format(PyExc_TypeError, "void must be None, not %.200s", Py_TYPE(value)->tp_name);
    return -1;
}

int pt_from_python(const struct pt_crossing *crossing, PyObject *value, void *to) {
    const pytramp_type *type = crossing->type;
    switch (type->class) {
    case PT_CLASS_BOOL: return store_bool(value, to);
    case PT_CLASS_CHARACTER: return store_character(type, value, to);
    case PT_CLASS_SIGNED:
    case PT_CLASS_UNSIGNED: return store_integer(type, value, to);
    case PT_CLASS_FLOAT: return store_float(type, value, to);
    case PT_CLASS_COMPLEX: return store_complex(type, value, to);
    case PT_CLASS_POINTER: return store_pointer(type, value, to);
    case PT_CLASS_AGGREGATE: return store_aggregate(crossing, value, to);
    default: return store_void(value);
    }
}
