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

void pt_convert_init(void) {
    for (int i = 0; i < PT_SMALL_INTS && !pt_small_ints[i]; i++)
        pt_small_ints[i] = PyLong_FromLong(i + PT_SMALLEST_INT);
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
    uint8_t b = (uint8_t)words->low;
    uint16_t h = (uint16_t)words->low;
    uint32_t w = (uint32_t)words->low;
    uint64_t both[2] = {PY_LITTLE_ENDIAN ? words->low : words->high,
                        PY_LITTLE_ENDIAN ? words->high : words->low};
    switch (size) {
    case 1: memcpy(to, &b, sizeof b); return;
    case 2: memcpy(to, &h, sizeof h); return;
    case 4: memcpy(to, &w, sizeof w); return;
    case 8: memcpy(to, &words->low, sizeof words->low); return;
    default: memcpy(to, both, sizeof both);
    }
}

/* Names the value unless it is too long to read, or to write (sys.set_int_max_str_digits). */
static int out_of_range(const struct pt_crossing *crossing, PyObject *value) {
    PyObject *text = PyObject_Repr(value);
    if (text && PyUnicode_GetLength(text) <= 60) {
        PyErr_Format(PyExc_OverflowError, "%U is out of range for %s", text, crossing->spelling);
    } else {
        PyErr_Format(PyExc_OverflowError, "%.200s is out of range for %s", Py_TYPE(value)->tp_name,
                     crossing->spelling);
    }
    Py_XDECREF(text);
    return -1;
}

/* cffi's integers have no __index__: of these the int; a new reference, or NULL with an exception.
 * For others NULL, without one. */
static PyObject *from_cffi(PyObject *value) {
    if (strncmp(Py_TYPE(value)->tp_name, "_cffi_backend.", 14) != 0) return NULL;
    return pt_ask("pytramp._cffi_types", "integer", "(O)", value);
}

static int refuse(const struct pt_crossing *crossing, PyObject *value, const char *wanted) {
    PyErr_Format(PyExc_TypeError, "%s must be %s, not %.200s", crossing->spelling, wanted,
                 Py_TYPE(value)->tp_name);
    return -1;
}

/* An exact int, from an int or by __index__: a new reference. */
static PyObject *as_int(const struct pt_crossing *crossing, PyObject *value, const char *wanted) {
    if (PyIndex_Check(value)) return PyNumber_Index(value);
    PyObject *number = from_cffi(value);
    if (number || PyErr_Occurred()) return number;
    refuse(crossing, value, wanted);
    return NULL;
}

