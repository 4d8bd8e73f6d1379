/* C value <-> Python object, one converter per row of types.def. Under the GIL. */
#ifndef PT_CONVERT_H
#define PT_CONVERT_H

#include "../type.h"
#include "objects.h"

/* Before the first conversion: 0, or -1 with an exception. */
PT_HIDDEN int pt_convert_init(void);

/* A new reference, or NULL with an exception. from points at a C variable of the type. */
PT_HIDDEN PyObject *pt_to_python(const struct pt_crossing *crossing, const void *from);

/* pt_from_python (objects.h) writes exactly the type's size to `to`, or sets TypeError,
 * OverflowError, or what a conversion method of value raised; then `to` is as before. For void
 * value must be None. */

/* Python's own small ints, which it keeps for ever, so that a count or a flag costs no call. */
#define PT_SMALLEST_INT (-5)
#define PT_SMALL_INTS   262
PT_HIDDEN extern PyObject *pt_small_ints[PT_SMALL_INTS];

static inline PyObject *pt_int_to_python(int value) {
    unsigned i = (unsigned)value - (unsigned)PT_SMALLEST_INT;
    return PT_LIKELY(i < PT_SMALL_INTS) ? Py_NewRef(pt_small_ints[i]) : PyLong_FromLong(value);
}

/* A Python int that fits one digit, without a call. */
static inline int pt_small_int(PyObject *value, int64_t *out) {
    if (PT_UNLIKELY(!PyLong_CheckExact(value))) return 0;
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)value)) return 0;
    *out = PyUnstable_Long_CompactValue((PyLongObject *)value);
#else
    Py_ssize_t size = Py_SIZE(value);
    if (size < -1 || size > 1) return 0;
    *out = (int64_t)size * ((PyLongObject *)value)->ob_digit[0]; /* digit 0 exists in zero, too */
#endif
    return 1;
}

/* Does value fit a signed integer of size bytes? */
static inline int pt_fits_signed(int64_t value, size_t size) {
    unsigned unused = 64 - 8 * (unsigned)size;
    return (int64_t)((uint64_t)value << unused) >> unused == value;
}

#endif
