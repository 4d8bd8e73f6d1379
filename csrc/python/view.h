/* Arrays: what a callable sees of one while its call lasts, and no longer. */
#ifndef PT_VIEW_H
#define PT_VIEW_H

#include "objects.h"
#include "shape.h"

/* More than this is no memory's size: no CPU's addresses have 60 bits, and bytes objects, which
 * text is copied to, have a header. */
#define PT_MAX_BYTES (PTRDIFF_MAX > INT32_MAX ? PTRDIFF_MAX >> 3 : PTRDIFF_MAX - 4096)

/* Fills view->strides, of items one after another. Where there are none, the product of the other
 * lengths may be any number: it wraps. */
PT_HIDDEN void pt_view_strides(Py_buffer *view);

/* Argument i, an array, as the callable gets it: a memoryview; bytes or str of const characters; a
 * Pointer with a length where a memoryview cannot hold the items; an ndarray where the closure says
 * so; None for NULL. NULL with an exception that names the parameter. */
PT_HIDDEN PyObject *pt_view_open(const pt_closure_object *closure, Py_ssize_t i, void *const *at);

/* The call has ended: takes over value, what the callable got as argument i, and makes what it kept
 * of it useless: every memoryview of it, every Pointer into it, a VarArgs. An object that has the
 * bare address (an ndarray) cannot be revoked: sys.unraisablehook hears of it, once per closure.
 * Not of one that a failed call left, which its exception's traceback may hold. An exception that
 * is set stays. */
PT_HIDDEN void pt_view_close(pt_closure_object *closure, Py_ssize_t i, PyObject *value,
                             int failure);

#endif
