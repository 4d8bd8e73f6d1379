/* pytramp.Pointer: a C pointer that knows what it points at. */
#ifndef PT_POINTER_H
#define PT_POINTER_H

#include "objects.h"

#include "../config.h"

typedef struct pt_pointer_object {
    PyObject_HEAD char *address;
    const struct pt_crossing *item;
    PyObject *target;               /* the Type that item is part of */
    struct pt_pointer_object *root; /* the array parameter that it was made from, or NULL */
    Py_ssize_t length;              /* items; -1 where only C knows */
    unsigned readonly : 1;
    unsigned revoked : 1; /* an array parameter whose call has ended */
} pt_pointer_object;

/* A new Pointer; address is not NULL. NULL with an exception. */
PT_HIDDEN PyObject *pt_pointer_new(const struct pt_crossing *item, PyObject *target, int readonly,
                                   char *address, Py_ssize_t length);

/* Of whichever interpreter. */
PT_HIDDEN int pt_is_pointer(PyObject *object);

/* ---- In pointer_items.c ---- */

/* -1 with ValueError when it stood for an array of a call that has ended. */
PT_HIDDEN int pt_pointer_check(const pt_pointer_object *self);

/* The address n items further; NULL is one, unless an exception is set. */
PT_HIDDEN char *pt_pointer_advance(const pt_pointer_object *self, Py_ssize_t n);

/* Slots of the type. */
PT_HIDDEN PyObject *pt_pointer_subscript(PyObject *self, PyObject *key);
PT_HIDDEN int pt_pointer_assign(PyObject *self, PyObject *key, PyObject *value);
PT_HIDDEN Py_ssize_t pt_pointer_length(PyObject *self);
PT_HIDDEN PyObject *pt_pointer_item(PyObject *self, Py_ssize_t i);
PT_HIDDEN PyObject *pt_pointer_iter(PyObject *self);
PT_HIDDEN PyObject *pt_pointer_getattro(PyObject *self, PyObject *name);
PT_HIDDEN int pt_pointer_setattro(PyObject *self, PyObject *name, PyObject *value);

#endif
