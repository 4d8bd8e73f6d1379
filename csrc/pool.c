#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "freelist.h"
#include "growth.h"

/* ---- Slots by index ----
 *
 * Index 1 is the first built-in slot; pairs follow in the order in which they were made. A pair's
 * entry is complete before `capacity` covers it (release), and never changes after. */

#define BUILTIN_SLOTS ((uint32_t)PT_BUILTIN_UNITS * PT_UNIT_STUBS)
#define MAX_PAIRS     ((1u << 28) / PT_UNIT_STUBS)

static struct pt_record builtin_records[BUILTIN_SLOTS];

static struct pair {
    struct pt_pair pages;
    struct pt_record *records;
} pairs[MAX_PAIRS];

static _Atomic uint32_t grown;   /* pairs in use */
static _Atomic uint32_t touched; /* slots handed out at least once: indexes 1 .. touched */
#define STEPS 4                  /* PYTRAMP_GROW_*, 1u << 0 and so on */
static _Atomic uint32_t pairs_by_step[STEPS];
static _Atomic uint64_t late_calls;
static _Atomic uint32_t forked;

static uint32_t capacity(void) {
    return BUILTIN_SLOTS + atomic_load_explicit(&grown, memory_order_acquire) * PT_UNIT_STUBS;
}

static struct pt_record *record_at(uint32_t index) {
    uint32_t i = index - 1;
    if (i < BUILTIN_SLOTS) return &builtin_records[i];
    i -= BUILTIN_SLOTS;
    return &pairs[i / PT_UNIT_STUBS].records[i % PT_UNIT_STUBS];
}

static struct pt_slot *slot_at(uint32_t index) {
    uint32_t i = index - 1;
    if (i < BUILTIN_SLOTS) return &pt_builtin_slots[i];
    i -= BUILTIN_SLOTS;
    return &pairs[i / PT_UNIT_STUBS].pages.slots[i % PT_UNIT_STUBS];
}

void *pt_pool_code(const struct pt_record *record) {
    uint32_t i = record->index - 1;
    if (i < BUILTIN_SLOTS) return (void *)(pt_builtin_code + (size_t)i * PT_STUB_SIZE);
    i -= BUILTIN_SLOTS;
    return pairs[i / PT_UNIT_STUBS].pages.code + (size_t)(i % PT_UNIT_STUBS) * PT_STUB_SIZE;
}

static _Atomic uint32_t *link_of(uint32_t index) {
    return &record_at(index)->next;
}

/* ---- Code addresses to indexes ----
 *
 * A hash table, open addressing, append-only. An entry is a pair under a block of PT_UNIT bytes
 * that its code touches: one, or two where a system puts code at any page. */

#define TABLE_SIZE (4 * MAX_PAIRS)
static _Atomic uint32_t table[TABLE_SIZE]; /* pair number + 1; 0 is empty */

static uint32_t home_of(uint64_t block) {
    return (uint32_t)((block * 0x9e3779b97f4a7c15u) >> 40) % TABLE_SIZE;
}

/* The release publishes the pair with it. */
static void enter_block(uintptr_t block, uint32_t number) {
    uint32_t at = home_of(block);
    while (atomic_load_explicit(&table[at], memory_order_relaxed))
        at = (at + 1) % TABLE_SIZE;
    atomic_store_explicit(&table[at], number + 1, memory_order_release);
}

/* Under the growth lock. */
static void enter(uint32_t number) {
    uintptr_t code = (uintptr_t)pairs[number].pages.code;
    uintptr_t first = code / PT_UNIT, last = (code + PT_UNIT - 1) / PT_UNIT;
    enter_block(first, number);
    if (last != first) enter_block(last, number);
}

/* The index of the stub at `within` in the code of which the first stub has index `first`. */
static uint32_t index_within(uintptr_t within, uint32_t first) {
    return within % PT_STUB_SIZE ? PT_NO_INDEX : first + (uint32_t)(within / PT_STUB_SIZE);
}

/* The index that a code address would have, PT_NO_INDEX for none. */
static uint32_t index_of(uintptr_t code) {
    uintptr_t within = code - (uintptr_t)pt_builtin_code;
    if (within < sizeof pt_builtin_code) return index_within(within, 1);
    for (uint32_t at = home_of(code / PT_UNIT);; at = (at + 1) % TABLE_SIZE) {
        uint32_t number = atomic_load_explicit(&table[at], memory_order_acquire);
        if (!number) return PT_NO_INDEX;
        within = code - (uintptr_t)pairs[number - 1].pages.code;
        if (within < PT_UNIT)
            return index_within(within, BUILTIN_SLOTS + (number - 1) * PT_UNIT_STUBS + 1);
    }
}

