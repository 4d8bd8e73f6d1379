#include "interpreter.h"

#include <stdlib.h>

#include "call.h"
#include "hold.h"
#include "label.h"
#include "leaks.h"
#include "pystate.h"
#include "threads.h"
#include "tstate.h"

/* ---- The registry ---- */

/* Those that are alive, the newest first. Who only looks for its own needs no lock: entries are
 * never freed, and one that was struck out meanwhile still leads to all that are older. */
static struct pt_interpreter *_Atomic entries;

void pt_registry_lock(void) {
    pt_threads_lock();
}

void pt_registry_unlock(void) {
    pt_threads_unlock();
}

struct pt_interpreter *pt_interpreter_here(void) {
    PyInterpreterState *here = PyInterpreterState_Get();
    struct pt_interpreter *at = atomic_load(&entries);
    while (at && at->state != here)
        at = atomic_load(&at->next);
    return at;
}

struct pt_types *pt_types_here(void) {
    return &pt_interpreter_here()->types;
}

const struct pt_types *pt_types_of(const struct pt_interpreter *interpreter) {
    return &interpreter->types;
}

const struct pt_names *pt_names_here(void) {
    return &pt_interpreter_here()->names;
}

static void enter(struct pt_interpreter *made) {
    pt_registry_lock();
    atomic_store(&made->next, atomic_load(&entries));
    atomic_store(&entries, made);
    pt_registry_unlock();
}

/* The next interpreter may get this one's address. */
static void strike_out(const struct pt_interpreter *interpreter) {
    pt_registry_lock();
    struct pt_interpreter *_Atomic *link = &entries;
    while (atomic_load(link) != interpreter)
        link = &atomic_load(link)->next;
    atomic_store(link, atomic_load(&interpreter->next));
    pt_registry_unlock();
}

/* The child has one thread, and it is in nobody's way. */
static void after_fork_in_child(void) {
    for (struct pt_interpreter *at = atomic_load(&entries); at; at = atomic_load(&at->next)) {
        atomic_store(&at->arriving, 0);
        pt_attachments_after_fork(at);
    }
#ifdef Py_GIL_DISABLED
    pt_hazards_after_fork();
#endif
    pt_registry_unlock();
}

int pt_registry_watch_forks(void) {
    return pt_threads_around_fork(pt_registry_lock, pt_registry_unlock, after_fork_in_child);
}

/* ---- The end ---- */

int pt_is_alive(const struct pt_interpreter *interpreter) {
    if (!atomic_load(&interpreter->alive)) return 0;
    return !interpreter->is_main || (Py_IsInitialized() && !pt_is_finalizing());
}

/* A subinterpreter that is open, counted as arrived in; NULL for none. */
static struct pt_interpreter *next_open(void) {
    pt_registry_lock();
    struct pt_interpreter *at = atomic_load(&entries);
    while (at && (at->is_main || atomic_load(&at->closing)))
        at = atomic_load(&at->next);
    if (at) atomic_fetch_add(&at->arriving, 1);
    pt_registry_unlock();
    return at;
}

/* Interpreters that were forgotten end with the main one, through whichever thread state Python
 * finds in them: none of ours may be left. */
static void close_forgotten(void (*close)(struct pt_interpreter *)) {
    struct pt_interpreter *other;
    while ((other = next_open())) {
        PyThreadState *visitor = pt_tstate_new(other);
        PyThreadState *own = PyEval_SaveThread();
        if (visitor && !atomic_load(&other->closing) && !pt_tstate_begin(other, visitor)) {
            atomic_fetch_sub(&other->arriving, 1);
            close(other);
            pt_tstate_delete_current();
        } else {
            atomic_store(&other->closing, 1);
            atomic_fetch_sub(&other->arriving, 1);
        }
        PyEval_RestoreThread(own);
    }
}

static void close_gate(struct pt_interpreter *interpreter) {
    atomic_store(&interpreter->closer, &pt_thread);
    atomic_store(&interpreter->closing, 1);
    pt_attachments_drain(interpreter);
    if (interpreter->is_main)
        close_forgotten(close_gate);
    else
        pt_attachments_drop(interpreter);
}

