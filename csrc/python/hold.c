#include "hold.h"

#ifdef Py_GIL_DISABLED

#  include <string.h>

#  include "threads.h"

/* ---- The slots of all threads ---- */

static struct pt_hazards *_Atomic all; /* append-only */

static struct pt_hazards *take_over(void) {
    for (struct pt_hazards *at = atomic_load(&all); at; at = at->next) {
        int free = 0;
        if (atomic_compare_exchange_strong(&at->taken, &free, 1)) return at;
    }
    return NULL;
}

struct pt_hazards *pt_hazards_make(struct pt_thread *thread) {
    struct pt_hazards *made = take_over();
    if (!made) {
        made = pt_threads_allocate(sizeof *made);
        if (!made) return NULL;
        memset(made, 0, sizeof *made);
        atomic_store(&made->taken, 1);
        made->next = atomic_load(&all);
        while (!atomic_compare_exchange_weak(&all, &made->next, made)) {
        }
    }
    thread->hazards = made;
    pt_threads_watch_end();
    return made;
}

/* Calls that its thread was in when it ended, or was not there any more after a fork, never go on:
 * it was stopped within them, or had left greenlets there. */
static void give_back(struct pt_hazards *hazards) {
    for (int i = 0; i <= PT_HAZARDS; i++)
        atomic_store(&hazards->in[i], NULL);
    hazards->used = hazards->deep = 0;
    atomic_store(&hazards->taken, 0);
}

void pt_hazards_give_back(struct pt_thread *thread) {
    if (thread->hazards) give_back(thread->hazards);
    thread->hazards = NULL;
}

/* In the child of a fork, where only this thread is left. */
void pt_hazards_after_fork(void) {
    for (struct pt_hazards *at = atomic_load(&all); at; at = at->next) {
        if (at != pt_thread.hazards) give_back(at);
    }
}

int pt_is_held(const pt_closure_object *closure) {
    atomic_thread_fence(memory_order_seq_cst); /* after the change of state */
    for (struct pt_hazards *at = atomic_load(&all); at; at = at->next) {
        for (int i = 0; i <= PT_HAZARDS; i++) {
            if (atomic_load(&at->in[i]) == closure) return 1;
        }
    }
    /* A deep call counts itself before it takes its name away. */
    return _Py_atomic_load_int(&closure->deep) != 0;
}

/* ---- Deep recursion ---- */

struct pt_held pt_hold_deep(struct pt_hazards *hazards, const struct pt_record *record,
                            uint32_t word) {
    pt_closure_object *closure = record->userdata;
    atomic_store(&hazards->in[PT_HAZARDS], closure);
    int is_same = atomic_load(&record->state) == word;
    if (is_same) {
        _Py_atomic_add_int(&closure->deep, 1);
        hazards->deep++;
    }
    atomic_store(&hazards->in[PT_HAZARDS], NULL);
    return (struct pt_held){is_same ? closure : NULL, PT_HAZARDS};
}

void pt_let_go_deep(pt_closure_object *closure) {
    pt_thread.hazards->deep--;
    _Py_atomic_add_int(&closure->deep, -1);
}

/* ---- The parking place ----
 *
 * Closures are chained through `parked`, under the registry's lock, under which nobody runs Python.
 * Who leaves a closure and finds it closed looks here after the one who closed it has put it here,
 * or that one sees that the slot is empty. */

/* The first that nobody is in, taken out. */
static pt_closure_object *take_free(struct pt_interpreter *interpreter) {
    pt_closure_object *found = NULL;
    pt_registry_lock();
    for (pt_closure_object **link = &interpreter->parked; *link; link = &(*link)->parked) {
        if (pt_is_held(*link)) continue;
        found = *link;
        *link = found->parked;
        break;
    }
    pt_registry_unlock();
    return found;
}

void pt_unpark(struct pt_interpreter *interpreter) {
    pt_closure_object *closure;
    while ((closure = take_free(interpreter))) {
        pt_closure_drop_callable(closure);
        Py_DECREF(closure);
    }
}

/* In its deallocation it has been looked for (pt_closure_object_revive). Whose name is found now is
 * of somebody who has yet to see that it is closed, and looks at the record only: a reference would
 * outlive the closure. */
void pt_park(pt_closure_object *closure) {
    struct pt_interpreter *interpreter = closure->signature->interpreter;
    if (!Py_REFCNT(closure) || !pt_is_held(closure)) { /* and nobody can enter it any more */
        pt_closure_drop_callable(closure);
        return;
    }
    Py_INCREF(closure);
    pt_registry_lock();
    closure->parked = interpreter->parked;
    interpreter->parked = closure;
    pt_registry_unlock();
    pt_unpark(interpreter);
}

#endif
