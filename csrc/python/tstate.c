#include "tstate.h"

#include <string.h>

#include "hold.h"
#include "pystate.h"
#include "threads.h"

/* Of all threads: its calls are counted up and down, too, but nobody reads them. */
struct pt_attachment pt_no_attachment = {.tstate = PT_NO_TSTATE};
_Thread_local struct pt_thread pt_thread = {.first = &pt_no_attachment, .stack_soft = UINTPTR_MAX};

/* ---- Attachments ---- */

static void release(struct pt_attachment *attachment) {
    if (atomic_fetch_sub(&attachment->references, 1) == 1) pt_threads_free(attachment);
}

/* Its thread state is no more to be entered: it is about to be deleted. */
static PyThreadState *take_tstate(struct pt_attachment *attachment) {
    const PyThreadState *tstate = atomic_load(&attachment->tstate);
    if (tstate != PT_NO_TSTATE && atomic_load(&attachment->thread) != &pt_thread)
        atomic_store(&attachment->deleted_elsewhere, tstate);
    atomic_store(&attachment->usual, NULL);
    return atomic_exchange(&attachment->tstate, PT_NO_TSTATE);
}

/* Runs when Python clears the thread state, in whichever thread does. */
static void tstate_cleared(PyObject *capsule) {
    struct pt_attachment *attachment = PyCapsule_GetPointer(capsule, NULL);
    take_tstate(attachment);
    release(attachment);
}

/* Ties attachment to the current thread state's dict, so that we hear when it is cleared. */
static int watch(struct pt_attachment *attachment) {
    PyObject *dict = PyThreadState_GetDict();
    PyObject *capsule = dict ? PyCapsule_New(attachment, NULL, tstate_cleared) : NULL;
    if (!capsule) return -1;
    PyObject *key = PyLong_FromVoidPtr(attachment);
    int failed = key ? PyDict_SetItem(dict, key, capsule) : -1;
    Py_XDECREF(key);
    if (failed) PyCapsule_SetDestructor(capsule, NULL);
    Py_DECREF(capsule);
    return failed;
}

static int is_valid(const struct pt_attachment *attachment) {
    return atomic_load(&attachment->tstate) != PT_NO_TSTATE;
}

static void link_there(struct pt_attachment *made) {
    struct pt_interpreter *interpreter = made->interpreter;
    pt_registry_lock();
    made->next_there = interpreter->attachments;
    made->link_there = &interpreter->attachments;
    if (made->next_there) made->next_there->link_there = &made->next_there;
    interpreter->attachments = made;
    pt_registry_unlock();
}

static void unlink_there(struct pt_attachment *at) {
    if (!at->link_there) return;
    *at->link_there = at->next_there;
    if (at->next_there) at->next_there->link_there = at->link_there;
    at->link_there = NULL;
}

/* Its thread needs it no more. */
static void forget(struct pt_attachment *attachment) {
    pt_registry_lock();
    unlink_there(attachment);
    pt_registry_unlock();
    release(attachment);
}

/* Python was finalized and initialized again: no state of its first main interpreter is left.
 * Without a GIL nobody tells of that, where the capsule belongs to a thread that does not come by.
 */
static void end_with_the_main_interpreter(struct pt_attachment *at,
                                          const struct pt_interpreter *interpreter) {
    if (!at->interpreter->is_main || !interpreter->is_main || at->interpreter == interpreter)
        return;
    const PyThreadState *tstate = atomic_exchange(&at->tstate, PT_NO_TSTATE);
    if (tstate != PT_NO_TSTATE) atomic_store(&at->deleted_elsewhere, tstate);
}

/* Moves this thread's attachment to the front, where pt_enter_known looks, and drops cleared ones.
 * NULL when there is none. */
static struct pt_attachment *bring_forward(const struct pt_interpreter *interpreter) {
    struct pt_attachment *found = NULL;
    for (struct pt_attachment **link = &pt_thread.first; *link != &pt_no_attachment;) {
        struct pt_attachment *at = *link;
        end_with_the_main_interpreter(at, interpreter);
        if (is_valid(at) && at->interpreter != interpreter) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        if (is_valid(at)) {
            found = at;
        } else {
            const PyThreadState *deleted = atomic_load(&at->deleted_elsewhere);
            if (deleted) pt_tstate_forget_deleted(interpreter, deleted);
            forget(at);
        }
    }
    if (!found) return NULL;
    found->next = pt_thread.first;
    pt_thread.first = found;
    return found;
}

/* Remembers the current thread state as this thread's for interpreter, in first place. Failing only
 * costs speed for a state that Python made. */
