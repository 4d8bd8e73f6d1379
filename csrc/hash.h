/* FNV-1a over machine words: enough for intern tables that only this process fills. */
#ifndef PT_HASH_H
#define PT_HASH_H

#include <stdint.h>

#define PT_HASH_SEED 2166136261u

static inline uint32_t pt_hash_word(uint32_t hash, uint64_t word) {
    for (int i = 0; i < 8; i++, word >>= 8)
        hash = (hash ^ (uint32_t)(word & 0xff)) * 16777619u;
    return hash;
}

#endif
