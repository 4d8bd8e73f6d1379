/* Pointers: memory that is C's, seen through the converters.
 *
 * A Pointer is four words around an address: it owns nothing, and C decides how long the memory
 * lives. One that stands for an array parameter (view.c) has a length, and is revoked when its call
 * ends, together with all that arithmetic made of it. */
#include "pointer.h"

#include <string.h>
#include <structmember.h>

#include "../type.h"
#include "convert.h"
#include "view.h"

static pt_pointer_object *as_pointer(PyObject *self) {
    return (pt_pointer_object *)self;
}

PyObject *pt_pointer_new(const struct pt_crossing *item, PyObject *target, int readonly,
                         char *address, Py_ssize_t length) {
    pt_pointer_object *made = PyObject_New(pt_pointer_object, item->types->pointer);
    if (!made) return NULL;
    made->address = address;
    made->item = item;
    made->target = Py_NewRef(target);
    made->root = NULL;
    made->length = length;
    made->readonly = readonly != 0;
    made->revoked = 0;
    return (PyObject *)made;
}

PyObject *pt_load_pointer(const struct pt_crossing *crossing, const void *from) {
    char *address;
    memcpy(&address, from, sizeof address);
    if (!address) Py_RETURN_NONE;
    return pt_pointer_new(crossing->item, crossing->target, crossing->readonly, address, -1);
}

static void pointer_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF((PyObject *)as_pointer(self)->root);
    Py_DECREF(as_pointer(self)->target);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* The type cannot be subclassed or changed, and each interpreter has its own. */
int pt_is_pointer(PyObject *object) {
    return Py_TYPE(object)->tp_dealloc == pointer_dealloc;
}

/* ---- Making one ---- */

/* A Pointer of this pointer type; types has names of a header, or is None. */
static PyObject *of_type(PyObject *type, PyObject *types, char *address) {
    PyObject *resolved = pt_ask("pytramp.annotations", "pointer_type", "(OO)", type, types);
    if (!resolved) return NULL;
    const struct pt_crossing *crossing = pt_crossing_of(resolved);
    PyObject *made =
        pt_pointer_new(crossing->item, crossing->target, crossing->readonly, address, -1);
    Py_DECREF(resolved);
    return made;
}

static PyObject *pointer_make(PyTypeObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"type", "address", "types", NULL};
    PyObject *type, *place, *types = Py_None;
    char *address;
    (void)cls;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$O:Pointer", names, &type, &place, &types))
        return NULL;
    struct pt_crossing any = {.type = &pytramp_type_pointer, .spelling = "address"};
    if (pt_store_address(&any, place, &address)) return NULL;
    if (address) return of_type(type, types, address);
    PyErr_SetString(PyExc_ValueError, "a Pointer is never NULL: that is None");
    return NULL;
}

/* ---- Arithmetic and comparison ---- */

/* How many items of the array are before self. */
static Py_ssize_t items_before(const pt_pointer_object *self) {
    Py_ssize_t size = (Py_ssize_t)self->item->type->size;
    return self->root && size ? (self->address - self->root->address) / size : 0;
}

static PyObject *moved(pt_pointer_object *self, Py_ssize_t n) {
    char *address = pt_pointer_check(self) ? NULL : pt_pointer_advance(self, n);
    if (!address) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    Py_ssize_t length = -1;
    if (self->length >= 0) {
        if (n < -items_before(self) || n > self->length) {
            PyErr_Format(PyExc_IndexError, "index out of range: there are %zd items", self->length);
            return NULL;
        }
        length = self->length - n;
    }
    PyObject *made = pt_pointer_new(self->item, self->target, self->readonly, address, length);
    pt_pointer_object *root = self->root ? self->root : self->length >= 0 ? self : NULL;
    if (made && root) as_pointer(made)->root = (pt_pointer_object *)Py_NewRef((PyObject *)root);
    return made;
}

static PyObject *pointer_add(PyObject *a, PyObject *b) {
    PyObject *self = pt_is_pointer(a) ? a : b, *other = self == a ? b : a;
    if (!PyIndex_Check(other) || pt_is_pointer(other)) Py_RETURN_NOTIMPLEMENTED;
    Py_ssize_t n = PyNumber_AsSsize_t(other, PyExc_OverflowError);
    return n == -1 && PyErr_Occurred() ? NULL : moved(as_pointer(self), n);
}

/* Both point at the same type, or the difference means nothing. */
static PyObject *difference(pt_pointer_object *a, pt_pointer_object *b) {
    Py_ssize_t size = (Py_ssize_t)a->item->type->size;
    Py_ssize_t bytes = (Py_ssize_t)((uintptr_t)a->address - (uintptr_t)b->address);
    if (a->item->type != b->item->type || !size || bytes % size) {
        PyErr_SetString(PyExc_TypeError, "these Pointers do not point into the same array");
        return NULL;
    }
    return PyLong_FromSsize_t(bytes / size);
}

