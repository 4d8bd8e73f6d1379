/* What a Pointer points at: items by index and slice, members of a struct by name. */
#include <string.h>

#include "../type.h"
#include "convert.h"
#include "pointer.h"
#include "view.h"

static pt_pointer_object *as_pointer(PyObject *self) {
    return (pt_pointer_object *)self;
}

/* ---- Where an item lies ---- */

int pt_pointer_check(const pt_pointer_object *self) {
    const pt_pointer_object *root = self->root ? self->root : self;
    if (PT_LIKELY(!root->revoked)) return 0;
    PyErr_SetString(PyExc_ValueError, "the memory was C's until the callback returned");
    return -1;
}

static int check_writable(const pt_pointer_object *self) {
    if (PT_LIKELY(!self->readonly)) return 0;
    PyErr_Format(PyExc_TypeError, "const %s cannot be written to", self->item->spelling);
    return -1;
}

/* NULL with an exception. */
char *pt_pointer_advance(const pt_pointer_object *self, Py_ssize_t n) {
    Py_ssize_t bytes;
    if (PT_UNLIKELY(self->item->way == PT_WAY_OPAQUE)) {
        PyErr_Format(PyExc_TypeError, "%s has no size that is known", self->item->spelling);
        return NULL;
    }
    if (PT_UNLIKELY(__builtin_mul_overflow(n, (Py_ssize_t)self->item->type->size, &bytes))) {
        PyErr_SetString(PyExc_OverflowError, "the address would lie outside of memory");
        return NULL;
    }
    return (char *)((uintptr_t)self->address + (uintptr_t)bytes);
}

static char *item_at(const pt_pointer_object *self, Py_ssize_t i) {
    if (PT_UNLIKELY(pt_pointer_check(self))) return NULL;
    if (self->length >= 0) {
        if (i < 0) i += self->length;
        if (PT_UNLIKELY(i < 0 || i >= self->length)) {
            PyErr_Format(PyExc_IndexError, "index out of range: there are %zd items", self->length);
            return NULL;
        }
    }
    return pt_pointer_advance(self, i);
}

/* ---- Reading and writing ---- */

static PyObject *in_place(const pt_pointer_object *self, const char *at) {
    return PyObject_CallMethod(self->item->ctype, "from_address", "n", (Py_ssize_t)at);
}

/* An aggregate in place, so that its fields are C's; a copy of a const one. */
static PyObject *load_item(const pt_pointer_object *self, const char *at) {
    const struct pt_crossing *item = self->item;
    if (PT_LIKELY(!item->ctype || item->way != PT_WAY_VALUE || self->readonly))
        return item->load(item, at);
    return in_place(self, at);
}

static PyObject *get_item(pt_pointer_object *self, Py_ssize_t i) {
    const char *at = item_at(self, i);
    return at ? load_item(self, at) : NULL;
}

