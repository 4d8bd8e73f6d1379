/* Variable arguments. The compiler's va_arg reads scalars, the port reads aggregates, vsnprintf
 * reads what a format says; each on the list of the call itself. */
#include "varargs.h"

#include <complex.h>
#include <stdio.h>
#include <string.h>

#include "../port.h"
#include "convert.h"
#include "pointer.h"

typedef struct {
    PyObject_HEAD int revoked;
    va_list list;
} Object;

PyObject *pt_varargs_new(const struct pt_types *types, va_list *list) {
    Object *made = PyObject_New(Object, types->varargs);
    if (!made) return NULL;
    made->revoked = 0;
    va_copy(made->list, *list);
    return (PyObject *)made;
}

const pytramp_type *pt_va_list_type(void) {
    return pt_port.list_type;
}

PyObject *pt_load_list(const struct pt_crossing *crossing, const void *from) {
    va_list list;
    pt_port.list_copy(&list, from);
    PyObject *made = pt_varargs_new(crossing->types, &list);
    va_end(list);
    return made;
}

void pt_varargs_revoke(PyObject *reader) {
    ((Object *)reader)->revoked = 1;
}

static void varargs_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    va_end(((Object *)self)->list);
    PyObject_Free(self);
    Py_DECREF(type);
}

int pt_is_varargs(PyObject *object) {
    return Py_TYPE(object)->tp_dealloc == varargs_dealloc;
}

static int check_revoked(const Object *self) {
    if (!self->revoked) return 0;
    PyErr_SetString(PyExc_ValueError, "variable arguments end when the callback returns");
    return -1;
}

/* ---- arg ---- */

union value {
    unsigned int w;
    unsigned long long q;
    double d;
    long double l;
    float _Complex cf;
    double _Complex cd;
    long double _Complex cl;
    void *p;
#ifdef __SIZEOF_INT128__
    pt_uint128 o;
#endif
};

/* C11 6.5.2.2p6: these never arrive behind the named arguments. */
static const char *promoted(const pytramp_type *type) {
    if (type->class == PT_CLASS_FLOAT) return type->size < sizeof(double) ? "double" : NULL;
    int is_integer = type->class == PT_CLASS_BOOL || type->class == PT_CLASS_CHARACTER ||
                     type->class == PT_CLASS_SIGNED || type->class == PT_CLASS_UNSIGNED;
    return is_integer && type->size < sizeof(int) ? "int" : NULL;
}

static int take_integer(Object *self, size_t size, union value *value) {
    switch (size) {
    case 4: value->w = va_arg(self->list, unsigned int); return 0;
    case 8: value->q = va_arg(self->list, unsigned long long); return 0;
    default:
#ifdef __SIZEOF_INT128__
        value->o = va_arg(self->list, pt_uint128);
        return 0;
#else
        return -1;
#endif
    }
}

static void take_real(Object *self, const pytramp_type *type, union value *value) {
    switch (type->code) {
    case PT_TYPE_DOUBLE: value->d = va_arg(self->list, double); return;
    case PT_TYPE_LONGDOUBLE: value->l = va_arg(self->list, long double); return;
    case PT_TYPE_COMPLEX_FLOAT: value->cf = va_arg(self->list, float _Complex); return;
    case PT_TYPE_COMPLEX_DOUBLE: value->cd = va_arg(self->list, double _Complex); return;
    default: value->cl = va_arg(self->list, long double _Complex);
    }
}

static int take_scalar(Object *self, const pytramp_type *type, union value *value) {
    switch (type->class) {
    case PT_CLASS_POINTER: value->p = va_arg(self->list, void *); return 0;
    case PT_CLASS_FLOAT:
    case PT_CLASS_COMPLEX: take_real(self, type, value); return 0;
    default: return take_integer(self, type->size, value);
    }
}

static PyObject *take_aggregate(Object *self, const struct pt_crossing *crossing) {
    void *room = PyMem_Malloc(crossing->type->size + 1);
    if (!room) return PyErr_NoMemory();
    pytramp_status status = pt_port.list_aggregate(&self->list, crossing->type, room);
    PyObject *made = NULL;
    if (status)
        PyErr_SetString(PyExc_TypeError, pytramp_status_text(status));
    else
        made = crossing->load(crossing, room);
    PyMem_Free(room);
    return made;
}

