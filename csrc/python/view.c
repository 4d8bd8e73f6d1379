/* Array parameters.
 *
 * A memoryview is revoked through its managed buffer, which all slices and casts of it share: they
 * look at its RELEASED flag at each use (CPython 3.10 to 3.15, Objects/memoryobject.c), while
 * release() of one of them concerns that one only. Whoever took the address out of it, as NumPy
 * does, cannot be reached; but it keeps the memoryview, which shows. */
#include "view.h"

#include <string.h>

#include "../type.h"
#include "blame.h"
#include "convert.h"
#include "pointer.h"
#include "varargs.h"

/* ---- Opening ---- */

struct extent {
    int ndim;
    Py_ssize_t lengths[PT_MAX_DIMENSIONS], bytes;
};

static void blame_parameter(const pt_signature_object *signature, Py_ssize_t i) {
    PyObject *name = PyTuple_GET_ITEM(signature->names, i);
    if (name != Py_None)
        pt_blame("parameter %R: ", name);
    else
        pt_blame("parameter %zd: ", i + 1);
}

void pt_view_strides(Py_buffer *view) {
    size_t stride = (size_t)view->itemsize;
    for (int k = view->ndim; k--; stride *= (size_t)view->shape[k])
        view->strides[k] = (Py_ssize_t)stride;
}

static PyObject *open_memoryview(void *memory, int readonly, const char *format, size_t itemsize,
                                 struct extent *extent) {
    Py_ssize_t strides[PT_MAX_DIMENSIONS];
    Py_buffer view = {.buf = memory,
                      .len = extent->bytes,
                      .itemsize = (Py_ssize_t)itemsize,
                      .readonly = readonly,
                      .ndim = extent->ndim,
                      .format = (char *)format,
                      .shape = extent->lengths,
                      .strides = strides};
    pt_view_strides(&view);
    return PyMemoryView_FromBuffer(&view);
}

static PyObject *lengths_tuple(const struct extent *extent) {
    PyObject *tuple = PyTuple_New(extent->ndim);
    for (int k = 0; tuple && k < extent->ndim; k++) {
        PyObject *length = PyLong_FromSsize_t(extent->lengths[k]);
        if (length)
            PyTuple_SET_ITEM(tuple, k, length);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* ndarray(shape, dtype, buffer): it keeps the memoryview, and through that it is found again. */
static PyObject *open_ndarray(const struct pt_extras *extras, PyObject *dtype, void *memory,
                              int readonly, const struct extent *extent) {
    struct extent flat = {1, {extent->bytes}, extent->bytes};
    PyObject *view = open_memoryview(memory, readonly, "B", 1, &flat);
    PyObject *shape = view ? lengths_tuple(extent) : NULL;
    PyObject *made =
        shape ? PyObject_CallFunctionObjArgs(extras->ndarray, shape, dtype, view, NULL) : NULL;
    Py_XDECREF(shape);
    Py_XDECREF(view);
    return made;
}

/* Is it text, and not to be written to? */
static int is_text(const struct pt_crossing *crossing, const struct extent *extent) {
    return crossing->readonly && extent->ndim == 1 && crossing->item->code != PT_CODE_NONE &&
           crossing->item->type->class == PT_CLASS_CHARACTER;
}

static PyObject *open_view(const pt_closure_object *closure, Py_ssize_t i, void *memory,
                           struct extent *extent) {
    const struct pt_crossing *crossing = &closure->signature->takes[i];
    const struct pt_extras *extras = closure->extras;
    const struct pt_crossing *item = crossing->item;
    const char *format;
    if (is_text(crossing, extent)) return pt_text(item, memory, extent->lengths[0]);
    if (extras && extras->dtypes && PyTuple_GET_ITEM(extras->dtypes, i) != Py_None)
        return open_ndarray(extras, PyTuple_GET_ITEM(extras->dtypes, i), memory, crossing->readonly,
                            extent);
    format = item->code == PT_CODE_NONE ? NULL : pt_view_format(item->type);
    if (format)
        return open_memoryview(memory, crossing->readonly, format, item->type->size, extent);
    return pt_pointer_new(item, crossing->target, crossing->readonly, memory, extent->lengths[0]);
}

/* Does the memory end before the address space does? */
static int check_end(const void *memory, Py_ssize_t bytes) {
    if (PT_LIKELY((uintptr_t)memory <= UINTPTR_MAX - (uintptr_t)bytes) &&
        PT_LIKELY(bytes <= PT_MAX_BYTES))
        return 0;
    PyErr_SetString(PyExc_ValueError, "the length of an array parameter is more than memory holds");
    return -1;
}

PyObject *pt_view_open(const pt_closure_object *closure, Py_ssize_t i, void *const *at) {
    const pt_signature_object *signature = closure->signature;
    const struct pt_shape *shape = signature->shapes[i];
    struct pt_arguments arguments = {signature->takes, at};
    struct extent extent;
    void *memory;
    memcpy(&memory, at[i], sizeof memory);
    if (!memory) Py_RETURN_NONE;
    extent.ndim = shape->ndim;
    if (PT_UNLIKELY(pt_shape_eval(shape, &arguments, signature->takes[i].item->type->size,
                                  extent.lengths, &extent.bytes)) ||
        PT_UNLIKELY(check_end(memory, extent.bytes))) {
        blame_parameter(signature, i);
        return NULL;
    }
    PyObject *made = open_view(closure, i, memory, &extent);
    if (PT_UNLIKELY(!made)) blame_parameter(signature, i);
    return made;
}

/* ---- Closing ---- */

/* Tells sys.unraisablehook. */
static void tell_of_kept(pt_closure_object *closure, Py_ssize_t i) {
    PyObject *name = PyTuple_GET_ITEM(closure->signature->names, i);
    PyObject *own = pt_closure_name(closure);
    if (own)
        PyErr_Format(PyExc_BufferError,
                     "callback '%U' returned, but an ndarray (or another object that cannot be "
                     "revoked) still uses the memory of its parameter %zd (%S), which is C's: keep "
                     "a copy instead",
                     own, i + 1, name);
    Py_XDECREF(own);
    PyErr_WriteUnraisable((PyObject *)closure);
}

/* Not by a tuple of arguments, which would be one more container that refers to object. */
static PyObject *referrers_of(PyObject *object) {
    PyObject *get_referrers = pt_imported("gc", "get_referrers");
    PyObject *all = get_referrers ? PyObject_CallOneArg(get_referrers, object) : NULL;
    Py_XDECREF(get_referrers);
    return all;
}

/* ctypes' from_buffer makes a memoryview of its own and keeps it under this key (KeepRef in
 * Modules/_ctypes/_ctypes.c). */
static int is_of_ctypes(PyObject *holder) {
    return PyDict_CheckExact(holder) && PyDict_GetItemString(holder, "ffffffff") != NULL;
}

/* Does something have the address out of this memoryview? Known references are ours and that of
 * `list`. A consumer of buffers shows in exports; NumPy makes a memoryview of its own and keeps it
 * in an ndarray, which is no container to the garbage collector, unlike whatever else a program
 * keeps a memoryview in. */
static int is_consumed(PyObject *view, Py_ssize_t known, PyObject *list) {
    if (((PyMemoryViewObject *)view)->exports > 0) return 1;
    if (Py_REFCNT(view) <= known) return 0;
    PyObject *holders = referrers_of(view);
    if (!holders) return 0;
    int containers = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(holders); i++) {
        PyObject *holder = PyList_GET_ITEM(holders, i);
        containers += holder != list && !is_of_ctypes(holder);
    }
    Py_DECREF(holders);
    return !containers;
}

/* Among the memoryviews that share a buffer, is there one that is consumed? This looks at all
 * objects that Python has. */
static int find_consumer(PyObject *view) {
    PyObject *all = referrers_of((PyObject *)((PyMemoryViewObject *)view)->mbuf);
    int found = 0;
    for (Py_ssize_t i = 0; all && !found && i < PyList_GET_SIZE(all); i++) {
        PyObject *one = PyList_GET_ITEM(all, i);
        if (PyMemoryView_Check(one)) found = is_consumed(one, 1 + (one == view), all);
    }
    Py_XDECREF(all);
    return found;
}

/* As mbuf_release() does, so that the last view frees the buffer and nothing else happens to it. */
static void revoke_memoryview(PyObject *view) {
    _PyManagedBufferObject *buffer = ((PyMemoryViewObject *)view)->mbuf;
    if (buffer->flags & _Py_MANAGED_BUFFER_RELEASED) return;
    buffer->flags |= _Py_MANAGED_BUFFER_RELEASED;
    PyObject_GC_UnTrack(buffer);
}

/* Someone kept the array. find, NULL where nobody is to be told, says whether what they kept is an
 * object that cannot be revoked; that takes long, so it is asked at the first array that is kept,
 * the second, the fourth, and so on, until one was reported. An exception that is set stays. */
PT_COLD static void close_kept(pt_closure_object *closure, Py_ssize_t i, PyObject *view,
                               int (*find)(PyObject *view)) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    struct pt_extras *extras = find ? pt_closure_need_extras(closure) : NULL;
    unsigned n = extras && !extras->told ? ++extras->kept_views : 0;
    int is_found = n && !(n & (n - 1)) && find(view);
    revoke_memoryview(view);
    if (is_found) {
        extras->told = 1;
        tell_of_kept(closure, i);
    }
    PyErr_Restore(type, value, traceback);
}