struct pt_record *pt_pool_find(const void *code) {
    uint32_t index = index_of((uintptr_t)code);
    if (index == PT_NO_INDEX) return NULL;
    if (index > atomic_load_explicit(&touched, memory_order_acquire)) return NULL;
    struct pt_record *record = record_at(index);
    return pt_state_of(record) == PT_FREE ? NULL : record;
}

/* ---- Free slots ----
 *
 * Sharded by CPU, so that threads on different cores do not fight for the same cache lines; each
 * shard has its own ring, so a slot waits PT_QUARANTINE frees of its own shard, which is no
 * shorter. Within a shard a stack per hash of the affinity keeps slots of one signature together.
 */

#define SHARDS 4u
#define STACKS 8u

static struct shard {
    _Alignas(PT_OWN_LINES) struct pt_stack stacks[STACKS];
    _Alignas(PT_OWN_LINES) struct pt_ring ring;
} shards[SHARDS];

static unsigned stack_of(const void *affinity) {
    return (unsigned)(((uintptr_t)affinity * 0x9e3779b97f4a7c15u) >> 61) % STACKS;
}

/* Written before anything of it is read: a page that is read first is faulted in twice. */
static uint32_t numbered(uint32_t index) {
    record_at(index)->index = index;
    return index;
}

static uint32_t take_untouched(void) {
    uint32_t n = atomic_load_explicit(&touched, memory_order_relaxed);
    while (n < capacity()) {
        /* release: who sees the slot among the touched ones sees its pair, which capacity()
         * acquired. */
        if (atomic_compare_exchange_weak_explicit(&touched, &n, n + 1, memory_order_release,
                                                  memory_order_relaxed))
            return numbered(n + 1);
    }
    return PT_NO_INDEX;
}

static uint32_t take_any(unsigned first_shard, unsigned first_stack) {
    for (unsigned k = 0; k < SHARDS * STACKS; k++) {
        struct shard *shard = &shards[(first_shard + k / STACKS) % SHARDS];
        uint32_t index = pt_stack_pop(&shard->stacks[(first_stack + k) % STACKS], link_of);
        if (index != PT_NO_INDEX) return index;
    }
    return PT_NO_INDEX;
}

static uint32_t take(const void *affinity) {
    unsigned shard = pt_pages_cpu() % SHARDS, stack = stack_of(affinity);
    uint32_t index = pt_stack_pop(&shards[shard].stacks[stack], link_of);
    if (index == PT_NO_INDEX) index = take_untouched();
    if (index == PT_NO_INDEX) index = take_any(shard, stack);
    return index;
}

/* ---- Growth ---- */

static pytramp_status add_pair(void) {
    uint32_t number = atomic_load(&grown);
    if (number == MAX_PAIRS) return PYTRAMP_E_FULL;
    struct pt_record *records = pt_growth_make_records(PT_UNIT_STUBS * sizeof *records);
    if (!records) return PYTRAMP_E_NO_CODE;
    struct pt_pair pages;
    unsigned step;
    pytramp_status status = pt_growth_make_pair(&pages, &step);
    if (status) {
        pt_pages_drop(records, PT_UNIT_STUBS * sizeof *records);
        return status;
    }
    pairs[number] = (struct pair){pages, records};
    enter(number);
    for (unsigned i = 0; i < STEPS; i++) {
        if (step == 1u << i) atomic_fetch_add(&pairs_by_step[i], 1);
    }
    atomic_store_explicit(&grown, number + 1, memory_order_release);
    return PYTRAMP_OK;
}

static size_t untouched(void) {
    uint32_t all = capacity(), used = atomic_load(&touched);
    return used < all ? all - used : 0;
}

static pytramp_status grow_until(size_t wanted) {
    if (wanted > (size_t)MAX_PAIRS * PT_UNIT_STUBS) return PYTRAMP_E_FULL;
    pytramp_status status = pt_growth_lock();
    if (status) return status;
    while (!status && untouched() < wanted)
        status = add_pair();
    pt_growth_unlock();
    return status;
}

pytramp_status pytramp_reserve(size_t closures) {
    return untouched() >= closures ? PYTRAMP_OK : grow_until(closures);
}

/* ---- Life of a slot ---- */

static uint32_t with_state(uint32_t word, enum pt_state state) {
    return (word & ~PT_STATE_MASK) | (uint32_t)state;
}

/* By the only thread that knows the slot. release: pairs with pt_state_word. */
static void set_state(struct pt_record *record, enum pt_state state) {
    uint32_t word = atomic_load_explicit(&record->state, memory_order_relaxed);
    if (state == PT_CLAIMED) word += PT_STATE_MASK + 1;
    atomic_store_explicit(&record->state, with_state(word, state), memory_order_release);
}

