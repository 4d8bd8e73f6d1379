/* C value <-> Python object: scalars, one converter per row of types.def. Under the GIL. */
#ifndef PT_CONVERT_H
#define PT_CONVERT_H

#include "../type.h"
#include "objects.h"

/* Before the first conversion, under the registry's lock. Python has these ints: nothing is made.
 */
PT_HIDDEN void pt_convert_init(void);

/* The converters of the other ways (struct pt_crossing): aggregate.c, object.c, pointer.c, view.c,
 * varargs.c. */
/* Through from_c: aggregates and PT_WAY_CUSTOM. */
PT_HIDDEN PyObject *pt_load_aggregate(const struct pt_crossing *crossing, const void *from);
PT_HIDDEN int pt_store_aggregate(const struct pt_crossing *crossing, PyObject *value, void *to);
/* As crossing's store, which is kept: *kept is a tuple of what the function pointers in it belong
 * to. */
PT_HIDDEN int pt_store_code(const struct pt_crossing *crossing, PyObject *value, void *to,
                            PyObject **kept);
/* The same for a value that stays: all that it refers to, text too. */
PT_HIDDEN int pt_store_for_life(const struct pt_crossing *crossing, PyObject *value, void *to,
                                PyObject **kept);
PT_HIDDEN int pt_store_custom(const struct pt_crossing *crossing, PyObject *value, void *to);
PT_HIDDEN PyObject *pt_load_object(const struct pt_crossing *crossing, const void *from);
PT_HIDDEN int pt_store_object(const struct pt_crossing *crossing, PyObject *value, void *to);
PT_HIDDEN PyObject *pt_load_pointer(const struct pt_crossing *crossing, const void *from);
PT_HIDDEN PyObject *pt_load_list(const struct pt_crossing *crossing, const void *from);

/* None, an int, or what pytramp._address makes of objects that have an address. */
PT_HIDDEN int pt_store_address(const struct pt_crossing *crossing, PyObject *value, void *to);

/* The PEP 3118 format of a scalar that memoryview can index in every version; NULL for others. */
PT_HIDDEN const char *pt_view_format(const pytramp_type *type);

/* Text in an array of one of the character types; ValueError where it is none. n < 0: up to the
 * first zero. bytes for types of one byte, else str. NULL with TypeError for any other type. */
PT_HIDDEN PyObject *pt_text(const struct pt_crossing *item, const void *from, Py_ssize_t n);

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
