/* Threads: is this one running Python in the closure's interpreter, and if not, make it.
 *
 * One attachment per (thread, interpreter) is kept between calls, whether Python made the thread or
 * not. A thread state that pytramp made goes when its thread ends, or when its interpreter does. */
#ifndef PT_TSTATE_H
#define PT_TSTATE_H

#include <limits.h>

#include "errors.h"
#include "interpreter.h"

struct pt_attachment {
    _Alignas(PT_OWN_LINES) struct pt_interpreter *interpreter;
    PyThreadState *_Atomic tstate; /* PT_NO_TSTATE once Python cleared it */
    /* interpreter, as long as pt_enter_known may take tstate: not once it was cleared, nor when it
     * is shy. */
    const struct pt_interpreter *_Atomic usual;
    /* What tstate was, where another thread deleted it (pt_tstate_forget_deleted); else NULL. */
    const PyThreadState *_Atomic deleted_elsewhere;
    /* Calls that came in through tstate and are inside, times two; odd while one is on its way in.
     * Written by its thread only. The interpreter's end reads it, after it has set closing: one of
     * the two sees the other, for both write first and then look (seq_cst). */
    _Atomic unsigned calls;
    unsigned owned : 1;         /* pytramp made tstate, and ends it with the thread */
    unsigned shy : 1;           /* between calls it leaves no trace in the thread (pystate.h) */
    _Atomic int references;     /* the thread, and the capsule in the thread state's dict */
    struct pt_attachment *next; /* of this thread */
    const struct pt_thread *_Atomic thread;
    struct pt_attachment *next_there,
        **link_there; /* of the interpreter; under the registry's lock */
};

/* Or'ed into pt_thread.inside, until it is 0 again: some call's errors may have a PT_SET_. Each
 * call that ends counts down and sees it, by one instruction. */
#define PT_SOMETHING_SET INT_MIN

#define PT_ENTERING 1u
#define PT_INSIDE   2u

/* Never a thread state, and unlike NULL never equal to the current one. */
#define PT_NO_TSTATE ((PyThreadState *)sizeof(void *))

struct pt_thread {
    struct pt_attachment *first; /* pt_no_attachment at the end of the list: never NULL */
    struct pt_errors errors;     /* of the innermost call into Python */
    int inside; /* such calls that have not ended, a count, for they end in any order */
#ifdef Py_GIL_DISABLED
    struct pt_hazards *hazards; /* hold.h; NULL until the first call */
#endif
    uintptr_t stack_soft; /* below: RecursionError; all ones until it was measured */
    uintptr_t stack_hard; /* below: only the error value */
    uintptr_t stack_low;  /* the end: below lies another stack */
};

/* Plain memory without constructor or destructor: pt_threads_at_end ends it. */
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

/* Is `current` the state of this thread, and in that interpreter? Before 3.12 the current thread
 * state is a global: it must be compared with what this thread is known to own, and it may not be
 * looked into, for it may be another thread's that is ending. 0 may also mean "not known yet". */
static inline int pt_is_attached(PyThreadState *current, const struct pt_thread *thread,
                                 const struct pt_interpreter *interpreter) {
#if PY_VERSION_HEX >= 0x030C0000
    (void)thread;
    return current && current->interp == interpreter->state;
#else
    const struct pt_attachment *known = thread->first;
    return current == atomic_load_explicit(&known->tstate, memory_order_relaxed) &&
           PT_LIKELY(known->interpreter == interpreter);
#endif
}

/* Does this thread run Python already, through a state that is not `known`? */
static inline int pt_is_elsewhere(const PyThreadState *known, const PyThreadState *current,
                                  const struct pt_interpreter *interpreter) {
#if PY_VERSION_HEX >= 0x030C0000
    (void)known, (void)interpreter;
    return current != NULL;
#else
    /* The list of interpreters ends with the main one: there is no other. */
    return current && (current == known || PyInterpreterState_Head() != interpreter->state);
#endif
}

/* Does PyGILState name it in this thread? From 3.12 on it follows whichever state is attached, so
 * another one means that code of another interpreter may have called C. */
