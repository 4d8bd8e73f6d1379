#include "pystate.h"

/* The current state, if it is this thread's. Before 3.12 the current one may be another thread's,
 * and only where there are several interpreters may it be ours without PyGILState's knowing. */
PyThreadState *pt_tstate_here(void) {
    PyThreadState *current = pt_current_tstate();
#if PY_VERSION_HEX < 0x030C0000
    if (!current || current == PyGILState_GetThisThreadState()) return current;
    PyInterpreterState *head = PyInterpreterState_Head();
    int several = head && PyInterpreterState_Next(head);
    if (!several || current->thread_id != PyThread_get_thread_ident()) return NULL;
#endif
    return current;
}

/* ---- Borrowers ---- */

#ifdef PT_BORROWERS

/* Only Python can fill in a state. */
int pt_tstate_prepare(struct pt_interpreter *interpreter) {
    if (interpreter->is_main) return 0;
    PyThreadState *made = PyThreadState_New(interpreter->state);
    if (!made) return -1;
    interpreter->model = *made;
    PyThreadState_Clear(made);
    PyThreadState_Delete(made);
    return 0;
}

/* Deleting a state writes into the one before it: this one, for those that stand in no list. */
static PyThreadState nobody;

/* Ids must differ within an interpreter, since context variables are cached by them; Python's begin
 * with 1. */
static PyThreadState *new_unlisted(const struct pt_interpreter *interpreter) {
    static _Atomic uint64_t next_id = UINT64_C(1) << 63;
    PyThreadState *made = PyMem_RawMalloc(sizeof *made);
    if (!made) return NULL;
    *made = interpreter->model;
    made->prev = &nobody;
    made->next = NULL;
    made->id = atomic_fetch_add(&next_id, 1);
    made->thread_id = PyThread_get_thread_ident();
    made->native_thread_id = PyThread_get_thread_native_id();
    made->exc_info = &made->exc_state;
    made->cframe = &made->root_cframe;
    made->_status.bound_gilstate = 0;
    return made;
}

/* Behind the decoy and before the first. The GIL is lock enough: others are deleted under it, and a
 * new one touches nothing but the head of the list and what is before it. */
static int enlist(struct pt_interpreter *interpreter, PyThreadState *made) {
    if (!interpreter->decoy && atomic_load(&interpreter->closing)) return 0; /* nor another decoy */
    if (!interpreter->decoy) interpreter->decoy = PyThreadState_New(interpreter->state);
    PyThreadState *decoy = interpreter->decoy;
    if (!decoy) return -1;
    made->prev = decoy;
    made->next = decoy->next;
    if (made->next) made->next->prev = made;
    atomic_thread_fence(memory_order_release); /* sys._current_frames() of another interpreter */
    decoy->next = made;
    made->py_recursion_limit = made->py_recursion_remaining = Py_GetRecursionLimit();
    return 0;
}

int pt_tstate_is_lent(const struct pt_interpreter *interpreter, PyThreadState *tstate) {
    if (interpreter->is_main) return 0;
    return tstate == interpreter->decoy || PyThreadState_GetID(tstate) == 1;
}

void pt_tstate_drop_decoy(struct pt_interpreter *interpreter) {
    PyThreadState *decoy = interpreter->decoy, *current = pt_current_tstate(), *idle = decoy;
    if (!decoy) return;
    interpreter->decoy = NULL;
    while (decoy == current && PyThreadState_Next(idle))
        idle = PyThreadState_Next(idle);
    if (idle == current) return;
    PyThreadState_Clear(idle);
    PyThreadState_Delete(idle);
}

#else

int pt_tstate_prepare(struct pt_interpreter *interpreter) {
    (void)interpreter;
    return 0;
}

static int enlist(struct pt_interpreter *interpreter, PyThreadState *made) {
    (void)interpreter, (void)made;
    return 0;
}

int pt_tstate_is_lent(const struct pt_interpreter *interpreter, PyThreadState *tstate) {
    (void)interpreter, (void)tstate;
    return 0;
}

void pt_tstate_drop_decoy(struct pt_interpreter *interpreter) {
    (void)interpreter;
}

#endif

/* ---- Making one ---- */

#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
/* 3.11's PyThreadState_New uses the state before it looks whether there is memory for one. This is
 * what it consists of. */
PyAPI_FUNC(void) _PyThreadState_SetCurrent(PyThreadState *);

