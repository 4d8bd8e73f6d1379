#include "tstate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "call.h"
#include "objects.h"

struct pt_attachment pt_no_attachment = {.tstate = PT_NO_TSTATE};
_Thread_local struct pt_thread pt_thread = {.first = &pt_no_attachment};

static pthread_key_t ending;

/* ---- Attachments ---- */

static void release(struct pt_attachment *attachment) {
    if (atomic_fetch_sub(&attachment->references, 1) == 1) free(attachment);
}

/* Runs when Python clears the thread state, in whichever thread does. */
static void tstate_cleared(PyObject *capsule) {
    struct pt_attachment *attachment = PyCapsule_GetPointer(capsule, NULL);
    atomic_store(&attachment->tstate, PT_NO_TSTATE);
    release(attachment);
}

/* Ties attachment to the current thread state's dict, so that we hear when it is cleared. */
static int watch(struct pt_attachment *attachment) {
    PyObject *dict = PyThreadState_GetDict();
    PyObject *capsule = dict ? PyCapsule_New(attachment, NULL, tstate_cleared) : NULL;
    if (!capsule) return -1;
    PyObject *key = PyLong_FromVoidPtr(attachment);
    int failed = key ? PyDict_SetItem(dict, key, capsule) : -1;
    Py_XDECREF(key);
    if (failed) PyCapsule_SetDestructor(capsule, NULL);
    Py_DECREF(capsule);
    return failed;
}

static int is_valid(const struct pt_attachment *attachment) {
    return atomic_load(&attachment->tstate) != PT_NO_TSTATE;
}

/* Moves this thread's attachment to the front, where pt_known_tstate looks, and drops cleared ones.
 * 0 when there is none. */
static int bring_forward(const struct pt_interpreter *interpreter) {
    struct pt_attachment *found = NULL;
    for (struct pt_attachment **link = &pt_thread.first; *link != &pt_no_attachment;) {
        struct pt_attachment *at = *link;
        if (is_valid(at) && at->interpreter != interpreter) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        if (is_valid(at))
            found = at;
        else
            release(at);
    }
    if (!found) return 0;
    found->next = pt_thread.first;
    pt_thread.first = found;
    return 1;
}

/* Remembers the current thread state as this thread's for interpreter, in first place. Failing only
 * costs speed for a state that Python made. */
static int remember(struct pt_interpreter *interpreter, PyThreadState *tstate, int owned) {
    struct pt_attachment *made = calloc(1, sizeof *made);
    if (!made) return -1;
    made->interpreter = interpreter;
    made->owned = owned;
    atomic_store(&made->tstate, tstate);
    atomic_store(&made->references, 2);
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int failed = watch(made);
    PyErr_Restore(type, value, traceback);
    if (failed) {
        free(made);
        return -1;
    }
    made->next = pt_thread.first;
    pt_thread.first = made;
    pthread_setspecific(ending, made); /* any value but NULL has the destructor run */
    return 0;
}

/* ---- Attaching ---- */

static int is_alive(const struct pt_interpreter *interpreter) {
    return atomic_load(&interpreter->alive) && Py_IsInitialized() && !pt_is_finalizing();
}

/* Several interpreters: before 3.12 only then may the current state be this thread's without being
 * the one that PyGILState knows. */
static int has_subinterpreters(void) {
    PyInterpreterState *head = PyInterpreterState_Head();
    return head && PyInterpreterState_Next(head);
}

/* pt_attached for a thread that is not known yet. */
static PyThreadState *find_attached(const struct pt_interpreter *interpreter) {
    PyThreadState *current = pt_current_tstate();
    if (!current) return NULL;
#if PY_VERSION_HEX < 0x030C0000
    if (current != PyGILState_GetThisThreadState() &&
        (!has_subinterpreters() || current->thread_id != PyThread_get_thread_ident()))
        return NULL;
#else
    (void)has_subinterpreters;
#endif
    return current->interp == interpreter->state ? current : NULL;
}

/* The state with which this thread enters that interpreter, NULL when it has none yet. */
static PyThreadState *own_tstate(struct pt_interpreter *interpreter) {
    if (bring_forward(interpreter)) return atomic_load(&pt_thread.first->tstate);
    PyThreadState *own = PyGILState_GetThisThreadState();
    return own && own->interp == interpreter->state ? own : NULL;
}

static void install_hook(const char *setter, PyObject *hook) {
    PyObject *set = PySys_GetObject(setter); /* borrowed */
    PyObject *done = hook && hook != Py_None && set ? PyObject_CallOneArg(set, hook) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(hook);
}

/* As threading does for the threads that it starts: sys.settrace and sys.setprofile are per thread.
 * An error is the hook's business, and leaves the thread without it. */
static void install_hooks(void) {
    PyObject *name = PyUnicode_FromString("threading");
    PyObject *threading = name ? PyImport_GetModule(name) : NULL;
    if (threading) {
        PyObject *profile = PyObject_CallMethod(threading, "getprofile", NULL);
        PyObject *trace = PyObject_CallMethod(threading, "gettrace", NULL);
        install_hook("settrace", trace);
        install_hook("setprofile", profile);
    }
    Py_XDECREF(threading);
    Py_XDECREF(name);
    PyErr_Clear();
}