static struct pt_attachment *remember(struct pt_interpreter *interpreter, PyThreadState *tstate,
                                      int owned) {
    if (!owned && pt_tstate_is_lent(interpreter, tstate)) return NULL;
    struct pt_attachment *made = pt_threads_allocate(sizeof *made);
    if (!made) return NULL;
    memset(made, 0, sizeof *made);
    made->interpreter = interpreter;
    atomic_store(&made->thread, &pt_thread);
    made->owned = owned != 0;
    made->shy = owned && !interpreter->is_main;
    atomic_store(&made->usual, made->shy ? NULL : interpreter);
    atomic_store(&made->tstate, tstate);
    atomic_store(&made->references, 2);
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int failed = watch(made);
    PyErr_Restore(type, value, traceback);
    if (failed) {
        pt_threads_free(made);
        return NULL;
    }
    link_there(made);
    made->next = pt_thread.first;
    pt_thread.first = made;
    pt_threads_watch_end();
    return made;
}

static struct pt_attachment *remember_once(struct pt_interpreter *interpreter,
                                           PyThreadState *tstate) {
    struct pt_attachment *known = bring_forward(interpreter);
    return known ? known : remember(interpreter, tstate, 0);
}

/* One of ours that no call is using. */
static int is_idle(const PyThreadState *tstate) {
    struct pt_attachment *at = pt_thread.first;
    while (at != &pt_no_attachment && atomic_load(&at->tstate) != tstate)
        at = at->next;
    return at->owned && atomic_load(&at->calls) < PT_INSIDE;
}

int pt_thread_is_inside(void) {
    unsigned calls = 0;
    for (struct pt_attachment *at = pt_thread.first; at != &pt_no_attachment; at = at->next)
        calls |= atomic_load(&at->calls);
#ifdef Py_GIL_DISABLED
    const struct pt_hazards *hazards = pt_thread.hazards;
    if (hazards && (hazards->used || hazards->deep)) return 1;
#endif
    return calls != 0;
}

static void count_call(struct pt_attachment *attachment, int by) {
    if (attachment) atomic_fetch_add(&attachment->calls, (unsigned)by);
}

/* ---- Attaching ---- */

int pt_runs_elsewhere(const struct pt_interpreter *interpreter) {
    const PyThreadState *current = pt_tstate_here();
    return current && current->interp != interpreter->state;
}

static void attach_known(struct pt_attachment *known, struct pt_visit *visit) {
    if (known->shy) {
        visit->sweeper = pt_tstate_new(known->interpreter);
        if (!visit->sweeper) return;
    }
    count_call(known, PT_INSIDE);
    PyEval_RestoreThread(atomic_load(&known->tstate));
    visit->attachment = known;
    visit->entry = PT_ATTACHED;
}

/* One that Python made for this thread. */
static void attach_pythons(struct pt_interpreter *interpreter, PyThreadState *tstate,
                           struct pt_visit *visit) {
    PyEval_RestoreThread(tstate);
    visit->entry = PT_ATTACHED;
    visit->attachment = remember(interpreter, tstate, 0);
    count_call(visit->attachment, PT_INSIDE);
}

/* The current state becomes ours: 0, or -1 without memory. */
static int keep(struct pt_interpreter *interpreter, PyThreadState *tstate, struct pt_visit *visit) {
    visit->attachment = remember(interpreter, tstate, 1);
    if (!visit->attachment) return -1;
    if (visit->attachment->shy) {
        visit->sweeper = pt_tstate_new(interpreter);
        if (!visit->sweeper) return -1;
    }
    visit->entry = PT_ATTACHED;
    count_call(visit->attachment, PT_INSIDE);
    pt_tstate_install_hooks(interpreter);
    return 0;
}

/* Where Python has others for this thread it may have one there: to look for that takes one, too.
 */
static void attach_new(struct pt_interpreter *interpreter, int has_others, struct pt_visit *visit) {
    if (!interpreter->is_main && atomic_load(&interpreter->closing)) return; /* who deletes it? */
    PyThreadState *made = pt_tstate_new(interpreter);
    if (!made || pt_tstate_begin(interpreter, made)) return;
    PyThreadState *found = has_others ? pt_tstate_find(interpreter) : NULL;
    if (!found && !keep(interpreter, made, visit)) return;
    visit->attachment = NULL;
    pt_tstate_delete_current();
    if (found) attach_pythons(interpreter, found, visit);
}

/* In a thread that runs no Python; known is its attachment, or NULL. */
static void attach(struct pt_interpreter *interpreter, struct pt_attachment *known,
                   struct pt_visit *visit) {
    PyThreadState *last = PyGILState_GetThisThreadState();
    if (known)
        attach_known(known, visit);
    else if (last && last->interp == interpreter->state)
        attach_pythons(interpreter, last, visit);
    else
        attach_new(interpreter, last != NULL, visit);
}