static int is_kept(PyObject *view, Py_ssize_t known) {
    return Py_REFCNT(view) > known || ((PyMemoryViewObject *)view)->mbuf->exports > 1;
}

static void close_memoryview(pt_closure_object *closure, Py_ssize_t i, PyObject *view,
                             int failure) {
    if (PT_UNLIKELY(is_kept(view, 1))) close_kept(closure, i, view, failure ? NULL : find_consumer);
    Py_DECREF(view);
}

static int certainly(PyObject *view) {
    (void)view;
    return 1;
}

/* The ndarray goes; if its memoryview stays, then with another ndarray, or with whoever took it. */
static void close_ndarray(pt_closure_object *closure, Py_ssize_t i, PyObject *array, int failure) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *view = PyObject_GetAttrString(array, "base");
    Py_DECREF(array);
    PyErr_Restore(type, value, traceback);
    if (view && PyMemoryView_Check(view) && is_kept(view, 1))
        close_kept(closure, i, view, failure ? NULL : certainly);
    Py_XDECREF(view);
}

static void close_array(pt_closure_object *closure, Py_ssize_t i, PyObject *view, int failure) {
    if (PyMemoryView_Check(view)) {
        close_memoryview(closure, i, view, failure);
    } else if (pt_is_pointer(view)) {
        ((pt_pointer_object *)view)->revoked = 1;
        Py_DECREF(view);
    } else if (view == Py_None || PyBytes_Check(view) || PyUnicode_Check(view)) {
        Py_DECREF(view);
    } else {
        close_ndarray(closure, i, view, failure);
    }
}

void pt_view_close(pt_closure_object *closure, Py_ssize_t i, PyObject *view, int failure) {
    const pt_signature_object *signature = closure->signature;
    if (i < signature->nargs && signature->takes[i].way == PT_WAY_ARRAY) {
        close_array(closure, i, view, failure);
        return;
    }
    if (pt_is_varargs(view)) pt_varargs_revoke(view);
    Py_DECREF(view);
}
