/* The Python objects that the call into Python reads, and all that bindings/ asks of this layer.
 * Plain C that C++ reads, too: of the layers below it shows pointers only. */
#ifndef PT_OBJECTS_H
#define PT_OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "../include/pytramp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pt_interpreter;
struct pt_plan;
struct pt_record;

/* The types of one interpreter: each that imports the module has its own. The bindings fill them,
 * once; they live until the interpreter's own dict is cleared. */
struct pt_types {
    PyTypeObject *type, *signature, *closure, *ctypes_maker, *cffi_maker, *pointer, *varargs;
    PyObject *DeclarationError, *UnsupportedTypeError, *FreedCallbackError;
};

/* Those of the calling interpreter, and of another one. */
struct pt_types *pt_types_here(void);
const struct pt_types *pt_types_of(const struct pt_interpreter *interpreter);

/* What is looked up by name where it must not take long: a new str for each look-up costs more than
 * all the rest. */
#define PT_EACH_NAME(X)                                                                            \
    X(threading, "threading")                                                                      \
    X(profile_hook, "_profile_hook")                                                               \
    X(trace_hook, "_trace_hook")                                                                   \
    X(active, "_active")                                                                           \
    X(dummy_thread, "_DummyThread")                                                                \
    X(new_method, "__new__")                                                                       \
    X(ctypes_maker, "_pytramp_maker_")                                                             \
    X(cffi_makers, "_pytramp_makers_")                                                             \
    X(makers_of_compiled, "cffi_makers")
#define PT_NAME(name, text) PyObject *name;
struct pt_names {
    PT_EACH_NAME(PT_NAME)
};
#undef PT_NAME

/* Of the calling interpreter. */
const struct pt_names *pt_names_here(void);

/* What a value of a C type is in Python. */
enum pt_way {
    PT_WAY_VALUE,   /* a scalar by types.def; an aggregate by its ctypes class */
    PT_WAY_POINTER, /* pytramp.Pointer to item */
    PT_WAY_ARRAY,   /* an array parameter: a view of item's (view.h); NULL is None */
    PT_WAY_CUSTOM,  /* through from_c and to_c */
    PT_WAY_OBJECT,  /* PyObject * */
    PT_WAY_LIST,    /* va_list: pytramp.VarArgs */
    PT_WAY_OPAQUE   /* nothing is known of it: pointers point at it */
};

/* How one value crosses. The objects are borrowed from the Type that it is part of. */
struct pt_crossing {
    const pytramp_type *type;
    const struct pt_types *types; /* where what load makes belongs */
    /* A new reference, or NULL with an exception. from points at a C variable of the type. */
    PyObject *(*load)(const struct pt_crossing *crossing, const void *from);
    /* Writes exactly the type's size to `to`, or returns -1 with TypeError, OverflowError, or what
     * a conversion method of value raised; then `to` is as before. */
    int (*store)(const struct pt_crossing *crossing, PyObject *value, void *to);
    enum pt_way way;
    unsigned code; /* enum pt_type_code of type, PT_CODE_NONE unless load and store are the usual */
    unsigned at;   /* where in the frame, for a simple signature (below) */
    int readonly;  /* item is const */
    int kept;      /* a function pointer, or a struct with one: what gives C a value keeps it */
    PyObject *ctype;  /* the class of an aggregate, or NULL */
    PyObject *from_c; /* bytes -> object: of aggregates and of PT_WAY_CUSTOM */
    PyObject *to_c;   /* object -> something with a buffer: of PT_WAY_CUSTOM, or NULL */
    PyObject *target; /* the Type of item */
    const struct pt_crossing *item;
    const char *spelling; /* for messages */
};

#define PT_CODE_NONE 0xffu

/* Sets types, load, store and code for way, after everything else is set. */
void pt_crossing_open(struct pt_crossing *crossing, enum pt_way way);

/* pytramp._core.Type; immutable. Its objects are None where it has none, and never NULL once it was
 * opened. */
typedef struct pt_type_object {
    PyObject_HEAD struct pt_crossing crossing;
    PyObject *spelling;      /* str */
    PyObject *ctype;         /* a ctypes class, or what the notation has in its place */
    PyObject *target;        /* the Type of a pointer's or an array's items */
    PyObject *from_c, *to_c; /* as in the crossing */
    PyObject *dimensions;    /* of an array: a tuple of postfix programs */
    PyObject *signature;     /* of a pointer to a function */
    PyObject *weakrefs;
    Py_ssize_t name_at; /* where in the spelling a name goes; -1: at the end */
} pt_type_object;

static inline const struct pt_crossing *pt_crossing_of(PyObject *type) {
    return &((pt_type_object *)type)->crossing;
}

struct pt_shape;

/* How ctypes' function pointers are made of a class, and where the objects have the address and
 * what is kept with it. */
