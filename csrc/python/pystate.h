/* Thread states as CPython's versions want them made, used and deleted. */
#ifndef PT_PYSTATE_H
#define PT_PYSTATE_H

#include "tstate.h"

/* Shy thread states.
 *
 * PyGILState keeps a pointer to a thread's state in the thread. From 3.12 on, and before that there
 * are no subinterpreters for us, it follows whichever state is attached, it stays when that is
 * detached, and nobody but the thread itself can take it away. A state that another thread deletes,
 * because its interpreter ends, would leave it dangling for every other library that uses
 * PyGILState. So the states that we make for subinterpreters leave no trace: a second one, the
 * sweeper, is made before the call, attached after it and deleted, and deleting is what clears the
 * pointer. */

/* Borrowers.
 *
 * 3.12 ends a subinterpreter, runs strings in it and gives back its shared data through a thread
 * state that it finds in the interpreter's list, whoever's it is: the first or the last, which
 * differs by function and by 3.12's third number. The last is the one that the interpreter began
 * with. To be the first we make a decoy, which no thread of ours uses, and ours stand behind it.
 * They get there under the GIL, and until then stand in no list. */

/* The current state, if it is this thread's; NULL for none. */
PT_HIDDEN PyThreadState *pt_tstate_here(void);

/* Before the first one in the calling interpreter: 0, or -1 without memory. */
PT_HIDDEN int pt_tstate_prepare(struct pt_interpreter *interpreter);

/* A new state for this thread, not attached; NULL without memory. Needs no GIL. */
PT_HIDDEN PyThreadState *pt_tstate_new(const struct pt_interpreter *interpreter);

/* Attaches a new one, so that Python code may run. 0, or -1 without memory: nothing is left of it.
 */
PT_HIDDEN int pt_tstate_begin(struct pt_interpreter *interpreter, PyThreadState *made);

/* Does it belong to whichever thread borrowed it, and only for now? */
PT_HIDDEN int pt_tstate_is_lent(const struct pt_interpreter *interpreter, PyThreadState *tstate);

/* When ours are gone and the interpreter ends, of the decoy and the state that it began with one
 * must go, too: the one that is not attached. */
PT_HIDDEN void pt_tstate_drop_decoy(struct pt_interpreter *interpreter);

/* The state that Python has for this thread in an interpreter where this thread runs through
 * another one; NULL for none, or when it may be another thread's. */
PT_HIDDEN PyThreadState *pt_tstate_find(const struct pt_interpreter *interpreter);

/* As threading does for the threads that it starts: sys.settrace and sys.setprofile are per thread.
 * An error is the hook's business, and leaves the thread without it. */
PT_HIDDEN void pt_tstate_install_hooks(const struct pt_interpreter *interpreter);

/* Deletes the attached one, and detaches. */
PT_HIDDEN void pt_tstate_delete_current(void);

/* This thread's PyGILState may still hold a state that another thread deleted, when the main
 * interpreter that it was of ended. Python would write into it; in another one it is taken out.
 * Only for those: what a thread deletes itself is gone from there, and the same address may be
 * there as a new state's. */
PT_HIDDEN void pt_tstate_forget_deleted(const struct pt_interpreter *interpreter,
                                        const PyThreadState *deleted);

/* Deletes this thread's state when the thread ends, in a destructor of thread-specific data. */
PT_HIDDEN void pt_tstate_delete_own(PyThreadState *old, struct pt_interpreter *interpreter);

#endif
