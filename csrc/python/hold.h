/* What keeps a closure while C is calling it.
 *
 * With a GIL, state LIVE keeps the object while the GIL is held, so an ordinary reference can be
 * taken. Without one, the object may be gone between looking at the record and taking a reference,
 * and a count that all threads share would make them wait for each other. There each thread says in
 * a slot of its own ("hazard pointer") which closures it is in, and whoever closes one looks at the
 * slots of all: what somebody is in is parked, callable and all, until the last one has left. */
#ifndef PT_HOLD_H
#define PT_HOLD_H

#include "../pool.h"
#include "tstate.h"

/* Lets go of a closed closure's callable. */
PT_HIDDEN void pt_closure_drop_callable(pt_closure_object *closure);

static inline unsigned pt_special(const pt_closure_object *closure) {
#ifdef Py_GIL_DISABLED
    return _Py_atomic_load_uint8_relaxed(&closure->special);
#else
    return closure->special;
#endif
}

/* Who changes a bit has the closure locked, or is the collector, for which all others wait. */
static inline void pt_set_special(pt_closure_object *closure, unsigned special) {
#ifdef Py_GIL_DISABLED
    _Py_atomic_store_uint8_relaxed(&closure->special, (uint8_t)special);
#else
    closure->special = (uint8_t)special;
#endif
}

/* What one call holds; closure is NULL when it is gone. Calls of one thread end in any order where
 * it has greenlets, so each knows itself what to let go. */
struct pt_held {
    pt_closure_object *closure;
#ifdef Py_GIL_DISABLED
    unsigned slot; /* PT_HAZARDS: counted in the closure */
#endif
};

#ifndef Py_GIL_DISABLED

/* The closure of a record that was in state `word` just now. */
static inline struct pt_held pt_hold(const struct pt_record *record, uint32_t word) {
    (void)word;
    return (struct pt_held){(pt_closure_object *)Py_NewRef(record->userdata)};
}

static inline void pt_let_go(struct pt_held held, const struct pt_record *record, uint32_t word) {
    (void)record, (void)word;
    Py_DECREF(held.closure);
}

static inline void pt_park(pt_closure_object *closure) {
    pt_closure_drop_callable(closure);
}

struct pt_kept {
    char nothing; /* the closure's reference keeps all */
};

static inline struct pt_kept pt_keep(const pt_closure_object *closure) {
    (void)closure;
    return (struct pt_kept){0};
}

static inline void pt_drop_kept(const struct pt_kept *kept) {
    (void)kept;
}

/* Its closure may be closed while it runs. */
static inline void pt_hold_callable(PyObject *callable) {
    Py_INCREF(callable);
}

static inline void pt_let_go_callable(PyObject *callable) {
    Py_DECREF(callable);
}

#  define PT_LOCK(object)
#  define PT_UNLOCK()

#else

#  define PT_HAZARDS 8

/* Of one thread; never freed, taken over by a later thread. */
struct pt_hazards {
    _Alignas(PT_OWN_LINES)
        pt_closure_object *_Atomic in[PT_HAZARDS + 1]; /* the last one is for a moment only */
    unsigned used;                                     /* a bit per slot */
    unsigned deep;                                     /* calls that found no slot */
    _Atomic int taken;
    struct pt_hazards *next;
};

PT_HIDDEN struct pt_held pt_hold_deep(struct pt_hazards *hazards, const struct pt_record *record,
                                      uint32_t word);
PT_HIDDEN void pt_let_go_deep(pt_closure_object *closure);

/* This thread's, made when it has none; NULL without memory. */
PT_HIDDEN struct pt_hazards *pt_hazards_make(struct pt_thread *thread);

/* The thread ends; the process was forked. */
PT_HIDDEN void pt_hazards_give_back(struct pt_thread *thread);
PT_HIDDEN void pt_hazards_after_fork(void);

/* Is any thread in it? */
PT_HIDDEN int pt_is_held(const pt_closure_object *closure);

/* Lets go of what was parked in this interpreter and is not called any more. */
PT_HIDDEN void pt_unpark(struct pt_interpreter *interpreter);