struct pt_pointer_layout {
    newfunc make;
    Py_ssize_t address, objects;
};

/* What ctypes is given for a closure; cls is NULL where ctypes has no such function type. */
struct pt_parameter {
    PyTypeObject *cls;
    struct pt_pointer_layout layout;
};

typedef struct pt_signature_object {
    PyObject_HEAD vectorcallfunc vectorcall;
    const pytramp_signature *c;
    const struct pt_plan *plan;
    struct pt_interpreter *interpreter; /* where its closures run */
    PyObject *result;    /* a Type; it and those of the arguments own the crossings */
    PyObject *arguments; /* a tuple of Type */
    PyObject *names;     /* a tuple of str or None */
    PyObject *name;      /* str or None */
    PyObject *weakrefs;
    Py_ssize_t nargs;
    char variadic;
    int simple;    /* as in struct pt_plan, and no views */
    int has_views; /* an array, a va_list, or variadic: what the callable gets ends with the call */
    struct pt_crossing returns;
    struct pt_crossing *takes; /* nargs of them */
    struct pt_shape **shapes;  /* nargs of them, NULL where takes[i] is no array; NULL for none */
    const struct pt_parameter *parameter; /* NULL until it is asked for; atomic */
} pt_signature_object;

/* What few closures have. */
struct pt_extras {
    PyObject *onerror;
    PyObject *sinks; /* a dict, of pytramp.propagate (sinks.c) */
    void *error;     /* a value of the result type; NULL: zeros */
    void *result;    /* the same: what C gets when the callable returns None; NULL: None's own */
    struct pt_closure_object
        *inner;     /* whose code C gets, and which may be closed before this one */
    PyObject *kept; /* a dict: what was returned as a function pointer, by identity; text */
    PyObject *ndarray, *dtypes; /* arrays="numpy": the class; a dtype or None for each argument */
    unsigned kept_views;        /* how many arrays were kept beyond their call */
    unsigned told : 1;          /* of one that could not be revoked */
};

/* What makes a call unlike most: */
enum {
    PT_DOOMED = 1,     /* the collector clears what it needs (lifetime.c) */
    PT_CFFI_ERRNO = 2, /* ffi.errno is the caller's errno while it runs (cffi.h) */
    PT_SOME_SILENT = 4 /* calls of some threads do not reach the callable (sinks.c) */
};

/* In whose manner an exception is reported that nobody takes, where pytramp stands in for another
 * library; such a closure is made as there, too, whatever the callable's parameters. */
enum pt_manner { PT_MANNER_OWN, PT_MANNER_CTYPES, PT_MANNER_CFFI };

typedef struct pt_closure_object {
    PyObject_HEAD union {
        struct pt_record *record; /* its slot; NULL once closed */
        void *native; /* where is_native: the callable's own address, which C gets; NULL once closed
                       */
    };
    PyObject *callable; /* NULL once closed */
    pt_signature_object *signature;
    struct pt_extras *extras; /* or NULL */
    PyObject *name;           /* as given, or NULL for the callable's own */
    PyObject *made_in;        /* the code object that made it, or NULL */
    PyObject *weakrefs;
    int made_at; /* byte offset in made_in */
    unsigned is_native : 1;
    unsigned immortal : 1;
    unsigned scheduled : 1; /* callable has the user's as its __wrapped__, and runs it later */
    unsigned manner : 2;    /* enum pt_manner */
    unsigned adopted : 1;   /* native is a closure that C made, and is freed with this one */
    uint8_t finalized;      /* the collector has found it unreachable, once */
    uint8_t special;        /* the bits above; atomic without a GIL: pt_special */
#ifdef Py_GIL_DISABLED
    struct pt_closure_object *parked; /* the next one (python/hold.h) */
    int deep;                         /* calls inside that found no slot for its name; atomic */
#endif
} pt_closure_object;

/* Its slot; NULL once closed, and of a native one. */
static inline struct pt_record *pt_record_of(const pt_closure_object *closure) {
    return closure->is_native ? NULL : closure->record;
}

/* The function that it is; NULL once closed, and where it has a slot. */
static inline void *pt_native_of(const pt_closure_object *closure) {
    return closure->is_native ? closure->native : NULL;
}

/* functools.partial has no C API: its class is known by its name. */
static inline int pt_is_partial(PyObject *callable) {
    return !strcmp(Py_TYPE(callable)->tp_name, "functools.partial");
}

/* ---- For the bindings; all of it under the GIL ---- */

/* Is what signature, maybe another machine's, says of type a guess? Its layout there may differ. */
int pt_is_a_guess(const pytramp_signature *signature, const pytramp_type *type);

/* Fills c, plan and interpreter from returns and takes. PYTRAMP_E_TYPE, PYTRAMP_E_TOO_LARGE,
 * PYTRAMP_E_NO_MEMORY. */
