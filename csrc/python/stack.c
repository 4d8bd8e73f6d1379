/* A thread's stack: where it ends, and what becomes of a call when it is nearly used up. */
#include "stack.h"

#include "../closure.h"
#include "../pages.h"
#include "call.h"
#include "failure.h"
#include "hold.h"
#include "pystate.h"
#include "tstate.h"

/* ---- How much there is ---- */

/* How much is kept for errors, unless the stack is small, and how much of that can do no more than
 * return the error value. From 3.14 on CPython watches the stack itself: it calls nothing in the
 * last two margins, not even a hook, and a call in the last one is fatal
 * (_PyOS_STACK_MARGIN_BYTES). It keeps to the end that it found first, though setrlimit moves it.
 */
#if PY_VERSION_HEX < 0x030e0000
#  define MOST_KEPT           65536
#  define KEPT_OF_SMALL(size) ((size) / 2)
#  define LEAST_SILENT        0
#  define MAY_BE_RAISED       1
#else
#  ifdef Py_DEBUG
#    define MARGIN 32768
#  else
#    define MARGIN 16384
#  endif
#  define MOST_KEPT           (4 * MARGIN)
#  define KEPT_OF_SMALL(size) ((size) / 4 * 3)
#  define LEAST_SILENT        (2 * MARGIN + 4096)
#  define MAY_BE_RAISED       0
#endif

/* 0 for all where that is not known. The main thread's costs a look into /proc, and is another one
 * after setrlimit. */
static void measure(struct pt_thread *thread) {
    uintptr_t low;
    size_t size;
    thread->stack_soft = 0;
    if (!pt_pages_stack(&low, &size)) return;
    size_t kept = KEPT_OF_SMALL(size) < MOST_KEPT ? KEPT_OF_SMALL(size) : MOST_KEPT;
    size_t silent = kept / 2 > LEAST_SILENT ? kept / 2 : LEAST_SILENT;
    thread->stack_low = low;
    thread->stack_hard = low + silent;
    thread->stack_soft = low + (kept > silent ? kept : silent);
}

/* ---- Calls that find too little ---- */

static atomic_int untold_refusals;

static int tell_of_refusals(void *unused) {
    (void)unused;
    if (!atomic_exchange(&untold_refusals, 0)) return 0;
    PyErr_SetString(PyExc_RecursionError,
                    "a callback was not called: its thread's stack was used up");
    PyErr_WriteUnraisable(NULL);
    return 0;
}

/* Seen to need 1 KB on x86-64 and less than 3 on s390x, once the dynamic linker has bound what
 * Py_AddPendingCall calls. */
#define LEAST_TO_TELL_LATER 3072

/* The binding alone takes more than 3 KB, so it happens here; without a thread state, as a refused
 * call may have none: 3.10 and 3.11 then call one function more. */
void pt_stack_init(void) {
    PyThreadState *own = PyEval_SaveThread();
    Py_AddPendingCall(tell_of_refusals, NULL);
    PyEval_RestoreThread(own);
}

/* No room to tell of it here: the main thread does, when it comes to it. */
static void tell_later(void) {
    if (!atomic_exchange(&untold_refusals, 1) && Py_AddPendingCall(tell_of_refusals, NULL))
        atomic_store(&untold_refusals, 0);
}

static void tell_closure(pt_closure_object *closure, struct pt_frame *frame) {
    struct pt_kept kept = pt_keep(closure);
    PyErr_SetString(PyExc_RecursionError, "the thread's stack is nearly used up");
    pt_handle_exception(closure, frame, PT_RAISED);
    pt_drop_kept(&kept);
}

/* Without any report. Only a caller that runs Python code must find an exception with its NULL. */
static void refuse_silently(struct pt_frame *frame, struct pt_record *record) {
    if (record->kind != &pt_python_object_kind || pt_refuse_object(frame, record)) return;
    if (pt_is_alive(pt_interpreter_of(record)) && pt_tstate_here() && !PyErr_Occurred())
        PyErr_SetString(PyExc_RecursionError, "the thread's stack is nearly used up");
}

/* With one: there is room to handle an exception. */
static void refuse_aloud(struct pt_frame *frame, struct pt_record *record, uint32_t word) {
    if (pt_refuse_object(frame, record)) return;
    struct pt_visit visit = pt_attach(pt_interpreter_of(record));
    if (visit.entry == PT_REFUSED) return;
    struct pt_held held = {.closure = NULL};
    if (pt_state_word(record) == word && !PyErr_Occurred()) held = pt_hold(record, word);
    if (held.closure) {
        if (!(pt_special(held.closure) & PT_DOOMED)) tell_closure(held.closure, frame);
        pt_let_go(held, record, word);
        /* Of a PyObject * that is NULL; none was set before, and nobody else would see it. */
        if (visit.entry == PT_ATTACHED && PyErr_Occurred()) pt_drop_exception(NULL);
    }
    pt_leave(&visit);
}

/* A late call is reported when C makes the next one. */
static void refuse(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                   const struct pt_thread *thread) {
    uintptr_t here = (uintptr_t)frame;
    pt_closure_return_error(record, frame);
    if (pt_is_live(word) && here >= thread->stack_hard) {
        refuse_aloud(frame, record, word);
        return;
    }
    if (pt_is_live(word) && here - thread->stack_low >= LEAST_TO_TELL_LATER &&
        pt_is_alive(pt_interpreter_of(record)))
        tell_later();
    refuse_silently(frame, record);
}

/* Not of a stack that is another one: a signal handler's, a coroutine's. */
static int is_nearly_used_up(const struct pt_thread *thread, uintptr_t here) {
    return here >= thread->stack_low && here < thread->stack_soft;
}

int pt_refuse_for_stack(struct pt_frame *frame, struct pt_record *record, uint32_t word,
                        struct pt_thread *thread) {
    uintptr_t here = (uintptr_t)frame;
    if (thread->stack_soft == UINTPTR_MAX) measure(thread);
    if (!is_nearly_used_up(thread, here)) return 0;
    /* Once more before it counts: not for each call on a stack that lies lower. */
    if (MAY_BE_RAISED) measure(thread);
    if (!is_nearly_used_up(thread, here)) return 0;
    refuse(frame, record, word, thread);
    return 1;
}