/* One of from[0], from[1] -> to; 0 when the slot is in neither state. */
static int change_state(struct pt_record *record, const enum pt_state from[2], enum pt_state to) {
    uint32_t word = atomic_load_explicit(&record->state, memory_order_relaxed);
    do {
        if (!pt_is(word, from[0]) && !pt_is(word, from[1])) return 0;
    } while (!atomic_compare_exchange_weak_explicit(&record->state, &word, with_state(word, to),
                                                    memory_order_acq_rel, memory_order_relaxed));
    return 1;
}

static struct pt_record *prepare(uint32_t index, const void *affinity) {
    struct pt_record *record = record_at(index);
    if (pt_state_of(record) == PT_DEAD && record->kind->forget) record->kind->forget(record);
    atomic_store_explicit(&record->stack, stack_of(affinity), memory_order_relaxed);
    set_state(record, PT_CLAIMED);
    return record;
}

pytramp_status pt_pool_claim(const void *affinity, struct pt_record **record) {
    for (;;) {
        uint32_t index = take(affinity);
        if (index != PT_NO_INDEX) {
            *record = prepare(index, affinity);
            return PYTRAMP_OK;
        }
        pytramp_status status = grow_until(1);
        if (status) return status;
    }
}

void pt_pool_retarget(struct pt_record *record, void (*entry)(void)) {
    atomic_store_explicit(&slot_at(record->index)->target, entry, memory_order_release);
}

void pt_pool_publish(struct pt_record *record, void (*entry)(void)) {
    struct pt_slot *slot = slot_at(record->index);
    atomic_store_explicit(&slot->data, record, memory_order_relaxed);
    atomic_store_explicit(&slot->target, entry, memory_order_release);
    set_state(record, PT_LIVE);
}

static const enum pt_state in_use[2] = {PT_LIVE, PT_SILENCED};

void pt_pool_silence(struct pt_record *record, int silent) {
    change_state(record, in_use, silent ? PT_SILENCED : PT_LIVE);
}

pytramp_status pt_pool_kill(struct pt_record *record) {
    return change_state(record, in_use, PT_DEAD) ? PYTRAMP_OK : PYTRAMP_E_FREED;
}

static void push_free(struct shard *shard, struct pt_record *record) {
    uint32_t stack = atomic_load_explicit(&record->stack, memory_order_relaxed);
    stack &= ~(PT_REPORTED | PT_ADOPTED);
    pt_stack_push(&shard->stacks[stack], record->index, link_of);
}

void pt_pool_recycle(struct pt_record *record) {
    struct shard *shard = &shards[pt_pages_cpu() % SHARDS];
    uint32_t old = pt_ring_exchange(&shard->ring, record->index);
    if (old != PT_NO_INDEX) push_free(shard, record_at(old));
}

/* Nobody has seen the address of a slot that was never published, so it need not wait. */
void pt_pool_abandon(struct pt_record *record) {
    set_state(record, PT_FREE);
    push_free(&shards[pt_pages_cpu() % SHARDS], record);
}

int pt_pool_each(int (*visit)(struct pt_record *record, void *data), void *data) {
    uint32_t n = atomic_load_explicit(&touched, memory_order_acquire);
    for (uint32_t index = 1; index <= n; index++) {
        struct pt_record *record = record_at(index);
        int stop = pt_state_of(record) == PT_FREE ? 0 : visit(record, data);
        if (stop) return stop;
    }
    return 0;
}

void pt_pool_count_late_call(void) {
    atomic_fetch_add_explicit(&late_calls, 1, memory_order_relaxed);
}

/* ---- Statistics ---- */

static size_t count_waiting(void) {
    size_t n = 0;
    for (unsigned s = 0; s < SHARDS; s++) {
        for (unsigned i = 0; i < PT_QUARANTINE; i++)
            n += (uint32_t)atomic_load(&shards[s].ring.waiting[i]) != PT_NO_INDEX;
    }
    return n;
}

static int count_states(struct pt_record *record, void *data) {
    ((size_t *)data)[pt_state_of(record)]++;
    return 0;
}