/* Until something else is put there. name is a member's, or NULL. Takes over code. */
static int keep_code(const struct pt_crossing *item, const char *at, PyObject *name,
                     PyObject *code) {
    PyObject *done = code ? pt_ask("pytramp._keeping", "keep_at", "(nnOOO)", (Py_ssize_t)at,
                                   (Py_ssize_t)item->type->size,
                                   item->ctype ? item->ctype : Py_None, name ? name : Py_None, code)
                          : NULL;
    Py_XDECREF(code);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* The conversion may run code that waits until the callback has returned: only what was converted
 * is written, and only if the memory is still there. */
static int store_item(const pt_pointer_object *self, Py_ssize_t i, PyObject *value, void *scratch) {
    const struct pt_crossing *item = self->item;
    PyObject *code = NULL;
    if (!item_at(self, i)) return -1;
    if (item->kept ? pt_store_code(item, value, scratch, &code) : item->store(item, value, scratch))
        return -1;
    char *at = item_at(self, i);
    if (at) memcpy(at, scratch, item->type->size);
    if (at && code) return keep_code(item, at, NULL, code);
    Py_XDECREF(code);
    return at ? 0 : -1;
}

static int set_item(pt_pointer_object *self, Py_ssize_t i, PyObject *value) {
    size_t size = self->item->type->size;
    _Alignas(16) unsigned char small[64];
    if (!value) {
        PyErr_SetString(PyExc_TypeError, "C's memory cannot be deleted");
        return -1;
    }
    if (check_writable(self)) return -1;
    void *scratch = size <= sizeof small ? small : PyMem_Malloc(size);
    if (!scratch) {
        PyErr_NoMemory();
        return -1;
    }
    int failed = store_item(self, i, value, scratch);
    if (scratch != small) PyMem_Free(scratch);
    return failed;
}

/* Without a length nothing else says where it begins, backward, and ends. */
static int check_ends(const PySliceObject *given, Py_ssize_t step) {
    if (given->stop == Py_None) {
        PyErr_SetString(PyExc_ValueError, "a slice of a Pointer without length needs an end");
        return -1;
    }
    if (step < 0 && given->start == Py_None) {
        PyErr_SetString(PyExc_ValueError,
                        "a backward slice of a Pointer without length needs a start");
        return -1;
    }
    return 0;
}

static Py_ssize_t slice_of(pt_pointer_object *self, PyObject *slice, Py_ssize_t *start,
                           Py_ssize_t *step) {
    Py_ssize_t stop, distance;
    if (PySlice_Unpack(slice, start, &stop, step)) return -1;
    if (self->length >= 0) return PySlice_AdjustIndices(self->length, start, &stop, *step);
    if (check_ends((PySliceObject *)slice, *step)) return -1;
    Py_ssize_t low = *step > 0 ? *start : stop, high = *step > 0 ? stop : *start;
    if (low >= high) return 0;
    size_t size = self->item->type->size;
    if (__builtin_sub_overflow(high, low, &distance) ||
        (size && distance > (Py_ssize_t)(PT_MAX_BYTES / size))) {
        PyErr_SetString(PyExc_OverflowError, "the slice is longer than memory");
        return -1;
    }
    return (distance - 1) / (*step > 0 ? *step : -*step) + 1;
}

static PyObject *get_slice(pt_pointer_object *self, PyObject *slice) {
    Py_ssize_t start, step, n = slice_of(self, slice, &start, &step);
    if (n < 0) return NULL;
    if (self->item->type->code == PT_TYPE_CHAR && step == 1) {
        const char *at = n ? item_at(self, start) : "";
        return at ? PyBytes_FromStringAndSize(at, n) : NULL;
    }
    PyObject *made = PyList_New(0);
    for (Py_ssize_t i = 0; made && i < n; i++) {
        PyObject *value = get_item(self, start + i * step);
        if (!value || PyList_Append(made, value)) Py_CLEAR(made);
        Py_XDECREF(value);
    }
    return made;
}

static int set_slice(pt_pointer_object *self, PyObject *slice, PyObject *values) {
    Py_ssize_t start, step, n = slice_of(self, slice, &start, &step);
    if (n < 0) return -1;
    PyObject *all = PySequence_Tuple(values); /* a list could be changed by what its items run */
    if (!all) return -1;
    int failed = PyTuple_GET_SIZE(all) != n;
    if (failed)
        PyErr_Format(PyExc_ValueError, "%zd values for %zd items", PyTuple_GET_SIZE(all), n);
    for (Py_ssize_t i = 0; !failed && i < n; i++)
        failed = set_item(self, start + i * step, PyTuple_GET_ITEM(all, i));
    Py_DECREF(all);
    return failed ? -1 : 0;
}

/* -1 with an exception, or as an index. */
static Py_ssize_t index_of(PyObject *key) {
    int64_t small;
    if (PT_LIKELY(pt_small_int(key, &small))) return (Py_ssize_t)small;
    if (PyIndex_Check(key)) return PyNumber_AsSsize_t(key, PyExc_IndexError);
    PyErr_Format(PyExc_TypeError, "a Pointer is indexed by an int or a slice, not %.200s",
                 Py_TYPE(key)->tp_name);
    return -1;
}

PyObject *pt_pointer_subscript(PyObject *self, PyObject *key) {
    if (PySlice_Check(key)) return get_slice(as_pointer(self), key);
    Py_ssize_t i = index_of(key);
    return i == -1 && PyErr_Occurred() ? NULL : get_item(as_pointer(self), i);
}

int pt_pointer_assign(PyObject *self, PyObject *key, PyObject *value) {
    if (PySlice_Check(key) && value) return set_slice(as_pointer(self), key, value);
    Py_ssize_t i = index_of(key);
    return i == -1 && PyErr_Occurred() ? -1 : set_item(as_pointer(self), i, value);
}

Py_ssize_t pt_pointer_length(PyObject *self) {
    if (as_pointer(self)->length < 0)
        PyErr_SetString(PyExc_TypeError, "only C knows how many items this Pointer points at");
    return as_pointer(self)->length;
}

/* For iteration, which ends with an IndexError that a Pointer without length would never raise. */
PyObject *pt_pointer_item(PyObject *self, Py_ssize_t i) {
    return get_item(as_pointer(self), i);
}

PyObject *pt_pointer_iter(PyObject *self) {
    return pt_pointer_length(self) < 0 ? NULL : PySeqIter_New(self);
}

/* ---- Members of a struct that is pointed at ---- */

/* What lies within a const struct may not be changed through the ctypes object either. */
static PyObject *copy_within_const(PyObject *value) {
    PyObject *copy =
        PyObject_HasAttrString(value, "_b_base_")
            ? PyObject_CallMethod((PyObject *)Py_TYPE(value), "from_buffer_copy", "O", value)
            : Py_NewRef(value);
    Py_DECREF(value);
    return copy;
}

static int has_members(const pt_pointer_object *self) {
    return self->item->ctype && self->item->way == PT_WAY_VALUE;
}

PyObject *pt_pointer_getattro(PyObject *self, PyObject *name) {
    pt_pointer_object *pointer = as_pointer(self);
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found || !has_members(pointer) || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Clear();
    const char *at = item_at(pointer, 0);
    PyObject *instance = at ? in_place(pointer, at) : NULL;
    PyObject *value = instance ? PyObject_GetAttr(instance, name) : NULL;
    Py_XDECREF(instance);
    return value && pointer->readonly ? copy_within_const(value) : value;
}

/* What reading gives is what the name means: nothing of the struct's is written for it. */
static int refuse_own(PyObject *self, PyObject *name) {
    if (!PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "an attribute's name is a str");
        return -1;
    }
    int is_own = PyDict_Contains(Py_TYPE(self)->tp_dict, name);
    if (is_own > 0)
        PyErr_Format(PyExc_AttributeError,
                     "'%U' is an attribute of Pointers, which cannot be set; a member of that name "
                     "is p[0].%U",
                     name, name);
    return is_own ? -1 : 0;
}

