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

/* ---- Making one ---- */

#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000
/* 3.11's PyThreadState_New uses the state before it looks whether there is memory for one. This is
 * what it consists of. */
PyAPI_FUNC(void) _PyThreadState_SetCurrent(PyThreadState *);

PyThreadState *pt_tstate_new(PyInterpreterState *interpreter) {
    PyThreadState *made = _PyThreadState_Prealloc(interpreter);
    if (made) _PyThreadState_SetCurrent(made);
    return made;
}
#else
PyThreadState *pt_tstate_new(PyInterpreterState *interpreter) {
    return PyThreadState_New(interpreter);
}
#endif

static void install_hook(const char *setter, PyObject *hook) {
    PyObject *set = PySys_GetObject(setter); /* borrowed */
    PyObject *done = hook && hook != Py_None && set ? PyObject_CallOneArg(set, hook) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(hook);
}

void pt_tstate_install_hooks(void) {
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

/* ---- Deleting one ---- */

void pt_tstate_throw_away(PyThreadState *tstate) {
    PyEval_RestoreThread(tstate);
    PyThreadState_Clear(tstate);
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
static void forget_dummy(void) {
    PyObject *name = PyUnicode_FromString("threading");
    PyObject *threading = name ? PyImport_GetModule(name) : NULL;
    PyObject *active = threading ? PyObject_GetAttrString(threading, "_active") : NULL;
    PyObject *dummies = active ? PyObject_GetAttrString(threading, "_DummyThread") : NULL;
    PyObject *number = dummies ? PyLong_FromUnsignedLong(PyThread_get_thread_ident()) : NULL;
    PyObject *found =
        number && PyDict_Check(active) ? PyDict_GetItemWithError(active, number) : NULL;
    if (found && PyObject_IsInstance(found, dummies) == 1) PyDict_DelItem(active, number);
    PyErr_Clear();
    Py_XDECREF(number);
    Py_XDECREF(dummies);
    Py_XDECREF(active);
    Py_XDECREF(threading);
    Py_XDECREF(name);
}
#else
static void forget_dummy(void) {}
#endif

/* Whatever runs in PyThreadState_Clear would not find a state through PyGILState, make a second one
 * and wait for itself. A helper, whose creation sets that key again, stands in for the old state.
 */
void pt_tstate_delete_own(PyThreadState *old, PyInterpreterState *interpreter) {
    PyThreadState *helper = pt_tstate_new(interpreter);
    if (!helper) return;
    PyEval_RestoreThread(helper);
    unmark(old);
    PyThreadState_Clear(old);
    forget_dummy(); /* what ended with the old state may have asked for it once more */
    PyThreadState_Delete(old);
    PyThreadState_Clear(helper);
    PyThreadState_DeleteCurrent();
}
