/* Calls that do not reach their callable, and those that it fails. */
#include "failure.h"

#include "../closure.h"
#include "arguments.h"
#include "blame.h"
#include "call.h"
#include "hold.h"
#include "label.h"
#include "tstate.h"

/* ---- Calls that came too late ---- */

static void report(const struct pt_interpreter *interpreter, const struct pt_label *label) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    pt_label_raise(interpreter, label);
    PyErr_WriteUnraisable(NULL);
    PyErr_Restore(type, value, traceback);
}

static void report_late(struct pt_record *record) {
    struct pt_label *label = atomic_exchange(&record->label, NULL);
    report(pt_interpreter_of(record), label);
    pt_label_free(label);
}

#ifndef Py_GIL_DISABLED
static void raise_freed(struct pt_record *record) {
    pt_label_raise(pt_interpreter_of(record), atomic_load(&record->label));
}
#else
/* Another thread may be about to free the label: whoever takes it out has it, and puts it back for
 * the next call, unless the slot has got another one. */
static void raise_freed(struct pt_record *record) {
    struct pt_label *label = atomic_exchange(&record->label, NULL), *none = NULL;
    pt_label_raise(pt_interpreter_of(record), label);
    if (label && !atomic_compare_exchange_strong(&record->label, &none, label))
        pt_label_free(label);
}
#endif

/* A PyObject * that is NULL needs an exception, at every call, or who gets it crashes. */
static void raise_late(struct pt_record *record, uint32_t word) {
    if (PyErr_Occurred()) return;
    if (pt_is(word, PT_DEAD))
        raise_freed(record);
    else
        PyErr_SetString(PyExc_RuntimeError, "this callback failed before: it is not called again");
}

int pt_refuse_object(struct pt_frame *frame, struct pt_record *record) {
    if (record->kind != &pt_python_object_kind || !pt_runs_elsewhere(pt_interpreter_of(record)))
        return 0;
    pt_closure_return_error(record, frame);
    PyErr_SetString(PyExc_RuntimeError,
                    "this callback returns objects of another interpreter, where it was made");
    return 1;
}

void pt_call_dead(struct pt_frame *frame, struct pt_record *record, uint32_t word) {
    int is_object = record->kind == &pt_python_object_kind;
    if (pt_refuse_object(frame, record)) return;
    pt_closure_return_error(record, frame);
    if (!pt_is(word, PT_DEAD) && !is_object) return;
    struct pt_visit visit = pt_attach(pt_interpreter_of(record));
    if (visit.entry == PT_REFUSED) return;
    if (is_object && visit.entry == PT_WAS_ATTACHED)
        raise_late(record, word);
    else if (pt_is(word, PT_DEAD) && pt_state_word(record) == word &&
             pt_closure_first_late_call(record))
        report_late(record);
    pt_leave(&visit);
}

static void return_error(const pt_closure_object *closure, struct pt_frame *frame) {
    const struct pt_extras *extras = closure->extras;
    pt_closure_return(closure->signature->c, extras ? extras->error : NULL, frame);
}

/* Its error value is taken from the closure: the slot is not a tombstone yet. */
void pt_call_doomed(pt_closure_object *closure, struct pt_frame *frame, struct pt_record *record) {
    const struct pt_interpreter *interpreter = closure->signature->interpreter;
    struct pt_label *label = pt_label_new(closure, "garbage-collected");
    return_error(closure, frame);
    if (record->kind != &pt_python_object_kind) {
        if (pt_closure_first_late_call(record)) report(interpreter, label);
    } else if (!PyErr_Occurred()) {
        pt_label_raise(interpreter, label);
    }
    pt_label_free(label);
}

/* ---- Exceptions ---- */

/* The exception that is set, normalised, with its traceback; a new reference. */
static PyObject *take_exception(void) {
    if (!PyErr_Occurred()) PyErr_NoMemory(); /* 3.11 sets nothing when it has none for a frame */
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback) PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

static void put_exception(PyObject *exception) {
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), exception,
                  PyException_GetTraceback(exception));
#endif
}

/* Puts context at the end of exception's chain of contexts, as an except clause does with what it
 * handles; takes over context. */
static void append_context(PyObject *exception, PyObject *context) {
    PyObject *last = Py_NewRef(exception), *next;
    while (last != context && (next = PyException_GetContext(last))) {
        Py_DECREF(last);
        last = next;
    }
    if (last != context)
        PyException_SetContext(last, context);
    else /* it is in the chain already: a circle would follow */
        Py_DECREF(context);
    Py_DECREF(last);
}

static const char elsewhere[] = "this callback failed: its exception went to propagate or onerror";

