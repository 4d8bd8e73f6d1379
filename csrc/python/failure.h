/* Calls that do not reach their callable, and those that it fails: what C gets, and who is told. */
#ifndef PT_FAILURE_H
#define PT_FAILURE_H

#include "../marshal.h"
#include "../pool.h"
#include "interpreter.h"

static inline struct pt_interpreter *pt_interpreter_of(const struct pt_record *record) {
    return record->owner;
}

/* The closure is gone or silenced; word is the state in which it was found. Gives C the error
 * value, and reports the first late call. */
PT_COLD PT_HIDDEN void pt_call_dead(struct pt_frame *frame, struct pt_record *record,
                                    uint32_t word);

/* The same for a closure that the collector is about to close. */
PT_COLD PT_HIDDEN void pt_call_doomed(pt_closure_object *closure, struct pt_frame *frame,
                                      struct pt_record *record);

/* Has this thread's block of pytramp.propagate its exception already? */
PT_HIDDEN int pt_is_silent_here(pt_closure_object *closure);

/* A call whose exception, its own or an earlier one, went elsewhere: the error value; to a caller
 * that gets an object NULL needs an exception. */
PT_COLD PT_HIDDEN void pt_call_silent(const pt_closure_object *closure, struct pt_frame *frame);

/* A Python object cannot leave its interpreter: 1, with an exception for the caller, when this call
 * would have it do so. */
PT_HIDDEN int pt_refuse_object(struct pt_frame *frame, struct pt_record *record);

/* How a call failed; 0 if it did not. */
enum pt_failure {
    PT_RAISED = -1,
    PT_BAD_RESULT = -2 /* C has no room for what the callable returned */
};

/* The exception that is set goes to where the closure's do; C gets what onerror says, or the error
 * value. */
PT_COLD PT_HIDDEN void pt_handle_exception(pt_closure_object *closure, struct pt_frame *frame,
                                           int failure);

/* Reports the exception that is set, with object, unless it was there only to tell the caller of a
 * PyObject * that NULL is no value: then somebody has the callable's own. */
PT_COLD PT_HIDDEN void pt_drop_exception(PyObject *object);

#endif
