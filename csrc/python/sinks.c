/* Where the exceptions of a closure go while blocks of pytramp.propagate are open.
 *
 * Each open block has a sink in closure->extras->sinks, a dict in the order in which they were
 * entered: (cell, whom to tell, the thread that entered it). The cell is a list of one item, None
 * until the block has its exception: to keep one needs no memory. The calls of a thread belong to
 * its innermost block; those of a thread that has none, to the last block of all.
 *
 * Calls of a block that has its exception are silent. When all blocks have theirs, the record says
 * so, which costs such calls least; when only some have, calls look whose they are. */
#include "failure.h"
#include "hold.h"

enum { CELL, TELL, THREAD };

static PyObject *exception_in(PyObject *sink) {
    return PyList_GET_ITEM(PyTuple_GET_ITEM(sink, CELL), 0);
}

static PyObject *sinks_of(const pt_closure_object *closure) {
    return closure->extras ? closure->extras->sinks : NULL;
}

/* All static functions that take a closure are called with it locked. Borrowed, or NULL. */
static PyObject *sink_here(const pt_closure_object *closure) {
    PyObject *sinks = sinks_of(closure), *key, *sink, *own = NULL, *last = NULL;
    unsigned long here = PyThread_get_thread_ident();
    Py_ssize_t at = 0;
    while (sinks && PyDict_Next(sinks, &at, &key, &sink)) {
        last = sink;
        if (PyLong_AsUnsignedLong(PyTuple_GET_ITEM(sink, THREAD)) == here) own = sink;
    }
    return own ? own : last;
}

static void settle(pt_closure_object *closure) {
    PyObject *sinks = sinks_of(closure), *key, *sink;
    Py_ssize_t at = 0, n = 0, caught = 0;
    while (sinks && PyDict_Next(sinks, &at, &key, &sink)) {
        n++;
        caught += exception_in(sink) != Py_None;
    }
    unsigned others = pt_special(closure) & ~(unsigned)PT_SOME_SILENT;
    pt_set_special(closure, others | (caught && caught < n ? PT_SOME_SILENT : 0));
    struct pt_record *record = pt_record_of(closure);
    if (record) pt_pool_silence(record, caught && caught == n);
}

/* The first one stays. */
static void put(PyObject *cell, PyObject *exception) {
    PT_LOCK(cell);
    if (PyList_GET_ITEM(cell, 0) == Py_None) {
        PyList_SET_ITEM(cell, 0, Py_NewRef(exception));
        Py_DECREF(Py_None);
    }
    PT_UNLOCK();
}

/* Whom to tell, a new reference; NULL without a sink. */
static PyObject *feed(pt_closure_object *closure, PyObject *exception) {
    PyObject *sink = Py_XNewRef(sink_here(closure));
    if (!sink) return NULL;
    PyObject *tell = Py_NewRef(PyTuple_GET_ITEM(sink, TELL));
    put(PyTuple_GET_ITEM(sink, CELL), exception);
    settle(closure);
    Py_DECREF(sink);
    return tell;
}

/* The exception is kept before any Python code runs: at the recursion limit, none would. */
int pt_closure_object_feed(pt_closure_object *closure, PyObject *exception) {
    PyObject *tell;
    PT_LOCK(closure);
    tell = feed(closure, exception);
    PT_UNLOCK();
    if (!tell) return 0;
    PyObject *result = PyObject_CallNoArgs(tell);
    if (!result) PyErr_WriteUnraisable((PyObject *)closure);
    Py_XDECREF(result);
    Py_DECREF(tell);
    return 1;
}

int pt_is_silent_here(pt_closure_object *closure) {
    int is_silent;
    PT_LOCK(closure);
    PyObject *sink = sink_here(closure);
    is_silent = sink && exception_in(sink) != Py_None;
    PT_UNLOCK();
    return is_silent;
}

int pt_closure_object_add_sink(pt_closure_object *closure, PyObject *key, PyObject *sink) {
    struct pt_extras *extras = pt_closure_need_extras(closure);
    PyObject *fresh = extras ? PyDict_New() : NULL; /* the collector may run, and open others */
    int failed = -1;
    if (!fresh) return -1;
    PT_LOCK(closure);
    if (!extras->sinks) extras->sinks = Py_NewRef(fresh);
    failed = PyDict_SetItem(extras->sinks, key, sink);
    settle(closure);
    PT_UNLOCK();
    Py_DECREF(fresh);
    return failed;
}

/* Needs no memory. */
void pt_closure_object_drop_sink(pt_closure_object *closure, PyObject *key) {
    PT_LOCK(closure);
    PyObject *sinks = sinks_of(closure);
    if (sinks && PyDict_Contains(sinks, key) > 0) PyDict_DelItem(sinks, key);
    settle(closure);
    PT_UNLOCK();
}

void pt_closure_object_settle(pt_closure_object *closure) {
    PT_LOCK(closure);
    settle(closure);
    PT_UNLOCK();
}
