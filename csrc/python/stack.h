/* Neither a recursion limit nor Python's own checks know a small stack: each call compares its
 * frame with the end of its thread's. */
#ifndef PT_STACK_H
#define PT_STACK_H

#include "../pool.h"
#include "tstate.h"

/* At import, with the GIL, which it gives up for a moment. */
PT_HIDDEN void pt_stack_init(void);

/* For a frame below thread->stack_soft: 1 when the call was refused, with the error value for C,
 * whatever state its closure is in. 0 when there is room after all, also on another stack: a
 * coroutine's or a signal handler's. */
PT_COLD PT_HIDDEN int pt_refuse_for_stack(struct pt_frame *frame, struct pt_record *record,
                                          uint32_t word, struct pt_thread *thread);

#endif
