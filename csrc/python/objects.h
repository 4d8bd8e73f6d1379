/* The Python objects that the call into Python reads, and all that bindings/ asks of this layer.
 * Plain C that C++ reads, too: of the layers below it shows pointers only. */
#ifndef PT_OBJECTS_H
#define PT_OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../pytramp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pt_interpreter;
struct pt_plan;
struct pt_record;

/* How one value of a signature crosses: its C type, and for aggregates the ctypes class. */
struct pt_crossing {
    const pytramp_type *type;
    PyObject *ctype; /* NULL for scalars */
    PyObject *load;  /* ctype.from_buffer_copy, NULL for scalars */
    unsigned code;   /* enum pt_type_code of type */
    unsigned at;     /* where in the frame, for a simple signature (below) */
};

typedef struct pt_signature_object {
    PyObject_HEAD vectorcallfunc vectorcall;
    const pytramp_signature *c;
    const struct pt_plan *plan;
    struct pt_interpreter *interpreter; /* where its closures run */
    PyObject *result;                   /* a Type */
    PyObject *arguments;                /* a tuple of Type */
    PyObject *names;                    /* a tuple of str or None */
    PyObject *name;                     /* str or None */
    PyObject *weakrefs;
    Py_ssize_t nargs;
    int simple; /* as in struct pt_plan */
    struct pt_crossing returns;
    struct pt_crossing *takes; /* nargs of them */
} pt_signature_object;

/* What few closures have. */
struct pt_extras {
    PyObject *onerror;
    PyObject *sink; /* pytramp.propagate: (list that takes the exception, callable to tell) */
    void *error;    /* a value of the result type; NULL: zeros */
};

typedef struct pt_closure_object {
    PyObject_HEAD struct pt_record *record; /* NULL once closed */
    PyObject *callable;                     /* NULL once closed */
    pt_signature_object *signature;
    struct pt_extras *extras; /* or NULL */
    PyObject *name;           /* as given, or NULL for the callable's own */
    PyObject *made_in;        /* the code object that made it, or NULL */
    PyObject *weakrefs;
    int made_at; /* byte offset in made_in */
    unsigned closed : 1;
    unsigned immortal : 1;
    unsigned silent : 1;
} pt_closure_object;

/* ---- For the bindings; all of it under the GIL ---- */

/* Fills c, plan and interpreter from returns and takes. PYTRAMP_E_TYPE, PYTRAMP_E_TOO_LARGE,
 * PYTRAMP_E_NO_MEMORY. */
pytramp_status pt_signature_object_open(pt_signature_object *signature);

/* Gives closure, whose signature and extras are set, its slot. */
pytramp_status pt_closure_object_open(pt_closure_object *closure);

/* The address that C calls; closure must be open. */
void *pt_closure_object_code(const pt_closure_object *closure);

/* Turns the slot into a tombstone, with a label for late calls, and lets go of the callable. Calls
 * that are inside hold what they need. fate completes "was called after it was", and lives for
 * ever. Nothing to do for a closed closure. */
void pt_closure_object_close(pt_closure_object *closure, const char *fate);

/* While silent, calls give the error value and do not enter Python. */
void pt_closure_object_silence(pt_closure_object *closure, int silent);

/* New references, NULL with an exception. */
PyObject *pt_closure_name(const pt_closure_object *closure);
PyObject *pt_place_text(PyObject *code, int offset); /* "file.py:12", or "?" */

/* -1 with an exception, else size bytes at `to` are value; see convert.h. */
int pt_from_python(const struct pt_crossing *crossing, PyObject *value, void *to);

/* errno as the innermost call on this thread will leave it to C; NULL outside of a call. */
int *pt_saved_errno(void);

/* Once per interpreter, when the module is made: 0, or -1 with an exception. */
int pt_python_init(void);

/* pytramp.FreedCallbackError; the bindings set it. */
extern PyObject *pt_FreedCallbackError;

#ifdef __cplusplus
}
#endif
#endif
