/* Threads and interpreters: is this thread running Python, and if not, make it.
 *
 * One attachment per (thread, interpreter) is kept between calls, whether Python made the thread or
 * not. A thread state that pytramp made goes when its thread ends. */
#ifndef PT_TSTATE_H
#define PT_TSTATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>

#include "../config.h"

struct pt_label;

/* One per interpreter that imported the module; never freed, since records point at it for ever. */
struct pt_interpreter {
    PyInterpreterState *state;
    _Atomic int alive;
    _Atomic int may_end; /* its atexit functions have begun to run: ask Python before each call */
    struct pt_interpreter *next;
    struct pt_label *_Atomic dropped; /* labels to let go of, under this interpreter's GIL */
};

struct pt_attachment {
    struct pt_interpreter *interpreter;
    PyThreadState *_Atomic tstate; /* PT_NO_TSTATE once Python cleared it */
    int owned;                     /* pytramp made tstate, and ends it with the thread */
    _Atomic int references;        /* the thread, and the capsule in the thread state's dict */
    struct pt_attachment *next;
};

/* Never a thread state, and unlike NULL never equal to the current one. */
#define PT_NO_TSTATE ((PyThreadState *)sizeof(void *))

struct pt_thread {
    struct pt_attachment *first; /* pt_no_attachment at the end of the list: never NULL */
    int *saved_errno;            /* of the innermost call into Python, NULL outside of one */
};

/* Plain memory without constructor or destructor: the pthread key in tstate.c ends it. */
PT_HIDDEN extern _Thread_local struct pt_thread pt_thread;
PT_HIDDEN extern struct pt_attachment pt_no_attachment;

/* The main interpreter's finalisation has begun. */
static inline int pt_is_finalizing(void) {
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

static inline PyThreadState *pt_current_tstate(void) {
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

/* What is known of this thread in that interpreter; its tstate is PT_NO_TSTATE when nothing is. */
static inline PyThreadState *pt_known_tstate(const struct pt_thread *thread,
                                             const struct pt_interpreter *interpreter) {
    const struct pt_attachment *known = thread->first;
    if (PT_UNLIKELY(known->interpreter != interpreter)) return PT_NO_TSTATE;
    return atomic_load_explicit(&known->tstate, memory_order_relaxed);
}

/* Is `current` the state of this thread, and in that interpreter? Before 3.12 the current thread
 * state is a global: it must be compared with what this thread is known to own, and it may not be
 * looked into, for it may be another thread's that is ending. 0 may also mean "not known yet". */
static inline int pt_is_attached(PyThreadState *current, const struct pt_thread *thread,
                                 const struct pt_interpreter *interpreter) {
#if PY_VERSION_HEX >= 0x030C0000
    (void)thread;
    return current && current->interp == interpreter->state;
#else
    return current == pt_known_tstate(thread, interpreter);
#endif
}

static inline int pt_may_end(const struct pt_interpreter *interpreter) {
    return atomic_load_explicit(&interpreter->may_end, memory_order_relaxed);
}

enum pt_entry { PT_REFUSED, PT_WAS_ATTACHED, PT_ATTACHED };

/* Makes this thread, which pt_is_attached does not know to be attached, run Python in that
 * interpreter. PyEval_SaveThread undoes PT_ATTACHED. PT_REFUSED when the interpreter is ending or
 * gone, or for want of memory: nothing of Python may be touched then. */
PT_HIDDEN enum pt_entry pt_attach(struct pt_interpreter *interpreter);

/* May PyEval_RestoreThread(known) make this thread run Python in that interpreter? Not when it does
 * already, through a state that we do not know. */
static inline int pt_may_restore(const PyThreadState *known, const PyThreadState *current,
                                 const struct pt_interpreter *interpreter) {
    if (known == PT_NO_TSTATE || pt_may_end(interpreter)) return 0;
#if PY_VERSION_HEX >= 0x030C0000
    return !current;
#else
    /* The list of interpreters ends with the main one: there is no other. */
    return !current || (current != known && PyInterpreterState_Head() == interpreter->state);
#endif
}

/* Makes the entry of the calling interpreter, if there is none: 0, or -1 with an exception. */
PT_HIDDEN int pt_threads_init(void);

/* That entry. */
PT_HIDDEN struct pt_interpreter *pt_interpreter_here(void);

#endif
