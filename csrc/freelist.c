#include "freelist.h"

static uint64_t next_head(uint64_t head, uint32_t index) {
    uint64_t tag = (head >> 32) + 1;
    return tag << 32 | index;
}

void pt_stack_push(struct pt_stack *stack, uint32_t index, pt_link_of link_of) {
    _Atomic uint32_t *link = link_of(index);
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_relaxed);
    do {
        atomic_store_explicit(link, (uint32_t)head, memory_order_relaxed);
        /* release: who pops index sees this link, and all that its freer did before. */
    } while (!atomic_compare_exchange_weak_explicit(&stack->head, &head, next_head(head, index),
                                                    memory_order_release, memory_order_relaxed));
}

uint32_t pt_stack_pop(struct pt_stack *stack, pt_link_of link_of) {
    /* acquire pairs with the release of push. Another thread may pop index first and change its
     * link while it is read here: a stale value, never a fault, and the tag makes the swap fail. */
    uint64_t head = atomic_load_explicit(&stack->head, memory_order_acquire);
    while ((uint32_t)head != PT_NO_INDEX) {
        uint32_t below = atomic_load_explicit(link_of((uint32_t)head), memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&stack->head, &head, next_head(head, below),
                                                  memory_order_acquire, memory_order_acquire))
            return (uint32_t)head;
    }
    return PT_NO_INDEX;
}

/* A thread that slept between taking its turn and filling its cell may find a later free there. It
 * must not push that one out before its time, so it takes a new turn. (The lost turn counts as a
 * free for the others: that needs a thread to sleep through PT_QUARANTINE frees between two
 * instructions.) */
static int is_later(uint64_t cell, uint32_t turn) {
    return (uint32_t)cell != PT_NO_INDEX && (int32_t)((uint32_t)(cell >> 32) - turn) > 0;
}

uint32_t pt_ring_exchange(struct pt_ring *ring, uint32_t index) {
    for (;;) {
        uint32_t turn = atomic_fetch_add_explicit(&ring->frees, 1, memory_order_relaxed);
        _Atomic uint64_t *cell = &ring->waiting[turn % PT_QUARANTINE];
        uint64_t old = atomic_load_explicit(cell, memory_order_relaxed);
        uint64_t mine = (uint64_t)turn << 32 | index;
        /* acq_rel: what the freer of old did is seen by whoever gets old from us. */
        if (!is_later(old, turn) &&
            atomic_compare_exchange_strong_explicit(cell, &old, mine, memory_order_acq_rel,
                                                    memory_order_relaxed))
            return (uint32_t)old;
    }
}