static PyObject *pointer_subtract(PyObject *a, PyObject *b) {
    if (!pt_is_pointer(a)) Py_RETURN_NOTIMPLEMENTED;
    if (pt_is_pointer(b)) return difference(as_pointer(a), as_pointer(b));
    if (!PyIndex_Check(b)) Py_RETURN_NOTIMPLEMENTED;
    Py_ssize_t n = PyNumber_AsSsize_t(b, PyExc_OverflowError);
    if (n == -1 && PyErr_Occurred()) return NULL;
    if (n == PTRDIFF_MIN) return PyErr_Format(PyExc_OverflowError, "too large a step");
    return moved(as_pointer(a), -n);
}

static PyObject *pointer_address(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromVoidPtr(as_pointer(self)->address);
}

static PyObject *pointer_as_int(PyObject *self) {
    return pointer_address(self, NULL);
}

static PyObject *pointer_compare(PyObject *a, PyObject *b, int op) {
    if (!pt_is_pointer(b)) Py_RETURN_NOTIMPLEMENTED;
    uintptr_t left = (uintptr_t)as_pointer(a)->address;
    uintptr_t right = (uintptr_t)as_pointer(b)->address;
    Py_RETURN_RICHCOMPARE(left, right, op);
}

static Py_hash_t pointer_hash(PyObject *self) {
    return (Py_hash_t)((uintptr_t)as_pointer(self)->address >> 4);
}

static int pointer_bool(PyObject *self) {
    (void)self;
    return 1;
}

/* ---- Views, text, casts ---- */

#define MAX_DIMENSIONS 8

static int take_shape(PyObject *args, Py_ssize_t itemsize, Py_ssize_t *shape, Py_ssize_t *len) {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (n < 1 || n > MAX_DIMENSIONS) {
        PyErr_SetString(PyExc_TypeError, "view() takes one to eight lengths");
        return -1;
    }
    *len = itemsize;
    for (Py_ssize_t i = 0; i < n; i++) {
        shape[i] = PyNumber_AsSsize_t(PyTuple_GET_ITEM(args, i), PyExc_OverflowError);
        if (shape[i] == -1 && PyErr_Occurred()) return -1;
        if (shape[i] < 0 || __builtin_mul_overflow(*len, shape[i], len)) {
            PyErr_Format(PyExc_ValueError, "a view of %zd items cannot be", shape[i]);
            return -1;
        }
    }
    return 0;
}

static PyObject *pointer_view(PyObject *self, PyObject *args) {
    pt_pointer_object *pointer = as_pointer(self);
    const char *format = pt_view_format(pointer->item->type);
    Py_ssize_t shape[MAX_DIMENSIONS], strides[MAX_DIMENSIONS];
    Py_buffer view = {.buf = pointer->address, .format = (char *)format, .shape = shape};
    if (!format)
        return PyErr_Format(PyExc_TypeError, "a memoryview cannot hold %s: use p[i]",
                            pointer->item->spelling);
    if (pointer->length >= 0 || pointer->root)
        return PyErr_Format(PyExc_TypeError, "this Pointer is a view itself");
    view.itemsize = (Py_ssize_t)pointer->item->type->size;
    if (take_shape(args, view.itemsize, shape, &view.len)) return NULL;
    view.ndim = (int)PyTuple_GET_SIZE(args);
    view.readonly = pointer->readonly;
    view.strides = strides;
    pt_view_strides(&view);
    return PyMemoryView_FromBuffer(&view);
}

static PyObject *pointer_string(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"n", NULL};
    pt_pointer_object *pointer = as_pointer(self);
    PyObject *given = Py_None;
    Py_ssize_t n = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:string", names, &given)) return NULL;
    if (given != Py_None) {
        n = PyNumber_AsSsize_t(given, PyExc_OverflowError);
        if (n == -1 && PyErr_Occurred()) return NULL;
        if (n < 0) return PyErr_Format(PyExc_ValueError, "a length cannot be negative: %zd", n);
    }
    if (pt_pointer_check(pointer)) return NULL;
    if (pointer->length >= 0 && (n < 0 || n > pointer->length))
        return PyErr_Format(PyExc_ValueError, "give a length of at most %zd", pointer->length);
    return pt_text(pointer->item, pointer->address, n);
}

static PyObject *pointer_cast(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"", "types", NULL};
    pt_pointer_object *pointer = as_pointer(self);
    PyObject *type, *types = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:cast", names, &type, &types)) return NULL;
    if (pt_pointer_check(pointer)) return NULL;
    if (pointer->length >= 0 || pointer->root)
        return PyErr_Format(PyExc_TypeError, "the array of a call cannot be cast: its length and "
                                             "its end are known");
    return of_type(type, types, pointer->address);
}

/* Without it bytes() would ask for a number, and make as many zeros as the address says. */
static PyObject *pointer_refuse_bytes(PyObject *self, PyObject *unused) {
    (void)self, (void)unused;
    PyErr_SetString(PyExc_TypeError,
                    "a Pointer does not know how many bytes there are: string() copies text up to "
                    "the first zero, string(n) n characters, bytes(p.view(n)) n numbers");
    return NULL;
}