static void drop_names(struct pt_names *names) {
#define DROP(name, text) Py_CLEAR(names->name);
    PT_EACH_NAME(DROP)
#undef DROP
}

/* The interpreter's dict is cleared after all modules; objects that die later find their types
 * through themselves. */
static void interpreter_ends(struct pt_interpreter *interpreter) {
    struct pt_types *types = &interpreter->types;
    atomic_store(&interpreter->alive, 0);
    if (interpreter->wants_leaks) pt_report_leaks(interpreter);
    pt_forget_labels(interpreter);
    strike_out(interpreter);
    Py_CLEAR(types->type);
    Py_CLEAR(types->signature);
    Py_CLEAR(types->closure);
    Py_CLEAR(types->ctypes_maker);
    Py_CLEAR(types->cffi_maker);
    Py_CLEAR(types->pointer);
    Py_CLEAR(types->varargs);
    Py_CLEAR(types->DeclarationError);
    Py_CLEAR(types->UnsupportedTypeError);
    Py_CLEAR(types->FreedCallbackError);
    drop_names(&interpreter->names);
}

#define ENTRY_KEY "pytramp.interpreter"

static void dict_cleared(PyObject *capsule) {
    interpreter_ends(PyCapsule_GetPointer(capsule, ENTRY_KEY));
}

/* An atexit function: PyUnstable_AtExit's run after Py_EndInterpreter has looked for thread states.
 * Those that were registered before it run after it, and find callbacks closed to other threads. */
static PyObject *atexit_ends(PyObject *capsule, PyObject *unused) {
    (void)unused;
    close_gate(PyCapsule_GetPointer(capsule, ENTRY_KEY));
    Py_RETURN_NONE;
}

static PyMethodDef atexit_method = {"pytramp_atexit_ends", atexit_ends, METH_NOARGS, NULL};

static int watch_atexit(PyObject *capsule) {
    PyObject *function = PyCFunction_New(&atexit_method, capsule);
    PyObject *done = function ? pt_ask("atexit", "register", "(O)", function) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(function);
    return done ? 0 : -1;
}

/* ---- The beginning ---- */

static struct pt_interpreter *new_entry(void) {
    struct pt_interpreter *made = calloc(1, sizeof *made);
    if (!made) {
        PyErr_NoMemory();
        return NULL;
    }
    made->state = PyInterpreterState_Get();
    made->wants_leaks = pt_wants_leaks();
    made->is_main = made->state == PyInterpreterState_Main();
    if (pt_tstate_prepare(made)) {
        free(made);
        PyErr_NoMemory();
        return NULL;
    }
    atomic_store(&made->alive, 1);
#if PY_VERSION_HEX >= 0x030F0000
    made->view = PyInterpreterView_FromCurrent();
    if (!made->view) {
        free(made);
        return NULL;
    }
#endif
    return made;
}

static int make_names(struct pt_names *names) {
#define MAKE(name, text) (names->name = PyUnicode_InternFromString(text)) &&
    return PT_EACH_NAME(MAKE) 1 ? 0 : -1;
#undef MAKE
}

static int make_entry(void) {
    struct pt_interpreter *made = new_entry();
    if (!made) return -1;
    PyObject *dict = PyInterpreterState_GetDict(made->state);
    PyObject *capsule = PyCapsule_New(made, ENTRY_KEY, NULL);
    int failed = !dict || !capsule || make_names(&made->names) ||
                 PyDict_SetItemString(dict, ENTRY_KEY, capsule) || watch_atexit(capsule);
    if (!failed) {
        PyCapsule_SetDestructor(capsule, dict_cleared);
        enter(made);
    } else {
        drop_names(&made->names);
        if (!PyErr_Occurred()) PyErr_NoMemory();
    } /* and made is leaked: whoever has the capsule may still look at it */
    Py_XDECREF(capsule);
    return failed ? -1 : 0;
}

int pt_interpreter_init(void) {
    return pt_interpreter_here() ? 0 : make_entry();
}
