/* Free slots as 32-bit indexes: a lock-free stack, and a ring in which a freed index waits.
 *
 * Nothing here knows what an index stands for; the links of the stack live with their owner, who
 * hands in a function that finds them. Shared preconditions: an index is in at most one list at a
 * time, and the memory of its link is never unmapped. */
#ifndef PT_FREELIST_H
#define PT_FREELIST_H

#include <stdatomic.h>
#include <stdint.h>

#include "config.h"

#define PT_QUARANTINE 1024u /* frees that an index waits before it can be handed out again */
#define PT_NO_INDEX   0u    /* indexes count from 1, so that zeroed memory is an empty list */

/* Members of 8 bytes are aligned to 4 on i386, to gcc before 11 also atomic ones; an atomic access
 * that crosses cache lines stops all other CPUs. */
#define PT_WIDE 8

typedef _Atomic uint32_t *(*pt_link_of)(uint32_t index);

/* The head is an index in the low half and a tag in the high half. The tag grows with every
 * successful change, so a compare-and-swap that slept through a pop and a push of the same index
 * fails (ABA), unless exactly 2^32 changes came between. */
struct pt_stack {
    _Alignas(PT_WIDE) _Atomic uint64_t head;
};

/* A cell holds the free that filled it in the high half and its index in the low half. */
struct pt_ring {
    _Atomic uint32_t frees;
    _Alignas(PT_WIDE) _Atomic uint64_t waiting[PT_QUARANTINE];
};

PT_HIDDEN void pt_stack_push(struct pt_stack *stack, uint32_t index, pt_link_of link_of);
PT_HIDDEN uint32_t pt_stack_pop(struct pt_stack *stack, pt_link_of link_of); /* or PT_NO_INDEX */

/* Puts index into the ring and returns the one that has waited PT_QUARANTINE frees, or
 * PT_NO_INDEX. */
PT_HIDDEN uint32_t pt_ring_exchange(struct pt_ring *ring, uint32_t index);

#endif