/* ---- The gate ----
 *
 * Who arrives counts itself first and looks at closing then; who closes does the reverse. Who sees
 * at once that it is closed leaves no mark: a crowd that goes on calling would never be without
 * one, and who closes would wait for ever. */

static int may_arrive(const struct pt_interpreter *interpreter) {
    if (!pt_is_alive(interpreter)) return 0;
    return !atomic_load(&interpreter->closing) || atomic_load(&interpreter->closer) == &pt_thread;
}

#if PY_VERSION_HEX >= 0x030F0000

/* PEP 788: while others keep the interpreter from its end, it may be entered after closing, too, by
 * one thread at a time, which then keeps it itself; and for a moment afterwards by none. Python
 * ends when it finds no guard: threads that call all the time would never leave it such a moment.
 */
static int pass_late(struct pt_interpreter *interpreter, struct pt_interpreter **late) {
    const void *before = NULL;
    if (!interpreter->is_main || !atomic_load(&interpreter->alive)) return 0;
    if (!atomic_compare_exchange_strong(&interpreter->late, &before, &pt_thread))
        return before == &pt_thread; /* in a call from such a call */
    interpreter->guard = PyInterpreterGuard_FromView(interpreter->view);
    if (interpreter->guard)
        *late = interpreter;
    else
        atomic_store(&interpreter->late, NULL);
    return *late != NULL;
}

static void passed(struct pt_interpreter *late) {
    if (!late) return;
    PyInterpreterGuard_Close(late->guard);
    pt_threads_sleep_a_millisecond();
    atomic_store(&late->late, NULL);
}

#else

static int pass_late(struct pt_interpreter *interpreter, struct pt_interpreter **late) {
    (void)interpreter, (void)late;
    return 0;
}

static void passed(struct pt_interpreter *late) {
    (void)late;
}

#endif

enum pass { NO_PASS, COUNTED, LATE };

/* May this thread enter? If so, has_entered() once it has, and passed() once it has left. */
static enum pass pass(struct pt_interpreter *interpreter, struct pt_interpreter **late) {
    *late = NULL;
    if (may_arrive(interpreter)) {
        atomic_fetch_add(&interpreter->arriving, 1);
        if (may_arrive(interpreter)) return COUNTED;
        atomic_fetch_sub(&interpreter->arriving, 1);
    }
    return pass_late(interpreter, late) ? LATE : NO_PASS;
}

static void has_entered(struct pt_interpreter *interpreter, enum pass by) {
    if (by == COUNTED) atomic_fetch_sub(&interpreter->arriving, 1);
}

/* The same for pt_enter_known. */
static void leave_no_marks(const struct pt_interpreter *interpreter) {
    struct pt_attachment *known = pt_thread.first;
    if (known->interpreter == interpreter) atomic_store(&known->usual, NULL);
}

/* Code of another interpreter that called C without the GIL. */
static PyThreadState *waiting_elsewhere(const struct pt_interpreter *interpreter) {
    PyThreadState *last = PyGILState_GetThisThreadState();
    if (!last || last->interp == interpreter->state || is_idle(last)) return NULL;
    return last;
}

/* Attaching is what makes PyGILState name it again. */
static void go_back(const struct pt_visit *visit) {
    if (!visit->outer || (visit->outer_waits && pt_has_trace(visit->outer))) return;
    PyEval_RestoreThread(visit->outer);
    if (visit->outer_waits) PyEval_SaveThread();
}

static void enter(struct pt_interpreter *interpreter, struct pt_visit *visit, int is_attached) {
    enum pass by = pass(interpreter, &visit->late);
    if (by == NO_PASS) return;
    if (is_attached) visit->outer = PyEval_SaveThread();
    /* First of all: PyGILState may name a state that was deleted. */
    struct pt_attachment *known = bring_forward(interpreter);
    if (!is_attached) visit->outer = waiting_elsewhere(interpreter);
    visit->outer_waits = !is_attached;
    attach(interpreter, known, visit);
    has_entered(interpreter, by);
    if (visit->entry == PT_ATTACHED) return;
    go_back(visit);
    passed(visit->late);
}

struct pt_visit pt_attach(struct pt_interpreter *interpreter) {
    struct pt_visit visit = {.entry = PT_REFUSED};
    PyThreadState *current = pt_tstate_here();
    if (pt_is_closing(interpreter)) leave_no_marks(interpreter);
    if (current && pt_is_alive(interpreter) && current->interp == interpreter->state) {
        remember_once(interpreter, current);
        visit.entry = PT_WAS_ATTACHED;
    } else {
        enter(interpreter, &visit, current != NULL);
    }
    return visit;
}

void pt_leave(const struct pt_visit *visit) {
    if (visit->entry != PT_ATTACHED) return;
    if (visit->sweeper) {
        PyThreadState_Swap(visit->sweeper);
        pt_tstate_delete_current();
    } else {
        PyEval_SaveThread();
    }
    count_call(visit->attachment, -(int)PT_INSIDE);
    passed(visit->late);
    go_back(visit);
}

