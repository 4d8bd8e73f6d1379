/* Interpreters: which of them have imported the module, and how each of them ends.
 *
 *     alive, open -> alive, closing -> not alive
 *
 * Closing begins when the interpreter's atexit functions have run. From then on a thread that does
 * not already run Python there is refused, unless it is the one that ends the interpreter; and
 * those on their way in were waited for, so that none waits for the GIL of an interpreter that is
 * being taken apart. A subinterpreter cannot end while thread states are left in it
 * (Py_EndInterpreter is fatal then): calls inside are waited for, and the states that pytramp made
 * are dropped. */
#ifndef PT_INTERPRETER_H
#define PT_INTERPRETER_H

#include <stdatomic.h>

#include "../config.h"
#include "objects.h"

#if PY_VERSION_HEX >= 0x030C0000 && PY_VERSION_HEX < 0x030D0000
#  define PT_BORROWERS
#endif

struct pt_attachment;
struct pt_label;

/* One per interpreter that imported the module; never freed, since records point at it for ever. */
struct pt_interpreter {
    struct pt_types types;
    struct pt_names names;
    PyInterpreterState *state;
    int is_main;
    int wants_leaks; /* its end reports the closures that are still alive */
    _Atomic int alive;
    _Atomic int closing;
    const void *_Atomic closer;        /* the struct pt_thread of the thread that ends it */
    _Atomic int arriving;              /* threads in pt_attach */
    struct pt_attachment *attachments; /* of all threads; under pt_registry_lock */
    struct pt_interpreter *_Atomic next;
    struct pt_label *_Atomic dropped; /* labels to let go of, under this interpreter's GIL */
#ifdef Py_GIL_DISABLED
    pt_closure_object *parked; /* closed while somebody is in them (hold.h); the same */
#endif
#ifdef PT_BORROWERS       /* pystate.h */
    PyThreadState model;  /* what a new thread state is */
    PyThreadState *decoy; /* under this interpreter's GIL */
#endif
#if PY_VERSION_HEX >= 0x030F0000
    PyInterpreterView *view;   /* PEP 788 */
    const void *_Atomic late;  /* the struct pt_thread that may come in after closing */
    PyInterpreterGuard *guard; /* its own */
#endif
};

static inline int pt_is_closing(const struct pt_interpreter *interpreter) {
    return atomic_load_explicit(&interpreter->closing, memory_order_relaxed);
}

/* May this thread, which runs Python there already, go on doing so? */
PT_HIDDEN int pt_is_alive(const struct pt_interpreter *interpreter);

/* The entry of the calling interpreter, NULL when it has none. */
PT_HIDDEN struct pt_interpreter *pt_interpreter_here(void);

/* Makes that entry, if there is none: 0, or -1 with an exception. */
PT_HIDDEN int pt_interpreter_init(void);

/* Around changes of the list of entries, and the lists of attachments, and the process' first
 * steps: short, and nothing of Python is called under it that could wait. A fork waits for it. */
PT_HIDDEN void pt_registry_lock(void);
PT_HIDDEN void pt_registry_unlock(void);

/* Once per process: 0, or an errno. */
PT_HIDDEN int pt_registry_watch_forks(void);

#endif