static PyThreadState *new_tstate(const struct pt_interpreter *interpreter) {
    PyThreadState *made = _PyThreadState_Prealloc(interpreter->state);
    if (made) _PyThreadState_SetCurrent(made);
    return made;
}
#else
static PyThreadState *new_tstate(const struct pt_interpreter *interpreter) {
#  ifdef PT_BORROWERS
    if (!interpreter->is_main) return new_unlisted(interpreter);
#  endif
    return PyThreadState_New(interpreter->state);
}
#endif

#if PY_VERSION_HEX < 0x030C0000
/* Never while the process forks, which waits for the registry's lock: the child needs the lock of
 * Python's list of states before it makes that lock anew. */
PyThreadState *pt_tstate_new(const struct pt_interpreter *interpreter) {
    pt_registry_lock();
    PyThreadState *made = new_tstate(interpreter);
    pt_registry_unlock();
    return made;
}
#else
/* From 3.13 on who forks holds the lock of the list when it comes to the registry's. */
PyThreadState *pt_tstate_new(const struct pt_interpreter *interpreter) {
    return new_tstate(interpreter);
}
#endif

int pt_tstate_begin(struct pt_interpreter *interpreter, PyThreadState *made) {
    PyEval_RestoreThread(made);
    if (interpreter->is_main || !enlist(interpreter, made)) return 0;
    pt_tstate_delete_current();
    return -1;
}

/* ---- Finding one ---- */

#if PY_VERSION_HEX >= 0x030D0000
/* _whence: who made a state, in CPython's own numbers. From the second on they make it for the
 * thread that they are in: threading, PyGILState_Ensure, who runs code in another interpreter. */
enum { WHENCE_INIT = 1, WHENCE_THREADING = 3 };
#endif

/* Who made it with PyThreadState_New may mean it for another thread. */
static int is_this_threads(const struct pt_interpreter *interpreter, PyThreadState *tstate) {
    if (tstate->thread_id != PyThread_get_thread_ident()) return 0;
#if PY_VERSION_HEX >= 0x030D0000
    if (tstate->_whence == WHENCE_INIT) return interpreter->is_main;
    return tstate->_whence >= WHENCE_THREADING;
#elif PY_VERSION_HEX >= 0x030C0000
    if (PyThreadState_GetID(tstate) == 1) return interpreter->is_main;
    return tstate->on_delete != NULL; /* threading's */
#else
    (void)interpreter;
    return 0; /* PyGILState knows them */
#endif
}

struct search {
    const struct pt_interpreter *interpreter;
    PyThreadState *found;
};

/* Called for an object, none of which is of interest: 0 is enough of them. */
static int look(PyObject *unused, void *opaque) {
    (void)unused;
    struct search *search = opaque;
    PyThreadState *at = PyInterpreterState_ThreadHead(search->interpreter->state);
    while (at && (at == pt_current_tstate() || !is_this_threads(search->interpreter, at)))
        at = PyThreadState_Next(at);
    search->found = at;
    return 0;
}

PyThreadState *pt_tstate_find(const struct pt_interpreter *interpreter) {
    struct search search = {interpreter, NULL};
#ifdef Py_GIL_DISABLED
    /* It stops all other threads and takes the lock of the list. */
    PyUnstable_GC_VisitObjects(look, &search);
#else
    look(NULL, &search); /* others are deleted under the GIL */
#endif
    return search.found;
}

/* ---- Python's threading ---- */

/* The module, if it is there; a new reference. PyImport_GetModule would wait for who is importing
 * it, and he may wait for this call. */
static PyObject *threading_of(const struct pt_interpreter *interpreter) {
    PyObject *modules = PyImport_GetModuleDict(), *found = NULL; /* borrowed */
#if PY_VERSION_HEX >= 0x030D0000
    PyDict_GetItemRef(modules, interpreter->names.threading, &found);
#else
    found = Py_XNewRef(PyDict_GetItemWithError(modules, interpreter->names.threading));
#endif
    return found;
}

static void install_hook(const char *setter, PyObject *hook) {
    PyObject *set = hook && hook != Py_None ? PySys_GetObject(setter) : NULL; /* borrowed */
    PyObject *done = set ? PyObject_CallOneArg(set, hook) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(hook);
}