static enum pt_entry attach_new(struct pt_interpreter *interpreter) {
    PyThreadState *tstate = PyThreadState_New(interpreter->state);
    if (!tstate) return PT_REFUSED;
    PyEval_RestoreThread(tstate);
    if (!remember(interpreter, tstate, 1)) {
        install_hooks();
        return PT_ATTACHED;
    }
    PyThreadState_Clear(tstate);
    PyThreadState_DeleteCurrent();
    return PT_REFUSED;
}

static void remember_once(struct pt_interpreter *interpreter, PyThreadState *tstate) {
    if (!bring_forward(interpreter)) remember(interpreter, tstate, 0);
}

enum pt_entry pt_attach(struct pt_interpreter *interpreter) {
    if (!is_alive(interpreter)) return PT_REFUSED;
    PyThreadState *tstate = find_attached(interpreter);
    if (tstate) {
        remember_once(interpreter, tstate);
        return PT_WAS_ATTACHED;
    }
    tstate = own_tstate(interpreter);
    if (!tstate) return attach_new(interpreter);
    PyEval_RestoreThread(tstate);
    remember_once(interpreter, tstate);
    return PT_ATTACHED;
}

/* ---- Ends ---- */

/* glibc has cleared all keys of the thread by now, PyGILState's too: whatever runs in
 * PyThreadState_Clear would make a second state and wait for itself. A helper, whose creation sets
 * that key again, stands in for the old state. */
static void end_tstate(struct pt_attachment *attachment) {
    if (!is_valid(attachment) || !attachment->owned || !is_alive(attachment->interpreter)) return;
    PyThreadState *old = atomic_load(&attachment->tstate);
    PyThreadState *helper = PyThreadState_New(attachment->interpreter->state);
    if (!helper) return;
    PyEval_RestoreThread(helper);
    PyThreadState_Clear(old); /* runs tstate_cleared */
    PyThreadState_Clear(helper);
    PyThreadState_Delete(old); /* 3.12 clears the key once more: nothing may be freed after it */
    PyThreadState_DeleteCurrent();
}

/* The key's destructor. Another key's destructor may still call back: then a new attachment sets
 * the key again and pthreads runs this once more. */
static void thread_ends(void *unused) {
    (void)unused;
    while (pt_thread.first != &pt_no_attachment) {
        struct pt_attachment *at = pt_thread.first;
        pt_thread.first = at->next;
        end_tstate(at);
        release(at);
    }
}

int *pt_saved_errno(void) {
    return pt_thread.saved_errno;
}

/* ---- Beginnings ---- */

static int make_key(void) {
    static int done;
    if (done) return 0;
    int error = pthread_key_create(&ending, thread_ends);
    if (error) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    done = 1;
    return 0;
}

#define ENTRY_KEY "pytramp.interpreter"

/* An atexit function. Others may run after it, and callbacks are theirs to use; but finalisation
 * follows, so from here on every call asks whether it has begun. */
static PyObject *atexit_begins(PyObject *capsule, PyObject *unused) {
    (void)unused;
    struct pt_interpreter *interpreter = PyCapsule_GetPointer(capsule, ENTRY_KEY);
    atomic_store(&interpreter->may_end, 1);
    Py_RETURN_NONE;
}

static PyMethodDef atexit_method = {"pytramp_atexit_begins", atexit_begins, METH_NOARGS, NULL};

static int watch_atexit(PyObject *capsule) {
    PyObject *module = PyImport_ImportModule("atexit");
    PyObject *function = module ? PyCFunction_New(&atexit_method, capsule) : NULL;
    PyObject *done = function ? PyObject_CallMethod(module, "register", "O", function) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(function);
    Py_XDECREF(module);
    return done ? 0 : -1;
}

static void interpreter_ends(PyObject *capsule) {
    struct pt_interpreter *interpreter = PyCapsule_GetPointer(capsule, ENTRY_KEY);
    atomic_store(&interpreter->alive, 0);
    pt_forget_labels(interpreter);
}

/* Every entry ever made; they are few, and never freed. Searched without allocating anything. */
static struct pt_interpreter *_Atomic entries;

struct pt_interpreter *pt_interpreter_here(void) {
    PyInterpreterState *here = PyInterpreterState_Get();
    struct pt_interpreter *at = atomic_load(&entries);
    while (at && (at->state != here || !atomic_load(&at->alive)))
        at = at->next;
    return at;
}

static void publish(struct pt_interpreter *made) {
    made->next = atomic_load(&entries);
    while (!atomic_compare_exchange_weak(&entries, &made->next, made)) {
    }
}

static int make_entry(void) {
    struct pt_interpreter *made = calloc(1, sizeof *made);
    if (!made) {
        PyErr_NoMemory();
        return -1;
    }
    made->state = PyInterpreterState_Get();
    atomic_store(&made->alive, 1);
    PyObject *dict = PyInterpreterState_GetDict(made->state);
    PyObject *capsule = PyCapsule_New(made, ENTRY_KEY, interpreter_ends);
    int failed = !dict || !capsule || watch_atexit(capsule) ||
                 PyDict_SetItemString(dict, ENTRY_KEY, capsule);
    if (failed) {
        if (capsule) PyCapsule_SetDestructor(capsule, NULL); /* and made is leaked: atexit has it */
        if (!PyErr_Occurred()) PyErr_NoMemory();
    }
    Py_XDECREF(capsule);
    if (!failed) publish(made);
    return failed ? -1 : 0;
}

int pt_threads_init(void) {
    if (make_key()) return -1;
    return pt_interpreter_here() ? 0 : make_entry();
}
