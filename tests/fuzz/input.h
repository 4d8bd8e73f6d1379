/* The fuzzer's bytes as numbers and types. An input that has ended gives zeros, so every sequence
 * of bytes is a program. */
#ifndef INPUT_H
#define INPUT_H

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "type.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct input {
    const unsigned char *at, *end;
};

static unsigned take(struct input *in) {
    return in->at < in->end ? *in->at++ : 0;
}

/* Sizes beside the limits of the types that hold them, where sums and products wrap. */
static size_t take_extreme(struct input *in) {
    static const size_t extremes[] = {
        UINT16_MAX,      (size_t)1 << 20, INT32_MAX - 7,   INT32_MAX,       UINT32_MAX,
        (size_t)1 << 32, (size_t)1 << 61, PTRDIFF_MAX / 8, PTRDIFF_MAX / 2, PTRDIFF_MAX - 1,
        PTRDIFF_MAX,     (size_t)1 << 63, SIZE_MAX - 15,   SIZE_MAX - 1,    SIZE_MAX};
    return extremes[take(in) % COUNT(extremes)];
}

/* Small as a rule: what fits into registers is what a calling convention has to think about. */
static size_t take_size(struct input *in) {
    unsigned byte = take(in);
    return byte < 250 ? byte % 50 : take_extreme(in);
}

static size_t take_count(struct input *in) {
    unsigned byte = take(in);
    if (byte < 150) return 1;
    if (byte < 160) return PYTRAMP_ARRAY_OF_ONE;
    return byte < 250 ? byte % 18 : take_extreme(in);
}

/* A power of two, or none. */
static size_t take_alignment(struct input *in) {
    unsigned byte = take(in);
    if (byte < 240) return (size_t)1 << byte % 6;
    return byte < 250 ? (size_t)1 << take(in) % 64 : take_size(in);
}

/* One byte in 25 asks for a mistake. */
static int take_mistake(struct input *in) {
    return take(in) >= 246;
}

/* xorshift64, for contents that do not decide anything. */
static void fill(uint64_t *state, void *to, size_t size) {
    for (size_t i = 0; i < size; i++) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        ((unsigned char *)to)[i] = (unsigned char)(*state >> 32);
    }
}

/* Exactly so large that a sanitizer sees the first byte beyond. */
static void *block_of(size_t size) {
    void *block = malloc(size);
    assert(block || !size);
    return block;
}

/* ---- Types, with what the checks know about them without asking the core ---- */

struct known {
    const pytramp_type *type;
    uint64_t used;    /* bit i: byte i holds a scalar's, not padding; up to 64 bytes */
    uint64_t effort;  /* at least as many steps take a walk over all scalars; MOST_EFFORT or more */
    unsigned nesting; /* how deep aggregates stand in each other */
};

#define MOST_EFFORT ((uint64_t)1 << 40)

static const pytramp_type *const scalars[] = {
    &pytramp_type_void,
#define PT_SCALAR(code, symbol, ...) &pytramp_type_##symbol,
#include "types.def"
#undef PT_SCALAR
};

#define MADE 32

/* The latest aggregates of one input. */
struct pool {
    struct known made[MADE];
    size_t n;
};

static struct known scalar(size_t i) {
    return (struct known){scalars[i], ((uint64_t)1 << scalars[i]->size) - 1, 1, 0};
}

/* Any type, void too, and sometimes none. */
static struct known take_type(struct input *in, const struct pool *pool) {
    unsigned byte = take(in);
    size_t n = pool->n < MADE ? pool->n : MADE;
    if (byte == 255) return (struct known){0};
    if (byte < COUNT(scalars) || !n) return scalar(byte % COUNT(scalars));
    return pool->made[byte % n];
}

static void keep(struct pool *pool, struct known known) {
    pool->made[pool->n++ % MADE] = known;
}

#endif