static inline int pt_has_trace(const PyThreadState *tstate) {
#if PY_VERSION_HEX >= 0x030C0000
    return tstate->_status.bound_gilstate;
#else
    (void)tstate;
    return 1;
#endif
}

/* Only its own thread writes: no read-modify-write. release: who sees that the call has ended sees
 * the thread state at rest. */
static inline void pt_discount_calls(struct pt_attachment *known, unsigned by) {
    unsigned calls = atomic_load_explicit(&known->calls, memory_order_relaxed);
    atomic_store_explicit(&known->calls, calls - by, memory_order_release);
}

/* The usual way in for a thread that has been here before, with its first attachment: 1 with the
 * GIL taken, until pt_leave_known, or 0 when pt_attach has to look closer. */
static inline int pt_enter_known(struct pt_attachment *known, const PyThreadState *current,
                                 const struct pt_interpreter *interpreter) {
    if (PT_UNLIKELY(atomic_load_explicit(&known->usual, memory_order_relaxed) != interpreter))
        return 0;
    unsigned calls = atomic_load_explicit(&known->calls, memory_order_relaxed);
    atomic_store(&known->calls, calls + PT_INSIDE + PT_ENTERING);
    PyThreadState *tstate = atomic_load_explicit(&known->tstate, memory_order_relaxed);
    if (PT_LIKELY(!atomic_load(&interpreter->closing)) &&
        PT_LIKELY(!pt_is_elsewhere(tstate, current, interpreter)) &&
        PT_LIKELY(pt_has_trace(tstate))) {
        PyEval_RestoreThread(tstate);
        pt_discount_calls(known, PT_ENTERING);
        return 1;
    }
    pt_discount_calls(known, PT_INSIDE + PT_ENTERING);
    return 0;
}

static inline void pt_leave_known(struct pt_attachment *known) {
    PyEval_SaveThread();
    pt_discount_calls(known, PT_INSIDE);
}

enum pt_entry { PT_REFUSED, PT_WAS_ATTACHED, PT_ATTACHED };

/* A call that came in another way. */
struct pt_visit {
    enum pt_entry entry;
    struct pt_attachment *attachment; /* of PT_ATTACHED; NULL when it could not be remembered */
    PyThreadState *sweeper;           /* of a shy one */
    PyThreadState *outer;             /* this thread ran Python in another interpreter */
    int outer_waits;                  /* ... and had called C without that one's GIL */
    struct pt_interpreter *late;      /* whose guard it has (tstate.c), or NULL */
};

/* Makes this thread, which pt_is_attached does not know to be attached, run Python in that
 * interpreter; pt_leave ends it. PT_REFUSED when the interpreter is ending or gone, or for want of
 * memory: nothing of Python may be touched then. */
PT_HIDDEN struct pt_visit pt_attach(struct pt_interpreter *interpreter);
PT_HIDDEN void pt_leave(const struct pt_visit *visit);

/* Is this thread in a call that came in through an attachment, or that a hazard slot names? */
PT_HIDDEN int pt_thread_is_inside(void);

/* Does this thread run Python in another interpreter than that one? */
PT_HIDDEN int pt_runs_elsewhere(const struct pt_interpreter *interpreter);

/* Before the first attachment, under the registry's lock: 0, or an errno. What the process has
 * already stays; what failed is tried again. */
PT_HIDDEN int pt_threads_init(void);

/* ---- For the interpreter's end; closing is set ---- */

/* Waits, without the GIL, until no thread is on its way in. In a subinterpreter until all calls
 * from threads without Python are over; in the main one they have a moment (PT_GRACE_MS). */
PT_HIDDEN void pt_attachments_drain(struct pt_interpreter *interpreter);

/* Deletes the thread states that pytramp made there. */
PT_HIDDEN void pt_attachments_drop(struct pt_interpreter *interpreter);

/* In the child of a fork, under the registry's lock: the other threads' are gone. */
PT_HIDDEN void pt_attachments_after_fork(struct pt_interpreter *interpreter);

#endif