/* ---- The thread ends ---- */

static void end_tstate(struct pt_attachment *attachment) {
    struct pt_interpreter *interpreter = attachment->interpreter;
    struct pt_interpreter *late;
    if (!attachment->owned) return;
    enum pass by = pass(interpreter, &late);
    if (by == NO_PASS) return;
    if (is_valid(attachment)) pt_tstate_delete_own(atomic_load(&attachment->tstate), interpreter);
    has_entered(interpreter, by);
    passed(late);
}

/* A state that could not be deleted, because its interpreter is closing, is left to that, and the
 * attachment with it. */
static void forget_or_leave(struct pt_attachment *attachment) {
    pt_registry_lock();
    int left = attachment->owned && is_valid(attachment);
    if (left)
        atomic_store(&attachment->thread, NULL);
    else
        unlink_there(attachment);
    pt_registry_unlock();
    if (!left) release(attachment);
}

static void thread_ends(void) {
    while (pt_thread.first != &pt_no_attachment) {
        struct pt_attachment *at = pt_thread.first;
        pt_thread.first = at->next;
        end_tstate(at);
        forget_or_leave(at);
    }
#ifdef Py_GIL_DISABLED
    pt_hazards_give_back(&pt_thread);
#endif
}

int pt_threads_init(void) {
    static int watches_ends, watches_forks;
    int error = 0;
    if (!watches_ends) {
        error = pt_threads_at_end(thread_ends);
        watches_ends = !error;
    }
    if (watches_ends && !watches_forks) {
        error = pt_registry_watch_forks();
        watches_forks = !error;
    }
    return error;
}

/* ---- The interpreter ends ---- */

/* How long calls that are inside the main interpreter may take when it ends. Python does not wait
 * for them at all: whoever comes back to it later is stopped for ever. */
#define PT_GRACE_MS 50

struct traffic {
    int entering, inside;
};

/* This thread may be inside: what ends the interpreter may be a call. */
static struct traffic traffic_of(struct pt_interpreter *interpreter) {
    struct traffic seen = {atomic_load(&interpreter->arriving), 0};
    pt_registry_lock();
    for (struct pt_attachment *at = interpreter->attachments; at; at = at->next_there) {
        unsigned calls = atomic_load(&at->calls);
        if (atomic_load(&at->thread) == &pt_thread) continue;
        seen.entering |= calls & PT_ENTERING;
        if (at->owned || interpreter->is_main) seen.inside |= calls >= PT_INSIDE;
    }
    pt_registry_unlock();
    return seen;
}

void pt_attachments_drain(struct pt_interpreter *interpreter) {
    PyThreadState *own = PyEval_SaveThread();
    for (int waited = 0;; waited++) {
        struct traffic seen = traffic_of(interpreter);
        int patient = !interpreter->is_main || waited < PT_GRACE_MS;
        if (!seen.entering && !(seen.inside && patient)) break;
        pt_threads_sleep_a_millisecond();
    }
    PyEval_RestoreThread(own);
}

/* The first that has a thread state of ours, which *tstate becomes: it is nobody else's now. The
 * current one stays: its call may have asked for the end (atexit._run_exitfuncs). */
static struct pt_attachment *take_owned(struct pt_interpreter *interpreter,
                                        PyThreadState **tstate) {
    struct pt_attachment *at = interpreter->attachments;
    PyThreadState *current = pt_current_tstate();
    while (at && !(at->owned && is_valid(at) && atomic_load(&at->tstate) != current))
        at = at->next_there;
    if (at) *tstate = take_tstate(at);
    return at;
}

void pt_attachments_drop(struct pt_interpreter *interpreter) {
    for (;;) {
        PyThreadState *tstate;
        pt_registry_lock();
        struct pt_attachment *at = take_owned(interpreter, &tstate);
        int is_left = at && !atomic_load(&at->thread);
        if (is_left) unlink_there(at);
        pt_registry_unlock();
        if (!at) break;
        PyThreadState_Clear(tstate);
        PyThreadState_Delete(tstate);
        if (is_left) release(at);
    }
    pt_tstate_drop_decoy(interpreter);
}

/* What the threads that are gone had is left to the capsules: nothing is freed here, for the fork
 * may have interrupted malloc. */
void pt_attachments_after_fork(struct pt_interpreter *interpreter) {
    struct pt_attachment *next;
    for (struct pt_attachment *at = interpreter->attachments; at; at = next) {
        next = at->next_there;
        if (atomic_load(&at->thread) == &pt_thread) continue;
        unlink_there(at);
        if (atomic_load(&at->references) == 2) atomic_store(&at->references, 1);
    }
}