pytramp_status pt_signature_object_open(pt_signature_object *signature);

/* Gives closure, whose signature and extras are set, its slot. */
pytramp_status pt_closure_object_open(pt_closure_object *closure);

/* closure->extras, made when they are first needed; NULL with an exception. */
struct pt_extras *pt_closure_need_extras(pt_closure_object *closure);

/* The same of what it keeps: a borrowed reference. */
PyObject *pt_closure_need_kept(pt_closure_object *closure);

/* Before it is opened: see PT_CFFI_ERRNO. 0, or -1 with an exception. */
int pt_closure_object_share_cffi_errno(pt_closure_object *closure);

/* A cdata of a ctype that is a pointer's: a new reference, or NULL with an exception. */
PyObject *pt_cffi_pointer(void *address, PyObject *ctype);

/* The address that C calls, and a new reference to what it runs; NULL once closed. */
void *pt_closure_object_code(pt_closure_object *closure);
PyObject *pt_closure_object_callable(pt_closure_object *closure);

/* A value of the result type that C may get for as long as the closure lives, which keeps all that
 * the value refers to. -1 with an exception. */
int pt_closure_object_store(pt_closure_object *closure, PyObject *value, void *to);

/* Shuts C out, and nothing else: close completes it. Runs no Python code. */
void pt_closure_object_shut(pt_closure_object *closure);

/* Is a call inside that holds no reference (hold.h)? Always 0 with a GIL. */
int pt_closure_object_is_held(const pt_closure_object *closure);

/* In its deallocation, after it was shut: 1 when somebody is still in it. Then it lives, closed,
 * and is deallocated when the last one has left (hold.h). */
int pt_closure_object_revive(pt_closure_object *closure);

/* The collector's finalizer, and each of its visits with the visitor's argument. */
void pt_closure_object_finalize(pt_closure_object *closure);
void pt_closure_object_visited(pt_closure_object *closure, const void *arg);

/* Turns the slot into a tombstone, with a label for late calls, and lets go of the callable. Calls
 * that are inside hold what they need. fate completes "was called after it was", and lives for
 * ever. Nothing to do for a closed closure. */
void pt_closure_object_close(pt_closure_object *closure, const char *fate);

/* Makes closure the owner of the closure of C that is native. Statuses as pt_closure_adopt; for
 * PYTRAMP_E_TYPE text gets the type of that. */
pytramp_status pt_closure_object_adopt(pt_closure_object *closure, char *text, size_t size);

/* A sink for the exceptions of its calls, while a block is open that key stands for: 0, or -1 with
 * an exception. Then it goes, and nothing can fail; a key that has none is no error. */
int pt_closure_object_add_sink(pt_closure_object *closure, PyObject *key, PyObject *sink);
void pt_closure_object_drop_sink(pt_closure_object *closure, PyObject *key);

/* Which calls are silent, once the exception of a block has come from another closure. */
void pt_closure_object_settle(pt_closure_object *closure);

/* Gives exception, of a call of this closure in this thread, to the sink of that: 1; 0 without a
 * sink. */
int pt_closure_object_feed(pt_closure_object *closure, PyObject *exception);

/* New references, NULL with an exception. */
PyObject *pt_closure_name(pt_closure_object *closure);
PyObject *pt_place_text(PyObject *code, int offset); /* "file.py:12", or "?" */

/* What a va_list parameter is to this machine's ABI. */
const pytramp_type *pt_va_list_type(void);

/* pytramp.Pointer and pytramp.VarArgs: NULL with an exception. */
PyObject *pt_pointer_type_make(void);
PyObject *pt_varargs_type_make(void);

/* A parameter's dimension as a postfix program (Type.dimensions), names among names: *shape gets
 * one more. -1 with an exception. pt_shape_free takes NULL. */
int pt_shape_add(struct pt_shape **shape, PyObject *program, PyObject *names,
                 const struct pt_crossing *takes);
void pt_shape_free(struct pt_shape *shape);

/* A new capsule of the table that pytramp_import.h describes; NULL with an exception. */
PyObject *pt_c_api(void);

/* What the innermost call on this thread will leave to C; outside of a call what is there now. */
int pt_get_errno(void);
void pt_set_errno(int error);
unsigned long pt_get_last_error(void); /* GetLastError's, where there is one */
void pt_set_last_error(unsigned long error);
int pt_has_last_error(void);

/* module.name, and what the function module.function returns for the values that Py_BuildValue
 * makes of format, a tuple: "(Os)". The module is imported when it is first needed. New references,
 * NULL with an exception. */
PyObject *pt_imported(const char *module, const char *name);
PyObject *pt_ask(const char *module, const char *function, const char *format, ...);

/* In each interpreter, before anything else is asked of this layer: 0, or -1 with an exception. */
int pt_python_init(void);

#ifdef __cplusplus
}
#endif
#endif