static int is_elsewhere(PyObject *exception) {
    PyObject *args = ((PyBaseExceptionObject *)exception)->args;
    return Py_IS_TYPE(exception, (PyTypeObject *)PyExc_RuntimeError) && args &&
           PyTuple_GET_SIZE(args) == 1 && PyUnicode_Check(PyTuple_GET_ITEM(args, 0)) &&
           !PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(args, 0), elsewhere);
}

void pt_drop_exception(PyObject *object) {
    PyObject *exception = take_exception();
    if (is_elsewhere(exception)) {
        Py_DECREF(exception);
        return;
    }
    put_exception(exception);
    PyErr_WriteUnraisable(object);
}

#if PY_VERSION_HEX >= 0x030E0000
#  define PT_WHILE "while "
#else
#  define PT_WHILE "on "
#endif

/* Of the exception that is set, in the words of who would otherwise have made the callback. */
static void write_unraisable(pt_closure_object *closure, int failure) {
    static const char *const contexts[][2] = {
        [PT_MANNER_CTYPES] = {PT_WHILE "calling ctypes callback function",
                              PT_WHILE "converting result of ctypes callback function"},
        [PT_MANNER_CFFI] = {"from cffi callback",
                            "trying to convert the result back to C from cffi callback"},
    };
    const char *context = contexts[closure->manner][failure == PT_BAD_RESULT];
    PyObject *callable = context ? pt_closure_object_callable(closure) : NULL;
    if (!callable)
        PyErr_WriteUnraisable((PyObject *)closure);
    else
#if PY_VERSION_HEX >= 0x030D0000
        PyErr_FormatUnraisable("Exception ignored %s %R", context, callable);
#else
        _PyErr_WriteUnraisableMsg(context, callable);
#endif
    Py_XDECREF(callable);
}

/* Whose result the exception that is set is about; which is a format with the callback's name. In
 * another library's manner the report says it. */
static void blame_result(pt_closure_object *closure, const char *which) {
    if (closure->manner != PT_MANNER_OWN ||
        !(PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_OverflowError)))
        return;
    PyObject *exception = take_exception();
    PyObject *name = pt_closure_name(closure);
    PyErr_Clear(); /* what was wrong first counts */
    put_exception(exception);
    if (name) pt_blame(which, name);
    Py_XDECREF(name);
}

/* onerror was to handle `first`, and the exception that is set came of that. Hooks do not show the
 * context of what they get, so each is reported by itself. Takes over first. */
static void report_both(pt_closure_object *closure, PyObject *first, int failure) {
    PyObject *second = take_exception();
    if (first != second) {
        append_context(second, Py_NewRef(first));
        put_exception(Py_NewRef(first));
        write_unraisable(closure, failure);
    }
    Py_DECREF(first);
    put_exception(second);
    write_unraisable(closure, PT_RAISED);
}

/* 1 when onerror gave the result. */
static int ask_onerror(pt_closure_object *closure, struct pt_frame *frame, int failure) {
    PyObject *exception = take_exception();
    PyObject *onerror = Py_NewRef(closure->extras->onerror);
    PyObject *result = PyObject_CallOneArg(onerror, exception);
    Py_DECREF(onerror);
    int has_result = result && result != Py_None;
    int is_bad = has_result && pt_store_result(closure, result, frame);
    if (is_bad) blame_result(closure, "result of onerror of %R: ");
    Py_XDECREF(result);
    if (!result || is_bad) {
        report_both(closure, exception, failure);
        return 0;
    }
    Py_DECREF(exception);
    return has_result;
}

/* The exception that is set: 0 when there is no sink for it. */
static int feed_sink(pt_closure_object *closure) {
    if (!closure->extras) return 0;
    PyObject *exception = take_exception();
    int is_fed = pt_closure_object_feed(closure, exception);
    if (is_fed)
        Py_DECREF(exception);
    else
        put_exception(exception);
    return is_fed;
}

void pt_call_silent(const pt_closure_object *closure, struct pt_frame *frame) {
    if (closure->signature->returns.way == PT_WAY_OBJECT && !PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, elsewhere);
    return_error(closure, frame);
}

void pt_handle_exception(pt_closure_object *closure, struct pt_frame *frame, int failure) {
    const struct pt_extras *extras = closure->extras;
    int is_object = closure->signature->returns.way == PT_WAY_OBJECT;
    if (failure == PT_BAD_RESULT) blame_result(closure, "result of %R: ");
    if (feed_sink(closure)) {
        /* propagate has it */
    } else if (is_object && (!extras || !extras->onerror)) {
        put_exception(take_exception()); /* for the caller: NULL with an exception set */
    } else if (!extras || !extras->onerror) {
        write_unraisable(closure, failure);
    } else if (ask_onerror(closure, frame, failure)) {
        return;
    }
    pt_call_silent(closure, frame);
}
