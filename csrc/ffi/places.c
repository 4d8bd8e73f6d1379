#include "places.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../intern.h"
#include "../include/pytramp.h"

/* ---- Looking up: append-only buckets, newest first ----
 *
 * No set as in intern.h: a trampoline whose place became too small gets another one, which has to
 * be found in its stead. */

#define BUCKETS 16384
static _Atomic(struct pt_ffi_link *) table[BUCKETS];

static _Atomic(struct pt_ffi_link *) *bucket_of(const void *key) {
    return &table[pt_hash_word(PT_HASH_SEED, (uintptr_t)key) % BUCKETS];
}

static struct pt_ffi_place *find_from(const struct pt_ffi_link *link, const void *key) {
    while (link && link->key != key)
        link = link->next;
    return link ? link->place : NULL;
}

struct pt_ffi_place *pt_ffi_find(const void *key) {
    /* acquire pairs with the release below: a place is seen whole. */
    return find_from(atomic_load_explicit(bucket_of(key), memory_order_acquire), key);
}

static void publish(struct pt_ffi_link *link, const void *key, struct pt_ffi_place *place) {
    _Atomic(struct pt_ffi_link *) *bucket = bucket_of(key);
    *link = (struct pt_ffi_link){key, place, atomic_load_explicit(bucket, memory_order_relaxed)};
    while (!atomic_compare_exchange_weak_explicit(bucket, &link->next, link, memory_order_release,
                                                  memory_order_relaxed)) {
    }
}

/* The same unless the key is there already: then what it belongs to. */
static struct pt_ffi_place *publish_once(struct pt_ffi_place *place, const void *key) {
    _Atomic(struct pt_ffi_link *) *bucket = bucket_of(key);
    struct pt_ffi_link *head = atomic_load_explicit(bucket, memory_order_acquire);
    place->by_place = (struct pt_ffi_link){key, place, head};
    do {
        struct pt_ffi_place *known = find_from(head, key);
        if (known) return known;
        place->by_place.next = head;
    } while (!atomic_compare_exchange_weak_explicit(bucket, &head, &place->by_place,
                                                    memory_order_release, memory_order_acquire));
    return place;
}

int pt_ffi_is_own(const struct pt_ffi_place *place) {
    return place->capacity && pt_ffi_find(place->code) == place;
}

/* ---- Memory ---- */

/* Closures are aligned as malloc's are; a place and what it holds are one block. */
#define HEAD     ((sizeof(struct pt_ffi_place) + 15) / 16 * 16)
#define SMALLEST 64
#define LARGEST  ((size_t)1 << (sizeof(size_t) * 8 - 3))

/* Powers of two: places that become too small for their trampoline's next closure, and stay, are
 * never larger, all of them together, than the one that replaces them. */
static size_t capacity_for(size_t size) {
    size_t capacity = SMALLEST;
    while (capacity < size)
        capacity *= 2;
    return capacity;
}

static struct pt_ffi_place *new_place(void *code, size_t size) {
    if (size > LARGEST) return NULL;
    size_t capacity = capacity_for(size);
    struct pt_ffi_place *place = calloc(1, HEAD + capacity);
    if (!place) return NULL;
    place->code = code;
    place->capacity = capacity;
    place->closure = (ffi_closure *)(void *)((unsigned char *)place + HEAD);
    publish(&place->by_place, place->closure, place);
    publish(&place->by_code, code, place);
    return place;
}

struct pt_ffi_place *pt_ffi_take(void *code, size_t size) {
    struct pt_ffi_place *place = pt_ffi_find(code);
    if (!place || place->capacity < size) return new_place(code, size);
    memset(place->closure, 0, place->capacity);
    return place;
}

/* ---- The caller's memory ---- */

static struct pt_ffi_place *new_borrowed(const void *codeloc) {
    struct pt_ffi_place *place = calloc(1, sizeof *place);
    if (!place || pytramp_alloc(&place->code)) {
        free(place);
        return NULL;
    }
    struct pt_ffi_place *known = publish_once(place, codeloc);
    if (known == place) {
        publish(&place->by_code, place->code, place);
        return place;
    }
    pytramp_free(place->code);
    free(place);
    return known;
}

/* Nothing says when it ends, nor may its trampoline be used for anything else as long as somebody
 * may jump there. So there is one for each address. */
struct pt_ffi_place *pt_ffi_borrow(ffi_closure *closure, const void *codeloc) {
    struct pt_ffi_place *place = pt_ffi_find(codeloc);
    if (!place) place = new_borrowed(codeloc);
    if (!place || place->capacity) return NULL;
    place->closure = closure;
    return place;
}