/* Drops the callable of a closed closure, and keeps both until nobody is in it. */
PT_HIDDEN void pt_park(pt_closure_object *closure);

static inline struct pt_held pt_hold(const struct pt_record *record, uint32_t word) {
    struct pt_held held = {NULL, 0};
    struct pt_hazards *hazards = pt_thread.hazards;
    if (PT_UNLIKELY(!hazards) && !(hazards = pt_hazards_make(&pt_thread))) return held;
    held.slot = (unsigned)__builtin_ctz(~hazards->used); /* the first that is free */
    if (PT_UNLIKELY(held.slot >= PT_HAZARDS)) return pt_hold_deep(hazards, record, word);
    pt_closure_object *closure = record->userdata;
    /* seq_cst, as in pt_park: first say so, then look; who closes first closes, then looks. */
    atomic_store(&hazards->in[held.slot], closure);
    if (PT_UNLIKELY(atomic_load(&record->state) != word)) {
        atomic_store_explicit(&hazards->in[held.slot], NULL, memory_order_release);
        return held;
    }
    hazards->used |= 1u << held.slot;
    held.closure = closure;
    return held;
}

/* The record is type-stable: it may be looked at when the closure may not. */
static inline void pt_let_go(struct pt_held held, const struct pt_record *record, uint32_t word) {
    struct pt_interpreter *interpreter = held.closure->signature->interpreter;
    if (PT_UNLIKELY(held.slot >= PT_HAZARDS)) {
        pt_let_go_deep(held.closure);
    } else {
        struct pt_hazards *hazards = pt_thread.hazards;
        hazards->used &= ~(1u << held.slot);
        atomic_store(&hazards->in[held.slot], NULL);
    }
    if (PT_UNLIKELY(atomic_load(&record->state) != word)) pt_unpark(interpreter);
}

/* Without a reference the collector takes what is called for garbage. A Python function runs at
 * once, before the collector can stop this thread, and its frame has the references; what else is
 * needed gets them here, right after the call has seen that the closure is not doomed: the
 * collector then finds them when it looks what was saved. Sinks belong to a propagate() on some
 * stack. */
struct pt_kept {
    PyObject *callable, *onerror;
    pt_signature_object *signature; /* with all that converts its values */
};

/* Does no collection come between here and the callable's own frame? Modules' functions have none,
 * but nothing either that the collector clears. A reference, which all threads count in one place,
 * would keep these from each other. */
static inline int pt_runs_at_once(PyObject *callable) {
    if (PT_LIKELY(PyFunction_Check(callable))) return 1;
    if (PyMethod_Check(callable)) return PyFunction_Check(PyMethod_GET_FUNCTION(callable));
    if (!PyCFunction_Check(callable)) return 0;
    PyObject *self = PyCFunction_GET_SELF(callable);
    return !self || PyModule_Check(self);
}

static inline struct pt_kept pt_keep(const pt_closure_object *closure) {
    struct pt_kept kept = {0};
    int is_simple = closure->signature->simple;
    if (PT_UNLIKELY(!is_simple))
        kept.signature = (pt_signature_object *)Py_NewRef((PyObject *)closure->signature);
    if (PT_UNLIKELY(!is_simple) || PT_UNLIKELY(!pt_runs_at_once(closure->callable)))
        kept.callable = Py_NewRef(closure->callable);
    if (PT_UNLIKELY(closure->extras != NULL)) kept.onerror = Py_XNewRef(closure->extras->onerror);
    return kept;
}

static inline void pt_drop_kept(const struct pt_kept *kept) {
    Py_XDECREF(kept->callable);
    Py_XDECREF(kept->onerror);
    Py_XDECREF((PyObject *)kept->signature);
}

/* Parked with its closure. */
static inline void pt_hold_callable(PyObject *callable) {
    (void)callable;
}

static inline void pt_let_go_callable(PyObject *callable) {
    (void)callable;
}

#  define PT_LOCK(object) Py_BEGIN_CRITICAL_SECTION(object)
#  define PT_UNLOCK()     Py_END_CRITICAL_SECTION()

#endif
#endif