/* value as it is set, converted. A new reference. */
static PyObject *as_member(const pt_pointer_object *self, PyObject *name, PyObject *value) {
    if (!value) return PyErr_Format(PyExc_TypeError, "C's memory cannot be deleted");
    if (!has_members(self))
        return PyErr_Format(PyExc_AttributeError, "%s has no member '%U'", self->item->spelling,
                            name);
    if (check_writable(self) || !item_at(self, 0)) return NULL;
    return pt_ask("pytramp._filling", "member", "(OsOO)", self->item->ctype, self->item->spelling,
                  name, value);
}

/* What was changed, so that nothing else is written. */
static void put_changed(char *at, const char *before, const char *after, Py_ssize_t size) {
    for (Py_ssize_t i = 0; i < size; i++)
        if (after[i] != before[i]) at[i] = after[i];
}

static int put_copy(const pt_pointer_object *self, PyObject *before, PyObject *copy) {
    Py_buffer view;
    if (PyObject_GetBuffer(copy, &view, PyBUF_SIMPLE)) return -1;
    char *at = item_at(self, 0);
    Py_ssize_t size = Py_MIN(view.len, PyBytes_GET_SIZE(before));
    if (at) put_changed(at, PyBytes_AS_STRING(before), view.buf, size);
    PyBuffer_Release(&view);
    return at ? 0 : -1;
}

/* Of an array, whose end may come while this runs: some bit-fields are written by Python code. */
static int set_in_copy(const pt_pointer_object *self, PyObject *copy, PyObject *name,
                       PyObject *value) {
    PyObject *before = PyBytes_FromObject(copy);
    if (!before) return -1;
    int failed = PyObject_SetAttr(copy, name, value) || put_copy(self, before, copy) ? -1 : 0;
    Py_DECREF(before);
    return failed;
}

static int set_member(const pt_pointer_object *self, PyObject *name, PyObject *value) {
    const struct pt_crossing *item = self->item;
    int is_array = self->length >= 0 || self->root;
    const char *at = item_at(self, 0);
    if (!at) return -1;
    PyObject *instance = is_array ? item->load(item, at) : in_place(self, at);
    if (!instance) return -1;
    int failed = is_array ? set_in_copy(self, instance, name, value)
                          : PyObject_SetAttr(instance, name, value);
    if (!failed && item->kept)
        failed = keep_code(item, at, name, pt_ask("pytramp._keeping", "code_of", "(O)", instance));
    Py_DECREF(instance);
    return failed;
}

int pt_pointer_setattro(PyObject *self, PyObject *name, PyObject *value) {
    if (refuse_own(self, name)) return -1;
    PyObject *converted = as_member(as_pointer(self), name, value);
    int failed = converted ? set_member(as_pointer(self), name, converted) : -1;
    Py_XDECREF(converted);
    return failed;
}
