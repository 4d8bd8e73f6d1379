/* Closures that own their userdata: it is destroyed after the last call. */
#ifndef PT_OWNED_H
#define PT_OWNED_H

#include "pool.h"

struct pt_owned;

/* NULL without memory. */
PT_HIDDEN struct pt_owned *pt_owned_new(const pytramp_closure_options *options);

/* Its slot, before anybody can call it. */
PT_HIDDEN void pt_owned_bind(struct pt_owned *owned, struct pt_record *record);

/* The handler of its closure, whose userdata it is. */
PT_HIDDEN void pt_owned_call(const pytramp_signature *signature, void *result, void *const *args,
                             void *owned);

PT_HIDDEN void *pt_owned_userdata(const struct pt_owned *owned);

/* A call, or the closure itself, has ended: the last to do so destroys userdata and puts the slot
 * into quarantine. */
PT_HIDDEN void pt_owned_release(struct pt_owned *owned);

#endif
