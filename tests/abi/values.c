/* Random values, and which of their bits count. */
#include "internal.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

volatile long long abi_ones = -1;

static uint64_t random_state;

void seed_random(uint64_t seed) {
    random_state = seed;
}

uint64_t random64(void) { /* splitmix64 */
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void fill_random(void *to, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)(random64() >> 32);
}

/* A normal float: an all-ones or zero exponent would let a load or store change the bits. */
static void fill_leaf(enum kind kind, unsigned char *to, size_t size) {
    uint64_t bits = random64();
    if (kind == BOOLEAN) {
        memset(to, 0, size);
        to[0] = bits & 1;
    } else if (kind == FLOAT16) {
        uint16_t word = (uint16_t)((bits & 0x83ffu) | (1 + random64() % 30) << 10);
        memcpy(to, &word, sizeof word);
    } else if (kind == FLOAT) {
        float value;
        uint32_t exponent = 1 + (uint32_t)(random64() % 254);
        uint32_t word = ((uint32_t)bits & 0x807fffffu) | exponent << 23;
        memcpy(&value, &word, sizeof value);
        memcpy(to, &value, sizeof value);
    } else if (kind == DOUBLE) {
        uint64_t exponent = 1 + random64() % 2046;
        bits = (bits & 0x800fffffffffffffu) | exponent << 52;
        memcpy(to, &bits, sizeof bits);
    } else if (kind == LONG_DOUBLE && LDBL_MANT_DIG == 64) { /* x87: 10 bytes, then dead ones */
        uint16_t head = (uint16_t)(1 + random64() % 0x7ffe);
        head |= (uint16_t)(random64() & 0x8000);
        bits |= 0x8000000000000000u;
        fill_random(to, size);
        memcpy(to, &bits, sizeof bits);
        memcpy(to + sizeof bits, &head, sizeof head);
    } else if (kind == LONG_DOUBLE) {
        long double value = (long double)bits / 3;
        memcpy(to, &value, sizeof value);
    } else {
        fill_random(to, size);
    }
}

/* One of a union that has a size; nmembers if there is none. */
static size_t choose_member(const struct shape *shape) {
    size_t n = shape->nmembers, start = n ? random64() % n : 0;
    for (size_t i = 0; i < n; i++) {
        size_t m = (start + i) % n;
        if (shape->members[m].shape->size) return m;
    }
    return n;
}

void fill(const struct shape *shape, unsigned char *to) {
    if (!shape->size) return;
    if (shape->kind < STRUCT) {
        size_t size = shape->size / shape->leaves;
        for (size_t i = 0; i < shape->leaves; i++)
            fill_leaf(shape->kind, to + i * size, size);
        return;
    }
    fill_random(to, shape->size); /* any bits do for bit-fields */
    size_t first = 0, last = shape->nmembers;
    if (shape->kind == UNION) {
        first = choose_member(shape);
        last = first < last ? first + 1 : first;
    }
    for (size_t m = first; m < last; m++) {
        const struct member *member = &shape->members[m];
        for (size_t i = 0; i < member->count; i++)
            fill(member->shape, to + member->offset + i * member->shape->size);
    }
}

void find_field(const struct shape *shape, size_t i, unsigned char *bits) {
    _Alignas(16) unsigned char changed[2 * ABI_MAX_BITS] = {0}; /* a twin may be larger */
    if (shape->size > ABI_MAX_BITS) abort();
    shape->fields[i].set(changed);
    memcpy(bits, changed, shape->size);
}

static void cover_field(const struct shape *shape, size_t i, unsigned char *mask) {
    unsigned char bits[ABI_MAX_BITS];
    find_field(shape, i, bits);
    for (size_t k = 0; k < shape->size; k++)
        mask[k] |= bits[k];
}

void cover(const struct shape *shape, unsigned char *mask) {
    if (shape->kind < STRUCT) {
        for (size_t i = 0; i < shape->leaves; i++) {
            size_t size = shape->size / shape->leaves;
            size_t live = shape->kind == LONG_DOUBLE && LDBL_MANT_DIG == 64 ? 10 : size;
            memset(mask + i * size, 0xff, live);
        }
        return;
    }
    for (size_t m = 0; m < shape->nmembers; m++) {
        const struct member *member = &shape->members[m];
        for (size_t i = 0; i < member->count; i++)
            cover(member->shape, mask + member->offset + i * member->shape->size);
    }
    for (size_t i = 0; i < shape->nfields; i++)
        if (shape->fields[i].named) cover_field(shape, i, mask);
}