static PyObject *take(Object *self, const struct pt_crossing *crossing) {
    const char *instead = promoted(crossing->type);
    union value value;
    if (instead)
        return PyErr_Format(PyExc_TypeError, "C passes no %s behind '...': ask for %s",
                            crossing->spelling, instead);
    if (crossing->way == PT_WAY_ARRAY || crossing->way == PT_WAY_LIST || !crossing->type->size)
        return PyErr_Format(PyExc_TypeError, "C passes no %s behind '...'", crossing->spelling);
    if (crossing->type->class == PT_CLASS_AGGREGATE) return take_aggregate(self, crossing);
    take_scalar(self, crossing->type, &value);
    return crossing->load(crossing, &value);
}

static PyObject *varargs_arg(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"", "types", NULL};
    PyObject *type, *types = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:arg", names, &type, &types)) return NULL;
    PyObject *resolved = pt_ask("pytramp.annotations", "to_type", "(OsO)", type, "argument", types);
    if (!resolved) return NULL;
    PyObject *made =
        check_revoked((Object *)self) ? NULL : take((Object *)self, pt_crossing_of(resolved));
    Py_DECREF(resolved);
    return made;
}

/* ---- format ---- */

/* vsnprintf leaves its list undefined: each call has one of its own. */
static int print(Object *self, char *text, size_t size, const char *format) {
    va_list list;
    va_copy(list, self->list);
    int n = vsnprintf(text, size, format, list);
    va_end(list);
    return n;
}

/* NULL without an exception where the text does not fit: *size is what it takes. */
static PyObject *printed_into(Object *self, char *text, size_t *size, const char *format) {
    int n = print(self, text, *size, format);
    if (n < 0) return PyErr_Format(PyExc_ValueError, "vsnprintf does not take this format");
    if ((size_t)n < *size) return PyBytes_FromStringAndSize(text, n);
    *size = (size_t)n + 1;
    return NULL;
}

/* What %s points at is C's, and may be longer the next time. */
static PyObject *printed(Object *self, const char *format) {
    char small[256];
    size_t size = sizeof small;
    PyObject *made = printed_into(self, small, &size, format);
    while (!made && !PyErr_Occurred()) {
        char *text = PyMem_Malloc(size);
        if (!text) return PyErr_NoMemory();
        made = printed_into(self, text, &size, format);
        PyMem_Free(text);
    }
    return made;
}

/* The text that format is or points at, NULL with an exception. */
static const char *format_text(PyObject *format) {
    if (PyBytes_Check(format)) return PyBytes_AsString(format);
    if (PyUnicode_Check(format)) return PyUnicode_AsUTF8(format);
    struct pt_crossing any = {.type = &pytramp_type_pointer, .spelling = "a format"};
    const char *text;
    if (pt_store_address(&any, format, &text)) return NULL;
    if (!text) PyErr_SetString(PyExc_ValueError, "the format is NULL");
    return text;
}

static PyObject *varargs_format(PyObject *self, PyObject *format) {
    const char *text = check_revoked((Object *)self) ? NULL : format_text(format);
    if (!text || check_revoked((Object *)self)) return NULL; /* asking for it may take long */
    return printed((Object *)self, text);
}

/* ---- The type ---- */

static PyObject *varargs_make(PyTypeObject *cls, PyObject *args, PyObject *kwargs) {
    (void)cls, (void)args, (void)kwargs;
    PyErr_SetString(PyExc_TypeError, "only a callback gets a VarArgs");
    return NULL;
}

static PyMethodDef methods[] = {
    {"arg", (PyCFunction)(void (*)(void))varargs_arg, METH_VARARGS | METH_KEYWORDS,
     "arg($self, type, /, *, types=None)\n--\n\n"
     "The next argument, as C's va_arg: type is what the caller passed, a C spelling, which may "
     "use the names of types, from pytramp.cdef(), a ctypes class or an alias of pytramp.c. C "
     "cannot tell whether there is one, or of which type: ask as "
     "the function's documentation says. TypeError for types that C promotes to others, ValueError "
     "after the callback has returned."},
    {"format", varargs_format, METH_O,
     "format($self, format, /)\n--\n\n"
     "The text, bytes, that libc's vsnprintf makes of the arguments from here on; they stay where "
     "they are. format is a Pointer, bytes, a str or an address. As in C, it must fit the "
     "arguments."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)varargs_make},
    {Py_tp_dealloc, (void *)varargs_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"What a C caller passed for '...', or as a va_list: a callback's last "
             "argument, in the place of the '...'. Usable until the callback returns, in "
             "its thread."},
    {0, NULL},
};

static PyType_Spec spec = {"pytramp.VarArgs", sizeof(Object), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

PyObject *pt_varargs_type_make(void) {
    return PyType_FromSpec(&spec);
}
