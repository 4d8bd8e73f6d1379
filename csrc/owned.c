#include "owned.h"

#include <stdlib.h>

/* Calls that are inside count as much as the closure that has not been freed. Once nobody is left,
 * nobody comes any more. The slot waits for that, too: until it is used again, who read this
 * pointer finds it. */
struct pt_owned {
    void *dropped; /* closure.c's link, when the slot is claimed again */
    _Atomic size_t references;
    pytramp_handler handler;
    void (*destroy)(void *);
    void *userdata;
    struct pt_record *record;
};

struct pt_owned *pt_owned_new(const pytramp_closure_options *options) {
    struct pt_owned *made = malloc(sizeof *made);
    if (!made) return NULL;
    *made = (struct pt_owned){.references = 1,
                              .handler = options->handler,
                              .destroy = options->destroy,
                              .userdata = options->userdata};
    return made;
}

void pt_owned_bind(struct pt_owned *owned, struct pt_record *record) {
    owned->record = record;
}

void *pt_owned_userdata(const struct pt_owned *owned) {
    return owned->userdata;
}

static int enter(struct pt_owned *owned) {
    size_t seen = atomic_load(&owned->references);
    while (seen && !atomic_compare_exchange_weak(&owned->references, &seen, seen + 1)) {
    }
    return seen != 0;
}

void pt_owned_release(struct pt_owned *owned) {
    if (atomic_fetch_sub(&owned->references, 1) != 1) return;
    owned->destroy(owned->userdata);
    pt_pool_recycle(owned->record);
}

/* A call that was already past the stub when the last one ended keeps the error value that result
 * was preset to. */
void pt_owned_call(const pytramp_signature *signature, void *result, void *const *args,
                   void *userdata) {
    struct pt_owned *owned = userdata;
    if (!enter(owned)) return;
    owned->handler(signature, result, args, owned->userdata);
    pt_owned_release(owned);
}
