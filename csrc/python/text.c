/* Text in C's memory: bytes for char and its relatives, str for the wider characters. */
#include <string.h>
#include <wchar.h>

#include "convert.h"

static size_t length_of(const void *from, size_t size) {
    const unsigned char *at = from;
    static const unsigned char zero[sizeof(uint32_t)];
    size_t n = 0;
    if (size == 1) return strlen(from);
    while (memcmp(at + n * size, zero, size))
        n++;
    return n;
}

/* Surrogates stay as they are: who made the text knows why. */
static PyObject *decode(const void *from, Py_ssize_t bytes, size_t size) {
    int order = PY_LITTLE_ENDIAN ? -1 : 1;
    if (size == 2) return PyUnicode_DecodeUTF16(from, bytes, "surrogatepass", &order);
    return PyUnicode_DecodeUTF32(from, bytes, "surrogatepass", &order);
}

PyObject *pt_text(const struct pt_crossing *item, const void *from, Py_ssize_t n) {
    const pytramp_type *type = item->type;
    int is_bytes =
        type->size == 1 && (type->class == PT_CLASS_CHARACTER || type->class == PT_CLASS_SIGNED ||
                            type->class == PT_CLASS_UNSIGNED);
    if (item->code == PT_CODE_NONE || (!is_bytes && type->class != PT_CLASS_CHARACTER))
        return PyErr_Format(PyExc_TypeError, "%s is no character type", item->spelling);
    if (n < 0) n = (Py_ssize_t)length_of(from, type->size);
    if (is_bytes) return PyBytes_FromStringAndSize(from, n);
    if (n > PTRDIFF_MAX / (Py_ssize_t)type->size) return PyErr_NoMemory();
    return decode(from, n * (Py_ssize_t)type->size, type->size);
}