pytramp_status pytramp_stats(pytramp_statistics *statistics) {
    if (!statistics) return PYTRAMP_E_NULL;
    size_t states[PT_LIVE + 1] = {0};
    pt_pool_each(count_states, states);
    pytramp_statistics all = {
        .size = statistics->size,
        .capacity = capacity(),
        .builtin = BUILTIN_SLOTS,
        .live = states[PT_LIVE] + states[PT_SILENCED],
        .quarantined = count_waiting(),
        .untouched = untouched(),
        .mremap_pairs = atomic_load(&pairs_by_step[0]),
        .file_pairs = atomic_load(&pairs_by_step[1]),
        .memfd_pairs = atomic_load(&pairs_by_step[2]),
        .memory_pairs = atomic_load(&pairs_by_step[3]),
        .late_calls = atomic_load(&late_calls),
    };
    size_t not_reusable = all.live + states[PT_CLAIMED] + all.quarantined + all.untouched;
    all.reusable = all.capacity > not_reusable ? all.capacity - not_reusable : 0;
    memcpy(statistics, &all, statistics->size < sizeof all ? statistics->size : sizeof all);
    return PYTRAMP_OK;
}

/* ---- The checker ---- */

struct check {
    unsigned char *listed; /* by index: 1 when a ring or a stack holds it */
    uint32_t n;
    const char *broken;
    uint32_t index;
};

static int fail(struct check *check, uint32_t index, const char *broken) {
    check->index = index;
    check->broken = broken;
    return 1;
}

static int list(struct check *check, uint32_t index) {
    if (index > check->n) return fail(check, index, "a list holds a slot that was never used");
    if (check->listed[index]) return fail(check, index, "a slot is listed twice");
    enum pt_state state = pt_state_of(record_at(index));
    if (state != PT_DEAD && state != PT_FREE) return fail(check, index, "a used slot is listed");
    check->listed[index] = 1;
    return 0;
}

static int check_shard(struct check *check, struct shard *shard) {
    for (unsigned i = 0; i < PT_QUARANTINE; i++) {
        uint32_t index = (uint32_t)atomic_load(&shard->ring.waiting[i]);
        if (index != PT_NO_INDEX && list(check, index)) return 1;
    }
    for (unsigned s = 0; s < STACKS; s++) {
        uint32_t index = (uint32_t)atomic_load(&shard->stacks[s].head);
        for (; index != PT_NO_INDEX; index = atomic_load(link_of(index))) {
            if (list(check, index)) return 1;
        }
    }
    return 0;
}

static int check_slot(struct pt_record *record, struct check *check) {
    uint32_t index = record->index;
    struct pt_slot *slot = slot_at(index);
    if (record_at(index) != record) return fail(check, index, "a record has another's index");
    if (pt_pool_find(pt_pool_code(record)) != record)
        return fail(check, index, "code is not found");
    if (atomic_load(&slot->data) != record) return fail(check, index, "a slot has foreign data");
    if (!atomic_load(&slot->target)) return fail(check, index, "a slot has no target");
    if (!record->kind) return fail(check, index, "a record has no kind");
    return 0;
}

static int check_listed(struct check *check) {
    for (uint32_t index = 1; index <= check->n; index++) {
        struct pt_record *record = record_at(index);
        enum pt_state state = pt_state_of(record);
        /* A thread that a fork left behind may have held one slot between two states. */
        int may_be_lost = atomic_load(&forked) != 0;
        if (state == PT_CLAIMED) {
            if (!may_be_lost) return fail(check, index, "a slot was claimed and not published");
            continue;
        }
        if (state != PT_FREE && check_slot(record, check)) return 1;
        if ((state == PT_DEAD || state == PT_FREE) && !check->listed[index] && !may_be_lost)
            return fail(check, index, "a free slot is in no list");
    }
    return 0;
}

static int check_pairs(struct check *check) {
    for (uint32_t number = 0; number < atomic_load(&grown); number++) {
        if (!pt_growth_is_copy(&pairs[number].pages))
            return fail(check, BUILTIN_SLOTS + number * PT_UNIT_STUBS + 1, "a code page changed");
    }
    return 0;
}

static int check_all(struct check *check) {
    if (check->n > capacity()) return fail(check, check->n, "more slots are in use than exist");
    for (unsigned s = 0; s < SHARDS; s++) {
        if (check_shard(check, &shards[s])) return 1;
    }
    return check_listed(check) || check_pairs(check);
}

pytramp_status pytramp_pool_check(char *text, size_t size) {
    struct check check = {.n = atomic_load(&touched)};
    check.listed = calloc((size_t)check.n + 1, 1);
    if (!check.listed) return PYTRAMP_E_NO_MEMORY;
    int broken = check_all(&check);
    free(check.listed);
    if (!broken) return PYTRAMP_OK;
    if (text) snprintf(text, size, "slot %lu: %s", (unsigned long)check.index, check.broken);
    return PYTRAMP_E_CORRUPT;
}

static void note_fork(void) {
    atomic_store(&forked, 1);
}

__attribute__((constructor)) static void watch_forks(void) {
    pt_pages_after_fork(note_fork);
}
