#include "intern.h"

#include <stddef.h>

struct pt_node *pt_intern(pt_set *set, struct pt_node *node, uint32_t hash, pt_is_wanted *is,
                          const void *wanted) {
    if (node) *node = (struct pt_node){.hash = hash};
    /* Past its last bit a hash is zeros: those that share all of it follow each other. */
    for (uint32_t bits = hash;; bits <<= 2) {
        /* acquire pairs with the release below: a node is seen whole. */
        struct pt_node *there = atomic_load_explicit(set, memory_order_acquire);
        if (!there) {
            if (!node || atomic_compare_exchange_strong_explicit(
                             set, &there, node, memory_order_release, memory_order_acquire))
                return node;
        }
        if (there->hash == hash && is(there, wanted)) return there;
        set = &there->below[bits >> 30];
    }
}

struct pt_node *pt_interned(pt_set *set, uint32_t hash, pt_is_wanted *is, const void *wanted) {
    return pt_intern(set, NULL, hash, is, wanted);
}