/* getprofile() and gettrace() would return the same: two calls of Python in every thread. */
void pt_tstate_install_hooks(const struct pt_interpreter *interpreter) {
    PyObject *threading = threading_of(interpreter);
    if (threading) {
        PyObject *profile = PyObject_GetAttr(threading, interpreter->names.profile_hook);
        PyObject *trace = PyObject_GetAttr(threading, interpreter->names.trace_hook);
        install_hook("settrace", trace);
        install_hook("setprofile", profile);
        Py_DECREF(threading);
    }
    PyErr_Clear();
}

/* ---- Deleting one ---- */

void pt_tstate_delete_current(void) {
    PyThreadState_Clear(pt_current_tstate());
    PyThreadState_DeleteCurrent();
}

/* By now libc has cleared PyGILState's pthread key (3.12 to 3.14; later it is a thread-local), but
 * old is still marked as the one that is in it: deleting it would clear the key again, which then
 * is the helper's; a debug build asserts. */
static void unmark(PyThreadState *old) {
#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030F0000
    if (PyGILState_GetThisThreadState() != old) old->_status.bound_gilstate = 0;
#else
    (void)old;
#endif
}

#if PY_VERSION_HEX < 0x030D0000
/* threading.current_thread() made an object for this thread, and keeps it by its number: the next
 * thread with that number would be taken for this one. Python itself drops it from 3.13 on. */
static void forget_dummy(const struct pt_interpreter *interpreter) {
    const struct pt_names *names = &interpreter->names;
    PyObject *threading = threading_of(interpreter);
    PyObject *active = threading ? PyObject_GetAttr(threading, names->active) : NULL;
    PyObject *number = active ? PyLong_FromUnsignedLong(PyThread_get_thread_ident()) : NULL;
    PyObject *found =
        number && PyDict_Check(active) ? PyDict_GetItemWithError(active, number) : NULL;
    PyObject *dummies = found ? PyObject_GetAttr(threading, names->dummy_thread) : NULL;
    if (dummies && PyObject_IsInstance(found, dummies) == 1) PyDict_DelItem(active, number);
    PyErr_Clear();
    Py_XDECREF(dummies);
    Py_XDECREF(number);
    Py_XDECREF(active);
    Py_XDECREF(threading);
}
#else
static void forget_dummy(const struct pt_interpreter *interpreter) {
    (void)interpreter;
}
#endif

/* On Windows PyGILState's key outlives fiber-local storage. Where it has the old state, up to 3.11
 * a helper would not be put there: whatever runs in PyThreadState_Clear would find the old state,
 * and wait for the GIL that the helper holds. From 3.12 on who takes the GIL is put there. */
static int is_found(const PyThreadState *old) {
    return PY_VERSION_HEX < 0x030C0000 && PyGILState_GetThisThreadState() == old;
}

/* Whatever runs in PyThreadState_Clear would not find a state through PyGILState, make a second one
 * and wait for itself. A helper, whose creation sets that key again, stands in for the old state.
 */
void pt_tstate_delete_own(PyThreadState *old, struct pt_interpreter *interpreter) {
    if (is_found(old)) {
        PyEval_RestoreThread(old);
        PyThreadState_Clear(old);
        forget_dummy(interpreter);
        pt_tstate_delete_current(); /* what that left is cleared, too */
        return;
    }
    PyThreadState *helper = pt_tstate_new(interpreter);
    if (!helper || pt_tstate_begin(interpreter, helper)) return;
    unmark(old);
    PyThreadState_Clear(old);
    forget_dummy(interpreter); /* what ended with the old state may have asked for it once more */
    PyThreadState_Delete(old);
    pt_tstate_delete_current();
}

#if PY_VERSION_HEX >= 0x030F0000
/* Before 3.15 the pthread key goes with the interpreter. Now it is a thread-local, which only
 * deleting the state that is in it clears: here one that says so of itself. */
void pt_tstate_forget_deleted(const struct pt_interpreter *interpreter,
                              const PyThreadState *deleted) {
    if (pt_current_tstate() || PyGILState_GetThisThreadState() != deleted) return;
    PyThreadState *stand_in = pt_tstate_new(interpreter);
    if (!stand_in) return;
    stand_in->_status.bound_gilstate = 1;
    stand_in->_status.cleared = 1; /* it never held an object */
    PyThreadState_Delete(stand_in);
}
#else
void pt_tstate_forget_deleted(const struct pt_interpreter *interpreter,
                              const PyThreadState *deleted) {
    (void)interpreter, (void)deleted;
}
#endif
