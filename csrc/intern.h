/* Sets that only grow, for what is made once and kept for ever: a trie over hashes, in which each
 * node stands at the first empty place on its hash's way and has four below it, for the next two
 * bits.
 *
 * A node is published by compare-and-swap and never moved, unlinked or freed. So there is no ABA,
 * readers need no lock, and a fork in the middle loses at most an unpublished node. */
#ifndef PT_INTERN_H
#define PT_INTERN_H

#include <stdatomic.h>
#include <stdint.h>

#include "config.h"

/* FNV-1a over machine words: enough for sets that only this process fills. */
#define PT_HASH_SEED 2166136261u

static inline uint32_t pt_hash_word(uint32_t hash, uint64_t word) {
    for (int i = 0; i < 8; i++, word >>= 8)
        hash = (hash ^ (uint32_t)(word & 0xff)) * 16777619u;
    return hash;
}

/* A member of what is interned. */
struct pt_node {
    _Atomic(struct pt_node *) below[4];
    uint32_t hash;
};

typedef _Atomic(struct pt_node *) pt_set;

/* Is node, which has the hash, the one that is wanted? */
typedef int pt_is_wanted(const struct pt_node *node, const void *wanted);

/* The node that is wanted, NULL if there is none. */
PT_HIDDEN struct pt_node *pt_interned(pt_set *set, uint32_t hash, pt_is_wanted *is,
                                      const void *wanted);

/* The same; if there is none, node, whatever was in it, which then is that one. */
PT_HIDDEN struct pt_node *pt_intern(pt_set *set, struct pt_node *node, uint32_t hash,
                                    pt_is_wanted *is, const void *wanted);

#endif