static PyObject *pointer_repr(PyObject *self) {
    pt_pointer_object *pointer = as_pointer(self);
    const char *qualifier = pointer->readonly ? "const " : "";
    if (pointer->length < 0)
        return PyUnicode_FromFormat("<pytramp.Pointer to %s%s at %p>", qualifier,
                                    pointer->item->spelling, pointer->address);
    return PyUnicode_FromFormat("<pytramp.Pointer to %zd %s%s at %p%s>", pointer->length, qualifier,
                                pointer->item->spelling, pointer->address,
                                pointer->revoked ? ", revoked" : "");
}

static PyObject *pointer_readonly(PyObject *self, void *unused) {
    (void)unused;
    return PyBool_FromLong(as_pointer(self)->readonly);
}

static PyObject *pointer_target(PyObject *self, void *unused) {
    (void)unused;
    return Py_NewRef(as_pointer(self)->target);
}

/* What ctypes passes for it. */
static PyObject *pointer_as_parameter(PyObject *self, void *unused) {
    (void)unused;
    if (pt_pointer_check(as_pointer(self))) return NULL;
    return pt_ask("ctypes", "c_void_p", "(n)", (Py_ssize_t)as_pointer(self)->address);
}

static PyObject *pointer_refuse_copy(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyErr_Format(PyExc_TypeError, "cannot pickle %R: its memory is this process's", self);
}

/* ---- The type ---- */

#define GETTER(name, function, doc) {name, function, NULL, doc, NULL}

static PyGetSetDef getters[] = {
    GETTER("address", pointer_address, "The address, an int; int(pointer) is the same."),
    GETTER("readonly", pointer_readonly, "Whether C declared what it points at const."),
    GETTER("target", pointer_target, "The Type that it points at."),
    GETTER("_as_parameter_", pointer_as_parameter, "What ctypes passes for it."),
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"view", pointer_view, METH_VARARGS,
     "view($self, /, *lengths)\n--\n\n"
     "A memoryview of so many items in one or more dimensions, read-only where C says const. It is "
     "not checked, and not revoked: C must have that much memory for as long as the view is used. "
     "TypeError for types that a memoryview cannot hold, ValueError for lengths that cannot be."},
    {"string", (PyCFunction)(void (*)(void))pointer_string, METH_VARARGS | METH_KEYWORDS,
     "string($self, /, n=None)\n--\n\n"
     "A copy of the text up to the first zero, or of exactly n items: bytes for char, signed and "
     "unsigned char, str for wchar_t, char16_t and char32_t. TypeError for other types, ValueError "
     "for a negative n or text that is none."},
    {"cast", (PyCFunction)(void (*)(void))pointer_cast, METH_VARARGS | METH_KEYWORDS,
     "cast($self, type, /, *, types=None)\n--\n\n"
     "The same address as another pointer type: p.cast('unsigned char *'). types: names that it "
     "may use, from pytramp.cdef()."},
    {"__bytes__", pointer_refuse_bytes, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "For annotations: Pointer[float]."},
    {"__reduce__", pointer_refuse_copy, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#define SLOT(id, function) {id, (void *)(function)}

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, pointer_make),
    SLOT(Py_tp_dealloc, pointer_dealloc),
    SLOT(Py_tp_repr, pointer_repr),
    SLOT(Py_tp_hash, pointer_hash),
    SLOT(Py_tp_richcompare, pointer_compare),
    SLOT(Py_tp_iter, pt_pointer_iter),
    SLOT(Py_tp_getattro, pt_pointer_getattro),
    SLOT(Py_tp_setattro, pt_pointer_setattro),
    SLOT(Py_tp_getset, getters),
    SLOT(Py_tp_methods, methods),
    SLOT(Py_mp_subscript, pt_pointer_subscript),
    SLOT(Py_mp_ass_subscript, pt_pointer_assign),
    SLOT(Py_mp_length, pt_pointer_length),
    SLOT(Py_sq_item, pt_pointer_item),
    SLOT(Py_nb_add, pointer_add),
    SLOT(Py_nb_subtract, pointer_subtract),
    SLOT(Py_nb_bool, pointer_bool),
    SLOT(Py_nb_index, pointer_as_int),
    SLOT(Py_nb_int, pointer_as_int),
    {Py_tp_doc,
     (void *)"Pointer(type, address, *, types=None)\n--\n\n"
             "A C pointer to values of a type: p[i] reads and p[i] = x writes the i-th, p.member a "
             "member of the struct it points at, unless Pointers have an attribute of that name; "
             "p + n moves. Never NULL, which is None. Callbacks "
             "get them; Pointer('const double *', address) makes one, where the address is an int "
             "or anything that has one, and the type may use the names of types, from "
             "pytramp.cdef(). The memory is C's: like C, a Pointer does not know whether it is "
             "still there; only an array parameter's has a length and is revoked when its "
             "callback returns. Compared by address. Any thread."},
    {0, NULL},
};

static PyType_Spec spec = {"pytramp.Pointer", sizeof(pt_pointer_object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

PyObject *pt_pointer_type_make(void) {
    return PyType_FromSpec(&spec);
}