/* number as 128 bits: the low word masked, the high one shifted arithmetically. */
static int split(const struct pt_crossing *crossing, PyObject *number, struct two_words *words) {
    const pytramp_type *type = crossing->type;
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
    return is_huge ? out_of_range(crossing, number) : 0;
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

static int store_any_integer(const struct pt_crossing *crossing, PyObject *value, void *to) {
    const pytramp_type *type = crossing->type;
    PyObject *number = as_int(crossing, value, "an int");
    if (!number) return -1;
    struct two_words words;
    int failed = split(crossing, number, &words);
    if (!failed) {
        PyObject *zero = PyLong_FromLong(0);
        int negative = zero ? PyObject_RichCompareBool(number, zero, Py_LT) : -1;
        Py_XDECREF(zero);
        failed = negative < 0 ? -1 : 0;
        if (!failed && !is_in_range(&words, type, negative))
            failed = out_of_range(crossing, number);
    }
    Py_DECREF(number);
    if (!failed) put_integer(&words, to, type->size);
    return failed;
}

static int fits(int64_t number, const pytramp_type *type) {
    if (type->class == PT_CLASS_SIGNED) return pt_fits_signed(number, type->size);
    return number >= 0 && (type->size == 8 || !(number >> 8 * type->size));
}

/* Nearly all ints are small, and then need none of the above. type is the crossing's, which who
 * calls this has looked at. */
static int store_integer(const struct pt_crossing *crossing, PyObject *value, void *to,
                         const pytramp_type *type) {
    int64_t small;
    if (type->size > sizeof small || !pt_small_int(value, &small) || !fits(small, type))
        return store_any_integer(crossing, value, to);
    struct two_words words = {(uint64_t)small, 0};
    put_integer(&words, to, type->size);
    return 0;
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

/* A character has no sign: both readings of its bits are taken. */
static int put_character(const struct pt_crossing *crossing, int64_t code, PyObject *value,
                         void *to) {
    const pytramp_type *type = crossing->type;
    if (!pt_fits_signed(code, type->size) && (code < 0 || code >> 8 * type->size))
        return out_of_range(crossing, value);
    struct two_words words = {(uint64_t)code, 0};
    put_integer(&words, to, type->size);
    return 0;
}

static int store_character(const struct pt_crossing *crossing, PyObject *value, void *to,
                           const pytramp_type *type) {
    long character = character_of(type, value);
    if (character >= 0) return put_character(crossing, character, value, to);
    int is_char = type->code == PT_TYPE_CHAR;
    const char *wanted = is_char ? "bytes of length 1 or an int" : "str of length 1 or an int";
    if (is_char ? PyBytes_Check(value) : PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be %s, not %.200s of length %zd", crossing->spelling,
                     wanted, Py_TYPE(value)->tp_name, PyObject_Size(value));
        return -1;
    }
    PyObject *number = as_int(crossing, value, wanted);
    if (!number) return -1;
    int overflow;
    int64_t code = PyLong_AsLongLongAndOverflow(number, &overflow);
    int failed =
        overflow ? out_of_range(crossing, number) : put_character(crossing, code, number, to);
    Py_DECREF(number);
    return failed;
}

/* ---- Real and complex numbers ---- */

#if PY_VERSION_HEX < 0x030B0000
#  define PyFloat_Pack2   _PyFloat_Pack2
#  define PyFloat_Unpack2 _PyFloat_Unpack2
#endif
#define HALF(bytes) (void *)(bytes), PY_LITTLE_ENDIAN

static PyObject *load_half(const void *from) {
    double number = PyFloat_Unpack2(HALF(from));
    return number == -1.0 && PyErr_Occurred() ? NULL : PyFloat_FromDouble(number);
}

/* Digits beyond a double's are dropped, as C drops them; a number beyond its range is none. The
 * compiler's isinf: mingw's takes any long double to be the x87's. */
static int is_lost(long double number) {
    if (!isinf((double)number) || __builtin_isinf(number)) return 0;
    PyErr_SetString(PyExc_OverflowError, "long double too large for a Python float");
    return 1;
}

static PyObject *load_float(const void *from, const pytramp_type *type) {
    float f;
    double d;
    long double l;
    switch (type->code) {
    case PT_TYPE_FLOAT16: return load_half(from);
    case PT_TYPE_FLOAT: memcpy(&f, from, sizeof f); return PyFloat_FromDouble(f);
    case PT_TYPE_DOUBLE: memcpy(&d, from, sizeof d); return PyFloat_FromDouble(d);
    default: memcpy(&l, from, sizeof l); return is_lost(l) ? NULL : PyFloat_FromDouble((double)l);
    }
}

/* A finite double that a float cannot hold is an error, as an int out of range is. */
static int narrow(double value, float *out) {
    *out = (float)value;
    if (!isinf(*out) || isinf(value)) return 0;
    PyErr_SetString(PyExc_OverflowError, "float too large for C float");
    return -1;
}

static int store_half(double number, void *to) {
    char half[2];
    if (PyFloat_Pack2(number, (void *)half, PY_LITTLE_ENDIAN)) {
        PyErr_SetString(PyExc_OverflowError, "float too large for _Float16");
        return -1;
    }
    memcpy(to, half, sizeof half);
    return 0;
}

/* An int of up to 64 bits is exact in a long double of the x87, not in a double. */
static long double widest(PyObject *value, double number) {
    int overflow = 1;
    long long exact = PyLong_Check(value) ? PyLong_AsLongLongAndOverflow(value, &overflow) : 0;
    return overflow ? (long double)number : (long double)exact;
}

/* What Python says of a value without any conversion method does not name the type; what a method
 * raised stays. */
static int refuse_number(const struct pt_crossing *crossing, PyObject *value, const char *method,
                         const char *wanted) {
    PyObject *error, *text, *traceback, *type = (PyObject *)Py_TYPE(value);
    PyErr_Fetch(&error, &text, &traceback);
    int is_number = PyObject_HasAttrString(type, "__float__") ||
                    PyObject_HasAttrString(type, "__index__") ||
                    PyObject_HasAttrString(type, method);
    PyErr_Restore(error, text, traceback);
    return is_number ? -1 : refuse(crossing, value, wanted);
}

static int store_float(const struct pt_crossing *crossing, PyObject *value, void *to,
                       const pytramp_type *type) {
    double number = PyFloat_AsDouble(value);
    float f;
    if (number == -1.0 && PyErr_Occurred())
        return refuse_number(crossing, value, "__float__", "a real number");
    long double l = widest(value, number);
    switch (type->code) {
    case PT_TYPE_FLOAT16: return store_half(number, to);
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
    default:
        memcpy(l, from, sizeof l);
        if (is_lost(l[0]) || is_lost(l[1])) return NULL;
        return PyComplex_FromDoubles((double)l[0], (double)l[1]);
    }
}

static int store_complex(const struct pt_crossing *crossing, PyObject *value, void *to,
                         const pytramp_type *type) {
    Py_complex number = PyComplex_AsCComplex(value);
    if (number.real == -1.0 && PyErr_Occurred())
        return refuse_number(crossing, value, "__complex__", "a number");
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

int pt_store_address(const struct pt_crossing *crossing, PyObject *value, void *to) {
    if (value == Py_None) {
        memset(to, 0, sizeof(void *));
        return 0;
    }
    if (PyLong_Check(value)) return store_integer(crossing, value, to, crossing->type);
    PyObject *address = pt_ask("pytramp._address", "address_of", "(Os)", value, crossing->spelling);
    if (!address) return -1;
    int failed = address == Py_None ? (memset(to, 0, sizeof(void *)), 0)
                                    : store_integer(crossing, address, to, crossing->type);
    Py_DECREF(address);
    return failed;
}

/* ---- By type and way ---- */

#define LOAD_PT_CLASS_BOOL(size)      load_bool(from)
#define LOAD_PT_CLASS_CHARACTER(size) load_character(from, crossing->type)
#define LOAD_PT_CLASS_SIGNED(size)    load_signed(from, size)
#define LOAD_PT_CLASS_UNSIGNED(size)  load_unsigned(from, size)
#define LOAD_PT_CLASS_FLOAT(size)     load_float(from, crossing->type)
#define LOAD_PT_CLASS_COMPLEX(size)   load_complex(from, crossing->type)
#define LOAD_PT_CLASS_POINTER(size)   load_pointer(from)

static PyObject *load_scalar(const struct pt_crossing *crossing, const void *from) {
    switch (crossing->type->code) {
#define PT_SCALAR(code, symbol, spelling, ctype, class, format)                                    \
    case PT_TYPE_##code: return LOAD_##class(sizeof(ctype));
#include "../types.def"
#undef PT_SCALAR
    default: Py_RETURN_NONE;
    }
}

static int store_scalar(const struct pt_crossing *crossing, PyObject *value, void *to) {
    const pytramp_type *type = crossing->type;
    switch (type->class) {
    case PT_CLASS_BOOL: return store_bool(value, to);
    case PT_CLASS_CHARACTER: return store_character(crossing, value, to, type);
    case PT_CLASS_SIGNED:
    case PT_CLASS_UNSIGNED: return store_integer(crossing, value, to, type);
    case PT_CLASS_FLOAT: return store_float(crossing, value, to, type);
    case PT_CLASS_COMPLEX: return store_complex(crossing, value, to, type);
    case PT_CLASS_POINTER: return pt_store_address(crossing, value, to);
    default: return value == Py_None ? 0 : refuse(crossing, value, "None");
    }
}

static PyObject *load_nothing(const struct pt_crossing *crossing, const void *from) {
    (void)from;
    PyErr_Format(PyExc_TypeError, "nothing is known of the members of %s", crossing->spelling);
    return NULL;
}

static int store_nothing(const struct pt_crossing *crossing, PyObject *value, void *to) {
    (void)value, (void)to;
    PyErr_Format(PyExc_TypeError, "a Python object cannot become %s", crossing->spelling);
    return -1;
}

void pt_crossing_open(struct pt_crossing *crossing, enum pt_way way) {
    crossing->way = way;
    crossing->types = pt_types_here();
    crossing->code = way == PT_WAY_VALUE ? crossing->type->code : PT_CODE_NONE;
    crossing->store = pt_store_address;
    switch (way) {
    case PT_WAY_VALUE:
        crossing->load = crossing->ctype ? pt_load_aggregate : load_scalar;
        crossing->store = crossing->ctype ? pt_store_aggregate : store_scalar;
        return;
    case PT_WAY_POINTER: crossing->load = pt_load_pointer; return;
    case PT_WAY_CUSTOM:
        crossing->load = pt_load_aggregate;
        crossing->store = crossing->to_c ? pt_store_custom : store_nothing;
        return;
    case PT_WAY_OBJECT:
        crossing->load = pt_load_object;
        crossing->store = pt_store_object;
        return;
    case PT_WAY_LIST:
        crossing->load = pt_load_list;
        crossing->store = store_nothing;
        return;
    default: /* an array is loaded with its lengths, in view.c */
        crossing->load = load_nothing;
        crossing->store = store_nothing;
    }
}

const char *pt_view_format(const pytramp_type *type) {
    switch (type->code) {
#define PT_SCALAR(code, symbol, spelling, ctype, class, format)                                    \
    case PT_TYPE_##code:                                                                           \
        return class == PT_CLASS_COMPLEX || PT_TYPE_##code == PT_TYPE_FLOAT16 ||                   \
                       PT_TYPE_##code == PT_TYPE_LONGDOUBLE                                        \
                   ? NULL                                                                          \
                   : format;
#include "../types.def"
#undef PT_SCALAR
    default: return NULL;
    }
}
